"""Plan and verdict, as JSON and as what a console shows."""

import math
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from porting.parity import FLOAT32_ULP, FLOAT64_LIMIT, RATIO_LIMIT
from porting.plan import TransferPlan
from porting.verdict import LayerParity, ParityReport, Part, Status

if TYPE_CHECKING:
    from porting.parity import Divergence

COLOURS = {Status.PASS: "green", Status.FAIL: "red", Status.NOT_CHECKED: "yellow"}

_SENTENCES = {
    Status.PASS: "the port computes the same function as the reference",
    Status.FAIL: "the port does not compute what the reference computes",
    Status.NOT_CHECKED: "not everything could be checked here, so nothing is claimed",
}


def as_json(report: ParityReport, drift: Sequence[str] = ()) -> dict[str, Any]:
    """Everything that the report holds, in JSON's types; a figure that is infinite becomes the word "inf".

    `drift` says what has changed since the port was certified, as `porting.drift` finds it.
    """
    divergence = report.first_divergence
    return {
        "pair": report.pair,
        "verdict": report.verdict.value,
        "transfer": report.transfer.status.value,
        "semantics": report.semantics.status.value,
        "deployed": report.deployed.status.value,
        "details": {name: list(part.lines) for name, part in _parts(report).items()},
        "first_divergence": _divergence_as_json(divergence) if divergence else None,
        "layers": [_row_as_json(row) for row in report.layers],
        "outputs": [_row_as_json(row) for row in report.outputs],
        "limits": {"float64_relative_error": FLOAT64_LIMIT, "float32_ratio": RATIO_LIMIT},
        "plan": report.plan.as_json(),
        "probe": dict(report.probe),
        "versions": dict(report.versions),
        "hashes": dict(report.hashes),
        "drift": list(drift),
    }


def _divergence_as_json(divergence: "Divergence") -> dict[str, Any]:
    return {
        "reference": divergence.reference,
        "port": divergence.port,
        "before": divergence.before,
        "where": divergence.where,
        "relative_error": _number(divergence.error),
        "place": divergence.place,
    }


def _row_as_json(row: LayerParity) -> dict[str, Any]:
    return {
        "reference": row.reference,
        "port": row.port,
        "kind": row.kind,
        "landmark": row.landmark,
        "float64_input_error": _number(row.float64_input_error),
        "float64_output_error": _number(row.float64_output_error),
        "float32_ratio": _number(row.float32_ratio),
        "ulp_at_scale": _number(row.ulp_at_scale),
    }


def _number(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else "inf"


def _parts(report: ParityReport) -> dict[str, Part]:
    return {"transfer": report.transfer, "semantics": report.semantics, "deployed": report.deployed}


def render_plan(plan: TransferPlan) -> RenderableType:
    """The plan as a table: one row per tensor."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("reference tensor", "axes and sizes", "pattern", "port variable", "axes and sizes"):
        table.add_column(heading, overflow="fold")
    for transfer in plan.transfers:
        reference_sizes, port_sizes = transfer.sizes()
        table.add_row(transfer.reference, reference_sizes, transfer.pattern, transfer.port, port_sizes)
    parameters = sum(math.prod(transfer.port_shape) for transfer in plan.transfers)
    lines = [Text(f"{len(plan.pairs)} layers, {len(plan.transfers)} tensors, {parameters:,} parameters")]
    lines += [Text(f"no twin in Keras: {name}", "dim") for name in plan.without_twin]
    lines += [Text(note, "dim") for note in dict.fromkeys(pair.rule.note for pair in plan.pairs if pair.rule.note)]
    lines += [Text(f"setting differs: {difference}", "red") for difference in plan.setting_differences]
    lines += [Text(f"no rule knows {name}", "yellow") for name in plan.settings_not_judged]
    return Group(table, Text(), *lines)


def as_text(report: ParityReport, width: int, notes: Sequence[str] = ()) -> str:
    """The report as a console of that width shows it, in plain text."""
    written = StringIO()
    Console(file=written, width=width, color_system=None, force_terminal=False).print(render_report(report, notes))
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines())


def render_report(report: ParityReport, notes: Sequence[str] = ()) -> RenderableType:
    """The verdict in a sentence, its parts, the layers with the first divergence marked, and notes, a line each."""
    verdict = report.verdict
    parts = Table(box=None, show_header=False, pad_edge=False)
    for name, part in _parts(report).items():
        parts.add_row(name, Text(part.status.value, COLOURS[part.status]), "\n".join(map(escape, part.lines)))
    return Group(
        _layer_table(report),
        Text(),
        parts,
        Text(),
        Text.assemble((verdict.value, f"bold {COLOURS[verdict]}"), f": {_SENTENCES[verdict]}"),
        *(Text(note, "yellow") for note in notes),
        Text(_circumstances(report.versions, report.probe), "dim"),
    )


def _layer_table(report: ParityReport) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    table.add_column("reference", no_wrap=True)
    table.add_column("port", no_wrap=True)
    for heading in ("float64 in", "float64 out", "float32 x", "ULP"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in (*report.layers, *report.outputs):
        is_first = report.first_divergence is not None and row.reference == report.first_divergence.reference
        label = f"{row.reference} = {row.landmark}" if row.landmark not in ("", row.reference) else row.reference
        table.add_row(
            "▶" if is_first else "",
            label,
            row.port,
            _error(row.float64_input_error),
            _error(row.float64_output_error),
            _graded(row.float32_ratio, RATIO_LIMIT, f"{row.float32_ratio:.2f}"),
            f"{row.ulp_at_scale:.1f}",
        )
    return table


def _error(value: float | None) -> Text:
    return Text("") if value is None else _graded(value, FLOAT64_LIMIT, f"{value:.1e}")


def _graded(value: float, limit: float, text: str) -> Text:
    return Text(text, "" if value <= limit else "red")


def _circumstances(versions: Mapping[str, str], probe: Mapping[str, str | int]) -> str:
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        "float64 in, out: relative error of the layer's input and output; float32 x: error against the float64 truth, "
        f"as a multiple of the reference's own; ULP: relative error in units of {FLOAT32_ULP:.2e}\n"
        f"{probe['samples']} samples of {probe['source']}; {listed}"
    )
