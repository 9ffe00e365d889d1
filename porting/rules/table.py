"""The table: one row per pair of layer types. Read left to right a row converts to Keras, right to left back.

A row is also the documentation: which tensor becomes which variable, with what names for its axes, and how every
setting of the two layers is judged. Each family of layers has its rows in a module of its own. To port a layer that is
not here, give a `ModelPair` a row of your own.

Examples
--------
>>> from porting import LAYER_RULES
>>> row = next(row for row in LAYER_RULES if row.reference == "Conv1d")
>>> row.reference, row.tensors["weight"]
('Conv1d', ('kernel', ('filter channel tap -> tap channel filter',)))
"""

from collections.abc import Mapping

from porting.rules.layers.activations import PRELU
from porting.rules.layers.cells import CELLS
from porting.rules.layers.convolutions import convolution, depthwise_convolution, transposed_convolution
from porting.rules.layers.einsum import dense_by_equation
from porting.rules.layers.linear import (
    DENSE,
    EMBEDDING,
    POSITION_EMBEDDING,
    REVERSIBLE_EMBEDDING,
    TRANSPOSED_DENSE,
    linear_as_convolution,
    pointwise,
)
from porting.rules.layers.normalisations import (
    FROZEN_BATCH_NORMALISATION,
    GROUP_NORMALISATION,
    LAYER_NORMALISATION,
    LAYER_NORMALISATION_2D,
    RMS_NORMALISATION,
    batch_normalisation,
    instance_normalisation,
    named_rms_normalisation,
)
from porting.rules.layers.parameters import PARAMETER, POSITIONS
from porting.rules.layers.recurrences import RECURRENT
from porting.rules.rule import LayerRule
from porting.rules.shared_settings import TAPS
from porting.traces import LayerCall

LAYER_RULES: tuple[LayerRule, ...] = (
    DENSE,
    dense_by_equation("Linear"),
    TRANSPOSED_DENSE,
    dense_by_equation("Conv1D"),
    *(linear_as_convolution(rank) for rank in (1, 2)),
    *(convolution(rank, taps) for rank, taps in TAPS.items()),
    *(transposed_convolution(rank, taps) for rank, taps in TAPS.items()),
    *(depthwise_convolution(rank, TAPS[rank]) for rank in (1, 2)),
    *(pointwise(rank) for rank in TAPS),
    *(batch_normalisation(f"BatchNorm{rank}d") for rank in TAPS),
    batch_normalisation("SyncBatchNorm"),
    FROZEN_BATCH_NORMALISATION,
    LAYER_NORMALISATION,
    LAYER_NORMALISATION_2D,
    GROUP_NORMALISATION,
    *(instance_normalisation(rank) for rank in TAPS),
    RMS_NORMALISATION,
    *(named_rms_normalisation(kind) for kind in ("LlamaRMSNorm", "T5LayerNorm")),
    named_rms_normalisation("LlamaRMSNorm", "LlamaLayerNorm"),
    named_rms_normalisation("T5LayerNorm", "T5LayerNorm", "weight"),
    EMBEDDING,
    REVERSIBLE_EMBEDDING,
    POSITION_EMBEDDING,
    PRELU,
    *RECURRENT,
    *CELLS,
    PARAMETER,
    *POSITIONS,
)
"""Every row of the table, a `LayerRule` each."""

SEEN_THROUGH: Mapping[str, str] = {
    "MultiheadAttention": "query, key, value and out_proj, each a Linear",
    "TransformerEncoderLayer": "its attention, its two Linears and its two LayerNorms",
    "TransformerDecoderLayer": "its two attentions, its two Linears and its three LayerNorms",
    "EmbeddingBag": "an Embedding, and the sum, mean or maximum of each bag",
    "LSTM, GRU, RNN": "one for each layer and direction, samples first; a cell where the other model steps cells",
    "Bilinear": "its weight and its bias, each a Parameter",
    "MultiHeadAttention, GroupQueryAttention": "four EinsumDense layers",
    "Bidirectional": "a layer for each direction",
    "SeparableConv1D, SeparableConv2D": "a depthwise convolution and one of a single tap",
    "TokenAndPositionEmbedding": "a ReversibleEmbedding and a PositionEmbedding",
}
"""Modules of torch and layers of Keras that are several -> those that they are run, moved and compared as."""


def rows_of(reference: str, extra_rules: tuple[LayerRule, ...] = ()) -> list[LayerRule]:
    """All rows for a layer type of the reference; rows of a pair's own come first."""
    return [rule for rule in (*extra_rules, *LAYER_RULES) if rule.reference == reference]


def find_rule(reference: str, port: str, extra_rules: tuple[LayerRule, ...] = ()) -> LayerRule | None:
    """Look up the row for a pair of layer types; rows of a pair's own come first."""
    return next((rule for rule in rows_of(reference, extra_rules) if rule.port == port), None)


def rule_for(reference: LayerCall, port: LayerCall, extra_rules: tuple[LayerRule, ...] = ()) -> LayerRule | None:
    """Look up the row for two layers, with the axes that follow from them."""
    rule = find_rule(reference.kind, port.kind, extra_rules)
    return rule and rule.for_calls(reference, port)
