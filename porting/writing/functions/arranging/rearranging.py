"""Functions that carry elements between channels and space, and write one part of a tensor anew."""

from porting.writing.functions.arranging.repeating import expand
from porting.writing.functions.arranging.shapes import concatenate, held, reshape, slice_of, stack, unsqueeze
from porting.writing.functions.kinds import as_kind
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.values.axes import Value, arranged, permuted

_MOST_BETWEEN = 4
"""Of what is written by turns, how many there are at most."""
MOST_SLICES = 4
"""Windows as long as this are put together of slices."""


@row("pixel_shuffle")
def pixel_shuffle(k: Target, x: Value, factor: int) -> Value:
    *before, channels, rows, columns = x.shape
    lead = tuple(range(len(before)))
    at = len(before)
    x = reshape(k, x, (*before, channels // factor**2, factor, factor, rows, columns))
    x = permuted(x, (*lead, at, at + 3, at + 1, at + 4, at + 2))
    return reshape(k, x, (*before, channels // factor**2, rows * factor, columns * factor))


@row("pixel_unshuffle")
def pixel_unshuffle(k: Target, x: Value, factor: int) -> Value:
    *before, channels, rows, columns = x.shape
    lead = tuple(range(len(before)))
    at = len(before)
    x = reshape(k, x, (*before, channels, rows // factor, factor, columns // factor, factor))
    x = permuted(x, (*lead, at, at + 2, at + 4, at + 1, at + 3))
    return reshape(k, x, (*before, channels * factor**2, rows // factor, columns // factor))


@row("channel_shuffle", "native_channel_shuffle")
def channel_shuffle(k: Target, x: Value, groups: int) -> Value:
    samples, channels, *space = x.shape
    parted = reshape(k, x, (samples, groups, channels // groups, *space))
    order = (0, 2, 1, *range(3, parted.rank))
    return reshape(k, permuted(parted, order), x.shape)


@row("copy")
def copy(k: Target, x: Value, source: Value, non_blocking: bool = False) -> Value:
    return expand(k, as_kind(k, source, x.dtype), x.shape)


@row("select_scatter")
def select_scatter(k: Target, x: Value, source: Value, dim: int, index: int) -> Value:
    index %= x.shape[dim]
    return _with_part(k, x, unsqueeze(k, source, dim % x.rank), dim, index, index + 1)


@row("slice_scatter")
def slice_scatter(
    k: Target, x: Value, source: Value, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Value:
    length = x.shape[dim]
    first, stop, _ = slice(start, end, step).indices(length)
    if step == 1:
        return _with_part(k, x, source, dim, first, stop)
    places = range(first, stop, step)
    if first < step and len(places) * step == length and step <= _MOST_BETWEEN:
        return _taking_turns(k, x, source, dim % x.rank, first, step)
    parts, at = [], 0
    for number, place in enumerate(places):
        if at < place:
            parts.append(slice_of(k, x, dim, at, place))
        parts.append(slice_of(k, source, dim, number, number + 1))
        at = place + 1
    if len(parts) > 16:
        raise NoRowError("writes every other element of a long axis anew")
    return concatenate(k, [*parts, slice_of(k, x, dim, at)] if at < x.shape[dim] else parts, dim)


def _taking_turns(k: Target, x: Value, source: Value, dim: int, first: int, step: int) -> Value:
    """The tensor with every second element, or third, of an axis in the place of its own."""
    source = as_kind(k, source, x.dtype)
    parts = [source if at == first else slice_of(k, x, dim, at, step=step) for at in range(step)]
    return reshape(k, stack(k, parts, dim + 1), x.shape)


def _with_part(k: Target, x: Value, part: Value, dim: int, start: int, stop: int) -> Value:
    """The tensor with one part of an axis in the place of its own."""
    dim %= x.rank
    part = as_kind(k, part, x.dtype)
    before = [slice_of(k, x, dim, 0, start)] if start else []
    behind = [slice_of(k, x, dim, stop)] if stop < x.shape[dim] else []
    return concatenate(k, [*before, part, *behind], dim) if before or behind else part


@row("unfold")
def unfold(k: Target, x: Value, dim: int, size: int, step: int) -> Value:
    """Windows along an axis, which become the last."""
    dim %= x.rank
    count = (x.shape[dim] - size) // step + 1
    if count * step == x.shape[dim] and size == step:
        parted = reshape(k, x, (*x.shape[:dim], count, size, *x.shape[dim + 1 :]))
        order = [axis for axis in range(parted.rank) if axis != dim + 1]
        return permuted(parted, [*order, dim + 1])
    if size > MOST_SLICES:
        x = held(k, x, dim)
        x = arranged(k.ops, x, [*(axis for axis in x.axes if axis != dim), dim])
        data = k.ops.extract_sequences(x.data, size, step)
        return Value(data, (*x.shape[:dim], count, *x.shape[dim + 1 :], size), (*x.axes, x.rank), x.dtype)
    last = (count - 1) * step + 1
    return stack(k, [slice_of(k, x, dim, at, at + last, step) for at in range(size)], -1)
