"""Convolution, padding and resizing: what slides over axes."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from porting.writing.functions.arranging.shapes import reshape, slice_of, stack
from porting.writing.functions.pointwise import add
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.functions.sizing import places
from porting.writing.values.axes import Value, arranged, channels_last, settled, whole
from porting.writing.values.sizes import for_both, is_free

_SMALL = 16


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
        settings["constant_values"] = value if x.dtype == "float" else int(value)
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
    rank = rank_of(x, weight)
    size, step, rate = weight.shape[2:], spread(stride, rank), spread(dilation, rank)
    pads = pads_of(padding, size, rate, rank)
    x = padded(k, channels_last(k.ops, x), pads)
    both = max(step) > 1 and max(rate) > 1  # Keras has not both: some of the dilated one's results
    known = {"strides": (1,) * rank if both else step, "dilation_rate": rate}
    settings = {name: shortest(value) for name, value in known.items() if set(value) != {1}}
    taps = tuple(range(2, weight.rank))
    if groups == x.shape[1] != 1 and rank < 3 and (both or len(set(step)) == 1):
        parted = reshape(k, weight, (groups, weight.shape[0] // groups, *size))
        data = k.ops.depthwise_conv(x.data, arranged(k.ops, parted, (*taps, 0, 1)).data, **settings)
    else:
        apart = {"groups": groups} if groups != 1 else {}
        convolved = k.own("conv_in_groups") if apart else k.ops.conv
        data = convolved(x.data, arranged(k.ops, weight, (*taps, 1, 0)).data, **apart, padding="valid", **settings)
    lengths = counts_of(x.shape[2:], size, known["strides"], rate)
    made = Value(data, (x.shape[0], weight.shape[0], *lengths), x.axes)
    for axis, each in enumerate(step if both else (), start=2):
        made = slice_of(k, made, axis, 0, made.shape[axis], each)
    return made if bias is None else add(k, made, reshape(k, bias, (weight.shape[0], *(1,) * rank)))


def rank_of(x: Value, weight: Value) -> int:
    """Over how many axes a kernel slides.

    Raises
    ------
    NoRowError
        If nothing but the channels lies before them.
    """
    if x.rank != weight.rank:
        raise NoRowError("a convolution without an axis of samples")
    return x.rank - 2


def counts_of(lengths: Sequence[int], size: Sequence[int], step: Sequence[int], rate: Sequence[int]) -> list[int]:
    """How many windows fit into each axis."""
    return [(n - d * (w - 1) - 1) // s + 1 for n, w, s, d in zip(lengths, size, step, rate, strict=True)]


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
        data = x.data
        for axis, size in enumerate(sizes, start=2):
            settings = {**({"exact": True} if exact else {}), **_scale(x.shape[axis], given, axis - 2)}
            if x.shape[axis] != size or "scale" in settings:
                data = _sized(k, "nearest", x, data, axis, size, settings, _times(given, axis))
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


def _antialiased(name: str, cubic: bool) -> None:
    @row(name)
    def antialiased(k: Target, x: Value, output_size: Any, align_corners: bool = False, factors: Any = None) -> Value:
        if align_corners:
            raise NoRowError("interpolation with antialias and align_corners")
        sizes = _sizes_of(x, output_size, factors)
        x = channels_last(k.ops, x)
        data = x.data
        for axis, size in enumerate(sizes, start=2):
            settings = {**({"cubic": True} if cubic else {}), **_scale(x.shape[axis], factors, axis - 2)}
            if x.shape[axis] != size or "scale" in settings:
                data = _sized(k, "antialiased", x, data, axis, size, settings, _times(factors, axis))
        return Value(data, (*x.shape[:2], *sizes), x.axes)


_antialiased("_upsample_bilinear2d_aa", False)
_antialiased("_upsample_bicubic2d_aa", True)


def _resized(k: Target, kind: str, x: Value, output_size: Any, align_corners: bool, factors: Any) -> Value:
    """Interpolate one axis after the other, as torch weighs the neighbours; Keras' own resize is float32 alone."""
    sizes = _sizes_of(x, output_size, factors)
    x = channels_last(k.ops, x)
    shape, data = list(x.shape), x.data
    for axis, size in enumerate(sizes, start=2):
        if shape[axis] != size:
            settings = {"align_corners": True} if align_corners else _scale(shape[axis], factors, axis - 2)
            data = _sized(k, kind, x, data, axis, size, settings, _times(factors, axis))
            shape[axis] = size
    return Value(data, tuple(shape), x.axes)


def _times(factors: Any, axis: int) -> Fraction | None:
    """How many times as many points an axis gets, where that is a fraction of small numbers."""
    times = Fraction(factors[axis - 2]) if factors and factors[axis - 2] else None
    return times if times is not None and times.denominator <= _SMALL else None


def _sized(
    k: Target,
    kind: str,
    x: Value,
    data: Any,
    axis: int,
    size: int,
    settings: dict[str, Any],
    times: Fraction | None,
) -> Any:
    """Interpolate along one axis to a size, which may follow the inputs'."""
    length, at = x.shape[axis], x.at(axis)
    if not is_free(size) and not is_free(length):
        return k.own(f"resize_{kind}")(data, size, axis=at, **settings)
    if not is_free(size):
        new = k.ops.arange(size, dtype="int32")
    elif is_free(length) and times is not None:
        parts = {} if times.denominator == 1 else {"parts": times.denominator}
        new = k.own("places_along")(x.data, axis=at, times=times.numerator, **parts)
    else:
        new = places(k, size)
    return k.own(f"resize_{kind}_to")(data, new, axis=at, **settings)


def _scale(length: int, factors: Any, at: int) -> dict[str, Any]:
    """How far new points lie apart, where that is not what the lengths say."""
    if not factors or not factors[at]:
        return {}
    fits = float(factors[at]).is_integer() if is_free(length) else int(length * factors[at]) / length == factors[at]
    return {} if fits else {"scale": 1 / factors[at]}


def _sizes_of(x: Value, output_size: Any, factors: Any) -> tuple[int, ...]:
    if output_size is not None:
        return tuple(output_size)
    return tuple(
        for_both(lambda size, factor=factor: int(size * factor), length)
        for length, factor in zip(x.shape[2:], factors, strict=True)
    )


@row("im2col")
def unfold_images(
    k: Target,
    x: Value,
    kernel_size: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    stride: Sequence[int],
) -> Value:
    """The patches of images, channel by channel, each a column."""
    x = pad(k, x, [padding[1], padding[1], padding[0], padding[0]])
    counts = counts_of(x.shape[2:], kernel_size, stride, dilation)
    spans = [rate * (width - 1) for rate, width in zip(dilation, kernel_size, strict=True)]
    taps = [
        _tap(k, x, row_ * dilation[0], column * dilation[1], counts, stride, spans)
        for row_ in range(kernel_size[0])
        for column in range(kernel_size[1])
    ]
    return reshape(k, stack(k, taps, 2), (x.shape[0], x.shape[1] * len(taps), counts[0] * counts[1]))


def _tap(
    k: Target, x: Value, row_: int, column: int, counts: Sequence[int], stride: Sequence[int], spans: Sequence[int]
) -> Value:
    for axis, at, count, step, span in zip((2, 3), (row_, column), counts, stride, spans, strict=True):
        end = at - span or None if is_free(count) else at + (count - 1) * step + 1
        x = slice_of(k, x, axis, at, end, step)
    return x
