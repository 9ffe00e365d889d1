"""Functions that look elements up by tensors of places."""

from collections.abc import Sequence
from math import prod
from typing import Any

from porting.writing.functions.arranging.repeating import expand
from porting.writing.functions.arranging.shapes import (
    concatenate,
    last_or,
    reshape,
    slice_of,
    squeeze,
    transpose,
    unsqueeze,
)
from porting.writing.functions.kinds import as_kind, named
from porting.writing.functions.pointwise import add, combined, multiply, negative, remainder, subtract
from porting.writing.functions.reductions import reduced
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.values.axes import Value, arranged, broadcast_shape, in_order, permuted, settled, whole


@row("index_select")
def index_select(k: Target, x: Value, dim: int, index: Value) -> Value:
    return taken_at(k, x, dim % x.rank, reshape(k, index, (index.shape[0],)) if index.rank != 1 else index)


def taken_at(k: Target, x: Value, axis: int, places: Value) -> Value:
    """Rows at places, whose axes stand where the axis stood."""
    if k.is_batch(x.shape[axis]):
        raise NoRowError("samples are taken by their number")
    places = arranged(k.ops, places, whole(settled(places)))
    if places.axes != tuple(range(places.rank)):
        places = in_order(k.ops, places)
    x = arranged(k.ops, x, whole(settled(x)) if x.form is None else range(x.rank))
    moved = {old: old + (places.rank - 1) * (old > axis) for old in x.axes}
    axes: list[int] = []
    for old in x.axes:
        axes += range(axis, axis + places.rank) if old == axis else [moved[old]]
    shape = (*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])
    return Value(k.ops.take(x.data, places.data, axis=x.at(axis)), shape, tuple(axes), x.dtype)


@row("index")
def index(k: Target, x: Value, indices: Sequence[Value | None]) -> Value:
    """Tensors of places along one axis, or along several at once."""
    given = [(axis, value) for axis, value in enumerate(indices) if value is not None]
    if any(value.dtype == "bool" for _, value in given):
        raise NoRowError("index by a mask: how many elements are taken depends on the values")
    axes = [axis for axis, _ in given]
    if len(given) == 1 and given[0][1].counts_samples and given[0][1].shape == x.shape[axes[0] : axes[0] + 1]:
        return x
    if len(given) == 1:
        return taken_at(k, x, axes[0], given[0][1])
    if given[0][1].counts_samples and axes[0] == 0 and len(given) == 2:
        return _one_of_each(k, x, *given[1])
    if axes != list(range(axes[0], axes[-1] + 1)):
        rest = [axis for axis in range(x.rank) if axis not in axes]
        x, axes = permuted(x, [*axes, *rest]), list(range(len(axes)))
    sizes = [x.shape[axis] for axis in axes]
    places = flat_places(k, [value for _, value in given], sizes)
    joined = reshape(k, x, (*x.shape[: axes[0]], prod(sizes), *x.shape[axes[-1] + 1 :]))
    return taken_at(k, joined, axes[0], places)


def flat_places(k: Target, places: Sequence[Value], sizes: Sequence[int]) -> Value:
    """The places on axes that have been joined to one; those counted from the end first from the beginning."""
    total, *others = (remainder(k, value, size) for value, size in zip(places, sizes, strict=True))
    for value, size in zip(others, sizes[1:], strict=True):
        total = add(k, multiply(k, total, size), value)
    return total


def _one_of_each(k: Target, x: Value, axis: int, places: Value) -> Value:
    """From each sample what stands at its own place."""
    if places.shape != x.shape[:1] or axis >= x.rank:
        raise NoRowError("index by several places in each sample")
    x = arranged(k.ops, x, whole(settled(x)))
    at = x.at(axis)
    shown = settled(places).data[tuple(slice(None) if axis_ == 0 else None for axis_ in x.axes)]
    data = k.ops.take_along_axis(x.data, shown, axis=at)
    cut = data[(*(slice(None) for _ in range(at)), 0)]
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    return Value(cut, shape, tuple(a - (a > axis) for a in x.axes if a != axis), x.dtype)


