"""The table: one row per pair of layer types. Read left to right a row converts to Keras, right to left back.

A row is also the documentation: which tensor becomes which variable, with what names for its axes, and how every
setting of the two layers is judged. Each family of layers has its rows in a module of its own. To port a layer that is
not here, give a `ModelPair` a row of your own.

Examples
--------
>>> from porting import LAYER_RULES
>>> row = next(row for row in LAYER_RULES if row.port == "Conv1D")
>>> row.reference, row.tensors["weight"]
('Conv1d', ('kernel', ('filter channel tap -> tap channel filter',)))
"""

from porting.rules.activations import PRELU
from porting.rules.convolutions import convolution, depthwise_convolution, transposed_convolution
from porting.rules.linear import DENSE, EMBEDDING
from porting.rules.normalisations import GROUP_NORMALISATION, LAYER_NORMALISATION, batch_normalisation
from porting.rules.recurrences import RECURRENT
from porting.rules.rule import LayerRule
from porting.rules.shared_settings import TAPS

LAYER_RULES: tuple[LayerRule, ...] = (
    DENSE,
    *(convolution(rank, taps) for rank, taps in TAPS.items()),
    *(transposed_convolution(rank, taps) for rank, taps in TAPS.items()),
    *(depthwise_convolution(rank, TAPS[rank]) for rank in (1, 2)),
    *(batch_normalisation(rank) for rank in TAPS),
    LAYER_NORMALISATION,
    GROUP_NORMALISATION,
    EMBEDDING,
    PRELU,
    *RECURRENT,
)
"""Every row of the table, a `LayerRule` each."""


def rows_of(reference: str, extra_rules: tuple[LayerRule, ...] = ()) -> list[LayerRule]:
    """All rows for a layer type of the reference; rows of a pair's own come first."""
    return [rule for rule in (*extra_rules, *LAYER_RULES) if rule.reference == reference]


def find_rule(reference: str, port: str, extra_rules: tuple[LayerRule, ...] = ()) -> LayerRule | None:
    """Look up the row for a pair of layer types; rows of a pair's own come first."""
    return next((rule for rule in rows_of(reference, extra_rules) if rule.port == port), None)
