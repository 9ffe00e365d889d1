"""The table: one row per pair of layer types. Read left to right a row converts to Keras, right to left back.

A row is also the documentation: which tensor becomes which variable, with what names for its axes, and how every
setting of the two layers is judged. To port a layer that is not here, give a `ModelPair` a row of your own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from porting.rules.settings import Agreement, Declared, Equal, Fixed, Required, Setting
from porting.rules.windows import Convolution, Recurrence, TransposedConvolution, Whole, Window
from porting.traces import LayerCall

CHANNELS_LAST = "sample channel ... -> sample ... channel"
SAME_ORDER = "... -> ..."


@dataclass(frozen=True, slots=True)
class LayerRule:
    """One row of the table.

    Attributes
    ----------
    reference, port : str
        Type names: of the ``torch.nn.Module`` and of the ``keras.layers.Layer``.
    tensors : Mapping
        The reference's tensor, or several that are stacked -> (the port's variable, one pattern per rank that the two
        can have).
    settings : tuple of Setting
        How each setting of either layer is judged.
    activation : str
        The axis pattern of the layer's input, and of its output where `output` names no other.
    output : str
        The axis pattern of its output.
    window : Window
        What part of its input the layer sees and what part of its output it keeps.
    without_twin : frozenset of str
        Tensors of the reference that Keras has no variable for.
    note : str
        What the row cannot carry back, if anything.
    """

    reference: str
    port: str
    tensors: Mapping[str, tuple[str, tuple[str, ...]]]
    settings: tuple[Setting, ...] = ()
    activation: str = CHANNELS_LAST
    output: str = ""
    window: Window = field(default_factory=Whole)
    without_twin: frozenset[str] = field(default_factory=frozenset)
    note: str = ""


def _trained(*names: str) -> tuple[Setting, ...]:
    """Settings that every Keras layer has and that say nothing about what a trained layer computes."""
    regularizers = (*(f"{name}_regularizer" for name in names), "activity_regularizer")
    constraints = (f"{name}_constraint" for name in names)
    return (
        Declared("a label, or how the layer is stored", port=("name", "dtype", "quantization_config")),
        Declared("matters before training only", port=tuple(f"{name}_initializer" for name in names), in_training=True),
        *(Fixed("keras", name, None, "torch decays weights in the optimiser", True) for name in regularizers),
        *(Fixed("keras", name, None, "torch's layers constrain nothing", True) for name in constraints),
        Fixed("keras", "trainable", True, "a frozen layer is not trained as torch's is", True),
    )


_LINEAR = Fixed("keras", "activation", "linear", "make the activation a layer of its own")
_CHANNELS_LAST = Fixed("keras", "data_format", "channels_last", "rules name the axes of channels-last layers")
_BY_TRACE = Declared(
    "where padding differs, so do the inputs that the taps see", ("padding", "padding_mode"), ("padding",)
)
_CROP_BY_TRACE = Declared(
    "where cropping differs, so do the outputs",
    ("padding", "output_padding", "padding_mode"),
    ("padding", "output_padding"),
)


def _by_sizes(reference: str, port: str) -> Declared:
    return Declared("seen in the tensors and their axis sizes", tuple(reference.split()), tuple(port.split()))


_WINDOW_SETTINGS = (Equal("stride", "strides"), Equal("dilation", "dilation_rate"), _LINEAR, _CHANNELS_LAST)
_CONVOLUTION_SIZES = _by_sizes("in_channels out_channels kernel_size", "filters kernel_size depth_multiplier use_bias")


def _convolution(rank: int, taps: str) -> LayerRule:
    return LayerRule(
        f"Conv{rank}d",
        f"Conv{rank}D",
        {
            "weight": ("kernel", (f"filter channel {taps} -> {taps} channel filter",)),
            "bias": ("bias", ("filter -> filter",)),
        },
        (
            *_WINDOW_SETTINGS,
            Equal("groups", "groups"),
            _BY_TRACE,
            Declared("of transposed convolutions only", ("output_padding",)),
            _CONVOLUTION_SIZES,
            *_trained("kernel", "bias"),
        ),
        window=Convolution(),
    )


def _transposed_convolution(rank: int, taps: str) -> LayerRule:
    return LayerRule(
        f"ConvTranspose{rank}d",
        f"Conv{rank}DTranspose",
        {
            "weight": ("kernel", (f"channel filter {taps} -> {taps} filter channel",)),
            "bias": ("bias", ("filter -> filter",)),
        },
        (
            *_WINDOW_SETTINGS,
            Fixed("torch", "groups", 1, "Keras has no grouped transposed convolution"),
            _CROP_BY_TRACE,
            _CONVOLUTION_SIZES,
            *_trained("kernel", "bias"),
        ),
        window=TransposedConvolution(),
    )


def _one_group_per_channel(reference: LayerCall, port: LayerCall) -> str:
    groups, channels = reference.settings["groups"], reference.settings["in_channels"]
    return "" if groups == channels else f"groups={groups} in torch, must be in_channels={channels}: Keras has one each"


def _depthwise_convolution(rank: int, taps: str) -> LayerRule:
    return LayerRule(
        f"Conv{rank}d",
        f"DepthwiseConv{rank}D",
        {
            "weight": ("kernel", (f"(channel multiplier) 1 {taps} -> {taps} channel multiplier",)),
            "bias": ("bias", ("filter -> filter",)),
        },
        (
            *_WINDOW_SETTINGS,
            Agreement(("groups",), (), _one_group_per_channel),
            _BY_TRACE,
            Declared("of transposed convolutions only", ("output_padding",)),
            _CONVOLUTION_SIZES,
            *_trained("depthwise", "bias"),
        ),
        window=Convolution(),
    )


def _channels_are_last(reference: LayerCall, port: LayerCall) -> str:
    axis = port.settings["axis"]
    axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    last = port.input.ndim - 1
    return (
        ""
        if axes in ([-1], [last])
        else f"axis={axis} in Keras, must be -1: rules name the axes of channels-last layers"
    )


_LAST_AXIS = Agreement((), ("axis",), _channels_are_last)
_AFFINE = _by_sizes("affine elementwise_affine", "center scale")
_GAMMA_BETA = {"weight": ("gamma", ("channel -> channel",)), "bias": ("beta", ("channel -> channel",))}


def _batch_normalisation(rank: int) -> LayerRule:
    return LayerRule(
        f"BatchNorm{rank}d",
        "BatchNormalization",
        {
            **_GAMMA_BETA,
            "running_mean": ("moving_mean", ("channel -> channel",)),
            "running_var": ("moving_variance", ("channel -> channel",)),
        },
        (
            Equal("eps", "epsilon"),
            Equal("momentum", "momentum", lambda momentum: 1 - momentum, "1 - torch's", in_training=True),
            Fixed("torch", "track_running_stats", True, "Keras always normalises by its moving statistics"),
            Fixed("keras", "renorm", False, "torch has no batch renormalisation"),
            Declared("of batch renormalisation only", port=("renorm_clipping", "renorm_momentum")),
            _LAST_AXIS,
            _AFFINE,
            _by_sizes("num_features", ""),
            Declared("where the batch statistics are gathered", port=("synchronized",), in_training=True),
            *_trained("gamma", "beta", "moving_mean", "moving_variance"),
        ),
        without_twin=frozenset({"num_batches_tracked"}),
        note="num_batches_tracked has no twin in Keras and comes back as 0",
    )


_DENSE = LayerRule(
    "Linear",
    "Dense",
    {"weight": ("kernel", ("unit feature -> feature unit",)), "bias": ("bias", ("unit -> unit",))},
    (_LINEAR, _by_sizes("in_features out_features", "units use_bias"), *_trained("kernel", "bias")),
    activation="sample ... feature -> sample ... feature",
    output="sample ... unit -> sample ... unit",
)

_LAYER_NORMALISATION = LayerRule(
    "LayerNorm",
    "LayerNormalization",
    _GAMMA_BETA,
    (
        Equal("eps", "epsilon"),
        Fixed("keras", "rms_scaling", False, "torch's LayerNorm subtracts the mean"),
        _LAST_AXIS,
        _AFFINE,
        _by_sizes("normalized_shape", ""),
        *_trained("gamma", "beta"),
    ),
    activation="sample ... channel -> sample ... channel",
)

_GROUP_NORMALISATION = LayerRule(
    "GroupNorm",
    "GroupNormalization",
    _GAMMA_BETA,
    (
        Equal("num_groups", "groups"),
        Equal("eps", "epsilon"),
        _LAST_AXIS,
        _AFFINE,
        _by_sizes("num_channels", ""),
        *_trained("gamma", "beta"),
    ),
)

_EMBEDDING = LayerRule(
    "Embedding",
    "Embedding",
    {"weight": ("embeddings", ("token feature -> token feature",))},
    (
        Fixed("torch", "max_norm", None, "Keras does not renormalise embeddings as it looks them up"),
        Fixed("keras", "mask_zero", False, "padding_idx is not mask_zero: torch masks nothing"),
        Declared("of gradients", ("padding_idx", "norm_type", "scale_grad_by_freq", "sparse"), in_training=True),
        _by_sizes("num_embeddings embedding_dim", "input_dim output_dim"),
        *_trained("embeddings"),
    ),
    activation=SAME_ORDER,
)

_PRELU = LayerRule(
    "PReLU",
    "PReLU",
    {"weight": ("alpha", tuple(f"channel -> {'1 ' * rank}channel" for rank in range(4)))},
    (_by_sizes("num_parameters", "shared_axes"), *_trained("alpha")),
)

_SUMMED_BIASES = "Keras has one bias, the sum of torch's two: it comes back in bias_ih_l0, and zeros in bias_hh_l0"


def _recurrent(
    kind: str, port: str, units: tuple[str, str], bias: str, *settings: Setting, note: str = ""
) -> LayerRule:
    ours, theirs = units
    return LayerRule(
        kind,
        port,
        {
            "weight_ih_l0": ("kernel", (f"{ours} feature -> feature {theirs}",)),
            "weight_hh_l0": ("recurrent_kernel", (f"{ours} state -> state {theirs}",)),
            "bias_ih_l0 bias_hh_l0": ("bias", (f"bias=2 {ours} -> {bias}{theirs}",)),
        },
        (
            Fixed("torch", "num_layers", 1, f"give each layer an nn.{kind} of its own, and one in Keras"),
            Fixed("torch", "bidirectional", False, f"give each direction an nn.{kind} of its own, and one in Keras"),
            Fixed("torch", "proj_size", 0, "Keras has no projection of the state"),
            Required("batch_first", True, f"transpose around the nn.{kind} instead, its tensors stay the same"),
            Fixed("keras", "go_backwards", False, "reverse the sequence in a layer of its own"),
            Fixed("keras", "stateful", False, "torch starts each batch from the state that it is given, or zeros"),
            Fixed("keras", "zero_output_for_mask", False, "torch masks nothing"),
            Declared("the last step is compared where only that is returned", port=("return_sequences",)),
            Declared("a state that is used shows in what it reaches", port=("return_state",)),
            Declared("how it is computed, not what", port=("unroll", "implementation", "use_cudnn")),
            Declared("between the layers of a stack only", ("dropout",), in_training=True),
            Fixed("keras", "dropout", 0.0, "drop in a layer of its own", True),
            Fixed("keras", "recurrent_dropout", 0.0, "torch drops nothing between steps", True),
            Declared("of dropout only", port=("seed",), in_training=True),
            Declared("matters before training only", port=("unit_forget_bias",), in_training=True),
            _by_sizes("input_size hidden_size bias", "units use_bias"),
            *settings,
            *_trained("kernel", "recurrent", "bias"),
        ),
        activation="sample time feature -> sample time feature",
        output="sample ... unit -> sample ... unit",
        window=Recurrence(),
        note=note,
    )


def _same_nonlinearity(reference: LayerCall, port: LayerCall) -> str:
    ours, theirs = reference.settings["mode"].removeprefix("RNN_").lower(), port.settings["activation"]
    return "" if ours == theirs else f"nonlinearity={ours} in torch, activation={theirs} in Keras"


_GATED = (
    Fixed("keras", "activation", "tanh", "torch knows no other"),
    Fixed("keras", "recurrent_activation", "sigmoid", "torch knows no other"),
    _by_sizes("mode", ""),
)

_RECURRENT = (
    _recurrent("LSTM", "LSTM", ("(gate=ifgo unit)", "(gate=ifgo unit)"), "", *_GATED, note=_SUMMED_BIASES),
    _recurrent(
        "GRU",
        "GRU",
        ("(gate=rzn unit)", "(gate=zrn unit)"),
        "bias=2 ",
        *_GATED,
        Fixed("keras", "reset_after", True, "torch resets the state behind its product with the recurrent kernel"),
    ),
    _recurrent(
        "RNN",
        "SimpleRNN",
        ("unit", "unit"),
        "",
        Agreement(("mode",), ("activation",), _same_nonlinearity),
        note=_SUMMED_BIASES,
    ),
)

_TAPS = {1: "tap", 2: "row column", 3: "plane row column"}

LAYER_RULES: tuple[LayerRule, ...] = (
    _DENSE,
    *(_convolution(rank, taps) for rank, taps in _TAPS.items()),
    *(_transposed_convolution(rank, taps) for rank, taps in _TAPS.items()),
    *(_depthwise_convolution(rank, _TAPS[rank]) for rank in (1, 2)),
    *(_batch_normalisation(rank) for rank in _TAPS),
    _LAYER_NORMALISATION,
    _GROUP_NORMALISATION,
    _EMBEDDING,
    _PRELU,
    *_RECURRENT,
)


def rows_of(reference: str, extra_rules: tuple[LayerRule, ...] = ()) -> list[LayerRule]:
    """All rows for a layer type of the reference; rows of a pair's own come first."""
    return [rule for rule in (*extra_rules, *LAYER_RULES) if rule.reference == reference]


def find_rule(reference: str, port: str, extra_rules: tuple[LayerRule, ...] = ()) -> LayerRule | None:
    """Look up the row for a pair of layer types; rows of a pair's own come first."""
    return next((rule for rule in rows_of(reference, extra_rules) if rule.port == port), None)
