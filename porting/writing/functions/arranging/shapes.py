"""Functions that move, join and part axes."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

from porting.writing.functions.kinds import promoted
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.functions.sizing import place_of, reshape_by_size
from porting.writing.values.axes import (
    Value,
    arranged,
    in_order,
    one_or_all,
    permuted,
    reshaped,
    settled,
    whole,
)
from porting.writing.values.sizes import Size, for_both, is_free


@row("view", "reshape", "_unsafe_view")
def reshape(k: Target, x: Value, shape: Sequence[int]) -> Value:
    known = prod(size for size in shape if size != -1)
    shape = [prod(x.shape) // known if size == -1 else size for size in shape]
    if x.form is None and x.data is not None:
        x = replace(x, data=k.kept(x.data))
    return reshaped(k.ops, x, shape, k.is_batch, partial(reshape_by_size, k))


@row("reshape_as", "view_as")
def reshape_as(k: Target, x: Value, other: Value) -> Value:
    return reshape(k, x, other.shape)


@row("flatten")
def flatten(k: Target, x: Value, start_dim: int = 0, end_dim: int = -1) -> Value:
    start, end = start_dim % x.rank, end_dim % x.rank
    if start == 1 and end == x.rank - 1 and len(x.wide()) > 2 and k.is_batch(x.shape[0]):
        x = in_order(k.ops, x) if x.wide() != tuple(sorted(x.wide())) else x
        return Value(k.layers.Flatten()(x.data), (x.shape[0], prod(x.shape[1:])), (0, 1), x.dtype)
    return reshape(k, x, (*x.shape[:start], prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))


@row("unflatten")
def unflatten(k: Target, x: Value, dim: int, sizes: Sequence[int]) -> Value:
    dim %= x.rank
    known = prod(size for size in sizes if size != -1)
    sizes = [x.shape[dim] // known if size == -1 else size for size in sizes]
    return reshape(k, x, (*x.shape[:dim], *sizes, *x.shape[dim + 1 :]))


@row("squeeze")
def squeeze(k: Target, x: Value, dim: int | Sequence[int] | None = None) -> Value:
    wanted = range(x.rank) if dim is None else [d % x.rank for d in ([dim] if isinstance(dim, int) else dim)]
    kept = [axis for axis in range(x.rank) if axis not in wanted or x.shape[axis] != 1]
    return reshaped(k.ops, x, [x.shape[axis] for axis in kept], k.is_batch, partial(reshape_by_size, k))


@row("unsqueeze")
def unsqueeze(k: Target, x: Value, dim: int) -> Value:
    x = settled(x)
    dim %= x.rank + 1
    axes = tuple(axis + (axis >= dim) for axis in x.axes)
    return Value(x.data, (*x.shape[:dim], 1, *x.shape[dim:]), axes, x.dtype)


@row("permute")
def permute(k: Target, x: Value, dims: Sequence[int]) -> Value:
    return permuted(x, dims)


@row("transpose", "swapaxes", "swapdims")
def transpose(k: Target, x: Value, dim0: int, dim1: int) -> Value:
    order = list(range(x.rank))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return permuted(x, order)


@row("t", "numpy_T", "mT", "adjoint")
def matrix_transpose(k: Target, x: Value) -> Value:
    return transpose(k, x, -1, -2) if x.rank > 1 else x


@row("movedim", "moveaxis")
def movedim(k: Target, x: Value, source: int | Sequence[int], destination: int | Sequence[int]) -> Value:
    sources = [s % x.rank for s in ([source] if isinstance(source, int) else source)]
    places = [d % x.rank for d in ([destination] if isinstance(destination, int) else destination)]
    rest = iter(axis for axis in range(x.rank) if axis not in sources)
    placed = dict(zip(places, sources, strict=True))
    return permuted(x, [placed[at] if at in placed else next(rest) for at in range(x.rank)])


def held(k: Target, x: Value, dim: int) -> Value:
    """A value that holds an axis, though it may be of length one."""
    x = settled(x)
    return x if dim % x.rank in x.axes else arranged(k.ops, x, whole(x))


def last_or(x: Value, dim: int) -> int:
    """Where an axis is held, the last one as -1."""
    at = x.at(dim)
    return -1 if at == len(x.axes) - 1 else at


def in_one_order(k: Target, values: Sequence[Value]) -> list[Value]:
    """Hold values with all axes, in the order of the first that has most."""
    leading = max(values, key=lambda value: (value.form is None, len(value.wide())))
    return [arranged(k.ops, value, whole(settled(leading))) for value in values]


@row("cat", "concat", "concatenate")
def concatenate(k: Target, tensors: Sequence[Value], dim: int = 0) -> Value:
    tensors = [value for value in tensors if 0 not in value.shape] or list(tensors)
    if len(tensors) == 1:
        return tensors[0]
    ordered = in_one_order(k, tensors)
    first = ordered[0]
    dim %= first.rank
    size = sum(value.shape[dim] for value in ordered)
    shape = (*first.shape[:dim], size, *first.shape[dim + 1 :])
    data = k.ops.concatenate([value.data for value in ordered], axis=last_or(first, dim))
    return Value(data, shape, first.axes, promoted(list(tensors)))


@row("stack")
def stack(k: Target, tensors: Sequence[Value], dim: int = 0) -> Value:
    dim %= tensors[0].rank + 1
    ordered = in_one_order(k, tensors)
    shape = (*ordered[0].shape[:dim], len(ordered), *ordered[0].shape[dim:])
    moved = [axis + (axis >= dim) for axis in ordered[0].axes]
    at = moved.index(dim - 1) + 1 if dim else 0
    if k.is_batch(shape[0]) is False and at == 0 and any(k.is_batch(size) for size in shape):
        at = len(moved)
    moved.insert(at, dim)
    return Value(k.ops.stack([value.data for value in ordered], axis=at), shape, tuple(moved), promoted(list(tensors)))


@row("split", "split_with_sizes", "split_copy")
def split(k: Target, x: Value, sizes: int | Sequence[int], dim: int = 0) -> list[Value]:
    x = held(k, x, dim)
    dim %= x.rank
    length = x.shape[dim]
    if isinstance(sizes, int):
        sizes = [min(sizes, length - start) for start in range(0, length, sizes)]
    if len(sizes) == 1:
        return [x]
    equal = len(set(sizes)) == 1
    if k.is_batch(length) and not equal:
        raise NoRowError("the samples are parted into numbers of them that differ")
    places = [sum(sizes[:at]) for at in range(1, len(sizes))]
    at = x.at(dim)
    data = k.ops.split(x.data, len(sizes) if equal else places, axis=-1 if at == len(x.axes) - 1 else at)
    shapes = [(*x.shape[:dim], size, *x.shape[dim + 1 :]) for size in sizes]
    return [
        Value(part, shape, x.axes, x.dtype) for part, shape in zip(k.unpacked(data, len(sizes)), shapes, strict=True)
    ]


@row("tensor_split")
def tensor_split(k: Target, x: Value, sections: int | Sequence[int] | Value, dim: int = 0) -> list[Value]:
    if isinstance(sections, Value):
        raise NoRowError("splits at places that a tensor says")
    length = x.shape[dim]
    if isinstance(sections, int):
        sizes = [length // sections + (at < length % sections) for at in range(sections)]
    else:
        edges = [0, *sections, length]
        sizes = [edges[at + 1] - edges[at] for at in range(len(edges) - 1)]
    return split(k, x, sizes, dim)


@row("hsplit")
def horizontal_split(k: Target, x: Value, sections: int | Sequence[int]) -> list[Value]:
    return tensor_split(k, x, sections, min(1, x.rank - 1))


@row("dsplit")
def split_in_depth(k: Target, x: Value, sections: int | Sequence[int]) -> list[Value]:
    return tensor_split(k, x, sections, 2)


@row("chunk")
def chunk(k: Target, x: Value, chunks: int, dim: int = 0) -> list[Value]:
    return split(k, x, -(-x.shape[dim] // chunks), dim)


@row("unbind")
def unbind(k: Target, x: Value, dim: int = 0) -> list[Value]:
    x = settled(x)
    return [select(k, x, dim, index) for index in range(x.shape[dim])]


def indexed(x: Value, axis: int, index: Any) -> Any:
    """The data with an index at one of torch's axes; Keras takes no slice by itself."""
    behind = (...,) if isinstance(index, slice) and not x.at(axis) else ()
    key = (*(slice(None),) * x.at(axis), index, *behind)
    return x.data[key if len(key) > 1 else index]


