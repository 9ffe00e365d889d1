"""Values whose axes may stand in another order than torch's: transpositions are only written where they must be.

A value has torch's shape, and says which of torch's axes each of its own axes is. Axes of length one may be left out.
What permutes in torch permutes this list alone; what needs an order (a layer, a reshape that mixes axes) asks for it by
`arranged`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import prod
from typing import Any

from porting.writing.values.sizes import is_free

Axes = tuple[int, ...]


@dataclass(slots=True)
class Form:
    """The axes in which a model's own array or an input is held, chosen where it is first used."""

    axes: Axes | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of torch's, as Keras has it.

    Attributes
    ----------
    data : keras tensor or Expression
    shape : tuple of int
        In torch.
    axes : tuple of int
        For each axis of `data`, the axis in torch. Those of length one may be missing.
    dtype : str
        "float", "int" or "bool".
    form : Form, optional
        Where the order of its axes is still open.
    raised : int
        How many axes of length one stand in front of those that the form knows.
    nonnegative : bool
        Whether no element can be below zero.
    counts_samples : bool
        Whether it has the samples' own numbers, which nothing is written for.
    windows : tuple of int
        Of places that a pooling found, how far apart its windows are, where they have no element in common.
    """

    data: Any
    shape: tuple[int, ...]
    axes: Axes
    dtype: str = "float"
    form: Form | None = field(default=None, compare=False)
    raised: int = 0
    nonnegative: bool = False
    counts_samples: bool = False
    windows: tuple[int, ...] = ()

    @property
    def rank(self) -> int:
        """The number of axes in torch."""
        return len(self.shape)

    def with_data(self, data: Any, dtype: str = "") -> "Value":
        """The same axes with other values."""
        return Value(data, self.shape, self.axes, dtype or self.dtype)

    def wide(self) -> Axes:
        """The axes that are longer than one, in the order in which they are held."""
        return tuple(axis for axis in self.axes if self.shape[axis] != 1)

    def at(self, axis: int) -> int:
        """Where an axis of torch's is held."""
        return self.axes.index(axis % self.rank)


def plain(data: Any, shape: Sequence[int], dtype: str = "float") -> Value:
    """A value in torch's order."""
    return Value(data, tuple(shape), tuple(range(len(shape))), dtype)


def whole(value: Value) -> Axes:
    """All axes in the order in which they are held; those left out stand where torch has them."""
    order = list(value.axes)
    for axis in range(value.rank):
        if axis not in order:
            before = [order.index(other) for other in order if other < axis]
            order.insert(max(before, default=-1) + 1, axis)
    return tuple(order)


def arranged(ops: Any, value: Value, wanted: Sequence[int]) -> Value:
    """Hold a value with exactly these axes, in this order."""
    wanted = tuple(wanted)
    if value.form is not None:
        value = _chosen(value, wanted)
    if value.axes == wanted:
        return value
    kept = tuple(axis for axis in value.axes if axis in wanted)
    in_place = tuple(axis for axis in wanted if value.shape[axis] != 1) == value.wide()
    if in_place and kept != tuple(axis for axis in wanted if axis in kept):
        kept = value.wide()
    data, axes = value.data, value.axes
    if dropped := tuple(position for position, axis in enumerate(axes) if axis not in kept):
        data = ops.squeeze(data, one_or_all(dropped))
    order = tuple(axis for axis in wanted if axis in kept)
    if order != kept:
        data = ops.transpose(data, tuple(kept.index(axis) for axis in order))
    if added := tuple(position for position, axis in enumerate(wanted) if axis not in kept):
        data = ops.expand_dims(data, one_or_all(added))
    return Value(data, value.shape, wanted, value.dtype)


def _chosen(value: Value, wanted: Axes) -> Value:
    assert value.form is not None
    if value.form.axes is None:
        value.form.axes = tuple(axis - value.raised for axis in wanted if axis >= value.raised)
    axes = tuple(axis + value.raised for axis in value.form.axes)
    return Value(value.data, value.shape, axes, value.dtype)


def one_or_all(axes: Axes) -> int | Axes:
    """A single axis as a number."""
    return axes[0] if len(axes) == 1 else axes


def settled(value: Value) -> Value:
    """The value with its form decided: torch's order, where nothing has asked for another."""
    return value if value.form is None else _chosen(value, value.axes)


def in_order(ops: Any, value: Value) -> Value:
    """Hold a value with all axes in torch's order."""
    return arranged(ops, value, range(value.rank))


def channels_last(ops: Any, value: Value) -> Value:
    """Hold a value as Keras' layers want it: torch's axis 1 last."""
    return arranged(ops, value, (0, *range(2, value.rank), 1))


