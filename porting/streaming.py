"""Verify on any number of samples in constant memory: both models run batch by batch, and only figures are kept."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from porting import keras_runs, keras_side, parity, torch_runs, torch_side
from porting.judgement import WORST_SAMPLES, judge_deployed
from porting.keras_files import in_precision, read_port
from porting.pairs import ModelPair, Sizes
from porting.parity import PairedActivation
from porting.plan import TransferPlan
from porting.probes import Probe, ProbeBatches
from porting.runs import OnStep, plan_of, reference_inputs, trace_with_sources
from porting.traces import Trace
from porting.verdict import LayerParity, ParityReport, Part, Status, WorstSample

BATCH = 64
"""Samples that the models run on at a time."""


@dataclass(slots=True)
class _Figures:
    """What is kept of one activation over all batches."""

    greatest: float = 0.0
    scale: float = 0.0
    narrow_greatest: float = 0.0
    squares: float = 0.0
    port_squares: float = 0.0
    reference_squares: float = 0.0
    rounding_squares: float = 0.0

    def add_wide(self, both: PairedActivation) -> None:
        """Take in a float64 pair of activations."""
        if both.reference.shape != both.port.shape:
            self.greatest = np.inf
            return
        self.greatest = max(self.greatest, _greatest(both.port.astype(np.float64) - both.reference))
        self.scale = max(self.scale, _greatest(both.reference))

    def add_narrow(self, both: PairedActivation, reference_squares: float) -> None:
        """Take in a float32 activation of the port beside the float64 truth, and the reference's own rounding."""
        if both.reference.shape != both.port.shape:
            self.narrow_greatest = self.port_squares = np.inf
            return
        apart = (both.port.astype(np.float64) - both.reference).ravel()
        flat = np.ravel(both.reference)
        self.narrow_greatest = max(self.narrow_greatest, _greatest(apart))
        self.port_squares += float(apart @ apart)
        self.reference_squares += reference_squares
        self.squares += float(flat @ flat)
        self.rounding_squares += _squares(flat.astype(np.float32), flat)

    def relative_error(self) -> float:
        """Greatest float64 difference, relative to the greatest value."""
        return parity.relative(self.greatest, self.scale)

    def limit(self) -> float:
        """The float64 error that rounding explains, as it compounds through the layers."""
        return parity.compounded_limit(np.sqrt(self.reference_squares), np.sqrt(self.squares))

    def narrowed(self, row: LayerParity) -> LayerParity:
        """A row of the report with the float32 figures of all samples."""
        allowed = np.sqrt(max(self.reference_squares, self.rounding_squares))
        own, scale = np.sqrt(self.port_squares), np.sqrt(self.squares) or 1.0
        return replace(
            row,
            float32_ratio=parity.relative(float(own), float(allowed)),
            float32_error=float(own / scale),
            reference_float32_error=float(np.sqrt(self.reference_squares) / scale),
            ulp_at_scale=float(self.narrow_greatest / (self.scale or 1.0) / parity.FLOAT32_ULP),
        )


def _greatest(array: np.ndarray) -> float:
    value = float(max(array.max(initial=0.0), -array.min(initial=0.0)))
    return value if np.isfinite(value) else np.inf


@dataclass(slots=True)
class Tally:
    """Figures of every activation and the worst samples, over all batches so far."""

    inputs: dict[int, _Figures] = field(default_factory=dict)
    calls: dict[int, _Figures] = field(default_factory=dict)
    outputs: dict[str, _Figures] = field(default_factory=dict)
    worst: dict[str, list[tuple[float, float, str]]] = field(default_factory=dict)
    samples: int = 0

    def fold(self, report: ParityReport) -> ParityReport:
        """The report with the figures of all samples in the place of those of the probe."""
        layers = tuple(self._layer(number, row) for number, row in zip(self.calls, report.layers, strict=True))
        outputs = tuple(self._output(row) for row in report.outputs)
        return replace(
            report,
            layers=layers,
            outputs=outputs,
            worst=tuple(self._worst(report)),
            semantics=self._semantics(report.semantics),
            deployed=judge_deployed((*layers, *outputs)),
            probe={**report.probe, "streamed": self.samples},
        )

    def _layer(self, number: int, row: LayerParity) -> LayerParity:
        wide = (self.inputs[number], self.calls[number])
        errors = [figures.relative_error() for figures in wide] if row.float64_output_error is not None else [None] * 2
        narrowed = self.calls[number].narrowed(row)
        return replace(narrowed, float64_input_error=errors[0], float64_output_error=errors[1])

    def _output(self, row: LayerParity) -> LayerParity:
        figures = self.outputs[row.reference]
        error = figures.relative_error() if row.float64_output_error is not None else None
        return replace(figures.narrowed(row), float64_output_error=error)

    def _semantics(self, part: Part) -> Part:
        every = (*self.inputs.values(), *self.calls.values(), *self.outputs.values())
        if not any(figures.scale for figures in every):
            return Part(part.status, (*part.lines, f"in float32 only on all {self.samples:,} samples"))
        worst = max((figures.relative_error() for figures in every), default=0.0)
        limit = max((figures.limit() for figures in every), default=parity.FLOAT64_LIMIT)
        line = f"over all {self.samples:,} samples the worst float64 error is {worst:.1e}"
        return Part(Status.FAIL if not worst <= limit else part.status, (*part.lines, line))

    def _worst(self, report: ParityReport) -> Iterator[WorstSample]:
        units = {sample.output: sample.unit for sample in report.worst}
        for name, found in self.worst.items():
            for greatest, mean, label in sorted(found, reverse=True):
                yield WorstSample(name, label, greatest, mean, units.get(name, ""))


