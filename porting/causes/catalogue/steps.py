"""The catalogue of steps that the port has besides, between two layers. Adding a hypothesis is adding a row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import permutations

import torch
from torch import Tensor

from porting.causes.catalogue.orders import permuted
from porting.causes.catalogue.variants import ACTIVATIONS, Step

Steps = Iterator[tuple[str, Step]]


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step that the port has besides, somewhere between two layers.

    Attributes
    ----------
    name, remedy : str
    variants : callable
        tensor at that point -> the steps it may be, each in words.
    """

    name: str
    remedy: str
    variants: Callable[[Tensor], Steps]


def _added_activation(tensor: Tensor) -> Steps:
    yield from ((f"{name} that the reference does not have", _telling(step)) for name, step in ACTIVATIONS.items())


def _telling(step: Step) -> Step:
    """A step that is not taken where it makes one number of all: that explains whatever it stands in the way of."""

    def taken(tensor: Tensor) -> Tensor:
        made = step(tensor)
        if made.numel() > 1 and bool(made.max() - made.min() <= 1e-9 * made.abs().max()):
            raise ValueError("nothing is left of it")
        return made

    return taken


def _spatial_axes(tensor: Tensor) -> range:
    return range(2, tensor.ndim)


def shifted(tensor: Tensor) -> Steps:
    """One point along each spatial axis, either way, with anything at the end."""
    for axis in _spatial_axes(tensor):
        for step in (1, -1):
            side = "later" if step > 0 else "earlier"
            for fill in ("zeros", "the end point", "the other end"):
                yield (
                    f"one point {side} along axis {axis}, filled with {fill}",
                    partial(shift, axis=axis, step=step, fill=fill),
                )


def shift(tensor: Tensor, axis: int, step: int, fill: str) -> Tensor:
    """Move a tensor by one point along an axis."""
    rolled = torch.roll(tensor, step, axis)
    if fill == "the other end":
        return rolled
    edge = [slice(None)] * tensor.ndim
    edge[axis] = slice(0, 1) if step > 0 else slice(-1, None)
    rolled[tuple(edge)] = 0 if fill == "zeros" else tensor[tuple(edge)]
    return rolled


def _reversed(tensor: Tensor) -> Steps:
    for axis in range(1, tensor.ndim):
        what = "channels" if axis == 1 and tensor.ndim > 2 else "features" if axis == 1 else "points"
        yield f"{what} in reverse order (axis {axis})", partial(torch.flip, dims=(axis,))


def _parts_reordered(tensor: Tensor) -> Steps:
    """Two or three parts side by side, as a gate and what it opens, or query, key and value."""
    for axis in range(1, tensor.ndim):
        length = tensor.shape[axis]
        for count in (count for count in (2, 3) if length % count == 0 and length > count):
            for order in list(permutations(range(count)))[1:]:
                detail = f"{count} parts of axis {axis} in the order {order}"
                yield detail, partial(_in_parts, axis=axis, order=order)


def _parts_by_turns(tensor: Tensor) -> Steps:
    """Parts that lie by turns where the reference has one after another, or the other way round."""
    for axis in range(1, tensor.ndim):
        length = tensor.shape[axis]
        for parts in (parts for parts in (2, 3) if length % parts == 0 and length > parts):
            words = f"{parts} parts of axis {axis}"
            yield (
                f"{words} by turns where the reference has one after another",
                partial(one_after_another, axis=axis, parts=parts),
            )
            yield (
                f"{words} one after another where the reference has them by turns",
                partial(by_turns, axis=axis, parts=parts),
            )


def one_after_another(tensor: Tensor, axis: int, parts: int) -> Tensor:
    """What is by turns, part by part: ``a b a b`` to ``a a b b``."""
    return tensor.unflatten(axis, (-1, parts)).transpose(axis, axis + 1).flatten(axis, axis + 1)


def by_turns(tensor: Tensor, axis: int, parts: int) -> Tensor:
    """What is part by part, by turns: ``a a b b`` to ``a b a b``."""
    return tensor.unflatten(axis, (parts, -1)).transpose(axis, axis + 1).flatten(axis, axis + 1)


def _in_parts(tensor: Tensor, axis: int, order: tuple[int, ...]) -> Tensor:
    parts = tensor.chunk(len(order), axis)
    return torch.cat([parts[at] for at in order], axis)


def _transposed(tensor: Tensor) -> Steps:
    for order, moved in permuted(tensor):
        if moved.shape == tensor.shape:
            yield f"axes in the order {order}", lambda t, order=order: t.permute(0, *order)


def _cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype).to(tensor.dtype)


def _through(dtype: torch.dtype, tensor: Tensor) -> Steps:
    yield f"cast to {str(dtype).removeprefix('torch.')} and back", partial(_cast, dtype=dtype)


def _moved(tensor: Tensor) -> Steps:
    if tensor.is_floating_point() or tensor.dtype == torch.bool:
        return
    for step in (1, -1, 2, -2):
        yield f"numbers {step:+d}", lambda t, step=step: t + step


_UNCAST = "let the tensor stay in the model's own dtype: remove the cast"

STEP_ROWS: tuple[StepRow, ...] = (
    StepRow("activation added", "remove it: the reference has none there", _added_activation),
    StepRow(
        "offset by one point",
        "move it back by one point: take the point away that is put in at one end, and keep the one at the other end",
        shifted,
    ),
    StepRow("reversed along an axis", "do not reverse there: the reference does not", _reversed),
    StepRow(
        "parts in another order",
        "take the parts of what is split in the reference's order, or put them together in it",
        _parts_reordered,
    ),
    StepRow(
        "parts in another order",
        "take the parts as the reference does: one after another (split), or by turns ([..., ::2] and [..., 1::2])",
        _parts_by_turns,
    ),
    StepRow("transposition missing", "move the axes back into the reference's order, by Permute", _transposed),
    StepRow("rounded to float32", _UNCAST, partial(_through, torch.float32)),
    StepRow("rounded to float16", _UNCAST, partial(_through, torch.float16)),
    StepRow("rounded to bfloat16", _UNCAST, partial(_through, torch.bfloat16)),
)
"""Steps that the port may have besides, on tensors of floats."""

NUMBER_ROWS: tuple[StepRow, ...] = (
    StepRow("positions offset", "count from where the reference counts, without the difference", _moved),
)
"""Those on tensors of integers."""
