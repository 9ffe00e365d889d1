"""Pooling: what takes windows together."""

from collections.abc import Callable, Sequence
from functools import wraps
from math import prod
from typing import Any

from porting.writing.functions.arranging.shapes import squeeze, unsqueeze
from porting.writing.functions.row import NoRowError, Row, Target, row
from porting.writing.functions.sliding.windows import padded, shortest, spread
from porting.writing.values.axes import Value, channels_last
from porting.writing.values.sizes import is_free


def pooling_row(name: str) -> Callable[[Row], Row]:
    """Make a row known for one, two and three axes; what has none for channels gets one of length one meanwhile."""

    def known(write: Row) -> Row:
        for rank in (1, 2, 3):
            row(name.format(rank=rank))(_with_channels(write, rank))
        return write

    return known


def _with_channels(write: Row, rank: int) -> Row:
    @wraps(write)
    def pooled(k: Target, x: Value, *args: Any, **keywords: Any) -> Any:
        if x.rank != rank + 1:
            return write(k, x, *args, **keywords)
        made = write(k, unsqueeze(k, x, 1), *args, **keywords)
        return [squeeze(k, value, 1) for value in made] if isinstance(made, list) else squeeze(k, made, 1)

    return pooled


@pooling_row("max_pool{rank}d")
def max_pool(
    k: Target,
    x: Value,
    kernel_size: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] | int = 0,
    dilation: Sequence[int] | int = 1,
    ceil_mode: bool = False,
) -> Value:
    if set(spread(dilation, 1)) != {1}:
        raise NoRowError("max_pool with dilation")
    if _is_global(x, kernel_size, padding):
        return _global(k, "Max", x)
    fill = 0.0 if x.nonnegative else float("-inf")
    return _pooled(k, "Max", x, kernel_size, stride or kernel_size, padding, ceil_mode, fill)


@pooling_row("max_pool{rank}d_with_indices")
def max_pool_with_places(
    k: Target,
    x: Value,
    kernel_size: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] | int = 0,
    dilation: Sequence[int] | int = 1,
    ceil_mode: bool = False,
) -> list[Value]:
    """The places, each counted through the whole image, where they are read."""
    made = max_pool(k, x, kernel_size, stride, padding, dilation, ceil_mode)
    if 1 not in k.used:
        return [made]
    rank = x.rank - 2
    size, step, pads = spread(kernel_size, rank), spread(stride or kernel_size, rank), spread(padding, rank)
    if ceil_mode and _ends(x, size, step, pads):
        raise NoRowError("the places of maxima in windows that reach beyond the end")
    x = channels_last(k.ops, x)
    data = k.own("places_of_maxima")(x.data, tuple(size), tuple(step), tuple(pads))
    places = Value(data, made.shape, x.axes, "int", windows=tuple(step) if step == size and not any(pads) else ())
    return [made, places]


@row("max_unpool2d", "max_unpool3d")
def max_unpool(k: Target, x: Value, places: Value, output_size: Sequence[int], *_: Any) -> Value:
    """Each element where the maximum was that it stands for."""
    if not places.windows:
        raise NoRowError("max_unpool to places that come from no max_pool, or from one whose windows overlap")
    windows = places.windows
    x, places = channels_last(k.ops, x), channels_last(k.ops, places)
    data = k.own("unpooled")(x.data, places.data, tuple(output_size[-len(windows) :]), windows)
    return Value(data, (*x.shape[:2], *output_size[-len(windows) :]), x.axes)


@pooling_row("avg_pool{rank}d")
def average_pool(
    k: Target,
    x: Value,
    kernel_size: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] | int = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Value:
    rank = x.rank - 2
    if _is_global(x, kernel_size, padding) and not divisor_override:
        return _global(k, "Average", x)
    pads, size, step = spread(padding, rank), spread(kernel_size, rank), spread(stride or kernel_size, rank)
    ends = _ends(x, size, step, pads) if ceil_mode else ()
    if divisor_override:
        if ends:
            raise NoRowError("avg_pool with divisor_override and a window beyond the end")
        made = _pooled(k, "Average", x, size, step, padding, False, 0.0)
        return made.with_data(made.data * (prod(size) / divisor_override))
    if not ends and (count_include_pad or not any(pads)):
        return _pooled(k, "Average", x, size, step, padding, False, 0.0)
    if not ends and set(step) == {1} and all(2 * pad == n - 1 for pad, n in zip(pads, size, strict=True)):
        x = channels_last(k.ops, x)
        data = getattr(k.layers, f"AveragePooling{rank}D")(shortest(size), strides=1, padding="same")(x.data)
        return Value(data, x.shape, x.axes)
    return _counted(k, x, size, step, pads, ends or (0,) * rank, count_include_pad)


