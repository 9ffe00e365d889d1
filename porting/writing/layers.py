"""Rows that write a layer: a torch function called with the weights of a layer of ``torch.nn`` that owns them.

A subclass that pads, permutes or activates besides (``Conv2dSame``, ``LayerNorm2d``, ``BatchNormAct2d``) is written as
that: what it adds stands in the graph as calls of their own.
"""

from collections.abc import Callable, Sequence
from typing import Any

from porting.writing.axes import Value, arranged, channels_last, one_or_all, settled, whole
from porting.writing.expressions import name_of
from porting.writing.functions.row import NoRowError, Target
from porting.writing.functions.windows import padded, shortest, spread

LayerRow = Callable[..., Value]
LAYER_ROWS: dict[str, tuple[str, LayerRow]] = {}
"""Name of a function of ATen -> the layers of ``torch.nn`` whose weights make it a layer, and the row."""


def layer_row(function: str, owners: str) -> Callable[[LayerRow], LayerRow]:
    """Make a row known."""

    def known(row: LayerRow) -> LayerRow:
        LAYER_ROWS[function] = (owners, row)
        return row

    return known


def with_last(ops: Any, x: Value, axis: int) -> Value:
    """Hold all axes, this one of torch's last."""
    axis %= x.rank
    order = (0, *range(2, x.rank), 1) if x.form is not None and axis == 1 else whole(settled(x) if axis != 1 else x)
    return arranged(ops, x, (*(other for other in order if other != axis), axis))


def _changed(**settings: tuple[Any, Any]) -> dict[str, Any]:
    """Settings that are not Keras' defaults: name -> (value, default)."""
    return {name: value for name, (value, default) in settings.items() if value != default}


@layer_row("linear", "Linear")
def dense(k: Target, name: str, x: Value, weight: Value, bias: Value | None = None) -> Value:
    x = with_last(k.ops, x, -1)
    settings = _changed(use_bias=(bias is not None, True))
    data = k.layers.Dense(weight.shape[0], **settings, name=name_of(name))(x.data)
    return Value(data, (*x.shape[:-1], weight.shape[0]), x.axes)


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
        pads = _pads(padding, size, rate, rank)
        same = all(
            s == 1 and a == b and 2 * a == d * (w - 1) for w, s, d, (a, b) in zip(size, step, rate, pads, strict=True)
        ) and any(map(any, pads))
        if not same:
            x = padded(k, x, pads)
        depthwise = groups == x.shape[1] == weight.shape[0] and groups > 1 and rank < 3
        kind = f"DepthwiseConv{rank}D" if depthwise else f"Conv{rank}D"
        first = () if depthwise else (weight.shape[0],)
        settings = _changed(
            strides=(shortest(step), 1),
            padding=("same" if same else "valid", "valid"),
            dilation_rate=(shortest(rate), 1),
            groups=(1 if depthwise else groups, 1),
            use_bias=(bias is not None, True),
        )
        data = getattr(k.layers, kind)(*first, shortest(size), **settings, name=name_of(name))(x.data)
        ends = [sum(pad) if same else 0 for pad in pads]
        lengths = [
            (n + e - d * (w - 1) - 1) // s + 1
            for n, e, w, s, d in zip(x.shape[2:], ends, size, step, rate, strict=True)
        ]
        return Value(data, (x.shape[0], weight.shape[0], *lengths), x.axes)


