"""A training's parity, as JSON, on a console and as a picture."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from porting.errors import OutputError
from porting.files.placement import written_whole
from porting.records.parity import plain_number
from porting.reports.console import COLOURS
from porting.reports.documents import plain
from porting.statuses import Status
from porting.training.verdict import (
    FLOAT32_LIMIT,
    HORIZON,
    LIMITS,
    MOST_STRAYS,
    PARAMETER_LIMIT,
    StepParity,
    TrajectoryReport,
)
from porting.wording import counted

SENTENCES = {
    Status.PASS: "the port trains as the reference does",
    Status.FAIL: "the port does not train as the reference does",
    Status.NOT_CHECKED: "not everything could be checked here, so nothing is claimed",
}

_REMEDIES = {
    "schedule": "compare the schedules' constants, and at which step each begins",
    "loss": "compare the terms of the loss, their sums or means, and their weights",
    "gradient": "compare the losses' derivatives, and what runs otherwise in training",
    "optimiser": "compare the optimisers: decay coupled or not, epsilon, bias correction, clipping, momentum",
    "state": "compare what the optimisers keep for the next step: moments, and the number of steps",
}


PICTURES = (".png", ".svg", ".pdf")
"""Endings of a picture's file."""


SCHEMA = "porting-training/1"
"""Name and version of the schema that lies with those of reports."""


def as_json(report: TrajectoryReport) -> dict[str, Any]:
    """Everything that the report holds; a figure that is infinite becomes the word "inf"."""
    first, strayed = report.first_divergence, report.strayed
    return plain(
        {
            "schema": SCHEMA,
            "pair": report.pair,
            "recipe": report.recipe,
            "batches": report.batches,
            "verdict": report.verdict.value,
            "first_divergence": None if first is None else {"step": first.step, "quantity": first.first_cause()},
            "trajectory": {
                "verdict": report.trajectory_verdict.value,
                "steps": len(report.within_horizon),
                "strayed": None if strayed is None else {"step": strayed.step, "name": strayed.nearest_limit.name},
            },
            "limits": {
                **LIMITS,
                "trajectory": PARAMETER_LIMIT,
                "trajectory_ratio": MOST_STRAYS,
                "horizon": HORIZON,
                "float32_ratio": FLOAT32_LIMIT,
            },
            "steps": [_step_as_json(step) for step in report.steps],
            "why_no_float64": report.why_no_float64,
            "why_not_itself": report.why_not_itself,
            "versions": dict(report.versions),
        }
    )


def _step_as_json(step: StepParity) -> dict[str, Any]:
    nearest = step.nearest_limit
    return {**asdict(step), "nearest_limit": {**asdict(nearest), "allowed": nearest.allowed, "share": nearest.share}}


def render(report: TrajectoryReport) -> RenderableType:
    """Some of the steps as two tables, what was found, and the verdict."""
    verdict = report.verdict
    return Group(
        Text("Each step alone, from the reference's own state", "bold"),
        _steps_table(report),
        Text(),
        Text("All steps so far", "bold"),
        _trajectory_table(report),
        *_finding(report),
        Text(),
        Text.assemble((verdict.value, f"bold {COLOURS[verdict]}"), f": {SENTENCES[verdict]}"),
        Text(_circumstances(report), "dim"),
    )


