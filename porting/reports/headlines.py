"""What a report's page says first: the figures of the verdict, and what keeps it from being PASS."""

import math
from dataclasses import dataclass

from porting.records.parity import FLOAT64_LIMIT, RATIO_LIMIT
from porting.records.verdict import ParityReport
from porting.reports.rendering import Tile, write_error, write_figure, write_limit
from porting.statuses import Status

_SETTINGS = "Give the Keras layer the setting that the reference's has."

_REMEDIES = {
    "deployed": "Find out what rounds more coarsely here than PyTorch does: verify on another backend (--backend), and "
    "on a CPU with TF_ENABLE_ONEDNN_OPTS=0.",
    "training": "Compare what runs otherwise in training: dropout, moving statistics, regularisers, frozen weights.",
}
"""What to do where a part of the verdict fails and no layer is to blame."""


@dataclass(frozen=True, slots=True)
class Concern:
    """A part of the verdict that is not PASS, what it rests on, and what to do; empty where the lines say it."""

    name: str
    status: Status
    lines: tuple[str, ...]
    remedy: str


@dataclass(frozen=True, slots=True)
class BackendView:
    """The verdict on one backend, and its worst figures; None where not checked."""

    name: str
    report: ParityReport
    float64_error: float | None
    float32_ratio: float


def view_backend(report: ParityReport) -> BackendView:
    """The verdict with its worst figures, under the backend's name."""
    name = report.versions.get("backend", "unknown")
    ratio = max((row.float32_ratio for row in (*report.layers, *report.outputs)), default=0.0)
    faults = _faults(report)
    return BackendView(name, report, max(faults) if faults else _greatest_float64_error(report), ratio)


def view_tiles(report: ParityReport) -> list[Tile]:
    """The figures of the verdict; where the models part in float64, the error is that of the place."""
    worst, faults = view_backend(report), _faults(report)
    name = "error where they part" if faults else "greatest float64 error"
    aside = "not checked" if worst.float64_error is None else f"limit {write_limit(FLOAT64_LIMIT)}"
    if len(faults) > 1:
        aside = f"the greatest of {len(faults)}; {aside}"
    parameters = sum(math.prod(transfer.port_shape) for transfer in report.plan.transfers)
    backend = report.versions.get("backend")
    return [
        Tile(name, write_error(worst.float64_error), aside),
        Tile(
            "float32 error",
            f"{write_figure(worst.float32_ratio)} \N{MULTIPLICATION SIGN}",
            f"of what rounding explains; limit {RATIO_LIMIT:g}",
        ),
        Tile("tensors moved", f"{len(report.plan.tensors)}", f"{parameters:,} parameters"),
        Tile("probe", f"{report.probe.get('samples', '-')}", f"samples, on {backend}" if backend else "samples"),
    ]


def _faults(report: ParityReport) -> list[float]:
    """Errors of the places where the models part in float64."""
    return [divergence.error for divergence in report.divergences if divergence.seen_on != "float32"]


def _greatest_float64_error(report: ParityReport) -> float | None:
    """Of all inputs and outputs as the whole model runs; None where nothing was checked."""
    rows = (*report.layers, *report.outputs)
    errors = [error for row in rows for error in (row.float64_input_error, row.float64_output_error)]
    return max((error for error in errors if error is not None), default=None)


def view_concerns(report: ParityReport) -> list[Concern]:
    """The parts that make the verdict what it is, where it is not PASS and no place explains it."""
    if report.divergences or report.verdict is Status.PASS:
        return []
    return [
        Concern(name, part.status, part.lines, _remedy(name, report))
        for name, part in report.parts.items()
        if part.status is report.verdict
    ]


def _remedy(name: str, report: ParityReport) -> str:
    if report.parts[name].status is not Status.FAIL:
        return ""
    if name == "transfer":
        again = "Convert again, or give the checkpoint that the port was made of."
        return " ".join([*[again] * bool(report.changed_tensors), *[_SETTINGS] * bool(report.plan.setting_differences)])
    if name == "training" and report.plan.training_differences:
        return _SETTINGS
    return _REMEDIES.get(name, "")
