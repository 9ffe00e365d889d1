"""How many samples of a probe a proof keeps all activations of: what is left of it is streamed."""

from typing import Any

from porting.pairs.pair import ModelPair
from porting.probes import Probe, ProbeBatches
from porting.proof.runs import reference_inputs, trace_reference

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


def in_batches(probe: Probe, size: int) -> ProbeBatches:
    """All samples of a probe, so many at a time."""
    firsts = range(0, len(probe), size)
    return ProbeBatches(len(probe), (_part(probe, slice(first, first + size)) for first in firsts))


def _part(probe: Probe, chosen: slice) -> Probe:
    arrays = tuple(array[chosen] for array in probe.arrays)
    return Probe(arrays, probe.source, tuple(probe.names()[chosen]))
