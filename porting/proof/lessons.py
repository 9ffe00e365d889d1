"""What the layers of a port are taught: the reference's own tensors, or synthetic ones that wake every unit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from porting.plans.plan import TransferPlan
from porting.probes import Probe
from porting.proof.inputs import not_finite
from porting.proof.training.gradients import attempt
from porting.proof.variations import with_far_sample
from porting.records.parity import taught_partners
from porting.records.synthetic import DrawnCall, described, draw
from porting.reference import runs as torch_runs
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


@dataclass(frozen=True, slots=True)
class SyntheticRun:
    """A reference's run on synthetic activations.

    Attributes
    ----------
    probe : Probe
    inputs : sequence of ndarray
        The probe's arrays in the reference's axis order.
    drawn_by : tuple of DrawnCall
    lesson : Lesson
    trace : Trace
    """

    probe: Probe
    inputs: Sequence[np.ndarray]
    drawn_by: tuple[DrawnCall, ...]
    lesson: Lesson
    trace: Trace


def run_on_synthetic(
    model: Any, few: Probe, small: Trace, inputs_of: Callable[[Probe], Sequence[np.ndarray]]
) -> SyntheticRun:
    """Run a reference on inputs far outside a probe, and with whole channels below zero, where it is finite on them.

    A model may be defined on a range alone (the root of 1 - x * x), or divide by the greatest of a channel.

    Parameters
    ----------
    model : torch.nn.Module
    few : Probe
    small : Trace
        The model's on that probe.
    inputs_of : callable
        Gives a probe's arrays in the reference's axis order.
    """
    drawn_by, far = described(small), with_far_sample(few)
    plain = tuple(
        replace(call, feed=replace(call.feed, channels=0), give=replace(call.give, channels=0)) for call in drawn_by
    )
    for probe, by in ((far, drawn_by), (far, plain), (few, drawn_by)):
        inputs, lesson = inputs_of(probe), draw(by)
        trace, _ = attempt(torch_runs.teach, model, inputs, lesson)
        if trace is not None and not any(not_finite(trace)):
            return SyntheticRun(probe, inputs, by, lesson, trace)
    inputs, lesson = inputs_of(few), draw(plain)
    return SyntheticRun(few, inputs, plain, lesson, torch_runs.teach(model, inputs, lesson))
