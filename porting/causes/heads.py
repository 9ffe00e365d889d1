"""Heads of attention otherwise: rotated in another layout, another number of them, masked at another place."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import combinations
from typing import Any

import torch

from porting.causes.catalogue.attention import allowed_by
from porting.causes.catalogue.orders import by_number, scale_of
from porting.causes.catalogue.variants import FunctionCall
from porting.causes.replay import Place
from porting.causes.segments import Change, Edit, Segment, instead


def rotated(segment: Segment) -> Iterator[Edit]:
    """Two sources rotated by pairs of neighbours where the reference rotates halves, or the other way round."""
    given = [name for name in segment.sources if name]
    for first, second in combinations(given, 2):
        widths = [segment.gives[name].shape[-1] for name in (first, second)]
        for depth in (depth for depth in range(4, min(widths) + 1, 2) if not any(width % depth for width in widths)):
            for layout, remedy, is_apart in _LAYOUTS:
                step = partial(_relaid, depth=depth, is_apart=is_apart)
                detail = f"{first} and {second} rotated in {layout}, {depth} features a head"
                yield Edit("rotated in another layout", detail, remedy, {first: step, second: step})


_LAYOUTS = (
    ("pairs of neighbours where the reference rotates halves", "rotate the first half of a head with the second", True),
    ("halves where the reference rotates pairs of neighbours", "rotate each feature with its neighbour", False),
)


def _relaid(tensor: torch.Tensor, depth: int, is_apart: bool) -> torch.Tensor:
    """Features of each head: those at even places before the others, or the two halves' in turns."""
    heads = tensor.unflatten(-1, (-1, depth))
    pairs = heads.unflatten(-1, (depth // 2, 2) if is_apart else (2, depth // 2))
    return pairs.transpose(-1, -2).reshape(tensor.shape)


def other_heads(segment: Segment) -> Iterator[Edit]:
    """As many features in more heads or fewer, scaled by their own depth or by the reference's."""
    split = {number: call for number, call in segment.events if call.name in _SPLITS and call.result.ndim > 3}
    counts = {tuple(call.result.shape[-2:]) for call in split.values()}
    for heads, depth in sorted(counts):
        own = [number for number, call in split.items() if tuple(call.result.shape[-2:]) == (heads, depth)]
        for other in (other for other in range(1, heads * depth + 1) if heads * depth % other == 0 and other != heads):
            now = heads * depth // other
            changes: dict[Place, Change] = {number: partial(_split, split[number], other, now) for number in own}
            scales = dict(_scales(segment, depth, now))
            remedy = f"split into {heads} heads of {depth} features, num_heads={heads} and key_dim={depth}"
            for scaled in (scales, {}) if scales else ({},):
                detail = f"{other} heads of {now} features where the reference has {heads} of {depth}"
                yield Edit("another number of heads", detail, remedy, {**changes, **scaled})


_SPLITS = frozenset({"view", "reshape", "unflatten"})


def _split(
    call: FunctionCall, heads: int, depth: int, function: Callable[..., Any], arguments: tuple, keywords: Mapping
) -> torch.Tensor:
    return arguments[0].reshape(*call.result.shape[:-2], heads, depth)


def _scales(segment: Segment, depth: int, now: int) -> Iterator[tuple[int, Change]]:
    """Factors that are a head's depth to some power, of the other depth."""
    for number, call in segment.events:
        found = scale_of(call)
        for power in (0.5, -0.5, 0.25, -0.25):
            if found and abs(found[1] - depth**power) < 1e-9 * found[1]:
                yield number, partial(by_number, found[0], now**power)


def masked_behind(segment: Segment) -> Iterator[Edit]:
    """Scores that are masked behind their softmax, so that what is left does not add up to one."""
    for number, call in segment.events:
        given = call.arguments[0] if call.arguments else None
        at, masking = segment.made.get(id(given), (0, None))
        allowed = allowed_by(masking) if masking and call.name == "softmax" else None
        if masking is None or allowed is None:
            continue
        scores = next((value for value in masking.arguments if _is_scores(value, masking)), None)
        if scores is not None:
            changes: dict[Place, Change] = {at: instead(scores), number: partial(_shares_of, allowed)}
            remedy = "mask the scores before softmax, with minus infinity, and nothing behind it"
            yield Edit("another mask", "masked behind softmax where the reference masks before", remedy, changes)


def _is_scores(value: Any, masking: FunctionCall) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point() and value.shape == masking.result.shape


def _shares_of(allowed: torch.Tensor, function: Callable[..., Any], arguments: tuple, keywords: Mapping) -> Any:
    return function(*arguments, **keywords) * allowed
