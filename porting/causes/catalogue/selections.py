"""Another step or part taken, an axis put in elsewhere, positions from elsewhere, pixels shuffled in another order."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import permutations
from typing import Any

import torch
from torch import Tensor

from porting.causes.catalogue.variants import FunctionCall, Replacements, first_argument, on_first


def _indices(call: FunctionCall) -> tuple[Any, ...]:
    """What an indexing takes of each axis."""
    index = call.arguments[1] if len(call.arguments) > 1 else ()
    return index if isinstance(index, tuple) else (index,)


def _taken(index: tuple[Any, ...], function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    return function(arguments[0], index)


def another_step(call: FunctionCall) -> Replacements:
    """Another one of an axis' steps: the first, the last, the next one; or their mean, or greatest."""
    if call.name == "select":
        bound = call.bound("input", "dim", "index")
        index: tuple[Any, ...] = (*[slice(None)] * (bound["dim"] % bound["input"].ndim), bound["index"])
    else:
        index = _indices(call)
    source = first_argument(call.arguments, call.keywords)
    if not isinstance(source, Tensor) or any(not isinstance(item, (int, slice)) for item in index):
        return
    for axis, item in enumerate(index):
        if isinstance(item, bool) or not isinstance(item, int) or (axis == 0 and source.ndim < 3):
            continue
        own, length = item % source.shape[axis], source.shape[axis]
        for other, words in (
            (0, "the first"),
            (length - 1, "the last"),
            (own + 1, "the next"),
            (own - 1, "the one before"),
        ):
            if other != own and 0 <= other < length:
                yield f"{words} of axis {axis} where the reference takes [{item}]", partial(_step, index, axis, other)
        for words, reduce in (("mean", torch.mean), ("greatest", torch.amax)):
            yield (
                f"the {words} over axis {axis} where the reference takes [{item}]",
                partial(_reduced, index, axis, reduce),
            )


def _step(index: tuple[Any, ...], axis: int, other: int, function: Any, arguments: tuple, keywords: Any) -> Tensor:
    source = first_argument(arguments, keywords)
    return source[(*index[:axis], other, *index[axis + 1 :])]


def _reduced(index: tuple[Any, ...], axis: int, reduce: Any, function: Any, arguments: tuple, keywords: Any) -> Tensor:
    source = first_argument(arguments, keywords)
    whole = source[(*index[:axis], slice(None), *index[axis + 1 :])]
    return reduce(whole, dim=axis - sum(isinstance(item, int) for item in index[:axis]))


def step_remedy(call: FunctionCall) -> str:
    """Which step the reference takes."""
    if call.name == "select":
        bound = call.bound("input", "dim", "index")
        return f"take [{bound['index']}] of the reference's axis {bound['dim']}"
    written = ", ".join(str(item) if isinstance(item, int) else _written(item) for item in _indices(call))
    return f"take [{written}], in the reference's order of axes"


def _written(item: Any) -> str:
    if not isinstance(item, slice):
        return "..."
    first, last = ("" if end is None else str(end) for end in (item.start, item.stop))
    return f"{first}:{last}"


def moved_positions(call: FunctionCall) -> Replacements:
    """Positions that begin one or two later or earlier: numbered, or cut out of a longer table."""
    if call.name == "arange":
        for step in (1, -1, 2, -2):
            yield (
                f"positions from {step:+d}",
                lambda function, arguments, keywords, step=step: function(*arguments, **keywords) + step,
            )
        return
    index, source = _indices(call), first_argument(call.arguments, call.keywords)
    if not isinstance(source, Tensor):
        return
    for axis, item in enumerate(index):
        if isinstance(item, slice) and item.step in (None, 1) and (item.start, item.stop) != (None, None):
            if any(not isinstance(other, (int, slice)) for other in index[: axis + 1]) or axis >= source.ndim:
                continue
            start, stop, _ = item.indices(source.shape[axis])
            for step in (1, -1, 2, -2):
                if start + step >= 0 and stop + step <= source.shape[axis]:
                    other = (*index[:axis], slice(start + step, stop + step), *index[axis + 1 :])
                    yield (
                        f"[{start + step}:{stop + step}] where the reference takes [{start}:{stop}]",
                        partial(_taken, other),
                    )


def position_remedy(call: FunctionCall) -> str:
    """Where the reference's positions begin."""
    if call.name == "arange":
        first = float(call.result.flatten()[0]) if call.result.numel() else 0
        return f"number the positions from {first:g}, as the reference does"
    return f"cut out what the reference does: [{', '.join(map(_written, _indices(call)))}] in its order of axes"


def _new_axes(call: FunctionCall) -> list[int]:
    """Where a call puts in axes of length 1, among those of its result."""
    if call.name == "unsqueeze":
        dim = call.bound("input", "dim").get("dim")
        return [dim % call.result.ndim] if isinstance(dim, int) else []
    index = _indices(call)
    is_plain = all(item is None or isinstance(item, slice) or item is Ellipsis for item in index)
    if not is_plain or None not in index:
        return []
    rest = call.result.ndim - sum(item is not Ellipsis for item in index)
    lengths = [rest if item is Ellipsis else 1 for item in index]
    return [sum(lengths[:at]) for at, item in enumerate(index) if item is None]


