"""Rows of Linear and of Embedding."""

from porting.rules.rule import SAME_ORDER, LayerRule
from porting.rules.settings import Declared, Fixed
from porting.rules.shared_settings import LINEAR, by_sizes, trained

DENSE = LayerRule(
    "Linear",
    "Dense",
    {"weight": ("kernel", ("unit feature -> feature unit",)), "bias": ("bias", ("unit -> unit",))},
    (LINEAR, by_sizes("in_features out_features", "units use_bias"), *trained("kernel", "bias")),
    activation="sample ... feature -> sample ... feature",
    output="sample ... unit -> sample ... unit",
)

EMBEDDING = LayerRule(
    "Embedding",
    "Embedding",
    {"weight": ("embeddings", ("token feature -> token feature",))},
    (
        Fixed("torch", "max_norm", None, "Keras does not renormalise embeddings as it looks them up"),
        Fixed("keras", "mask_zero", False, "padding_idx is not mask_zero: torch masks nothing"),
        Declared("of gradients", ("padding_idx", "norm_type", "scale_grad_by_freq", "sparse"), in_training=True),
        by_sizes("num_embeddings embedding_dim", "input_dim output_dim"),
        *trained("embeddings"),
    ),
    activation=SAME_ORDER,
)
