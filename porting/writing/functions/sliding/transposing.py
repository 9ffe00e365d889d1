"""Transposed convolutions whose kernel is computed or shared, and what of Keras' results torch keeps."""

from collections.abc import Sequence
from typing import Any

from porting.writing.functions.arranging.shapes import reshape
from porting.writing.functions.pointwise import add
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.functions.sliding.windows import rank_of, shortest, spread
from porting.writing.values.axes import Value, arranged, channels_last

Lengths = Sequence[int]


def beyond_taps(size: Lengths, step: Lengths, rate: Lengths, crops: Lengths, more: Any) -> tuple[int, ...]:
    """The output padding that Keras' layer is to have, too: where torch keeps what lies beyond all that Keras gives."""
    ends = spread(more, len(size))
    reached = [d * (w - 1) + 1 for w, d in zip(size, rate, strict=True)]
    axes = zip(reached, step, crops, ends, strict=True)
    return ends if any(r + m - c > max(r, s) for r, s, c, m in axes) else ()


def kept(
    k: Target,
    data: Any,
    x: Value,
    filters: int,
    size: Lengths,
    step: Lengths,
    rate: Lengths,
    crops: Lengths,
    more: Any,
    beyond: Lengths = (),
) -> Value:
    """What torch keeps of all that comes of an input: without padding torch's and Keras' results are one.

    Keras' reach `beyond` the taps by so much, where that is given.

    Raises
    ------
    NoRowError
        If torch has more.
    """
    ends = spread(more, len(size))
    full = [(n - 1) * s + max(d * (w - 1) + 1, s) for n, w, s, d in zip(x.shape[2:], size, step, rate, strict=True)]
    if beyond:
        axes = zip(x.shape[2:], size, step, rate, beyond, strict=True)
        full = [(n - 1) * s + d * (w - 1) + 1 + m for n, w, s, d, m in axes]
    axes = zip(x.shape[2:], size, step, rate, crops, ends, strict=True)
    lengths = [(n - 1) * s - 2 * c + d * (w - 1) + m + 1 for n, w, s, d, c, m in axes]
    cuts = [(c, have - length - c) for c, length, have in zip(crops, lengths, full, strict=True)]
    if any(behind < 0 for _, behind in cuts):
        raise NoRowError("a transposed convolution whose output_padding reaches beyond its taps")
    if any(map(any, cuts)):
        data = getattr(k.layers, f"Cropping{len(cuts)}D")(cuts[0] if len(cuts) == 1 else tuple(cuts))(data)
    return Value(data, (x.shape[0], filters, *lengths), x.axes)


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
    made = kept(k, data, x, filters, size, step, rate, crops, output_padding)
    return made if bias is None else add(k, made, reshape(k, bias, (filters, *(1,) * rank)))
