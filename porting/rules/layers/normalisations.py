"""Rows of the layers that normalise."""

from dataclasses import replace

from porting.rules.layers.several_axes import over_several_axes
from porting.rules.rule import CHANNELS_LAST, LayerRule
from porting.rules.settings import Agreement, Declared, Equal, Fixed
from porting.rules.shared_settings import LAST_AXIS, by_sizes, trained
from porting.traces import LayerCall

FLOAT32_EPSILON = 2.0**-23
"""What an RMSNorm adds in float32 where it is given no eps."""

_AFFINE = by_sizes("affine elementwise_affine", "center scale")
_GAMMA_BETA = {"weight": ("gamma", ("channel -> channel",)), "bias": ("beta", ("channel -> channel",))}


def batch_normalisation(kind: str) -> LayerRule:
    """The row of a batch normalisation."""
    return LayerRule(
        kind,
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
            LAST_AXIS,
            _AFFINE,
            by_sizes("num_features", ""),
            Declared(
                "where the batch statistics are gathered", ("process_group",), ("synchronized",), in_training=True
            ),
            *trained("gamma", "beta", "moving_mean", "moving_variance"),
        ),
        without_twin=frozenset({"num_batches_tracked"}),
        note="num_batches_tracked has no twin in Keras and comes back as 0",
    )


LAYER_NORMALISATION = LayerRule(
    "LayerNorm",
    "LayerNormalization",
    _GAMMA_BETA,
    (
        Equal("eps", "epsilon"),
        Fixed("keras", "rms_scaling", False, "torch's LayerNorm subtracts the mean"),
        LAST_AXIS,
        _AFFINE,
        by_sizes("normalized_shape", ""),
        *trained("gamma", "beta"),
    ),
    activation="sample ... channel -> sample ... channel",
    by_calls=over_several_axes,
)


def _eps_of_none(reference: LayerCall, port: LayerCall) -> str:
    ours, theirs = reference.settings["eps"], port.settings["epsilon"]
    wanted = FLOAT32_EPSILON if ours is None else ours
    if abs(wanted - theirs) <= 1e-6 * wanted:
        return ""
    shown = f"None (float32's rounding, {wanted:.8g})" if ours is None else ours
    return f"eps={shown} in torch, epsilon={theirs} in Keras"


RMS_NORMALISATION = LayerRule(
    "RMSNorm",
    "RMSNormalization",
    {"weight": ("scale", ("channel -> channel",))},
    (
        Agreement(("eps",), ("epsilon",), _eps_of_none),
        LAST_AXIS,
        _AFFINE,
        by_sizes("normalized_shape", ""),
        *trained("scale"),
    ),
    activation="sample ... channel -> sample ... channel",
)


def named_rms_normalisation(reference: str, port: str = "RMSNormalization", variable: str = "scale") -> LayerRule:
    """The row of a language model's own class for the same, whose epsilon shows in what it computes."""
    return replace(
        RMS_NORMALISATION,
        reference=reference,
        port=port,
        tensors={"weight": (variable, ("channel -> channel",))},
        settings=(
            Declared("shows in what the layer computes", port=("epsilon", "axis")),
            *trained("scale"),
        ),
    )


def instance_normalisation(rank: int) -> LayerRule:
    """The row of instance normalisation over so many axes: a group normalisation with a group for each channel."""
    return LayerRule(
        f"InstanceNorm{rank}d",
        "GroupNormalization",
        _GAMMA_BETA,
        (
            Agreement((), ("groups",), _a_group_for_each_channel),
            Equal("eps", "epsilon"),
            Fixed("torch", "track_running_stats", False, "Keras normalises each sample by its own statistics"),
            Declared("of running statistics only", ("momentum",)),
            LAST_AXIS,
            _AFFINE,
            by_sizes("num_features", ""),
            *trained("gamma", "beta"),
        ),
    )


def _a_group_for_each_channel(reference: LayerCall, port: LayerCall) -> str:
    groups, channels = port.settings["groups"], port.input.shape[-1]
    if groups in (-1, channels):
        return ""
    return f"groups={groups} in Keras, must be -1 or {channels}: torch normalises each channel by itself"


LAYER_NORMALISATION_2D = replace(LAYER_NORMALISATION, reference="LayerNorm2d", activation=CHANNELS_LAST, by_calls=None)

FROZEN_BATCH_NORMALISATION = replace(
    batch_normalisation("FrozenBatchNorm2d"),
    settings=(
        Declared("shows in what the layer computes", port=("epsilon",)),
        Declared("of training, which the reference's statistics take no part in", port=("momentum", "trainable")),
        LAST_AXIS,
        _AFFINE,
        Declared("of batch renormalisation only", port=("renorm", "renorm_clipping", "renorm_momentum")),
        Declared("where the batch statistics are gathered", port=("synchronized",), in_training=True),
        *trained("gamma", "beta", "moving_mean", "moving_variance"),
    ),
    note="torch freezes all of it, Keras only with trainable=False",
)

GROUP_NORMALISATION = LayerRule(
    "GroupNorm",
    "GroupNormalization",
    _GAMMA_BETA,
    (
        Equal("num_groups", "groups"),
        Equal("eps", "epsilon"),
        LAST_AXIS,
        _AFFINE,
        by_sizes("num_channels", ""),
        *trained("gamma", "beta"),
    ),
)
