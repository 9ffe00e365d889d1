"""How many samples of a probe a proof keeps all activations of: what is left of it is streamed."""

from typing import Any

from porting.pairs.pair import ModelPair
from porting.probes import Probe, ProbeBatches
from porting.proof.runs import OnStep, reference_inputs, trace_reference
from porting.proof.streaming import stream
from porting.records.runs import PortRun, ReferenceRun
from porting.records.verdict import ParityReport

LARGEST_TRACE = 1 << 29
"""Bytes of all inputs and outputs of layer calls in float64 that a trace of a proof may have."""

FEWEST = 2
"""Samples that a proof has at least, if there are as many: one would not show what depends on the batch."""


def proven_rows(pair: ModelPair, model: Any, probe: Probe) -> Probe:
    """As many samples of a probe, spread over it, as all activations can be kept of."""
    if len(probe) <= FEWEST:
        return probe
    trace = trace_reference(pair, model, reference_inputs(pair, probe.rows(1)))
    held = sum(call.input.size + call.output.size for call in trace.calls) * 8
    return probe.rows(max(FEWEST, LARGEST_TRACE // max(held, 1)))


def stream_rest(
    pair: ModelPair,
    model: Any,
    port: PortRun,
    report: ParityReport,
    probe: Probe,
    reference: ReferenceRun,
    on_step: OnStep,
) -> ParityReport:
    """Hold the outputs for a whole probe against each other, and every layer's where those part.

    The parameters are those of `stream`; `reference` is the run that the port was judged by, on a part of the probe.
    """

    def compared(of_layers: bool) -> ParityReport:
        batches = in_batches(probe, len(reference.probe))
        return stream(pair, model, port, report, batches, on_step, reference.explained, of_layers=of_layers)

    found = compared(of_layers=False)
    return found if found.verdict is report.verdict else compared(of_layers=True)


def in_batches(probe: Probe, size: int) -> ProbeBatches:
    """All samples of a probe, so many at a time."""
    firsts = range(0, len(probe), size)
    return ProbeBatches(len(probe), (_part(probe, slice(first, first + size)) for first in firsts))


def _part(probe: Probe, chosen: slice) -> Probe:
    arrays = tuple(array[chosen] for array in probe.arrays)
    return Probe(arrays, probe.source, tuple(probe.names()[chosen]))
