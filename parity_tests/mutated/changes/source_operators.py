"""The table of mutations of a port's source. Adding a kind of fault is adding a row.

Each row finds places and what stands there instead; its words are what the verdict should say of it, wherever that is:
in the name or the detail of a cause, in a setting that differs, in what is drawn otherwise.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from parity_tests.mutated.changes import calls, layers, tensors
from parity_tests.mutated.changes.places import CONVOLUTIONS, NORMALISATIONS, Changes
from parity_tests.mutated.changes.sources import Source


@dataclass(frozen=True, slots=True)
class SourceOperator:
    """A kind of fault in a port's source.

    Attributes
    ----------
    name : str
    find : callable
        Every place that it finds in a source.
    words : str
        A regular expression that fits what a right name of the fault says.
    """

    name: str
    find: Callable[[Source], Changes]
    words: str


def slightly(value: float) -> tuple[float, ...]:
    """A thousandth more."""
    return (1.001 * value,)


DROPS = r"drop|drawn|draws|rate"
PADS = r"padding|offset by one point"
ORDERS = r"order|transpos|reshap|permut|axis|axes"
NUMBERS = r"scale|activation|number|epsilon"
TURNS = r"revers|order|the other way|backwards"

_REDUCED = re.compile("mean|sum|max|concatenate|stack|normalize|flip|expand_dims|squeeze")
_LEFT_OUT = r"missing|left out|order|scale|padding|pooling|transpos|reshap|operation"
_TWICE = r"added|order|transpos|scale|pooling|padding|operation|activation|offset|drop|number"
_EXCHANGED = r"activation|order|added|missing|drawn|drop|padding"

SOURCE_OPERATORS: tuple[SourceOperator, ...] = (
    SourceOperator("strides", layers.strides, r"stride"),
    SourceOperator("border of a convolution or pool", layers.border, r"padding|pooling|offset"),
    SourceOperator("zeros at one end", layers.zeros, PADS),
    SourceOperator("dilation", layers.other_values("dilation_rate", CONVOLUTIONS, layers.one_or_two, 1), r"dilation"),
    SourceOperator("epsilon", layers.other_values("epsilon", NORMALISATIONS, lambda e: (10 * e, 1e-3)), r"epsilon"),
    SourceOperator("epsilon by 0.1 %", layers.other_values("epsilon", NORMALISATIONS, slightly), r"epsilon"),
    SourceOperator(
        "momentum", layers.other_values("momentum", NORMALISATIONS, lambda m: (1 - m, m - 1e-3)), r"momentum"
    ),
    SourceOperator("groups or axis normalised", layers.normalised, r"groups|axis|axes"),
    SourceOperator("dropout's rate", layers.rates, DROPS),
    SourceOperator("activation in a layer", layers.fused, r"activation"),
    SourceOperator("pooling", layers.pools, r"pool"),
    SourceOperator("interpolation", layers.interpolations, r"resiz"),
    SourceOperator("recurrence", layers.recurrences, r"activation|revers|the other way|backwards|dropout"),
    SourceOperator("trained otherwise", layers.training, r"trainable|frozen|regulari|trained"),
    SourceOperator("always or never in training", layers.modes, r"train|drop|drawn|after a step|statistics"),
    SourceOperator("dropout missing", calls.missing(calls.is_drop), DROPS),
    SourceOperator("dropout added", calls.drops_added, DROPS),
    SourceOperator("activation of another kind", calls.activations, r"activation"),
    SourceOperator("setting of an activation", calls.activation_settings, r"activation|number"),
    SourceOperator("activation missing", calls.missing(calls.is_activation), r"activation"),
    SourceOperator("padding mode or widths", calls.pads, PADS),
    SourceOperator("call missing", calls.missing(calls.is_other), _LEFT_OUT),
    SourceOperator("call doubled", calls.doubled, _TWICE),
    SourceOperator("reduction", calls.reductions, r"pool|scale|reduc"),
    SourceOperator("mask", calls.masks, r"mask|padded with"),
    SourceOperator("cast", calls.casts, r"rounded|cast"),
    SourceOperator("gradient stopped", calls.stopped, r"gradient"),
    SourceOperator("neighbours exchanged", calls.neighbours, _EXCHANGED),
    SourceOperator("axis of a softmax", tensors.other_axes(re.compile("softmax|log_softmax")), r"softmax"),
    SourceOperator("axis", tensors.other_axes(_REDUCED), r"axis|axes|pooling|order|epsilon"),
    SourceOperator("order of a transposition", tensors.orders, ORDERS),
    SourceOperator("order of a reshape", tensors.shapes, ORDERS),
    SourceOperator("letters of an equation", tensors.equations, f"{ORDERS}|operand|scale"),
    SourceOperator("another tensor", tensors.others_in_scope, r"elsewhere|exchanged|order|another|missing"),
    SourceOperator("order of operands", tensors.operands, r"operands|order|scale|exchanged|parts"),
    SourceOperator("another operation", tensors.operations, r"operation|residual|scale"),
    SourceOperator("one operand missing", tensors.one_operand, r"missing|left out|residual|scale"),
    SourceOperator("constant doubled", tensors.other_constants(lambda value: 2 * value), NUMBERS),
    SourceOperator("constant by 0.1 %", tensors.other_constants(lambda value: 1.001 * value), NUMBERS),
    SourceOperator("whole number", tensors.integers, r"step|position|mask|axis|order|scale|offset"),
    SourceOperator("last axes exchanged", tensors.transposed, ORDERS),
    SourceOperator("reversed", tensors.reversed_, TURNS),
)
"""Kinds of faults in a source."""
