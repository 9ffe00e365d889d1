"""What the layers of a port are taught: the reference's own tensors, or synthetic ones that wake every unit."""

from porting.plans.plan import TransferPlan
from porting.records.parity import taught_partners
from porting.rules import patterns
from porting.rules.unit_axes import with_axes_of
from porting.traces import Lesson, Trace

SYNTHETIC_ROWS = 2
"""Samples in a synthetic lesson."""


def port_lesson(lesson: Lesson, reference: Trace, port: Trace, plan: TransferPlan) -> Lesson:
    """A lesson of the reference's layers for their partners in the port, in the port's axis order."""
    return tuple(
        pair.rule.window.teaching(
            with_axes_of(
                patterns.to_port(lesson[number].feed, pair.input_axes, named=f"the input of {pair.reference}"),
                theirs.input.shape,
            ),
            pair.rule.window.returned(
                patterns.to_port(lesson[number].give, pair.output_axes, named=f"the output of {pair.reference}"),
                (ours, theirs),
            ),
            (ours, theirs),
        )
        for number, ours, theirs, pair in taught_partners(reference, port, plan)
    )
