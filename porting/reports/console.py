"""Plan and verdict as a console shows them."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from porting.foreign import shown_lines
from porting.plans.plan import TransferPlan
from porting.records.parity import FLOAT32_ULP
from porting.records.verdict import ParityReport
from porting.reports.layer_table import LayerTable
from porting.reports.plan_table import PlanTable
from porting.statuses import Status
from porting.wording import counted

COLOURS = {Status.PASS: "green", Status.FAIL: "red", Status.NOT_CHECKED: "yellow"}

SENTENCES = {
    Status.PASS: "the port computes the same function as the reference",
    Status.FAIL: "the port does not compute what the reference computes",
    Status.NOT_CHECKED: "not everything could be checked here, so nothing is claimed",
}


def sentence_of(report: ParityReport) -> str:
    """What the verdict says of the port: a function that differs, or one that is the same and trains otherwise."""
    parts = report.parts
    fails = {name for name, part in parts.items() if part.status is Status.FAIL}
    if (
        report.verdict is Status.FAIL
        and not fails & {"semantics", "deployed"}
        and parts["semantics"].status is Status.PASS
    ):
        if fails == {"training"}:
            return "the port computes the same function, but does not train as the reference does"
        return "the outputs are the same here, but the two models are not set, or do not hold their weights, alike"
    return SENTENCES[report.verdict]


def render_plan(plan: TransferPlan) -> RenderableType:
    """The plan tensor by tensor, and what of it is worth a note."""
    parameters = sum(math.prod(transfer.port_shape) for transfer in plan.transfers)
    counts = counted(len(plan.pairs), "layer"), counted(len(plan.tensors), "tensor"), counted(parameters, "parameter")
    lines = [Text(", ".join(counts))]
    lines += [Text(f"no twin in Keras: {name}", "dim") for name in plan.without_twin]
    lines += [Text(note, "dim") for note in dict.fromkeys(pair.rule.note for pair in plan.pairs if pair.rule.note)]
    lines += [Text(f"setting differs: {difference}", "red") for difference in plan.setting_differences]
    lines += [Text(f"no rule knows {name}", "yellow") for name in plan.settings_not_judged]
    return Group(PlanTable(plan), Text(), *lines)


def as_text(report: ParityReport, width: int, *, details: bool = False) -> str:
    """The report as a console of that width shows it, in plain text."""
    return "\n".join(shown_lines(render_report(report, details=details), width))


def render_report(report: ParityReport, *, details: bool = False) -> RenderableType:
    """The layers with the divergences marked, what was found at each, the four parts, the verdict and the drift.

    With `details` every figure of each layer, and every line; otherwise the worst, and lines of one kind only once.
    """
    verdict = report.verdict
    return Group(
        LayerTable(report, details),
        *_findings(report),
        *_search(report),
        Text(),
        _parts(report, details),
        Text(),
        Text.assemble((verdict.value, f"bold {COLOURS[verdict]}"), f": {sentence_of(report)}"),
        *(Text(note, "yellow") for note in report.drift),
        Text(_circumstances(report.versions, report.probe, details), "dim"),
    )


def _parts(report: ParityReport, details: bool) -> Table:
    parts = Table(box=None, show_header=False, pad_edge=False)
    parts.add_column(no_wrap=True)
    parts.add_column(no_wrap=True)
    parts.add_column(overflow="fold")
    told = {finding.describe() for finding in report.findings}  # above, with cause and remedy
    for name, part in report.parts.items():
        lines = part.lines if details else condensed([line for line in part.lines if line not in told])
        parts.add_row(name, Text(part.status.value, COLOURS[part.status]), Text("\n".join(lines)))
    return parts


def condensed(lines: Sequence[str], most: int = 3) -> list[str]:
    """Say once, with the count, what more than `most` lines say of different layers and in different figures."""
    kinds: dict[str, list[str]] = {}
    for line in lines:
        kinds.setdefault(_SPECIFIC.sub("#", line), []).append(line)
    return [
        line
        for held in kinds.values()
        for line in (held if len(held) <= most else [f"{held[0]} (and {len(held) - 1} more like it: --details)"])
    ]


_SPECIFIC = re.compile(r"[^\s,;]*[\d./_][^\s,;]*")
"""The words in which lines of one kind differ: names with numbers, dots, slashes or underscores, and figures."""


def _findings(report: ParityReport) -> Iterator[RenderableType]:
    """What is wrong, the strongest first, why, and what to do; what one cause explains is told once."""
    for finding in report.findings:
        yield Text()
        yield Text(finding.describe(), "red")
        if report.source and (line := report.source.place_of(finding.strongest)):
            yield _hanging("line", Text(line))
        if len(finding.causes) > 1:
            yield Text("  any of these explains it to rounding; the probe cannot tell them apart:")
        for cause in finding.causes:
            left = "" if cause.error is None else f" (leaves {cause.error:.0e})"
            yield _hanging("cause", Text.assemble((cause.name, "bold"), f": {cause.detail}{left}"))
            yield _hanging("remedy", Text(cause.remedy))
        if not finding.causes:
            why = finding.places[0].untried or "no hypothesis explains it"
            yield Text(f"  {why}: look at what lies there in both models")
        if finding.others:
            yield Text(f"  the same {finding.describe_others()}")


def _hanging(label: str, text: Text) -> Table:
    """A text whose lines all stand behind its label."""
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(no_wrap=True)
    row.add_column(overflow="fold")
    row.add_row(f"  {label:<6}", text)
    return row


def _search(report: ParityReport) -> Iterator[RenderableType]:
    """How long causes were searched for at most."""
    if report.divergences and report.patience is not None:
        yield Text(f"causes were searched for at most {report.patience:g} s (--patience)", "dim")


_COLUMNS = {
    False: "float64: relative error of the output as the whole model runs; alone: the worst of the layer alone, on the "
    "reference's input, and of its input as it comes of the reference's outputs; float32 x: error against the float64 "
    "truth, as a multiple of what rounding explains. verify --details shows all figures",
    True: "float64: relative error of the output as the whole model runs; own: of the layer alone on the reference's "
    "input; glue: of its input as it comes of the reference's outputs; float32 x: error against the float64 truth, "
    f"as a multiple of what rounding explains, then the layer's alone; ULP: relative error / {FLOAT32_ULP:.2e}",
}


def _circumstances(versions: Mapping[str, str], probe: Mapping[str, str | int], details: bool) -> str:
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{_COLUMNS[details]}\n{probe_words(probe)}; {listed}"


def probe_words(probe: Mapping[str, str | int]) -> str:
    """Say how many samples of what; a source that counts them itself is enough."""
    count, source = int(probe["samples"]), str(probe["source"])
    return source if source.startswith(f"{count} sample") else f"{counted(count, 'sample')} of {source}"
