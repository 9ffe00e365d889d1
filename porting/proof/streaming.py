"""Verify on any number of samples in constant memory: both models run batch by batch, and only figures are kept.

Figures are of what every layer, and each model, gives out: a fault between two layers shows in the second one's output,
and is located on the probe, on which inputs are compared as well.
"""

import copy
import heapq
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from porting.pairs.pair import ModelPair
from porting.port import side as keras_side
from porting.probes import Probe, ProbeBatches
from porting.proof.judgement import WORST_SAMPLES, judge_deployed
from porting.proof.runs import OnStep, reference_inputs, trace_port, trace_reference
from porting.records import parity
from porting.records.deviations import relative
from porting.records.parity import PairedActivation
from porting.records.runs import Explained, PortRun
from porting.records.verdict import LayerParity, ParityReport, Part, WorstSample
from porting.reference import side as torch_side
from porting.statuses import Status
from porting.traces import Trace
from porting.traces.parking import give_back
from porting.wording import counted

BATCH = 64
"""Samples that the models run on at a time."""


@dataclass(slots=True)
class Wide:
    """What is kept of one activation in float64 over all batches."""

    greatest: float = 0.0
    scale: float = 0.0

    def add(self, both: PairedActivation) -> None:
        """Take in a pair of activations."""
        if both.reference.shape != both.port.shape:
            self.greatest = np.inf
            return
        for truth, port in _blocks(both.reference, both.port):
            self.greatest = max(self.greatest, _greatest(port - truth))
            self.scale = max(self.scale, _greatest(truth))

    def relative_error(self) -> float:
        """Greatest difference, relative to the greatest value."""
        return relative(self.greatest, self.scale)


@dataclass(slots=True)
class Narrow:
    """What is kept of one activation in float32, beside the float64 truth, over all batches.

    `explained` is what float32 rounding explains in any order of sums, relative to the activation.
    """

    explained: float = 0.0
    greatest: float = 0.0
    scale: float = 0.0
    squares: float = 0.0
    port_squares: float = 0.0
    reference_squares: float = 0.0
    rounding_squares: float = 0.0

    def add(self, both: PairedActivation, rounded: tuple[np.ndarray, np.ndarray]) -> None:
        """Take in the port's activation beside the truth; `rounded` is the reference's own, and the truth again."""
        if both.reference.shape != both.port.shape:
            self.greatest = self.port_squares = np.inf
            return
        squares, reference_squares = 0.0, _squared_distance(*rounded)
        for truth, port in _blocks(both.reference, both.port):
            apart = port - truth
            squares += _squares(truth)
            self.scale = max(self.scale, _greatest(truth))
            self.greatest = max(self.greatest, _greatest(apart))
            self.port_squares += _squares(apart)
        if reference_squares < _ROUNDED * squares:
            self.rounding_squares += _squared_distance(both.reference.astype(np.float32), both.reference)
        self.squares += squares
        self.reference_squares += reference_squares

    def limit(self) -> float:
        """The float64 error that rounding explains, as it compounds through the layers."""
        return parity.compounded_limit(np.sqrt(self.reference_squares), np.sqrt(self.squares))

    def narrowed(self, row: LayerParity) -> LayerParity:
        """A row of the report with the float32 figures of all samples."""
        measured = map(np.sqrt, (self.reference_squares, self.rounding_squares, self.explained**2 * self.squares))
        allowed = parity.explained_rounding(*measured)
        own, scale = np.sqrt(self.port_squares), np.sqrt(self.squares) or 1.0
        return replace(
            row,
            float32_ratio=relative(float(own), float(allowed)),
            float32_error=float(own / scale),
            reference_float32_error=float(np.sqrt(self.reference_squares) / scale),
            ulp_at_scale=float(self.greatest / (self.scale or 1.0) / parity.FLOAT32_ULP),
        )


_ROUNDED = 2.0**-48
"""Greatest square error of a value rounded to float32, relative to its square."""

_BLOCK = 32_768
"""Values that are compared at a time: so few that they stay in a core's cache from one figure to the next."""