@row("embedding")
def embedding(
    k: Target,
    weight: Value,
    indices: Value,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Value:
    """A table that is read otherwise, too; the row for what pads is not trained by a look-up."""
    vectors = taken_at(k, weight, 0, indices)
    if padding_idx < 0 or weight.form is None:
        return vectors
    vectors, pads = vectors.with_data(k.kept(vectors.data)), settled(indices)
    pads = unsqueeze(k, pads.with_data(k.ops.equal(pads.data, padding_idx), "bool"), -1)
    return combined(k, k.ops.where, [pads, vectors.with_data(k.ops.stop_gradient(vectors.data)), vectors])


@row("gather")
def gather(k: Target, x: Value, dim: int, index: Value, *, sparse_grad: bool = False) -> Value:
    dim %= max(x.rank, 1)
    for axis in range(x.rank):
        if axis != dim and index.shape[axis] != x.shape[axis]:
            x = slice_of(k, x, axis, 0, index.shape[axis])
    x, index = in_order(k.ops, x), in_order(k.ops, index)
    if k.is_batch(x.shape[dim]):
        raise NoRowError("samples are taken by their number")
    data = k.ops.take_along_axis(x.data, index.data, axis=-1 if dim == x.rank - 1 else dim)
    return Value(data, index.shape, tuple(range(x.rank)), x.dtype)


@row("take_along_dim")
def take_along(k: Target, x: Value, index: Value, dim: int | None = None) -> Value:
    if dim is None or x.rank != index.rank:
        raise NoRowError("take_along_dim of the flattened tensor")
    shape = broadcast_shape([x.shape, index.shape])
    dim %= x.rank
    wanted = [(*shape[:dim], value.shape[dim], *shape[dim + 1 :]) for value in (x, index)]
    return gather(k, expand(k, x, wanted[0]), dim, expand(k, index, wanted[1]))


@row("one_hot")
def one_hot(k: Target, x: Value, num_classes: int = -1) -> Value:
    if num_classes < 0:
        raise NoRowError("one_hot for as many classes as there happen to be")
    x = in_order(k.ops, x)
    shape = (*x.shape, num_classes)
    data = k.ops.one_hot(x.data, num_classes, dtype=named(k, "int"))
    return Value(data, shape, tuple(range(len(shape))), "int")


@row("topk")
def topk(k: Target, x: Value, count: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> list[Value]:  # noqa: A002
    if dim % x.rank != x.rank - 1:
        moved = topk(k, transpose(k, x, dim, -1), count, -1, largest, sorted)
        return [transpose(k, value, dim, -1) for value in moved]
    x = in_order(k.ops, x if largest else negative(k, x))
    shape = (*x.shape[:-1], count)
    values, places = k.unpacked(k.ops.top_k(x.data, count), 2)
    axes = tuple(range(x.rank))
    found = Value(values, shape, axes, x.dtype)
    return [found if largest else negative(k, found), Value(places, shape, axes, "int")]


@row("sort")
def sort(k: Target, x: Value, dim: int = -1, descending: bool = False, *, stable: bool = False) -> list[Value]:
    places = argsort(k, x, dim, descending, stable=stable) if 1 in k.used else None
    x = arranged(k.ops, x, whole(settled(x)))
    ordered = _descending(k, x, dim, k.ops.sort) if descending else k.ops.sort(x.data, axis=last_or(x, dim))
    return [x.with_data(ordered), *([places] if places else [])]


@row("argsort")
def argsort(k: Target, x: Value, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Value:
    x = arranged(k.ops, x, whole(settled(x)))
    ordered = -x.data if descending else x.data
    return x.with_data(k.ops.argsort(ordered, axis=last_or(x, dim)), "int")


def _ranked(name: str) -> None:
    @row(name)
    def ranked(k: Target, x: Value, *settings: Any, **words: Any) -> list[Value]:
        given = dict(zip(("dim", "keepdim") if name == "median" else ("k", "dim", "keepdim"), settings, strict=False))
        given |= words
        if name == "median" and "dim" not in given:
            raise NoRowError("the median of all samples together")
        dim = given.get("dim", -1) % max(x.rank, 1)
        place = (x.shape[dim] - 1) // 2 if name == "median" else given["k"] - 1
        taken = [slice_of(k, value, dim, place, place + 1) for value in sort(k, x, dim)]
        return taken if given.get("keepdim") else [squeeze(k, value, dim) for value in taken]


for _name in ("median", "kthvalue"):
    _ranked(_name)


@row("searchsorted")
def searchsorted(
    k: Target,
    table: Value,
    x: Value,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Value | None = None,
) -> Value:
    """How many numbers of the table are smaller, or not greater."""
    if sorter is not None:
        raise NoRowError("searchsorted with a sorter")
    table = unsqueeze(k, table, -2) if table.rank > 1 else table
    greater = k.ops.greater_equal if right or side == "right" else k.ops.greater
    reached = as_kind(k, combined(k, greater, [unsqueeze(k, x, -1), table], "bool"), "int")
    return reduced(k, k.ops.sum, reached, -1, False)


@row("bucketize")
def bucketize(k: Target, x: Value, table: Value, *, out_int32: bool = False, right: bool = False) -> Value:
    return searchsorted(k, table, x, right=right)


def _descending(k: Target, x: Value, dim: int, function: Any) -> Any:
    return -function(-x.data, axis=last_or(x, dim))


@row("diff")
def difference(
    k: Target, x: Value, n: int = 1, dim: int = -1, prepend: Value | None = None, append: Value | None = None
) -> Value:
    ends = [value for value in (prepend, x, append) if value is not None]
    x = concatenate(k, ends, dim) if len(ends) > 1 else x
    for _ in range(n):
        later, sooner = slice_of(k, x, dim, 1), slice_of(k, x, dim, 0, x.shape[dim] - 1)
        x = combined(k, k.ops.not_equal, [later, sooner]) if x.dtype == "bool" else subtract(k, later, sooner)
    return x


@row("diagonal")
def diagonal(k: Target, x: Value, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Value:
    first, second = dim1 % x.rank, dim2 % x.rank
    x = in_order(k.ops, x)
    data = k.ops.diagonal(x.data, offset=offset, axis1=first, axis2=second)
    rows, columns = x.shape[first], x.shape[second]
    length = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    rest = [size for axis, size in enumerate(x.shape) if axis not in (first, second)]
    return Value(data, (*rest, length), tuple(range(x.rank - 1)), x.dtype)
