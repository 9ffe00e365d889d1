"""Convolution, pooling, padding and resizing: what slides over axes."""

from collections.abc import Sequence
from math import prod
from typing import Any

from porting.writing.functions.pointwise import add
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.functions.shapes import reshape, slice_of
from porting.writing.values.axes import Value, arranged, channels_last, settled, whole


def spread(size: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """One number for each axis."""
    sizes = (size,) if isinstance(size, int) else tuple(size)
    return sizes * rank if len(sizes) == 1 else sizes


def shortest(sizes: Sequence[int]) -> int | tuple[int, ...]:
    """A single number where all are equal."""
    return sizes[0] if len(set(sizes)) == 1 else tuple(sizes)


def padded(k: Target, x: Value, pads: Sequence[tuple[int, int]], mode: str = "constant", value: float = 0.0) -> Value:
    """Pad the axes behind the channels; x is channels-last."""
    if not any(before or after for before, after in pads):
        return x
    rank = x.rank - 2
    shape = (*x.shape[:2], *(size + sum(pad) for size, pad in zip(x.shape[2:], pads, strict=True)))
    if mode == "constant" and value == 0:
        plain = shortest([before for before, _ in pads]) if all(a == b for a, b in pads) else tuple(pads)
        plain = plain if rank > 1 or isinstance(plain, int) else plain[0]
        data = getattr(k.layers, f"ZeroPadding{rank}D")(plain)(x.data)
    else:
        settings = {"constant_values": value} if mode == "constant" else {"mode": mode}
        data = k.ops.pad(x.data, ((0, 0), *pads, (0, 0)), **settings)
    return Value(data, shape, x.axes, x.dtype)


@row("max_pool1d", "max_pool2d", "max_pool3d")
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
    fill = 0.0 if x.nonnegative else float("-inf")
    return _pooled(k, "Max", x, kernel_size, stride or kernel_size, padding, ceil_mode, fill)


@row("max_pool1d_with_indices", "max_pool2d_with_indices", "max_pool3d_with_indices")
def max_pool_alone(k: Target, x: Value, *args: Any, **settings: Any) -> list[Value]:
    """The places are not written; who reads them is told."""
    return [max_pool(k, x, *args, **settings)]


@row("avg_pool1d", "avg_pool2d", "avg_pool3d")
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
        over = (length + 2 * pad - width) % stride
        starts_inside = over and length + 2 * pad - width - over + stride < length + pad
        more.append(stride - over if starts_inside else 0)
    return tuple(more) if any(more) else ()


@row("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
def adaptive_average_pool(k: Target, x: Value, output_size: Any) -> Value:
    return _adaptive(k, "Average", x, output_size)


@row("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
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
            data = k.own("adaptive_pool")(data, size, axis=x.at(axis), **({} if kind == "Average" else {"kind": "max"}))
            shape[axis] = size
    return Value(data, tuple(shape), x.axes)


@row("pad", "constant_pad_nd")
def pad(k: Target, x: Value, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Value:
    x = settled(x)
    pairs = {x.rank - 1 - at: (pad[2 * at], pad[2 * at + 1]) for at in range(len(pad) // 2)}
    if any(amount < 0 for pair in pairs.values() for amount in pair):
        if mode != "constant":
            raise NoRowError(f"pad that crops with mode={mode!r}")
        return _cropped(k, x, pairs, mode, value)
    shape = tuple(size + sum(pairs.get(axis, (0, 0))) for axis, size in enumerate(x.shape))
    if shape == x.shape:
        return x
    missing = [axis for axis in pairs if axis not in x.axes]
    if missing:
        x = arranged(k.ops, x, whole(x))
    settings: dict[str, Any] = {}
    if mode == "constant" and value:
        settings["constant_values"] = value
    elif mode != "constant":
        if mode not in {"reflect", "replicate", "circular"}:
            raise NoRowError(f"pad with mode={mode!r}")
        settings["mode"] = {"replicate": "edge", "circular": "wrap"}.get(mode, mode)
    widths = tuple(pairs.get(axis, (0, 0)) for axis in x.axes)
    if mode in {"replicate", "circular"}:
        data = k.own(f"pad_{settings['mode']}")(x.data, widths)
    else:
        data = k.ops.pad(x.data, widths, **settings)
    return Value(data, shape, x.axes, x.dtype)


def _cropped(k: Target, x: Value, pairs: dict[int, tuple[int, int]], mode: str, value: float | None) -> Value:
    """Negative widths take elements away."""
    for axis, (before, after) in pairs.items():
        if before < 0 or after < 0:
            x = slice_of(k, x, axis, max(-before, 0), x.shape[axis] - max(-after, 0))
    kept = [max(width, 0) for axis in range(x.rank - 1, -1, -1) if axis in pairs for width in pairs[axis]]
    return pad(k, x, kept, mode, value) if any(kept) else x


@row("conv1d", "conv2d", "conv3d")
def convolve(
    k: Target,
    x: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Value:
    """A convolution whose kernel is computed or shared."""
    rank = x.rank - 2
    if groups != 1:
        raise NoRowError("a convolution in groups whose kernel is computed, which keras.ops does not have")
    size, step, rate = weight.shape[2:], spread(stride, rank), spread(dilation, rank)
    pads = pads_of(padding, size, rate, rank)
    x = padded(k, channels_last(k.ops, x), pads)
    kernel = arranged(k.ops, weight, (*range(2, weight.rank), 1, 0))
    known = {"strides": step, "dilation_rate": rate}
    settings = {name: shortest(value) for name, value in known.items() if set(value) != {1}}
    data = k.ops.conv(x.data, kernel.data, padding="valid", **settings)
    lengths = [(n - d * (w - 1) - 1) // s + 1 for n, w, s, d in zip(x.shape[2:], size, step, rate, strict=True)]
    made = Value(data, (x.shape[0], weight.shape[0], *lengths), x.axes)
    return made if bias is None else add(k, made, reshape(k, bias, (weight.shape[0], *(1,) * rank)))


def pads_of(padding: Any, size: Sequence[int], rate: Sequence[int], rank: int) -> list[tuple[int, int]]:
    """How many zeros stand before and behind each axis."""
    if padding == "same":
        totals = [d * (w - 1) for w, d in zip(size, rate, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    return [(0, 0) if padding == "valid" else (n, n) for n in spread(0 if padding == "valid" else padding, rank)]


def _nearest(prefix: str, exact: bool) -> None:
    @row(*(f"{prefix}{rank}d" for rank in (1, 2, 3)))
    def nearest(k: Target, x: Value, output_size: Any = None, *factors: Any, scale_factors: Any = None) -> Value:
        given = scale_factors or next(iter(factors), None)
        if given is not None and not isinstance(given, (list, tuple)):
            given = list(factors)
        sizes = _sizes_of(x, output_size, given)
        x = channels_last(k.ops, x)
        if not any(new % old for new, old in zip(sizes, x.shape[2:], strict=True)):
            times = shortest([new // old for new, old in zip(sizes, x.shape[2:], strict=True)])
            return Value(_repeated(k, x, times), (*x.shape[:2], *sizes), x.axes)
        if any(given or ()):
            raise NoRowError("upsample_nearest by a factor that is not whole")
        data = x.data
        for axis, size in enumerate(sizes, start=2):
            if x.shape[axis] != size:
                data = k.own("resize_nearest")(data, size, axis=x.at(axis), **({"exact": True} if exact else {}))
        return Value(data, (*x.shape[:2], *sizes), x.axes, x.dtype)


def _repeated(k: Target, x: Value, times: Any) -> Any:
    return x.data if times == 1 else getattr(k.layers, f"UpSampling{x.rank - 2}D")(times)(x.data)


_nearest("upsample_nearest", False)
_nearest("_upsample_nearest_exact", True)


@row("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d")
def upsample_linear(
    k: Target, x: Value, output_size: Any, align_corners: bool = False, *factors: Any, scale_factors: Any = None
) -> Value:
    return _resized(k, "linear", x, output_size, align_corners, scale_factors or next(iter(factors), None))


@row("upsample_bicubic2d")
def upsample_cubic(
    k: Target, x: Value, output_size: Any, align_corners: bool = False, *factors: Any, scale_factors: Any = None
) -> Value:
    return _resized(k, "cubic", x, output_size, align_corners, scale_factors or next(iter(factors), None))


def _resized(k: Target, kind: str, x: Value, output_size: Any, align_corners: bool, factors: Any) -> Value:
    """Interpolate one axis after the other, as torch weighs the neighbours; Keras' own resize is float32 alone."""
    sizes = _sizes_of(x, output_size, factors)
    x = channels_last(k.ops, x)
    shape, data = list(x.shape), x.data
    for axis, size in enumerate(sizes, start=2):
        if shape[axis] != size:
            settings: dict[str, Any] = {"align_corners": True} if align_corners else {}
            if (
                factors
                and not align_corners
                and factors[axis - 2]
                and int(shape[axis] * factors[axis - 2]) / shape[axis] != factors[axis - 2]
            ):
                settings["scale"] = 1 / factors[axis - 2]
            data = k.own(f"resize_{kind}")(data, size, axis=x.at(axis), **settings)
            shape[axis] = size
    return Value(data, tuple(shape), x.axes)


def _sizes_of(x: Value, output_size: Any, factors: Any) -> tuple[int, ...]:
    if output_size is not None:
        return tuple(output_size)
    return tuple(int(length * factor) for length, factor in zip(x.shape[2:], factors, strict=True))