def _blocks(*arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """The same few samples of each array, block by block, in float64: no other type holds every difference."""
    samples = len(arrays[0])
    step = max(1, _BLOCK * samples // max(arrays[0].size, 1))
    for first in range(0, samples, step):
        yield tuple(array[first : first + step].astype(np.float64, copy=False) for array in arrays)


def _greatest(array: np.ndarray) -> float:
    value = float(max(array.max(initial=0.0), -array.min(initial=0.0)))
    return value if np.isfinite(value) else np.inf


def _squared_distance(narrow: np.ndarray, wide: np.ndarray) -> float:
    return sum(_squares(small - large) for small, large in _blocks(narrow, wide))


def _squares(array: np.ndarray) -> float:
    flat = array.ravel(order="K")
    return float(flat @ flat)


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
        by_call = zip(self.calls, report.layers, strict=True)
        layers = tuple(_row(row, self.calls[number], self.wide_calls.get(number)) for number, row in by_call)
        outputs = tuple(
            _row(row, self.outputs[row.reference], self.wide_outputs.get(row.reference)) for row in report.outputs
        )
        return replace(
            report,
            layers=layers,
            outputs=outputs,
            worst=tuple(self._worst(report)),
            semantics=self._semantics(report),
            deployed=_deployed(report, (*layers, *outputs)),
            probe={**report.probe, "streamed": self.samples},
        )

    def _semantics(self, report: ParityReport) -> Part:
        part, known = report.semantics, _known(report, "float64_output_error", parity.FLOAT64_LIMIT)
        if not self.is_wide:
            return Part(part.status, (*part.lines, f"in float32 only on all {counted(self.samples, 'sample')}"))
        by_call = zip(self.wide_calls.values(), report.layers, strict=True)
        wide = (*(figures for figures, row in by_call if row.reference not in known), *self.wide_outputs.values())
        narrow = (*self.calls.values(), *self.outputs.values())
        worst = max((figures.relative_error() for figures in wide), default=0.0)
        limit = max((figures.limit() for figures in narrow), default=parity.FLOAT64_LIMIT)
        line = f"over all {counted(self.samples, 'sample')} the worst float64 error is {worst:.1e}"
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

    Raises
    ------
    InputError
        If a batch cannot be read, or the models do not take it.
    """
    tally, step = Tally(port.wide is not None, explained), "verifying on all samples"
    references = (torch_side.in_precision(copy.deepcopy(reference), "float32"), reference)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for batch in batches.batches:
            traces = _run(pair, references, port, batch)
            # Not while the next batch runs: the frameworks have a thread on each core, and wait for the slowest.
            list(pool.map(lambda job: job(), list(_jobs(tally, pair, port, batch, traces))))
            tally.samples += len(batch)
            del traces
            give_back()
            on_step(step, tally.samples, batches.total)
    return tally.fold(report)


Traces = tuple[Trace, Trace, Trace, Trace | None]


def _run(pair: ModelPair, references: tuple[Any, Any], port: PortRun, batch: Probe) -> Traces:
    """The four passes: the reference and the port, in float32 and in float64."""
    inputs = reference_inputs(pair, batch)
    narrow, wide = (trace_reference(pair, model, inputs) for model in references)
    with keras_side.precision("float32"):
        port_narrow = trace_port(pair, port.narrow.model, batch.arrays)
    if port.wide is None:
        return narrow, wide, port_narrow, None
    with keras_side.precision("float64"):
        return narrow, wide, port_narrow, trace_port(pair, port.wide.model, batch.arrays)


def _jobs(tally: Tally, pair: ModelPair, port: PortRun, batch: Probe, traces: Traces) -> Iterator[Callable[[], None]]:
    """What takes a batch into the figures: a job for each activation in each precision; none waits for another."""
    narrow_reference, reference, narrow, wide = traces
    if wide is not None and port.wide is not None:
        for call in parity.paired_calls(reference, wide, port.wide.plan):
            yield partial(tally.wide_calls.setdefault(call.number, Wide()).add, call.output)
        for name, output in parity.paired_outputs(reference, wide, pair.outputs):
            yield partial(tally.wide_outputs.setdefault(name, Wide()).add, output)
    for call in parity.paired_calls(reference, narrow, port.narrow.plan):
        rounded = narrow_reference.calls[call.number].output, reference.calls[call.number].output
        held = tally.calls.setdefault(call.number, Narrow(tally.explained_of(call.number)))
        yield partial(held.add, call.output, rounded)
    for number, (name, output) in enumerate(parity.paired_outputs(reference, narrow, pair.outputs)):
        rounded = narrow_reference.outputs[number], reference.outputs[number]
        place = len(reference.calls) + number
        yield partial(tally.outputs.setdefault(name, Narrow(tally.explained_of(place))).add, output, rounded)
        yield partial(_keep_worst, tally.worst.setdefault(name, []), output, batch.names())


def _keep_worst(kept: list[tuple[float, float, str]], output: PairedActivation, names: Sequence[str]) -> None:
    if output.reference.shape != output.port.shape:
        return
    greatest, mean = output.distances()
    found = zip(greatest.tolist(), mean.tolist(), names, strict=True)
    kept[:] = heapq.nlargest(WORST_SAMPLES, [*kept, *found])