def _is_global(x: Value, size: Any, padding: Any) -> bool:
    """Whether one window is all of the space, whatever its size."""
    whole = spread(size, x.rank - 2) == x.shape[2:] and any(map(is_free, x.shape[2:]))
    return whole and not any(spread(padding, x.rank - 2))


def _counted(
    k: Target,
    x: Value,
    size: Sequence[int],
    step: Sequence[int],
    pads: Sequence[int],
    ends: Sequence[int],
    counts_pads: bool,
) -> Value:
    """Divide by how many of a window's elements count."""
    x = channels_last(k.ops, x)
    widths = tuple((pad, pad + end) for pad, end in zip(pads, ends, strict=True))
    counted = {"counted": tuple((pad, pad) for pad in pads)} if counts_pads and any(pads) else {}
    data = k.own("average_inside")(x.data, tuple(size), tuple(step), widths, **counted)
    lengths = [(n + sum(w) - s) // t + 1 for n, w, s, t in zip(x.shape[2:], widths, size, step, strict=True)]
    return Value(data, (*x.shape[:2], *lengths), x.axes)


def _pooled(
    k: Target, kind: str, x: Value, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, fill: float
) -> Value:
    rank = x.rank - 2
    size, step, pads = spread(kernel_size, rank), spread(stride, rank), spread(padding, rank)
    more = _ends(x, size, step, pads) if ceil_mode else (0,) * rank
    x = channels_last(k.ops, x)
    x = padded(k, x, [(pad, pad + end) for pad, end in zip(pads, more or (0,) * rank, strict=True)], value=fill)
    strides = {} if step == size else {"strides": shortest(step)}
    data = getattr(k.layers, f"{kind}Pooling{rank}D")(shortest(size), **strides)(x.data)
    lengths = [(n - w) // s + 1 for n, w, s in zip(x.shape[2:], size, step, strict=True)]
    return Value(data, (*x.shape[:2], *lengths), x.axes, nonnegative=x.nonnegative)


def _ends(x: Value, size: Sequence[int], step: Sequence[int], pads: Sequence[int]) -> tuple[int, ...]:
    """How far windows reach beyond the end where their number is rounded up; empty where none does."""
    more = []
    for length, width, stride, pad in zip(x.shape[2:], size, step, pads, strict=True):
        if is_free(length):
            more.append(_end_of_any(stride, pad, width))
            continue
        over = (length + 2 * pad - width) % stride
        starts_inside = over and length + 2 * pad - width - over + stride < length + pad
        more.append(stride - over if starts_inside else 0)
    return tuple(more) if any(more) else ()


def _end_of_any(stride: int, pad: int, width: int) -> int:
    """How far windows may reach beyond the end of any length; all that do begin inside."""
    if stride + pad > width:
        raise NoRowError("a window beyond the end begins inside for some sizes only")
    return stride - 1


@pooling_row("adaptive_avg_pool{rank}d")
def adaptive_average_pool(k: Target, x: Value, output_size: Any) -> Value:
    return _adaptive(k, "Average", x, output_size)


@pooling_row("adaptive_max_pool{rank}d")
def adaptive_max_pool(k: Target, x: Value, output_size: Any) -> list[Value]:
    return [_adaptive(k, "Max", x, output_size)]


def _adaptive(k: Target, kind: str, x: Value, output_size: Any) -> Value:
    rank = x.rank - 2
    sizes = [x.shape[at + 2] if size is None else size for at, size in enumerate(spread(output_size, rank))]
    if set(sizes) == {1}:
        return _global(k, kind, x)
    if tuple(sizes) == x.shape[2:]:
        return x
    if any(length % size for length, size in zip(x.shape[2:], sizes, strict=True)):
        return _uneven(k, kind, x, sizes)
    window = [length // size for length, size in zip(x.shape[2:], sizes, strict=True)]
    return _pooled(k, kind, x, window, window, 0, False, 0.0)


def _global(k: Target, kind: str, x: Value) -> Value:
    rank = x.rank - 2
    shape = (*x.shape[:2], *(1,) * rank)
    if set(x.shape[2:]) == {1}:
        return x
    x = channels_last(k.ops, x)
    pool = getattr(k.layers, f"Global{kind}Pooling{rank}D")
    data = pool()(x.data) if k.drops_units else pool(keepdims=True)(x.data)
    return Value(data, shape, (0, 1) if k.drops_units else x.axes)


def _uneven(k: Target, kind: str, x: Value, sizes: Sequence[int]) -> Value:
    """Windows of different lengths, one axis after the other."""
    x = channels_last(k.ops, x)
    shape = list(x.shape)
    data = x.data
    for axis, size in enumerate(sizes, start=2):
        if shape[axis] != size:
            pool = k.own("adaptive_pool_to" if is_free(shape[axis]) else "adaptive_pool")
            data = pool(data, size, axis=x.at(axis), **({} if kind == "Average" else {"kind": "max"}))
            shape[axis] = size
    return Value(data, tuple(shape), x.axes)
