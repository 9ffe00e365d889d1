"""Layers of the reference that the port has as variables of a layer of its own: each tensor is taken by itself."""

from collections.abc import Iterator
from dataclasses import replace

from porting.plans.layouts import count_agreeing
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
    return count_agreeing(traced, ([name] for name in {call.name for call in _opened(traced.reference)}))


def _opened(trace: Trace) -> Iterator[LayerCall]:
    return (call for call in trace.calls if OPENED in call.settings)
