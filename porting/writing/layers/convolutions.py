"""Convolutions, forwards and transposed."""

from typing import Any

from porting.writing.functions.row import Target
from porting.writing.functions.sliding.transposing import beyond_taps, kept
from porting.writing.functions.sliding.windows import counts_of, padded, pads_of, shortest, spread
from porting.writing.layers.row import changed, layer_row
from porting.writing.values.axes import Value, channels_last
from porting.writing.values.expressions import name_of


def _convolution(rank: int) -> None:
    @layer_row(f"conv{rank}d", f"Conv{rank}d")
    def convolution(
        k: Target,
        name: str,
        x: Value,
        weight: Value,
        bias: Value | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Value:
        x = channels_last(k.ops, x)
        size, step, rate = weight.shape[2:], spread(stride, rank), spread(dilation, rank)
        both = max(step) > 1 and max(rate) > 1
        pads = pads_of(padding, size, rate, rank)
        same = all(
            s == 1 and a == b and 2 * a == d * (w - 1) for w, s, d, (a, b) in zip(size, step, rate, pads, strict=True)
        ) and any(map(any, pads))
        if not same:
            x = padded(k, x, pads)
        depthwise = groups == x.shape[1] == weight.shape[0] and groups > 1 and rank < 3 and not both
        depthwise = depthwise and len(set(step)) == 1  # TensorFlow has no others
        kind = f"DepthwiseConv{rank}D" if depthwise else f"Conv{rank}D"
        first = () if depthwise else (weight.shape[0],)
        settings = changed(
            strides=(shortest(step), 1),
            padding=("same" if same else "valid", "valid"),
            dilation_rate=(shortest(rate), 1),
            groups=(1 if depthwise else groups, 1),
            use_bias=(bias is not None, True),
        )
        make = k.own(f"Dilated{kind}") if both else getattr(k.layers, kind)
        data = make(*first, shortest(size), **settings, name=name_of(name))(x.data)
        padded_lengths = [n + (sum(pad) if same else 0) for n, pad in zip(x.shape[2:], pads, strict=True)]
        lengths = counts_of(padded_lengths, size, step, rate)
        return Value(data, (x.shape[0], weight.shape[0], *lengths), x.axes)


def _transposed_convolution(rank: int) -> None:
    @layer_row(f"conv_transpose{rank}d", f"ConvTranspose{rank}d")
    def transposed(
        k: Target,
        name: str,
        x: Value,
        weight: Value,
        bias: Value | None = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Value:
        x = channels_last(k.ops, x)
        size, step, rate = weight.shape[2:], spread(stride, rank), spread(dilation, rank)
        filters, own = weight.shape[1] * groups, groups > 1 or max(rate) > 1
        crops = spread(padding, rank)
        beyond = () if own else beyond_taps(size, step, rate, crops, output_padding)
        settings = changed(
            strides=(shortest(step), 1),
            output_padding=(shortest(beyond) if beyond else None, None),
            dilation_rate=(shortest(rate), 1),
            groups=(groups, 1),
            use_bias=(bias is not None, True),
        )
        make = k.own(f"GroupedConv{rank}DTranspose") if own else getattr(k.layers, f"Conv{rank}DTranspose")
        data = make(filters, shortest(size), **settings, name=name_of(name))(x.data)
        return kept(k, data, x, filters, size, step, rate, crops, output_padding, beyond)


for _rank in (1, 2, 3):
    _convolution(_rank)
    _transposed_convolution(_rank)