def _pads(padding: Any, size: Sequence[int], rate: Sequence[int], rank: int) -> list[tuple[int, int]]:
    """How many zeros stand before and behind each axis."""
    if padding == "same":
        totals = [d * (w - 1) for w, d in zip(size, rate, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    return [(0, 0) if padding == "valid" else (n, n) for n in spread(0 if padding == "valid" else padding, rank)]


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
        """Without padding torch's and Keras' are one; what torch crops is cropped behind it."""
        if groups != 1:
            raise NoRowError("a transposed convolution with groups, which Keras does not have")
        x = channels_last(k.ops, x)
        size, step, rate = weight.shape[2:], spread(stride, rank), spread(dilation, rank)
        crops, more = spread(padding, rank), spread(output_padding, rank)
        settings = _changed(
            strides=(shortest(step), 1), dilation_rate=(shortest(rate), 1), use_bias=(bias is not None, True)
        )
        data = getattr(k.layers, f"Conv{rank}DTranspose")(
            weight.shape[1], shortest(size), **settings, name=name_of(name)
        )(x.data)
        full = [(n - 1) * s + max(d * (w - 1) + 1, s) for n, w, s, d in zip(x.shape[2:], size, step, rate, strict=True)]
        lengths = [
            (n - 1) * s - 2 * c + d * (w - 1) + m + 1
            for n, w, s, d, c, m in zip(x.shape[2:], size, step, rate, crops, more, strict=True)
        ]
        if any(c + length > have for c, length, have in zip(crops, lengths, full, strict=True)):
            raise NoRowError("a transposed convolution whose output_padding reaches beyond its taps")
        cuts = [(c, have - length - c) for c, length, have in zip(crops, lengths, full, strict=True)]
        if any(map(any, cuts)):
            data = getattr(k.layers, f"Cropping{rank}D")(cuts[0] if rank == 1 else tuple(cuts))(data)
        return Value(data, (x.shape[0], weight.shape[1], *lengths), x.axes)


for _rank in (1, 2, 3):
    _convolution(_rank)
    _transposed_convolution(_rank)


@layer_row("batch_norm", "_BatchNorm FrozenBatchNorm2d")
def batch_normalisation(
    k: Target,
    name: str,
    x: Value,
    weight: Value | None,
    bias: Value | None,
    running_mean: Value | None,
    running_var: Value | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Value:
    if running_mean is None or training:
        raise NoRowError("batch_norm by the statistics of the batch, also in evaluation")
    x = with_last(k.ops, x, 1)
    settings = _changed(center=(bias is not None, True), scale=(weight is not None, True))
    layer = k.layers.BatchNormalization(momentum=_rest(momentum), epsilon=eps, **settings, name=name_of(name))
    return Value(layer(x.data), x.shape, x.axes)


def _rest(momentum: float) -> float:
    """Keras says how much is kept, torch how much is new."""
    return round(1 - momentum, 12)


@layer_row("layer_norm", "LayerNorm")
def layer_normalisation(
    k: Target,
    name: str,
    x: Value,
    normalized_shape: Sequence[int],
    weight: Value | None = None,
    bias: Value | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Value:
    count = len(normalized_shape)
    last = tuple(range(x.rank - count, x.rank))
    x = arranged(k.ops, x, (*(axis for axis in whole(settled(x)) if axis not in last), *last))
    axis = one_or_all(tuple(range(-count, 0)))
    settings = _changed(axis=(axis, -1), center=(bias is not None, True), scale=(weight is not None, True))
    return Value(k.layers.LayerNormalization(epsilon=eps, **settings, name=name_of(name))(x.data), x.shape, x.axes)


@layer_row("rms_norm", "RMSNorm")
def rms_normalisation(
    k: Target,
    name: str,
    x: Value,
    normalized_shape: Sequence[int],
    weight: Value | None = None,
    eps: float | None = None,
) -> Value:
    if len(normalized_shape) != 1:
        raise NoRowError("rms_norm over several axes")
    x = with_last(k.ops, x, -1)
    settings = {"epsilon": 1.1920928955078125e-07 if eps is None else eps}
    return Value(k.layers.RMSNormalization(**settings, name=name_of(name))(x.data), x.shape, x.axes)


@layer_row("group_norm", "GroupNorm")
def group_normalisation(
    k: Target,
    name: str,
    x: Value,
    num_groups: int,
    weight: Value | None = None,
    bias: Value | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Value:
    x = with_last(k.ops, x, 1)
    settings = _changed(groups=(num_groups, 32), center=(bias is not None, True), scale=(weight is not None, True))
    return Value(k.layers.GroupNormalization(epsilon=eps, **settings, name=name_of(name))(x.data), x.shape, x.axes)


@layer_row("embedding", "Embedding")
def embedding(k: Target, name: str, weight: Value, indices: Value, *_: Any) -> Value:
    indices = arranged(k.ops, indices, whole(settled(indices)))
    data = k.layers.Embedding(*weight.shape, name=name_of(name))(indices.data)
    return Value(data, (*indices.shape, weight.shape[1]), (*indices.axes, indices.rank))


@layer_row("prelu", "PReLU")
def prelu(k: Target, name: str, x: Value, weight: Value) -> Value:
    x = with_last(k.ops, x, 1) if x.rank > 1 else x
    if weight.shape[0] == 1:
        shared = tuple(range(1, len(x.axes)))
    else:
        shared = tuple(range(1, len(x.axes) - 1))
    settings = {"shared_axes": shared} if shared else {}
    return Value(k.layers.PReLU(**settings, name=name_of(name))(x.data), x.shape, x.axes)
