# pyright: reportOptionalSubscript=false, reportOptionalOperand=false, reportOptionalMemberAccess=false, reportOperatorIssue=false, reportArgumentType=false
"""Functions that write elements to places that tensors say."""

from keras import ops


def last_at(places, count):
    """Which element is the last to be written to each of so many places along an axis; -1 where none is."""
    places = ops.cast(places, "int32") % count
    hits = ops.equal(ops.expand_dims(places, -1), ops.arange(count, dtype="int32"))
    numbers = ops.expand_dims(ops.arange(places.shape[-1], dtype="int32"), -1)
    return ops.max(ops.where(hits, numbers, -1), axis=-2)


def scattered(x, places, values, adds=False):
    """The tensor with values at places along its last axis, of several at one place the last, or added."""
    hits = ops.equal(ops.expand_dims(ops.cast(places, "int32"), -1), ops.arange(x.shape[-1], dtype="int32"))
    if adds:
        return x + ops.sum(ops.where(hits, ops.expand_dims(values, -1), 0), axis=-2)
    if not hasattr(values, "shape") or not values.shape:
        return ops.where(ops.any(hits, axis=-2), values, x)
    last = ops.max(ops.where(hits, ops.expand_dims(ops.arange(places.shape[-1], dtype="int32"), -1), -1), axis=-2)
    return ops.where(last >= 0, ops.take_along_axis(values, ops.maximum(last, 0), axis=-1), x)


def places_of_maxima(x, size, strides, pads):
    """Where the greatest element of each window stands, counted through the image of (sample, rows, channel)."""
    lengths = x.shape[1:-1]
    around = zip(lengths, size, strides, pads, strict=True)
    starts = [ops.arange(-p, n + p - w + 1, s, dtype="int32") for n, w, s, p in around]
    x = ops.pad(x, [(0, 0), *((p, p) for p in pads), (0, 0)], constant_values=float("-inf"))
    elements, places = [], []
    offsets = [()]
    for width in size:
        offsets = [(*found, offset) for found in offsets for offset in range(width)]
    for found in offsets:
        place, part = 0, x
        for axis, (start, length, offset) in enumerate(zip(starts, lengths, found, strict=True)):
            last = offset + strides[axis] * (start.shape[0] - 1) + 1
            part = part[(*[slice(None)] * (axis + 1), slice(offset, last, strides[axis]))]
            along = ops.reshape(start + offset, [-1 if at == axis else 1 for at in range(len(size))])
            place = place * length + along
        elements.append(part)
        places.append(ops.expand_dims(place, -1))
    order = ops.one_hot(ops.argmax(ops.stack(elements, axis=-1), axis=-1), len(places), dtype="int32")
    return ops.sum(order * ops.stack(places, axis=-1), axis=-1)


def unpooled(x, places, sizes, windows):
    """An image of zeros of these sizes with each element at its place, which lies in the element's own window."""
    for axis, (size, window) in enumerate(zip(sizes, windows, strict=True), start=1):
        rest = [(0, max(0, size - x.shape[axis] * window)) if at == axis else (0, 0) for at in range(len(x.shape))]
        cut = (*[slice(None)] * axis, slice(size))
        places = ops.pad(ops.repeat(places, window, axis=axis), rest, constant_values=-1)[cut]
        x = ops.pad(ops.repeat(x, window, axis=axis), rest)[cut]
    grid = ops.cumsum(ops.ones(sizes, dtype="int32"), axis=None) - 1
    return ops.where(ops.equal(places, ops.reshape(grid, (*sizes, 1))), x, 0)