def axis_put_in_elsewhere(call: FunctionCall) -> Replacements:
    """One axis of length 1 at another place, behind the samples."""
    put_in = _new_axes(call)
    if len(put_in) != 1:
        return
    for other in range(1, call.result.ndim):
        if other != put_in[0]:
            yield (
                f"axis {other} put in where the reference puts in axis {put_in[0]}",
                partial(_behind, partial(torch.movedim, source=put_in[0], destination=other)),
            )


def axis_remedy(call: FunctionCall) -> str:
    """Where the reference puts in an axis."""
    before = tuple(first_argument(call.arguments, call.keywords).shape[1:])
    return (
        f"put it in so that {before} becomes {tuple(call.result.shape[1:])} behind the samples, as the reference does"
    )


_MOST_PARTS = 4


def parts_taken_otherwise(call: FunctionCall) -> Replacements:
    """What is split, in another order: of parts that differ in size, too."""
    parts = call.result
    if not isinstance(parts, Sequence) or not 1 < len(parts) <= _MOST_PARTS:
        return
    for order in permutations(range(len(parts))):
        if order != tuple(range(len(parts))):
            yield f"the parts lie in the order {order}", partial(_taken_in, order)


def _taken_in(order: Sequence[int], function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> list[Tensor]:
    """The parts, as far as each is long, where they lie in another order in what is split."""
    parts = function(*arguments, **keywords)
    source = first_argument(arguments, keywords)
    if parts[0].ndim < source.ndim:  # one step each
        return [parts[order.index(at)] for at in range(len(parts))]
    axis = _axis_of_parts(function, arguments, keywords)
    lengths = [part.shape[axis] for part in parts]
    firsts = dict(zip(order, _sums(lengths[at] for at in order), strict=True))
    return [source.narrow(axis, firsts[at], length) for at, length in enumerate(lengths)]


def _sums(lengths: Iterator[int]) -> Iterator[int]:
    total = 0
    for length in lengths:
        yield total
        total += length


def _axis_of_parts(function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> int:
    names = ("input", "size", "dim")
    given = dict(zip(names, arguments, strict=False)) | dict(keywords)
    return given.get("dim", 0) % first_argument(arguments, keywords).ndim


def parts_remedy(call: FunctionCall) -> str:
    """The reference's parts, in its order."""
    sizes = ", ".join(str(tuple(part.shape[1:])) for part in call.result)
    return f"take the parts in the reference's order: {sizes}"


def shuffled_otherwise(call: FunctionCall) -> Replacements:
    """Channels as TensorFlow's ``depth_to_space`` has them, or rows and columns exchanged."""
    source, factor = first_argument(call.arguments, call.keywords), _factor(call)
    if call.name == "pixel_unshuffle":
        channels = source.shape[1]
        yield "channels innermost, as space_to_depth has them", partial(_behind, partial(_exchanged, channels))
        return
    channels = source.shape[1] // factor**2
    yield (
        "channels innermost, as depth_to_space takes them",
        lambda function, arguments, keywords: function(_exchanged(factor**2, arguments[0]), *arguments[1:], **keywords),
    )
    yield (
        "rows and columns of each block exchanged",
        on_first(lambda tensor: torch.pixel_shuffle(_turned(tensor, channels, factor), factor)),
    )


def _factor(call: FunctionCall) -> int:
    bound = call.bound("input", "upscale_factor")
    return bound["upscale_factor"] if "upscale_factor" in bound else bound["downscale_factor"]


def _behind(step: Any, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    return step(function(*arguments, **keywords))


def _exchanged(outer: int, tensor: Tensor) -> Tensor:
    """The channels read as (outer, inner) and written as (inner, outer)."""
    split = tensor.reshape(len(tensor), outer, -1, *tensor.shape[2:])
    return split.transpose(1, 2).reshape(tensor.shape)


def _turned(tensor: Tensor, channels: int, factor: int) -> Tensor:
    split = tensor.reshape(len(tensor), channels, factor, factor, *tensor.shape[2:])
    return split.transpose(2, 3).reshape(tensor.shape)


def shuffle_remedy(call: FunctionCall) -> str:
    """The layers that shuffle as torch does."""
    _, channels, rows, columns = call.result.shape
    factor = _factor(call)
    if call.name == "pixel_unshuffle":
        inner = channels // factor**2
        return (
            f"Reshape(({rows}, {factor}, {columns}, {factor}, {inner})), Permute((1, 3, 5, 2, 4)), "
            f"Reshape(({rows}, {columns}, {channels}))"
        )
    rows, columns = rows // factor, columns // factor
    return (
        f"Reshape(({rows}, {columns}, {channels}, {factor}, {factor})), Permute((1, 4, 2, 5, 3)), "
        f"Reshape(({rows * factor}, {columns * factor}, {channels}))"
    )