def broadcast_shape(shapes: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The shape of what tensors of these shapes give together."""
    rank = max(map(len, shapes))
    rows = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(next((size for size in sizes if size != 1), 1) for sizes in zip(*rows, strict=True))


def aligned(ops: Any, values: Sequence[Value]) -> tuple[list[Any], tuple[int, ...], Axes]:
    """Hold values so that they broadcast as in torch: their data, and the shape and axes of the result."""
    shape = broadcast_shape([value.shape for value in values])
    raised = [_raised(value, len(shape)) for value in values]
    leading = max(raised, key=lambda value: (value.form is None, len(value.wide())))
    order = list(leading.axes)
    held = {axis for value in raised for axis in value.axes if value.shape[axis] != 1}
    for axis in sorted(held - set(order)):
        order.insert(next((at for at, other in enumerate(order) if other > axis), len(order)), axis)
    data = [arranged(ops, value, _from_first(value, order)).data for value in raised]
    longest = next((at for at, axis in enumerate(order) if any(axis in value.wide() for value in raised)), len(order))
    return data, shape, tuple(order[longest:])


def _raised(value: Value, rank: int) -> Value:
    """The same value with axes of length one in front, which are not held."""
    added = rank - value.rank
    axes = tuple(axis + added for axis in value.axes)
    return replace(value, shape=(1,) * added + value.shape, axes=axes, raised=value.raised + added)


def _from_first(value: Value, order: Sequence[int]) -> Axes:
    """The axes of an order from the first that the value has: what stands before them broadcasts by itself."""
    wide = set(value.wide())
    first = next((at for at, axis in enumerate(order) if axis in wide), len(order))
    return tuple(order[first:])


def reshaped(
    ops: Any,
    value: Value,
    shape: Sequence[int],
    is_batch: Callable[[int], bool],
    by_size: Callable[[Value, Axes, bool], Any],
) -> Value:
    """Reshape as torch does: axes that are kept are not touched, wherever they are held.

    `by_size` writes what has more sizes than one that are not known: the number of samples, and what follows the
    inputs'; it is told whether the samples stay first and alone.
    """
    shape = tuple(shape)
    groups = grouped(value.shape, shape)
    value = settled(value)
    if all(len(before) == len(after) == 1 for before, after in groups):
        renamed = {before[0]: after[0] for before, after in groups}
        value = arranged(ops, value, value.wide())
        return Value(value.data, shape, tuple(renamed[axis] for axis in value.axes), value.dtype)
    order = _together(value.wide(), [before for before, _ in groups])
    placed = sorted(groups, key=lambda group: order.index(group[0][0]))
    held, sizes = arranged(ops, value, order), _sizes(value, placed, shape, is_batch)
    free = sum(map(is_free, sizes))
    if free and (free > 1 or -1 in sizes):
        data = by_size(held, sizes, sizes[0] == -1 and len(placed[0][0]) == len(placed[0][1]) == 1)
    else:
        data = ops.reshape(held.data, tuple(-1 if is_free(size) else size for size in sizes))
    return Value(data, shape, tuple(axis for _, after in placed for axis in after), value.dtype)


def grouped(before: Sequence[int], after: Sequence[int]) -> list[tuple[Axes, Axes]]:
    """Which axes, of length one left aside, become which: the finest groups whose sizes multiply to the same."""
    old = [axis for axis, size in enumerate(before) if size != 1]
    new = [axis for axis, size in enumerate(after) if size != 1]
    groups: list[tuple[Axes, Axes]] = []
    while old or new:
        ins, outs = [old.pop(0)], [new.pop(0)]
        while (left := prod(before[i] for i in ins)) != (right := prod(after[o] for o in outs)):
            if left < right:
                ins.append(old.pop(0))
            else:
                outs.append(new.pop(0))
        groups.append((tuple(ins), tuple(outs)))
    return groups


def _together(held: Axes, groups: Sequence[Axes]) -> Axes:
    """An order in which the axes of each group stand side by side, as torch has them: the nearest to torch's own."""
    order = list(held)
    for group in groups:
        places = [order.index(axis) for axis in group]
        if all(second == first + 1 for first, second in pairwise(places)):
            continue
        rest = [axis for axis in order if axis not in group]
        starts = {sum(axis in rest for axis in order[:place]) for place in places}
        order = min(([*rest[:at], *group, *rest[at:]] for at in sorted(starts)), key=_inversions)
    return tuple(order)


def _inversions(order: Sequence[int]) -> int:
    """How many pairs stand the other way round than in torch."""
    return sum(first > second for at, first in enumerate(order) for second in order[at + 1 :])


def _sizes(value: Value, groups: Sequence[tuple[Axes, Axes]], shape: Axes, is_batch: Callable[[int], bool]) -> Axes:
    """The sizes to reshape to: the number of samples is left open, what is kept or joined is read off the value."""
    sizes: list[Any] = []
    for before, after in groups:
        for axis in after:
            if is_batch(shape[axis]):
                sizes.append(-1)
            elif len(after) == 1 and not is_free(shape[axis]):
                size = value.data.shape[value.at(before[0])]
                for other in before[1:]:
                    size = size * value.data.shape[value.at(other)]
                sizes.append(size)
            else:
                sizes.append(shape[axis])
    return tuple(sizes)


def permuted(value: Value, order: Sequence[int]) -> Value:
    """Permute as torch does, which writes nothing."""
    order = [axis % value.rank for axis in order]
    value = settled(value)
    moved = {axis: position for position, axis in enumerate(order)}
    return replace(value, shape=tuple(value.shape[a] for a in order), axes=tuple(moved[a] for a in value.axes))