def _table(*headings: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("", *headings):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    return table


def _steps_table(report: TrajectoryReport) -> Table:
    """The quantities of each step, in the order in which they are computed."""
    table = _table("step", "loss is", *LIMITS)
    for step in _shown(report):
        mark = "▶" if step is report.first_divergence else ""
        table.add_row(mark, f"{step.step}", f"{step.losses[0]:.4g}", *(_graded(step, name) for name in LIMITS))
    return table


def _trajectory_table(report: TrajectoryReport) -> Table:
    """How far the port is from the reference, and the reference from itself; and the schedule that both went by."""
    table = _table("step", "rate", "beta1", "port", "itself", "of allowed", "float32 x")
    told = len(report.within_horizon)
    for step in _shown(report):
        itself = "-" if step.itself is None else f"{step.itself.error:.1e}"
        share = step.nearest_limit.share
        ratio = "-" if step.float32_ratio is None else plain_number(step.float32_ratio)
        scalars = (f"{step.learning_rate[0]:.2e}", f"{step.momentum[0]:.3f}")
        of_allowed = Text(plain_number(share), "" if share <= 1 else "red") if step.step <= told else Text("-")
        errors = (f"{step.trajectory.error:.1e}", itself, of_allowed)
        table.add_row("▶" if step is report.strayed else "", f"{step.step}", *scalars, *errors, ratio)
    return table


def _shown(report: TrajectoryReport) -> Iterator[StepParity]:
    """The steps 1, 2, 5, 10, 20, 50 and so on, those at which the models part, and the last."""
    marked = (report.steps[-1], report.first_divergence, report.strayed)
    for step in report.steps:
        is_round = f"{step.step}".rstrip("0") in {"1", "2", "5"}
        if is_round or any(step is held for held in marked):
            yield step


def _graded(step: StepParity, name: str) -> Text:
    if name not in step.quantities:
        return Text("-")
    error = step.quantities[name].error
    return Text(f"{error:.1e}", "" if error <= LIMITS[name] else "red")


def _finding(report: TrajectoryReport) -> Iterator[RenderableType]:
    for finding, style in (
        (_amplified(report), "yellow"),
        (_parted(report), "red"),
        (_strayed(report), "yellow" if report.why_untold else "red"),
    ):
        for number, line in enumerate(finding):
            yield from (Text(), Text(line, style)) if number == 0 else (Text(f"  {line}"),)


def _amplified(report: TrajectoryReport) -> Iterator[str]:
    if step := report.amplified:
        found = f"behind step {step.step} the trajectories are {step.trajectory.error:.1e} apart"
        yield f"every step alone agrees, but training amplifies rounding: {found} in {step.trajectory.name}"
        last = report.steps[-1]
        if last.itself:
            yield (
                f"behind step {last.step} the port is {last.trajectory.error:.1e} from the reference, which has been "
                f"{last.itself.error:.1e} from itself, trained again from weights one ULP higher"
            )
        if (told := len(report.within_horizon)) < len(report.steps):
            yield (
                f"from step {report.steps[told].step} on it is further than {HORIZON:.0e} from itself: there each step "
                "alone tells, and the whole trajectories nothing"
            )


def _parted(report: TrajectoryReport) -> Iterator[str]:
    if step := report.first_divergence:
        cause = step.first_cause()
        found = step.quantities[cause]
        fact = f"the trainings part at step {step.step}, in the {cause}: {found.name} differs by {found.error:.1e}"
        yield f"{fact} (limit {LIMITS[cause]:.0e})"
        yield f"remedy  {_REMEDIES[cause]}"


def _strayed(report: TrajectoryReport) -> Iterator[str]:
    """Where a step alone differs, the trajectory's straying follows from it."""
    if (step := report.strayed) is None or report.first_divergence or report.why_no_float64:
        return
    held = step.nearest_limit
    fact = f"every step alone agrees, but behind step {step.step} the port is {held.port:.1e} off in {held.name}"
    if report.why_untold:
        yield f"{fact}, and whether rounding explains it cannot be told: {report.why_untold}"
        return
    yield f"{fact}, where the reference has been no further than {held.itself or 0:.1e} from itself"
    yield f"allowed {held.allowed:.1e}: {MOST_STRAYS:g} times as far, or {PARAMETER_LIMIT:.0e} where that is more"
    yield "remedy  compare what the port's trainer keeps from step to step beside weights and optimiser,"
    yield "        what it draws, and what it does otherwise when gradients are asked for"


def _circumstances(report: TrajectoryReport) -> str:
    listed = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    about = f"not in float64: {report.why_no_float64}" if report.why_no_float64 else "relative errors in float64"
    return (
        f"{about}; optimiser: of the parameters behind the step; "
        f"port: greatest distance of a parameter from the reference's; itself: the furthest of the reference from "
        f"itself, trained again from weights one ULP higher; of allowed: the greatest share of {MOST_STRAYS:g} times "
        f"that, parameter by parameter, and of at least {PARAMETER_LIMIT:.0e}, as long as itself is within "
        f"{HORIZON:.0e}; float32 x: distance of the port's "
        f"float32 parameters from the reference's float64 ones, as a multiple of the reference's own\n"
        f"{counted(len(report.steps), 'step')} by the recipe {report.recipe} on {report.batches}; {listed}"
    )


def draw(report: TrajectoryReport, path: Path) -> None:
    """Draw both losses, and every quantity's error with its limit, against the step; the ending tells the format."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    losses, errors = figure.subplots(1, 2)
    numbers = [step.step for step in report.steps]
    for at, (label, style) in enumerate((("reference", "-"), ("port", "--"))):
        losses.plot(numbers, [step.losses[at] for step in report.steps], style, color=f"C{at}", label=label)
    losses.set(xlabel="step", ylabel="loss", yscale="log", title=f"loss by the recipe {report.recipe}")
    for number, (name, limit) in enumerate(LIMITS.items()):
        found = [max(step.quantities[name].error, 1e-17) for step in report.steps if name in step.quantities]
        if not found:
            continue
        errors.plot(numbers, found, color=f"C{number}", label=name)
        errors.axhline(limit, color=f"C{number}", linestyle=":", linewidth=0.8)
    for label, style, found in (
        ("trajectory", "k--", [step.trajectory for step in report.steps]),
        ("reference\nagainst itself", "k:", [step.itself for step in report.steps if step.itself]),
    ):
        errors.plot(numbers[: len(found)], [max(held.error, 1e-17) for held in found], style, label=label)
    errors.set(xlabel="step", ylabel="relative error", yscale="log", title="port against reference; dotted: limits")
    if first := report.first_divergence or report.strayed:
        for axes in (losses, errors):
            axes.axvline(first.step, color="black", linewidth=0.8)
    losses.legend(frameon=False)
    figure.legend(*errors.get_legend_handles_labels(), loc="outside right center", frameon=False)
    try:
        with written_whole(path) as draft:
            figure.savefig(draft, format=path.suffix.removeprefix("."))
    except OSError as error:
        raise OutputError(f"Cannot write the picture to {path}: {error.strerror}.") from error
