"""Verify on any number of samples in constant memory: both models run batch by batch, and only figures are kept.

Figures are of what every layer, and each model, gives out, or of what the models give out alone: a fault between two
layers shows in the second one's output, and is located on the probe, on which inputs are compared as well.
"""

import copy
import heapq
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from porting.pairs.pair import ModelPair
from porting.port import runs as keras_runs
from porting.port import side as keras_side
from porting.probes import Probe, ProbeBatches
from porting.proof.judgement import WORST_SAMPLES, judge_deployed
from porting.proof.runs import OnStep, reference_inputs, trace_port, trace_reference
from porting.records import parity
from porting.records.parity import PairedActivation
from porting.records.runs import Explained, PortRun
from porting.records.tallies import Narrow, Wide
from porting.records.verdict import LayerParity, ParityReport, Part, WorstSample
from porting.reference import runs as torch_runs
from porting.reference import side as torch_side
from porting.statuses import Status
from porting.traces import Trace
from porting.traces.parking import give_back
from porting.wording import counted

BATCH = 64
"""Samples that the models run on at a time."""


@dataclass(slots=True)
class Tally:
    """Figures of every activation and the worst samples, over all batches so far; `is_wide` if also in float64."""

    is_wide: bool
    explained: tuple[Explained, ...] = ()
    wide_calls: dict[int, Wide] = field(default_factory=dict)
    wide_outputs: dict[str, Wide] = field(default_factory=dict)
    calls: dict[int, Narrow] = field(default_factory=dict)
    outputs: dict[str, Narrow] = field(default_factory=dict)
    worst: dict[str, list[tuple[float, float, str]]] = field(default_factory=dict)
    samples: int = 0

    def explained_of(self, number: int) -> float:
        """What rounding explains of a call, or behind the last one of an output, as the whole model runs."""
        return self.explained[number].inherited if self.explained else 0.0

    def fold(self, report: ParityReport) -> ParityReport:
        """The report with the figures of all samples in the place of those of the probe."""
        by_call = zip(self.calls, report.layers, strict=bool(self.calls))
        layers = tuple(_row(row, self.calls[number], self.wide_calls.get(number)) for number, row in by_call)
        outputs = tuple(
            _row(row, self.outputs[row.reference], self.wide_outputs.get(row.reference)) for row in report.outputs
        )
        return replace(
            report,
            layers=layers or report.layers,
            outputs=outputs,
            worst=tuple(self._worst(report)),
            semantics=self._semantics(report),
            deployed=_deployed(report, (*(layers or report.layers), *outputs)),
            probe={**report.probe, "streamed": self.samples},
        )

    def _semantics(self, report: ParityReport) -> Part:
        part, known = report.semantics, _known(report, "float64_output_error", parity.FLOAT64_LIMIT)
        if not self.is_wide:
            return Part(part.status, (*part.lines, f"in float32 only on all {counted(self.samples, 'sample')}"))
        by_call = zip(self.wide_calls.values(), report.layers, strict=bool(self.wide_calls))
        wide = (*(figures for figures, row in by_call if row.reference not in known), *self.wide_outputs.values())
        narrow = (*self.calls.values(), *self.outputs.values())
        worst = max((figures.relative_error() for figures in wide), default=0.0)
        limit = max((figures.limit() for figures in narrow), default=parity.FLOAT64_LIMIT)
        of_what = "" if self.wide_calls else ", of the outputs alone"
        line = f"over all {counted(self.samples, 'sample')} the worst float64 error is {worst:.1e}{of_what}"
        return Part(Status.FAIL if not worst <= limit else part.status, (*part.lines, line))

    def _worst(self, report: ParityReport) -> Iterator[WorstSample]:
        units = {sample.output: sample.unit for sample in report.worst}
        for name, found in self.worst.items():
            for greatest, mean, label in sorted(found, reverse=True):
                yield WorstSample(name, label, greatest, mean, units.get(name, ""))


def _known(report: ParityReport, figure: str, limit: float) -> set[str]:
    """Layers that differ inside alone: the probe's verdict is no FAIL although they are beyond a limit."""
    return {row.reference for row in report.layers if report.semantics.status is not Status.FAIL
            and (getattr(row, figure) or 0.0) > limit}  # fmt: skip


def _deployed(report: ParityReport, rows: Sequence[LayerParity]) -> Part:
    """The part for all samples; a port that is not judged on the probe is not judged on them."""
    if report.deployed.status is Status.NOT_CHECKED:
        return report.deployed
    known = _known(report, "float32_ratio", parity.RATIO_LIMIT) if report.deployed.status is Status.PASS else set()
    part = judge_deployed([row for row in rows if row.reference not in known])
    return replace(part, lines=(*part.lines, *report.deployed.lines[1:]))


