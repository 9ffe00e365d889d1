"""What arrives at the port's layers where each returns what its partner does: it tells in what direction they run."""

from dataclasses import replace

from porting.errors import PortingError
from porting.plans.partners.proving import lesson_for
from porting.plans.transfers import Traced
from porting.rules.directions import is_turned, run_apart
from porting.traces import LayerCall, Trace

Pairs = list[tuple[LayerCall, LayerCall]]


def with_arriving(traced: Traced, pairs: Pairs) -> Traced:
    """The traces, in the port's what arrives where its layers are taught, if a pair of layers runs apart.

    The weights may not be in place yet, or another fault may lie before; each round settles a layer further on.
    """
    if (teach := traced.teach) is None:
        return traced
    paired = {ours.name: theirs.name for ours, theirs in pairs}
    apart = [ours.name for ours, theirs in pairs if run_apart(ours, theirs)]
    for _ in apart:
        try:
            taught = teach(lesson_for(paired, traced))
        except PortingError:
            return traced
        before, traced = traced, replace(traced, port=_fed(traced.port, taught))
        if _turned(before, paired, apart) == _turned(traced, paired, apart):
            return traced
    return traced


def renewed(traced: Traced, pairs: Pairs) -> Pairs:
    """The same pairs, with the port's layers as its trace has them."""
    calls = {layer.name: layer for layer in (*traced.port.shared, *traced.port.layers())}
    return [(ours, calls[theirs.name]) for ours, theirs in pairs]


def _fed(port: Trace, taught: Trace) -> Trace:
    if taught.call_names() != port.call_names():
        return port
    both = zip(port.calls, taught.calls, strict=True)
    return replace(port, calls=tuple(replace(call, input=arrived.input) for call, arrived in both))


def _turned(traced: Traced, paired: dict[str, str], apart: list[str]) -> list[bool]:
    ours, theirs = ({layer.name: layer for layer in trace.layers()} for trace in (traced.reference, traced.port))
    return [is_turned(ours[name], theirs[paired[name]]) for name in apart if name in ours and paired[name] in theirs]
