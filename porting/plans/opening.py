"""Layers of the reference that the port has as variables of a layer of its own: each tensor is taken by itself."""

from collections.abc import Iterator
from dataclasses import replace

from porting.errors import PairError, PlanError
from porting.plans.ordering import reached_by
from porting.plans.partners.pairing import pair_layers
from porting.plans.partners.proving import AGREES, Group, arrival_error, lesson_for
from porting.plans.transfers import Traced
from porting.rules.opened import LIES, OPENED, lies_either_way
from porting.traces import LayerCall, Trace


def as_it_lies(traced: Traced) -> Traced:
    """The traces with opened tensors as the port's variables have their axes: as Keras has them, or as torch does.

    Where a matrix is square only a proof tells, which of both is right for most of what lies behind.
    """
    sizes = [traced.reference.shapes[call.name] for call in _opened(traced.reference)]
    if traced.teach is None or not any(map(lies_either_way, sizes)):
        return traced
    other = replace(traced, reference=_lying(traced.reference, "torch"))
    return other if _agreeing(other) > _agreeing(traced) else traced


def _lying(trace: Trace, how: str) -> Trace:
    calls = (
        replace(call, settings={**call.settings, LIES: how}) if OPENED in call.settings else call
        for call in trace.calls
    )
    return replace(trace, calls=tuple(calls))


def _agreeing(traced: Traced) -> int:
    """Behind how many of the opened tensors what arrives agrees."""
    try:
        pairs, _ = pair_layers(traced)
    except (PairError, PlanError):
        return 0
    paired = {ours.name: theirs.name for ours, theirs in pairs}
    assert traced.teach
    taught = traced.teach(lesson_for(paired, traced))
    reached = (reached_by(name, traced.reference) for name in {call.name for call in _opened(traced.reference)})
    return sum(arrival_error(Group((), frozenset(ends)), paired, traced, taught) <= AGREES for ends in reached)


def _opened(trace: Trace) -> Iterator[LayerCall]:
    return (call for call in trace.calls if OPENED in call.settings)