@row("select")
def select(k: Target, x: Value, dim: int, index: int) -> Value:
    x = settled(x)
    dim %= x.rank
    if k.is_batch(x.shape[dim]):
        raise NoRowError("one of the samples is taken by its number")
    data = indexed(x, dim, _from_end(index, x.shape[dim])) if dim in x.axes else x.data
    axes = tuple(axis - (axis > dim) for axis in x.axes if axis != dim)
    return Value(data, (*x.shape[:dim], *x.shape[dim + 1 :]), axes, x.dtype)


@row("slice", "slice_copy")
def slice_of(
    k: Target, x: Value, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Value:
    x = settled(x)
    dim %= x.rank
    length = x.shape[dim]
    first, stop, _ = slice(start, end, step).indices(length)
    if (first, stop, step) == (0, int(length), 1):
        return x
    if k.is_batch(length):
        return _part_of_samples(k, x, dim, first, stop, step)
    shape = (*x.shape[:dim], _count(start, end, step, length), *x.shape[dim + 1 :])
    if dim not in x.axes:
        return Value(x.data, shape, x.axes, x.dtype)
    until = None if stop == int(length) else _from_end(end, length)
    if isinstance(until, Size) and not start and step == 1:
        return Value(_as_many(k, x, dim, until), shape, x.axes, x.dtype)
    shown = slice(_from_end(start, length) or None, until, None if step == 1 else step)
    return Value(indexed(x, dim, shown), shape, x.axes, x.dtype)


def _count(start: int | None, end: int | None, step: int, length: int) -> int:
    """How many elements a slice of an axis has."""
    said = [0 if start is None else start, length if end is None else end, length]
    return for_both(lambda first, last, size: len(range(*slice(first, last, step).indices(size))), *said)


def _from_end(place: int | None, length: int) -> int | None:
    """A place that follows the inputs' sizes, counted from the end where that is a number."""
    if not isinstance(place, Size) or is_free(place - length):
        return place
    return place - length


def _as_many(k: Target, x: Value, dim: int, count: int) -> Any:
    """The first elements along an axis, as many as another tensor has."""
    like, at = place_of(k, count)
    return k.own("FirstOf")(x.at(dim), at)(x.data, like.data)


def _part_of_samples(k: Target, x: Value, dim: int, first: int, stop: int, step: int) -> Value:
    """One of several batches that stand one behind the other."""
    count, length = stop - first, x.shape[dim]
    if step != 1 or not k.is_batch(count) or first % count or length % count:
        raise NoRowError("some of the samples are taken by their number")
    at = x.at(dim)
    data = k.ops.split(x.data, length // count, axis=-1 if at == len(x.axes) - 1 else at)[first // count]
    return Value(data, (*x.shape[:dim], count, *x.shape[dim + 1 :]), x.axes, x.dtype)


@row("narrow")
def narrow(k: Target, x: Value, dim: int, start: int, length: int) -> Value:
    return slice_of(k, x, dim, start, start + length)


@row("flip")
def flip(k: Target, x: Value, dims: Sequence[int]) -> Value:
    x = settled(x)
    axes = tuple(x.at(dim) for dim in dims if dim % x.rank in x.axes)
    return x.with_data(k.ops.flip(x.data, axis=one_or_all(axes))) if axes else x


@row("roll")
def roll(k: Target, x: Value, shifts: Sequence[int], dims: Sequence[int] = ()) -> Value:
    if not dims:
        raise NoRowError("roll of the flattened tensor")
    x = settled(x)
    moved = [(shift, x.at(dim)) for shift, dim in zip(shifts, dims, strict=True) if dim % x.rank in x.axes]
    if not moved:
        return x
    by, axes = zip(*moved, strict=True)
    return x.with_data(k.ops.roll(x.data, one_or_all(by), axis=one_or_all(axes)))