@dataclass(frozen=True, slots=True)
class _Models:
    """Both models in both precisions, and how their layers pair; the wide port is None where there is no float64."""

    pair: ModelPair
    narrow_reference: Any
    wide_reference: Any
    narrow_port: Any
    wide_port: Any
    plans: tuple[TransferPlan, TransferPlan | None]


def stream(
    pair: ModelPair,
    sizes: Sizes,
    build_reference: Callable[[], Any],
    port: Path,
    batches: ProbeBatches,
    report: ParityReport,
    on_step: OnStep,
) -> ParityReport:
    """Run both models on every batch, and fold what came of it into the report of the probe.

    Parameters
    ----------
    pair : ModelPair
    sizes : Mapping
        What the models are built with.
    build_reference : callable
        Gives the reference with its weights; called twice, for float32 and for float64.
    port : Path
    batches : ProbeBatches
    report : ParityReport
        Of a probe, for everything that does not depend on the number of samples.
    on_step : callable
        Told how many samples are done.

    Raises
    ------
    InputError
        If a batch cannot be read, or the models do not take it.
    """
    tally, models = Tally(), None
    with ThreadPoolExecutor(1) as pool:
        pending = None
        for batch in batches.batches:
            models = models or _load(pair, sizes, build_reference, port, batch)
            traces = _run(models, batch)
            if pending:
                pending.result()
            pending = pool.submit(_take_in, tally, models, batch, traces)
            on_step("verifying on all samples", tally.samples, batches.total)
        if pending:
            pending.result()
    return tally.fold(report)


def _load(pair: ModelPair, sizes: Sizes, build_reference: Callable[[], Any], port: Path, probe: Probe) -> _Models:
    few = probe.rows(1)
    narrow_reference, wide_reference = build_reference(), torch_side.in_precision(build_reference(), "float64")
    trace = trace_with_sources(pair, wide_reference, few)
    with keras_side.precision("float32"):
        narrow_port = read_port(port, pair, sizes, few)
        narrow_plan = plan_of(pair, trace, keras_runs.trace(narrow_port, few.arrays), narrow_port, few.arrays)
    wide_port = wide_plan = None
    if not keras_side.why_no_float64():
        with keras_side.precision("float64"):
            wide_port = in_precision(narrow_port, "float64", port, pair, sizes, few)
            wide_plan = plan_of(pair, trace, keras_runs.trace(wide_port, few.arrays), wide_port, few.arrays)
    torch_side.in_precision(narrow_reference, "float32")
    return _Models(pair, narrow_reference, wide_reference, narrow_port, wide_port, (narrow_plan, wide_plan))


Traces = tuple[Trace, Trace, Trace, Trace | None]


def _run(models: _Models, batch: Probe) -> Traces:
    """The four passes: the reference and the port, in float32 and in float64."""
    inputs = reference_inputs(models.pair, batch)
    narrow, wide = (
        torch_runs.trace(model, inputs, models.pair.whole_kinds())
        for model in (models.narrow_reference, models.wide_reference)
    )
    with keras_side.precision("float32"):
        port = keras_runs.trace(models.narrow_port, batch.arrays)
    if models.wide_port is None:
        return narrow, wide, port, None
    with keras_side.precision("float64"):
        return narrow, wide, port, keras_runs.trace(models.wide_port, batch.arrays)


def _take_in(tally: Tally, models: _Models, batch: Probe, traces: Traces) -> None:
    """Add one batch to the figures, and keep its worst samples."""
    narrow_reference, reference, port, wide_port = traces
    if wide_port is not None and models.plans[1] is not None:
        for call in parity.paired_calls(reference, wide_port, models.plans[1]):
            tally.inputs.setdefault(call.number, _Figures()).add_wide(call.input)
            tally.calls.setdefault(call.number, _Figures()).add_wide(call.output)
        for name, output in parity.paired_outputs(reference, wide_port, models.pair.outputs):
            tally.outputs.setdefault(name, _Figures()).add_wide(output)
    for call in parity.paired_calls(reference, port, models.plans[0]):
        rounding = _squares(narrow_reference.calls[call.number].output, reference.calls[call.number].output)
        tally.inputs.setdefault(call.number, _Figures())
        tally.calls.setdefault(call.number, _Figures()).add_narrow(call.output, rounding)
    outputs = parity.paired_outputs(reference, port, models.pair.outputs)
    for number, (name, output) in enumerate(outputs):
        rounding = _squares(narrow_reference.outputs[number], reference.outputs[number])
        tally.outputs.setdefault(name, _Figures()).add_narrow(output, rounding)
        _keep_worst(tally.worst.setdefault(name, []), output, batch.names())
    tally.samples += len(batch)


def _squares(narrow: np.ndarray, wide: np.ndarray) -> float:
    apart = (narrow.astype(np.float64) - wide).ravel()
    return float(apart @ apart)


def _keep_worst(kept: list[tuple[float, float, str]], output: PairedActivation, names: Sequence[str]) -> None:
    if output.reference.shape != output.port.shape:
        return
    greatest, mean = output.distances()
    found = zip(greatest.tolist(), mean.tolist(), names, strict=True)
    kept[:] = heapq.nlargest(WORST_SAMPLES, [*kept, *found])
