"""What a report's page shows of models' errors and outputs: figures and pictures, ready to be set."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from porting.records.verdict import ParityReport
from porting.reports import error_charts, value_charts
from porting.reports.pictures import Picture
from porting.reports.value_charts import Values

SAMPLES = 12
"""Samples whose curves are drawn."""

_TOGETHER, _ALONE = 380.0, 126.0
"""Sides of the views of all curves and of one."""


@dataclass(frozen=True, slots=True)
class ValuesView:
    """Values of both models against each other; `why_not` says why there are no pictures, if there are none."""

    name: str
    why_not: str
    values: Values | None = None
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class SampleView:
    """One sample's curves, and the distances between reference and port, greatest and mean."""

    name: str
    greatest: float
    mean: float
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class CurvesView:
    """Several samples' curves, together and one by one."""

    name: str
    unit: str
    has_input: bool
    pictures: tuple[Picture, ...]
    samples: tuple[SampleView, ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """Curves of both models and of the input, if it has their shape: (sample, point, coordinate) each."""

    inputs: np.ndarray | None
    reference: np.ndarray
    port: np.ndarray

    def distances(self) -> np.ndarray:
        """Between the two models' points: (sample, point)."""
        return np.linalg.norm(self.port.astype(np.float64) - self.reference, axis=-1)

    def draw(self, name: str, at: Sequence[int], unit: str, side: float) -> tuple[Picture, ...]:
        """Draw some samples in three projections."""
        chosen = list(at)
        inputs = None if self.inputs is None else self.inputs[chosen]
        curves = inputs, self.reference[chosen], self.port[chosen]
        return value_charts.draw_projections(name, curves, unit, side)


def draw_errors(report: ParityReport) -> list[Picture]:
    """Errors against depth: in float64 where it was checked, and in float32."""
    rows = (*report.layers, *report.outputs)
    pictures = [error_charts.draw_float32_errors(rows, report.divergences)] if rows else []
    if any(row.float64_output_error is not None for row in rows):
        pictures.insert(0, error_charts.draw_float64_errors(rows, report.divergences))
    return pictures


def view_landmarks(report: ParityReport) -> list[ValuesView]:
    """Each landmark's values."""
    return [_view_values(name, *arrays) for name, arrays in report.evidence.landmarks.items()]


def view_outputs(report: ParityReport) -> tuple[list[CurvesView], list[ValuesView]]:
    """Points in space as curves, all other outputs as values."""
    curves, values = [], []
    for name, (reference, port) in report.evidence.outputs.items():
        if reference.shape == port.shape and reference.size and value_charts.are_curves(reference):
            inputs = (array for array in report.evidence.inputs if array.shape == reference.shape)
            unit = next((sample.unit for sample in report.worst if sample.output == name), "")
            drawn = Curves(next(inputs, None), reference, port)
            curves.append(_view_curves(name, drawn, unit, report.evidence.names))
        else:
            values.append(_view_values(name, reference, port))
    return curves, values


def _view_values(name: str, reference: np.ndarray, port: np.ndarray) -> ValuesView:
    if reference.shape != port.shape:
        return ValuesView(name, f"shapes differ: {reference.shape} in the reference, {port.shape} in the port")
    values = value_charts.pair_values(reference, port)
    if not values.reference.size:
        return ValuesView(name, "there is no finite value to draw")
    return ValuesView(
        name, "", values, (value_charts.draw_agreement(name, values), value_charts.draw_differences(name, values))
    )


def _view_curves(name: str, curves: Curves, unit: str, names: Sequence[str]) -> CurvesView:
    distances = curves.distances()
    order = np.argsort(np.nan_to_num(distances.max(axis=1), nan=np.inf))[::-1].tolist()
    chosen, samples = _choose(order), []
    for at in chosen:
        label, apart = names[at] if names else f"sample {at}", distances[at]
        pictures = curves.draw(label, [at], unit, _ALONE)
        samples.append(SampleView(label, float(apart.max()), float(apart.mean()), pictures))
    together = curves.draw(name, chosen, unit, _TOGETHER)
    return CurvesView(name, unit, curves.inputs is not None, together, tuple(samples))


def _choose(farthest_first: Sequence[int]) -> list[int]:
    """Half of the samples drawn are those farthest apart, worst first; the others lie evenly among all."""
    far = farthest_first[: SAMPLES // 2]
    even = np.linspace(0, len(farthest_first) - 1, SAMPLES - len(far)).round().astype(int).tolist()
    return list(dict.fromkeys([*far, *even]))
