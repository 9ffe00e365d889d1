"""Transposed convolutions whose kernel is computed or shared, and what of Keras' results torch keeps."""

from collections.abc import Sequence
from typing import Any

from porting.writing.functions.arranging.shapes import reshape
from porting.writing.functions.pointwise import add
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.functions.sliding.windows import rank_of, shortest, spread
from porting.writing.values.axes import Value, arranged, channels_last

Lengths = Sequence[int]


def kept_lengths(x: Value, size: Lengths, step: Lengths, rate: Lengths, crops: Lengths, more: Lengths) -> list[int]:
    """How long torch's result is along each axis behind the channels."""
    axes = zip(x.shape[2:], size, step, rate, crops, more, strict=True)
    return [(n - 1) * s - 2 * c + d * (w - 1) + m + 1 for n, w, s, d, c, m in axes]


def cropped(
    k: Target, data: Any, x: Value, size: Lengths, step: Lengths, rate: Lengths, crops: Lengths, lengths: Lengths
) -> Any:
    """What torch keeps of all that comes of an input: without padding torch's and Keras' results are one.

    Raises
    ------
    NoRowError
        If torch has more.
    """
    axes = zip(x.shape[2:], size, step, rate, strict=True)
    full = [(n - 1) * s + max(d * (w - 1) + 1, s) for n, w, s, d in axes]
    if any(c + length > have for c, length, have in zip(crops, lengths, full, strict=True)):
        raise NoRowError("a transposed convolution whose output_padding reaches beyond its taps")
    cuts = [(c, have - length - c) for c, length, have in zip(crops, lengths, full, strict=True)]
    if not any(map(any, cuts)):
        return data
    return getattr(k.layers, f"Cropping{len(cuts)}D")(cuts[0] if len(cuts) == 1 else tuple(cuts))(data)


@row("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def convolve_transposed(
    k: Target,
    x: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Value:
    rank = rank_of(x, weight)
    x = channels_last(k.ops, x)
    size, step, rate = weight.shape[2:], spread(stride, rank), spread(dilation, rank)
    crops, filters = spread(padding, rank), weight.shape[1] * groups
    kernel = arranged(k.ops, weight, (*range(2, weight.rank), 1, 0)).data
    own = {"groups": groups} if groups != 1 else {}
    own |= {"dilation_rate": shortest(rate)} if max(rate) > 1 else {}
    data = k.own("TransposedConvolution")(shortest(step), **own)(x.data, kernel)
    lengths = kept_lengths(x, size, step, rate, crops, spread(output_padding, rank))
    data = cropped(k, data, x, size, step, rate, crops, lengths)
    made = Value(data, (x.shape[0], filters, *lengths), x.axes)
    return made if bias is None else add(k, made, reshape(k, bias, (filters, *(1,) * rank)))
