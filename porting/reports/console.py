"""Plan and verdict as a console shows them."""

import math
from collections.abc import Iterator, Mapping
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from porting.plans.plan import TransferPlan
from porting.records.parity import FLOAT32_ULP, FLOAT64_LIMIT, RATIO_LIMIT, describe_divergence, plain_number
from porting.records.verdict import LayerParity, ParityReport
from porting.statuses import Status

COLOURS = {Status.PASS: "green", Status.FAIL: "red", Status.NOT_CHECKED: "yellow"}

SENTENCES = {
    Status.PASS: "the port computes the same function as the reference",
    Status.FAIL: "the port does not compute what the reference computes",
    Status.NOT_CHECKED: "not everything could be checked here, so nothing is claimed",
}


def render_plan(plan: TransferPlan) -> RenderableType:
    """The plan as a table: one row per tensor."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("reference tensor", "axes and sizes", "pattern", "port variable", "axes and sizes"):
        table.add_column(heading, overflow="fold")
    for transfer in plan.transfers:
        reference_sizes, port_sizes = transfer.sizes()
        table.add_row(transfer.reference, reference_sizes, transfer.pattern, transfer.port, port_sizes)
    parameters = sum(math.prod(transfer.port_shape) for transfer in plan.transfers)
    lines = [Text(f"{len(plan.pairs)} layers, {len(plan.tensors)} tensors, {parameters:,} parameters")]
    lines += [Text(f"no twin in Keras: {name}", "dim") for name in plan.without_twin]
    lines += [Text(note, "dim") for note in dict.fromkeys(pair.rule.note for pair in plan.pairs if pair.rule.note)]
    lines += [Text(f"setting differs: {difference}", "red") for difference in plan.setting_differences]
    lines += [Text(f"no rule knows {name}", "yellow") for name in plan.settings_not_judged]
    return Group(table, Text(), *lines)


def as_text(report: ParityReport, width: int) -> str:
    """The report as a console of that width shows it, in plain text."""
    written = StringIO()
    Console(file=written, width=width, color_system=None, force_terminal=False).print(render_report(report))
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines())


def render_report(report: ParityReport) -> RenderableType:
    """The layers with the divergences marked, what was found at each, the four parts, the verdict and the drift."""
    verdict = report.verdict
    parts = Table(box=None, show_header=False, pad_edge=False)
    for name, part in report.parts.items():
        parts.add_row(name, Text(part.status.value, COLOURS[part.status]), "\n".join(map(escape, part.lines)))
    return Group(
        _layer_table(report),
        *_findings(report),
        Text(),
        parts,
        Text(),
        Text.assemble((verdict.value, f"bold {COLOURS[verdict]}"), f": {SENTENCES[verdict]}"),
        *(Text(note, "yellow") for note in report.drift),
        Text(_circumstances(report.versions, report.probe), "dim"),
    )


def _layer_table(report: ParityReport) -> Table:
    """A row for each layer call; where the models part between two layers, a row of its own before the second."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("", "reference", "port"):
        table.add_column(heading, no_wrap=heading != "")
    for heading in ("float64", "own", "glue", "float32 x", "own x", "ULP"):
        table.add_column(heading, justify="right", no_wrap=True)
    marked = {(divergence.reference, divergence.where) for divergence in report.divergences}
    for row in (*report.layers, *report.outputs):
        if (row.reference, "between") in marked:
            table.add_row("▶", Text(f"│ {_way(row)}", "red"))
        label = f"{row.reference} = {row.landmark}" if row.landmark not in ("", row.reference) else row.reference
        table.add_row("▶" if (row.reference, "inside") in marked else "", label, row.port, *_figures(row))
    return table


def _way(row: LayerParity) -> str:
    return f"{' and '.join(source or 'input' for source in row.sources)} → {row.reference}"


def _figures(row: LayerParity) -> tuple[Text | str, ...]:
    return (
        _error(row.float64_output_error),
        _error(_greater(row.own_output_error, row.synthetic_output_error)),
        _error(_greater(row.own_input_error, row.synthetic_input_error)),
        _graded(row.float32_ratio, RATIO_LIMIT, plain_number(row.float32_ratio)),
        "" if row.own_float32_ratio is None else plain_number(row.own_float32_ratio),
        plain_number(row.ulp_at_scale),
    )


def _greater(*errors: float | None) -> float | None:
    return max((error for error in errors if error is not None), default=None)


def _findings(report: ParityReport) -> Iterator[RenderableType]:
    """What is wrong at each divergence, why, and what to do."""
    for divergence in report.divergences:
        yield Text()
        yield Text(describe_divergence(divergence), "red")
        if len(divergence.causes) > 1:
            yield Text("  any of these explains it to rounding; the probe cannot tell them apart:")
        for cause in divergence.causes:
            yield Text.assemble("  cause   ", (cause.name, "bold"), f": {cause.detail} (leaves {cause.error:.0e})")
            yield Text(f"  remedy  {cause.remedy}")
        if not divergence.causes:
            yield Text("  no hypothesis explains it: look at what lies there in both models")


def _error(value: float | None) -> Text:
    return Text("") if value is None else _graded(value, FLOAT64_LIMIT, f"{value:.1e}")


def _graded(value: float, limit: float, text: str) -> Text:
    return Text(text, "" if value <= limit else "red")


def _circumstances(versions: Mapping[str, str], probe: Mapping[str, str | int]) -> str:
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        "float64: relative error of the output as the whole model runs; own: of the layer alone on the reference's "
        "input; glue: of its input as it comes of the reference's outputs; float32 x: error against the float64 truth, "
        f"as a multiple of the reference's own, then the layer's alone; ULP: relative error / {FLOAT32_ULP:.2e}\n"
        f"{probe['samples']} samples of {probe['source']}; {listed}"
    )
