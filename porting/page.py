"""A parity report as one HTML page that needs nothing else: no network, no scripts, no fonts."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from porting import error_charts, value_charts
from porting.parity import FLOAT32_ULP, FLOAT64_LIMIT, RATIO_LIMIT
from porting.pictures import Picture
from porting.report import SENTENCES
from porting.training import GRADIENT_LIMIT
from porting.value_charts import Values
from porting.verdict import LayerParity, ParityReport, Status, WorstSample

SAMPLES = 12
"""Samples whose curves are drawn."""

LINES = 6
"""Lines of one part of the verdict that are shown at once; the others fold away."""

_LIMITS = {"float64": FLOAT64_LIMIT, "ratio": RATIO_LIMIT, "gradient": GRADIENT_LIMIT, "ulp": FLOAT32_ULP}


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
class BackendView:
    """The verdict on one backend, and its worst figures; None where not checked."""

    name: str
    report: ParityReport
    float64_error: float | None
    float32_ratio: float


def render_page(report: ParityReport, backends: Sequence[ParityReport] = ()) -> str:
    """Render a report as one self-contained HTML page.

    Parameters
    ----------
    report : ParityReport
        What the page is about.
    backends : sequence of ParityReport
        The same port on Keras' other backends, or on all of them: one verdict each, in a table of their own.

    Returns
    -------
    str
        HTML that loads nothing and runs nothing.
    """
    rows = (*report.layers, *report.outputs)
    curves, values = _output_views(report)
    return _environment().get_template("page.html.jinja").render(
        report=report,
        sentence=SENTENCES[report.verdict],
        limits=_LIMITS,
        worst=_backend(report),
        backends=[_backend(held) for held in (report, *(other for other in backends if other is not report))],
        rows=rows,
        errors=_error_pictures(report, rows),
        landmarks=[_values_view(name, *arrays) for name, arrays in report.evidence.landmarks.items()],
        curves=curves,
        values=values,
        parameters=sum(math.prod(transfer.port_shape) for transfer in report.plan.transfers),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"error": write_error, "figure": write_figure, "css": _css_class}
    environment.globals |= {"shown_lines": LINES, "own_error": error_charts.own_error}
    return environment


def write_error(error: float | None) -> str:
    """An error in two digits, or a dash where it was not checked."""
    if error is None:
        return "–"
    return "0" if error == 0 else f"{error:.1e}" if math.isfinite(error) else "inf"


def write_figure(value: float | None, digits: int = 2) -> str:
    """A number with some decimals, in powers of ten where that is long, or a dash where it was not checked."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "inf"
    return f"{value:.{digits}f}" if value == 0 or 10.0**-digits <= abs(value) < 1e5 else f"{value:.1e}"


def _css_class(status: Status) -> str:
    return status.name.lower().replace("_", "-")


def _backend(report: ParityReport) -> BackendView:
    rows = (*report.layers, *report.outputs)
    errors = [row.float64_output_error for row in rows if row.float64_output_error is not None]
    ratio = max((row.float32_ratio for row in rows), default=0.0)
    return BackendView(report.versions.get("backend", "unknown"), report, max(errors, default=None), ratio)


def _error_pictures(report: ParityReport, rows: Sequence[LayerParity]) -> list[Picture]:
    """In float64 where it was checked, and in float32."""
    pictures = [error_charts.draw_float32_errors(rows, report.divergences)] if rows else []
    if any(row.float64_output_error is not None for row in rows):
        pictures.insert(0, error_charts.draw_float64_errors(rows, report.divergences))
    return pictures


def _output_views(report: ParityReport) -> tuple[list[CurvesView], list[ValuesView]]:
    """Points in space as curves, all other outputs as values."""
    curves, values = [], []
    for name, (reference, port) in report.evidence.outputs.items():
        if reference.shape == port.shape and reference.size and value_charts.are_curves(reference):
            curves.append(_curves_view(report, name, reference, port))
        else:
            values.append(_values_view(name, reference, port))
    return curves, values


def _values_view(name: str, reference: np.ndarray, port: np.ndarray) -> ValuesView:
    if reference.shape != port.shape:
        return ValuesView(name, f"shapes differ: {reference.shape} in the reference, {port.shape} in the port")
    values = value_charts.pair_values(reference, port)
    if not values.reference.size:
        return ValuesView(name, "there is no finite value to draw")
    return ValuesView(
        name, "", values, (value_charts.draw_agreement(name, values), value_charts.draw_differences(name, values))
    )


def _curves_view(report: ParityReport, name: str, reference: np.ndarray, port: np.ndarray) -> CurvesView:
    same = (array for array in report.evidence.inputs if array.shape == reference.shape)
    inputs = next(same, None)
    worst = [sample for sample in report.worst if sample.output == name]
    unit = worst[0].unit if worst else ""
    distances = np.linalg.norm(port.astype(np.float64) - reference, axis=-1)
    chosen = _choose(distances.max(axis=1))
    names = _sample_names(distances.max(axis=1), worst)

    def curves(at: list[int]) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
        return (None if inputs is None else inputs[at], reference[at], port[at])

    samples = tuple(
        SampleView(
            names.get(at, f"sample {at}"),
            float(distances[at].max()),
            float(distances[at].mean()),
            value_charts.draw_projections(names.get(at, f"sample {at}"), curves([at]), unit),
        )
        for at in chosen
    )
    together = value_charts.draw_projections(name, curves(chosen), unit)
    return CurvesView(name, unit, inputs is not None, together, samples)


def _choose(distances: np.ndarray) -> list[int]:
    """Half of the samples drawn are those farthest apart, worst first; the others lie evenly among all."""
    order = _farthest_first(distances)
    far = order[: SAMPLES // 2]
    even = np.linspace(0, len(distances) - 1, SAMPLES).round().astype(int).tolist()
    return list(dict.fromkeys([*far, *even]))[: min(SAMPLES, len(distances))]


def _farthest_first(distances: np.ndarray) -> list[int]:
    return np.argsort(np.nan_to_num(distances, nan=np.inf))[::-1].tolist()


def _sample_names(distances: np.ndarray, worst: Sequence[WorstSample]) -> dict[int, str]:
    """Row of a sample -> its name, for those that the report names: it lists the farthest first."""
    return dict(_named(distances, worst))


def _named(distances: np.ndarray, worst: Sequence[WorstSample]) -> Iterator[tuple[int, str]]:
    for at, sample in zip(_farthest_first(distances), worst, strict=False):
        if math.isclose(distances[at], sample.greatest, rel_tol=1e-6):
            yield at, sample.name