def _row(row: LayerParity, narrow: Narrow, wide: Wide | None) -> LayerParity:
    """A row of the report with the figures of all samples."""
    return replace(narrow.narrowed(row), float64_output_error=wide.relative_error() if wide else None)


def stream(
    pair: ModelPair,
    reference: Any,
    port: PortRun,
    report: ParityReport,
    batches: ProbeBatches,
    on_step: OnStep,
    explained: tuple[Explained, ...] = (),
    *,
    of_layers: bool = True,
) -> ParityReport:
    """Run both models on every batch, and fold what came of it into the report of the probe.

    Parameters
    ----------
    pair : ModelPair
    reference : torch.nn.Module
        With its weights, in float64.
    port : PortRun
        On a probe: its models run again.
    report : ParityReport
        Of that probe, for everything that does not depend on the number of samples.
    batches : ProbeBatches
    on_step : callable
        Told how many samples are done.
    explained : tuple of Explained
        The probe's, as `ReferenceRun` has it.
    of_layers : bool
        Compare what every layer gives, too; else the outputs alone, in a fraction of the time.

    Raises
    ------
    InputError
        If a batch cannot be read, or the models do not take it.
    """
    tally, step = Tally(port.wide is not None, explained), "verifying on all samples"
    references = (torch_side.in_precision(copy.deepcopy(reference), "float32"), reference)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for batch in batches.batches:
            traces = _run(pair, references, port, batch, of_layers)
            # Not while the next batch runs: the frameworks have a thread on each core, and wait for the slowest.
            list(pool.map(lambda job: job(), list(_jobs(tally, pair, port, batch, traces))))
            tally.samples += len(batch)
            del traces
            give_back()
            on_step(step, tally.samples, batches.total)
    return tally.fold(report)


Traces = tuple[Trace, Trace, Trace, Trace | None]


def _run(pair: ModelPair, references: tuple[Any, Any], port: PortRun, batch: Probe, of_layers: bool) -> Traces:
    """The four passes: the reference and the port, in float32 and in float64."""
    inputs = reference_inputs(pair, batch)

    def run_port(model: Any) -> Trace:
        if of_layers:
            return trace_port(pair, model, batch.arrays)
        return Trace((), keras_runs.outputs(model, keras_side.cast(batch.arrays)), {})

    narrow, wide = (
        trace_reference(pair, model, inputs) if of_layers else torch_runs.teach(model, inputs, ())
        for model in references
    )
    with keras_side.precision("float32"):
        port_narrow = run_port(port.narrow.model)
    if port.wide is None:
        return narrow, wide, port_narrow, None
    with keras_side.precision("float64"):
        return narrow, wide, port_narrow, run_port(port.wide.model)


def _jobs(tally: Tally, pair: ModelPair, port: PortRun, batch: Probe, traces: Traces) -> Iterator[Callable[[], None]]:
    """What takes a batch into the figures: a job for each activation in each precision; none waits for another."""
    narrow_reference, reference, narrow, wide = traces
    paired = parity.paired_calls if reference.calls else lambda *_: ()
    if wide is not None and port.wide is not None:
        for call in paired(reference, wide, port.wide.plan):
            yield partial(tally.wide_calls.setdefault(call.number, Wide()).add, call.output)
        for name, output in parity.paired_outputs(reference, wide, pair.outputs):
            yield partial(tally.wide_outputs.setdefault(name, Wide()).add, output)
    for call in paired(reference, narrow, port.narrow.plan):
        rounded = narrow_reference.calls[call.number].output, reference.calls[call.number].output
        held = tally.calls.setdefault(call.number, Narrow(tally.explained_of(call.number)))
        yield partial(held.add, call.output, rounded)
    for number, (name, output) in enumerate(parity.paired_outputs(reference, narrow, pair.outputs)):
        rounded = narrow_reference.outputs[number], reference.outputs[number]
        place = number - len(pair.outputs)  # outputs come last
        yield partial(tally.outputs.setdefault(name, Narrow(tally.explained_of(place))).add, output, rounded)
        yield partial(_keep_worst, tally.worst.setdefault(name, []), output, batch.names())


def _keep_worst(kept: list[tuple[float, float, str]], output: PairedActivation, names: Sequence[str]) -> None:
    if output.reference.shape != output.port.shape:
        return
    greatest, mean = output.distances()
    found = zip(greatest.tolist(), mean.tolist(), names, strict=True)
    kept[:] = heapq.nlargest(WORST_SAMPLES, [*kept, *found])
