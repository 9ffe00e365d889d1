"""Functions that repeat along axes; along the samples by adding zeros that have them."""

from collections.abc import Sequence
from typing import Any

from porting.writing.functions.arranging.shapes import reshape, unsqueeze
from porting.writing.functions.kinds import named
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.functions.sizing import places
from porting.writing.values.axes import (
    Value,
    arranged,
    broadcast_shape,
    one_or_all,
    settled,
    whole,
)
from porting.writing.values.sizes import is_free


@row("expand", "broadcast_to")
def expand(k: Target, x: Value, size: Sequence[int], *, implicit: bool = False) -> Value:
    added = len(size) - x.rank
    for _ in range(added):
        x = unsqueeze(k, x, 0)
    shape = tuple(old if new == -1 else new for old, new in zip(x.shape, size, strict=True))
    return _repeated_along(k, x, shape)


@row("expand_as")
def expand_as(k: Target, x: Value, other: Value) -> Value:
    return expand(k, x, other.shape)


def _repeated_along(k: Target, x: Value, shape: tuple[int, ...]) -> Value:
    """Repeat along axes of length one; along the samples by adding zeros that have them."""
    grown = [axis for axis in range(x.rank) if x.shape[axis] != shape[axis]]
    if not grown:
        return x
    x = arranged(k.ops, x, whole(settled(x)))
    samples = [axis for axis in grown if k.is_batch(shape[axis])]
    for axis in grown:
        if is_free(shape[axis]):
            x = _grown_by_size(k, x, axis, shape[axis])
    if rest := [axis for axis in grown if axis not in samples and not is_free(shape[axis])]:
        held = tuple(shape[axis] if axis in rest else x.data.shape[x.at(axis)] for axis in x.axes)
        if any(k.is_batch(size) or is_free(size) for size in x.shape):
            repeats = tuple(shape[axis] if axis in rest else 1 for axis in x.axes)
            x = Value(k.ops.tile(x.data, repeats), x.shape, x.axes, x.dtype)
        else:
            x = Value(k.ops.broadcast_to(x.data, held), x.shape, x.axes, x.dtype)
    if samples:
        x = Value(_with_samples(k, x, samples, shape), shape, x.axes, x.dtype)
    return Value(x.data, shape, x.axes, x.dtype)


def _grown_by_size(k: Target, x: Value, axis: int, size: int) -> Value:
    """Repeat along an axis as often as a size says, by factors of one that are as many."""
    ones = k.ops.ones_like(places(k, size), dtype=named(k, x.dtype))
    if others := tuple(at for at in range(len(x.axes)) if at != x.at(axis)):
        ones = k.ops.expand_dims(ones, one_or_all(others))
    shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
    data = k.ops.logical_and(ones, x.data) if x.dtype == "bool" else ones * x.data
    return Value(data, shape, x.axes, x.dtype)


def _with_samples(k: Target, x: Value, samples: Sequence[int], shape: Sequence[int]) -> Any:
    """Add zeros that have the samples."""
    size, known = shape[samples[0]], [anchor for anchor in k.anchors if anchor.axes]
    anchor = next((a for a in known if a.shape[a.axes[0]] == size), None)
    anchor = anchor or next(
        (a for a in known if k.is_batch(a.shape[a.axes[0]]) and size % a.shape[a.axes[0]] == 0), None
    )
    if anchor is None or len(samples) != 1:
        raise NoRowError("expand along the samples where nothing at hand has so many")
    like = None if x.dtype == "float" else "int32"
    dtype = {} if x.dtype == anchor.dtype else {"dtype": k.floatx if like is None else like}
    whole_anchor = anchor.shape == tuple(shape) and anchor.axes == x.axes
    zeros = k.ops.zeros_like(anchor.data if whole_anchor else _first_of_each(anchor, x, samples[0]), **dtype)
    if (times := size // anchor.shape[anchor.axes[0]]) > 1:  # several of each sample, as frames are
        zeros = k.ops.repeat(zeros, times, axis=x.at(samples[0]))
    return zeros + x.data if x.dtype != "bool" else k.ops.logical_or(x.data, k.ops.cast(zeros, "bool"))


def _first_of_each(anchor: Value, x: Value, samples: int) -> Any:
    """One element of each sample, with as many axes as the value has."""
    at, count = x.at(samples), len(x.axes)
    if at == 0 and count <= len(anchor.axes):
        kept = (slice(None), *(slice(1) for _ in range(count - 1)))
        return anchor.data[(*kept, *(0,) * (len(anchor.axes) - count))]
    one = anchor.data[(slice(None), *(0,) * (len(anchor.axes) - 1))]
    return one[(*(None,) * at, slice(None), *(None,) * (count - at - 1))]


def tied_to_input(k: Target, x: Value) -> Value:
    """A constant that a layer is called with, as something that depends on an input: else no model has the layer."""
    if any(k.is_batch(size) or is_free(size) for size in x.shape) or not k.anchors:
        return x
    anchor = k.anchors[0]
    zero = anchor.data[(0,) * len(anchor.axes)]
    zeros = k.ops.zeros_like(zero, **({} if anchor.dtype == x.dtype else {"dtype": named(k, x.dtype)}))
    return x.with_data(x.data + zeros if x.dtype != "bool" else k.ops.logical_or(x.data, zeros))


@row("repeat", "tile")
def repeat(k: Target, x: Value, repeats: Sequence[int]) -> Value:
    for _ in range(len(repeats) - x.rank):
        x = unsqueeze(k, x, 0)
    repeats = (1,) * (x.rank - len(repeats)) + tuple(repeats)
    shape = tuple(size * count for size, count in zip(x.shape, repeats, strict=True))
    for axis, count in enumerate(repeats):
        if k.is_batch(count):
            wider = unsqueeze(k, x, axis)
            grown = (*wider.shape[:axis], count, *wider.shape[axis + 1 :])
            x = reshape(
                k, _repeated_along(k, wider, grown), (*x.shape[:axis], count * x.shape[axis], *x.shape[axis + 1 :])
            )
            repeats = (*repeats[:axis], 1, *repeats[axis + 1 :])
    if set(repeats) == {1}:
        return x
    x = arranged(k.ops, x, whole(settled(x)))
    return Value(k.ops.tile(x.data, tuple(repeats[axis] for axis in x.axes)), shape, x.axes, x.dtype)


@row("repeat_interleave")
def repeat_interleave(
    k: Target, x: Value, repeats: Any, dim: int | None = None, *, output_size: int | None = None
) -> Value:
    if dim is None or not isinstance(repeats, int):
        raise NoRowError("repeat_interleave without a dimension or with a tensor of counts")
    x = arranged(k.ops, x, whole(settled(x)))
    shape = tuple(size * (repeats if axis == dim % x.rank else 1) for axis, size in enumerate(x.shape))
    return Value(k.ops.repeat(x.data, repeats, axis=x.at(dim)), shape, x.axes, x.dtype)


@row("broadcast_tensors")
def broadcast_tensors(k: Target, tensors: Sequence[Value]) -> list[Value]:
    shape = broadcast_shape([value.shape for value in tensors])
    return [expand(k, value, shape) for value in tensors]
