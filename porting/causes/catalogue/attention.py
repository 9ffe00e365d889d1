"""Attention otherwise: another scale, another mask."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from porting.causes.catalogue.orders import by_number, scalar_operand, scale_of
from porting.causes.catalogue.variants import FunctionCall, Replacements, first_argument

ATTENTION = "scaled_dot_product_attention"

_NAMES = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale")

Mask = Callable[[Tensor], Tensor]

_LARGE = -1e4
"""What is added to scores that are masked is at most this."""


def _bound(arguments: tuple, keywords: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {"attn_mask": None, "is_causal": False, "scale": None}
    return {**defaults, **dict(zip(_NAMES, arguments, strict=False)), **keywords}


def _attend(changes: Mapping[str, Any], function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    """Attention with some of its arguments changed."""
    return function(**{**_bound(arguments, keywords), **changes})


def own_scale(call: FunctionCall) -> float:
    """What attention multiplies its scores by."""
    bound = _bound(call.arguments, call.keywords)
    return bound["scale"] or bound["query"].shape[-1] ** -0.5


def rescaled_attention(call: FunctionCall) -> Replacements:
    """Scores as they are, and by other powers of the depth."""
    query, own = _bound(call.arguments, call.keywords)["query"], own_scale(call)
    depth, heads = query.shape[-1], query.shape[1] if query.ndim > 3 else 1
    for words, scale in {
        "not scaled": 1.0,
        "divided by the depth": 1 / depth,
        "divided by the fourth root of the depth": depth**-0.25,
        "divided by the root of the depth of all heads": (depth * heads) ** -0.5,
        "divided twice by the root of the depth": own**2,
    }.items():
        if abs(scale - own) > 1e-12:
            yield f"scores {words} where the reference multiplies by {own:.6g}", partial(_attend, {"scale": scale})


def rescaled(call: FunctionCall) -> Replacements:
    """By another power of the number that the reference scales by."""
    found = scale_of(call)
    if found is None or found[1] in (0.0, 1.0):
        return
    number, own = found
    powers = {
        "its square": own**2,
        "its root": abs(own) ** 0.5,
        "its inverse": 1 / own,
        "its square's inverse": own**-2,
    }
    for words, other in powers.items():
        if abs(other - own) > 1e-12:
            yield (
                f"{call.name} by {words}, {other:.6g}, where the reference has {own:.6g}",
                partial(by_number, number, other),
            )


def _shifted(mask: Tensor, step: int) -> Tensor:
    """Moved along the keys, the end repeated."""
    length = mask.shape[-1]
    at = (torch.arange(length) - step).clamp(0, length - 1)
    return mask[..., at]


def _other_masks(shape: torch.Size) -> Iterator[tuple[str, Mask]]:
    """What may be made of a mask that is true where something holds."""
    yield "inverted", lambda mask: ~mask
    yield "one step later", partial(_shifted, step=1)
    yield "one step earlier", partial(_shifted, step=-1)
    if shape[-1:] == shape[-2:-1]:
        yield "with queries and keys exchanged", lambda mask: mask.mT


def _causal(query: Tensor, key: Tensor, diagonal: int = 0) -> Tensor:
    """True where a query may look."""
    return torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool).tril(diagonal)


def _with_mask(change: Mask, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    """Attention with its mask changed; a causal one is made first."""
    bound = _bound(arguments, keywords)
    mask = _causal(bound["query"], bound["key"]) if bound["is_causal"] else bound["attn_mask"]
    other = change(mask) if mask.dtype == torch.bool else torch.where(change(mask > _LARGE), 0.0, -torch.inf)
    return function(**{**bound, "is_causal": False, "attn_mask": other})


def is_masked(call: FunctionCall) -> bool:
    """Whether attention, a filling or a sum masks."""
    return mask_of(call) is not None


def mask_of(call: FunctionCall) -> Tensor | None:
    """The mask of a call, whatever its form."""
    if call.name == ATTENTION:
        bound = _bound(call.arguments, call.keywords)
        return _causal(bound["query"], bound["key"]) if bound["is_causal"] else bound["attn_mask"]
    if call.name in ("masked_fill", "where"):
        values = [*call.arguments, *call.keywords.values()]
        return next((value for value in values if isinstance(value, Tensor) and value.dtype == torch.bool), None)
    others = [value for value in call.arguments[:2] if isinstance(value, Tensor) and value.is_floating_point()]
    return next((value for value in others if value.numel() and value.min() <= _LARGE and value.max() <= 0), None)


def allowed_by(call: FunctionCall) -> Tensor | None:
    """True where a filling or a sum leaves scores as they are; None where it masks nothing."""
    mask = mask_of(call) if call.name != ATTENTION else None
    if mask is None:
        return None
    if mask.dtype != torch.bool:
        return mask > _LARGE
    return ~mask if call.name == "masked_fill" else call.result > _LARGE


def unmasked(call: FunctionCall) -> Replacements:
    """Nothing is masked."""
    if not is_masked(call):
        return
    words = "nothing is masked"
    if call.name == ATTENTION:
        yield words, partial(_attend, {"attn_mask": None, "is_causal": False})
    elif call.name == "masked_fill":
        yield words, lambda function, arguments, keywords: first_argument(arguments, keywords)
    elif call.name == "where":
        scores = [number for number in (1, 2) if _is_scores(call, number)]
        yield from ((words, partial(_argument, number)) for number in scores)
    else:
        mask = mask_of(call)
        number = next(at for at, value in enumerate(call.arguments[:2]) if value is not mask)
        yield words, partial(_argument, number)


def _is_scores(call: FunctionCall, number: int) -> bool:
    value = call.arguments[number] if len(call.arguments) > number else None
    return isinstance(value, Tensor) and value.shape == call.result.shape


def _argument(number: int, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    return arguments[number]


def masked_otherwise(call: FunctionCall) -> Replacements:
    """The mask inverted, moved by one step, or with its axes exchanged."""
    mask = mask_of(call)
    if mask is None or mask.ndim < 1:
        return
    for words, change in _other_masks(mask.shape):
        if call.name == ATTENTION:
            yield f"the mask {words}", partial(_with_mask, change)
        else:
            yield f"the mask {words}", partial(_remasked, change)
    for value in (0.0, -1.0, 1e-9, -1e-9):
        words = f"what is masked becomes {value:g}, not minus infinity"
        yield words, partial(_attend_filled if call.name == ATTENTION else _filled, value)


def _filled(value: float, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    outcome = function(*arguments, **keywords)
    return torch.where(outcome <= _LARGE, value, outcome)


def _attend_filled(value: float, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    """Attention by hand, with scores that are masked by a number."""
    bound = _bound(arguments, keywords)
    mask = _causal(bound["query"], bound["key"]) if bound["is_causal"] else bound["attn_mask"]
    allowed = mask if mask.dtype == torch.bool else mask > _LARGE
    scores = bound["query"] @ bound["key"].mT * (bound["scale"] or bound["query"].shape[-1] ** -0.5)
    return torch.softmax(torch.where(allowed, scores, value), -1) @ bound["value"]


def _remasked(change: Mask, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Any:
    def other(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        if value.dtype == torch.bool:
            return change(value)
        if value.is_floating_point() and value.min() <= _LARGE and value.max() <= 0:
            return torch.where(change(value > _LARGE), torch.zeros_like(value), value.min())
        return value

    return function(*map(other, arguments), **{name: other(value) for name, value in keywords.items()})


def masked_besides(call: FunctionCall) -> Replacements:
    """A causal mask that the reference does not have, before its softmax."""
    if call.name == ATTENTION:
        if not is_masked(call):
            yield "a causal mask that the reference does not have", partial(_attend, {"is_causal": True})
        return
    scores = first_argument(call.arguments, call.keywords)
    if scores.ndim < 3 or scores.shape[-1] != scores.shape[-2] or torch.isinf(scores).any():
        return
    for diagonal, words in ((0, "a causal mask"), (-1, "a causal mask one step earlier")):
        yield f"{words} that the reference does not have", partial(_softmax_of_masked, diagonal)


def _softmax_of_masked(diagonal: int, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    scores, *others = arguments if arguments else (keywords["input"],)
    hidden = ~torch.ones(scores.shape[-2:], dtype=torch.bool).tril(diagonal)
    rest = {name: value for name, value in keywords.items() if name != "input"}
    return function(scores.masked_fill(hidden, -torch.inf), *others, **rest)


def mask_remedy(call: FunctionCall) -> str:
    """Which mask the reference has, where it has a causal one."""
    mask = mask_of(call)
    allowed = None if mask is None else (mask > _LARGE if mask.dtype != torch.bool else mask)
    if allowed is not None and allowed.ndim > 1 and allowed.shape[-1] == allowed.shape[-2]:
        square = allowed.reshape(-1, *allowed.shape[-2:])[0]
        seen = square if call.name not in ("masked_fill",) else ~square
        if torch.equal(seen, torch.ones_like(seen).tril()):
            return "let query i see the keys 0 to i: use_causal_mask=True, or scores of j > i at minus infinity"
        if torch.equal(seen, torch.ones_like(seen).tril(-1)):
            return "let query i see the keys 0 to i - 1 only: scores of j >= i at minus infinity"
    return "mask before softmax what the reference masks: True in Keras' attention_mask is what may be seen"


def scale_remedy(call: FunctionCall) -> str:
    """The factor that the reference multiplies by."""
    if call.name == ATTENTION:
        return f"multiply the scores by {own_scale(call):.9g} before softmax"
    found = scalar_operand(call)
    if found is None:
        return "scale as the reference does"
    verb = "divide" if "div" in call.name else "multiply"
    return f"{verb} by {found[1]:.9g} there, once"
