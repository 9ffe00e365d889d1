"""Rows of the layers that normalise."""

from porting.rules.rule import LayerRule
from porting.rules.settings import Declared, Equal, Fixed
from porting.rules.shared_settings import LAST_AXIS, by_sizes, trained

_AFFINE = by_sizes("affine elementwise_affine", "center scale")
_GAMMA_BETA = {"weight": ("gamma", ("channel -> channel",)), "bias": ("beta", ("channel -> channel",))}


def batch_normalisation(rank: int) -> LayerRule:
    """The row of batch normalisation over so many axes."""
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
            LAST_AXIS,
            _AFFINE,
            by_sizes("num_features", ""),
            Declared("where the batch statistics are gathered", port=("synchronized",), in_training=True),
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
