"""Rows of what is a product with a matrix, and of tables that are looked up."""

from dataclasses import replace

from porting.rules.rule import SAME_ORDER, LayerRule
from porting.rules.settings import Agreement, Declared, Fixed
from porting.rules.shared_settings import CHANNELS_ARE_LAST, LINEAR, TAPS, by_sizes, trained
from porting.rules.tables import Broadcast
from porting.traces import LayerCall


def _side_by_side(rule: LayerRule, reference: LayerCall, port: LayerCall) -> LayerRule:
    """The row of several layers that are one in the port: their units lie one after the other, or by turns."""
    count = sum(word.startswith("weight_") for word in reference.weights)
    if not count:
        return rule
    weights, biases = (" ".join(f"{word}_{at}" for at in range(count)) for word in ("weight", "bias"))
    times = reference.settings["turns"]
    ours, theirs = (f"(turn={times} unit)", "(turn part unit)") if times > 1 else ("unit", "(part unit)")
    return replace(
        rule,
        tensors={
            weights: ("kernel", (f"part={count} {ours} feature -> feature {theirs}",)),
            biases: ("bias", (f"part={count} {ours} -> {theirs}",)),
        },
    )


DENSE = LayerRule(
    "Linear",
    "Dense",
    {"weight": ("kernel", ("unit feature -> feature unit",)), "bias": ("bias", ("unit -> unit",))},
    (LINEAR, by_sizes("in_features out_features nf nx turns", "units use_bias"), *trained("kernel", "bias")),
    activation="sample ... feature -> sample ... feature",
    output="sample ... unit -> sample ... unit",
    by_calls=_side_by_side,
)

TRANSPOSED_DENSE = replace(
    DENSE,
    reference="Conv1D",
    tensors={"weight": ("kernel", ("feature unit -> feature unit",)), "bias": ("bias", ("unit -> unit",))},
    by_calls=None,
)
"""The Conv1D of transformers is a Linear whose weight is transposed."""


def pointwise(rank: int) -> LayerRule:
    """The row of a convolution of one tap that is a product with a matrix in the port."""
    ones = "1 " * rank
    return replace(
        DENSE,
        by_calls=None,
        reference=f"Conv{rank}d",
        tensors={
            "weight": ("kernel", (f"unit feature {ones}-> feature unit",)),
            "bias": ("bias", ("unit -> unit",)),
        },
        settings=(
            LINEAR,
            Fixed("torch", "kernel_size", (1,) * rank, "a Dense sees one point"),
            Fixed("torch", "stride", (1,) * rank, "a Dense sees every point"),
            Agreement(("padding",), (), _no_padding),
            Fixed("torch", "groups", 1, "a Dense joins every feature to every unit"),
            Declared("of convolutions of several taps only", ("dilation", "padding_mode", "output_padding")),
            by_sizes("in_channels out_channels", "units use_bias"),
            *trained("kernel", "bias"),
        ),
        activation="sample feature ... -> sample ... feature",
        output="sample unit ... -> sample ... unit",
    )


def _no_padding(reference: LayerCall, port: LayerCall) -> str:
    padding = reference.settings["padding"]
    none = padding in ("same", "valid") or not any(padding)
    return "" if none else f"padding={padding} in torch, must be 0: a Dense adds no points"


def linear_as_convolution(rank: int) -> LayerRule:
    """The row of a Linear that is a convolution of one tap in the port."""
    taps = TAPS[rank].split()
    ones = "1 " * rank
    return LayerRule(
        "Linear",
        f"Conv{rank}D",
        {"weight": ("kernel", (f"filter channel -> {ones}channel filter",)), "bias": ("bias", ("filter -> filter",))},
        (
            LINEAR,
            CHANNELS_ARE_LAST,
            Fixed("keras", "kernel_size", (1,) * len(taps), "a Linear sees one point"),
            Fixed("keras", "strides", (1,) * len(taps), "a Linear sees every point"),
            Fixed("keras", "groups", 1, "a Linear joins every feature to every unit"),
            Declared("of convolutions of several taps only", port=("dilation_rate", "padding")),
            by_sizes("in_features out_features", "filters use_bias"),
            *trained("kernel", "bias"),
        ),
        activation=SAME_ORDER,
    )


EMBEDDING = LayerRule(
    "Embedding",
    "Embedding",
    {"weight": ("embeddings", ("token feature -> token feature",))},
    (
        Fixed("torch", "max_norm", None, "Keras does not renormalise embeddings as it looks them up"),
        Declared("what is masked shows in what lies behind", port=("mask_zero",)),
        Declared("of gradients", ("padding_idx", "norm_type", "scale_grad_by_freq", "sparse"), in_training=True),
        by_sizes("num_embeddings embedding_dim", "input_dim output_dim"),
        *trained("embeddings"),
    ),
    activation=SAME_ORDER,
    window=Broadcast(),
)

REVERSIBLE_EMBEDDING = replace(
    EMBEDDING,
    port="ReversibleEmbedding",
    settings=(
        *EMBEDDING.settings,
        Declared("how it is used backwards shows there", port=("tie_weights", "reverse_dtype", "logit_soft_cap")),
    ),
)

POSITION_EMBEDDING = replace(
    EMBEDDING,
    port="PositionEmbedding",
    tensors={"weight": ("embeddings", ("position feature -> position feature",))},
    settings=(
        Fixed("torch", "max_norm", None, "Keras does not renormalise embeddings as it looks them up"),
        Declared("of gradients", ("padding_idx", "norm_type", "scale_grad_by_freq", "sparse"), in_training=True),
        by_sizes("num_embeddings embedding_dim", "sequence_length"),
        Declared("matters before training only", port=("initializer",), in_training=True),
        *trained("embeddings"),
    ),
)
