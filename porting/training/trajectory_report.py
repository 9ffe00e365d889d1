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
from porting.training.verdict import FLOAT32_LIMIT, LIMITS, StepParity, TrajectoryReport
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
    first = report.first_divergence
    return plain(
        {
            "schema": SCHEMA,
            "pair": report.pair,
            "recipe": report.recipe,
            "batches": report.batches,
            "verdict": report.verdict.value,
            "first_divergence": None if first is None else {"step": first.step, "quantity": first.first_cause()},
            "limits": {**LIMITS, "float32_ratio": FLOAT32_LIMIT},
            "steps": [asdict(step) for step in report.steps],
            "why_no_float64": report.why_no_float64,
            "versions": dict(report.versions),
        }
    )


def render(report: TrajectoryReport) -> RenderableType:
    """Some of the steps as a table, the first divergence, and the verdict."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("", "step", "loss", "rate", "beta1", *LIMITS, "trajectory", "float32 x"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    first = report.first_divergence
    for step in _shown(report):
        ratio = "" if step.float32_ratio is None else plain_number(step.float32_ratio)
        errors = [_graded(step, name) for name in LIMITS]
        errors.append(Text(f"{step.trajectory.error:.1e}"))
        scalars = (f"{step.losses[0]:.4g}", f"{step.learning_rate[0]:.2e}", f"{step.momentum[0]:.3f}")
        table.add_row("▶" if step is first else "", f"{step.step}", *scalars, *errors, ratio)
    verdict = report.verdict
    return Group(
        table,
        *_finding(report),
        Text(),
        Text.assemble((verdict.value, f"bold {COLOURS[verdict]}"), f": {SENTENCES[verdict]}"),
        Text(_circumstances(report), "dim"),
    )


def _shown(report: TrajectoryReport) -> Iterator[StepParity]:
    """The steps 1, 2, 5, 10, 20, 50 and so on, the first divergence, and the last."""
    last, first = report.steps[-1], report.first_divergence
    for step in report.steps:
        is_round = f"{step.step}".rstrip("0") in {"1", "2", "5"}
        if is_round or step is last or step is first:
            yield step


def _graded(step: StepParity, name: str) -> Text:
    if name not in step.quantities:
        return Text("-")
    error = step.quantities[name].error
    return Text(f"{error:.1e}", "" if error <= LIMITS[name] else "red")


def _finding(report: TrajectoryReport) -> Iterator[RenderableType]:
    first, amplified = report.first_divergence, report.amplified
    if amplified:
        yield Text()
        fact = (
            f"every step alone agrees, but training amplifies rounding: behind step {amplified.step} the trajectories"
        )
        yield Text(f"{fact} are {amplified.trajectory.error:.1e} apart in {amplified.trajectory.name}", "yellow")
    if first is None:
        return
    cause = first.first_cause()
    found = first.quantities[cause]
    yield Text()
    fact = f"the trainings part at step {first.step}, in the {cause}: {found.name} differs by {found.error:.1e}"
    yield Text(f"{fact} (limit {LIMITS[cause]:.0e})", "red")
    yield Text(f"  remedy  {_REMEDIES[cause]}")


def _circumstances(report: TrajectoryReport) -> str:
    listed = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    about = f"not in float64: {report.why_no_float64}" if report.why_no_float64 else "relative errors in float64"
    return (
        f"{about}, each step from the reference's own state; optimiser: of the parameters behind the step; "
        f"trajectory: of the parameters behind all steps so far; float32 x: distance of the port's float32 parameters "
        f"from the reference's float64 ones, as a multiple of the reference's own\n"
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
    errors.plot(numbers, [max(step.trajectory.error, 1e-17) for step in report.steps], "k--", label="trajectory")
    errors.set(xlabel="step", ylabel="relative error", yscale="log", title="port against reference; dotted: limits")
    if first := report.first_divergence:
        for axes in (losses, errors):
            axes.axvline(first.step, color="black", linewidth=0.8)
    losses.legend(frameon=False)
    figure.legend(*errors.get_legend_handles_labels(), loc="outside right center", frameon=False)
    try:
        with written_whole(path) as draft:
            figure.savefig(draft, format=path.suffix.removeprefix("."))
    except OSError as error:
        raise OutputError(f"Cannot write the picture to {path}: {error.strerror}.") from error
