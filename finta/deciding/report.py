"""What `finta verify-decisions` tells, as text and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from finta.deciding.decisions import Compared, Parity
from porting.reports.documents import plain
from porting.wording import counted
from tractography.agreement.comparison import Disagreement
from tractography.agreement.decisions import EPSILON
from tractography.files.tractograms import WHY_SKIPPED
from tractography.generating.anatomy import Anatomy

SCHEMA = "finta-decisions/1"
"""Name and version of ``finta/schemas/finta-decisions.schema.json``."""

LISTED = 20
"""Disagreements that are shown; the JSON report has them all."""


def as_json(parity: Parity) -> dict[str, Any]:
    """All figures and all disagreements, of JSON's types."""
    content = {
        "schema": SCHEMA,
        "verdict": _verdict(parity.has_passed),
        "checkpoint": str(parity.checkpoint),
        "port": str(parity.port),
        "files": [
            {"file": str(file), "streamlines": count} for file, count in zip(parity.files, parity.counts, strict=True)
        ],
        "skipped": parity.skips.counts,
        "neighbours": parity.rules.neighbours,
        "point": parity.rules.point,
        "anatomy": _anatomy_as_json(parity.rules.anatomy),
        "draws": {"bundle": parity.drawn_from, "count": parity.draws},
        "rounding": {**asdict(parity.rounding), "units": parity.rounding.codes / EPSILON},
        "backends": {held.backend: _backend_as_json(parity, held) for held in parity.compared},
    }
    return plain(content)


def _backend_as_json(parity: Parity, held: Compared) -> dict[str, Any]:
    figures = asdict(held.agreement)
    figures["disagreements"] = [
        {
            "place": parity.place(each),
            **{name: value for name, value in asdict(each).items() if name != "row"},
            "explained": each.is_explained,
        }
        for each in held.disagreements
    ]
    verdict = {"verdict": _verdict(not held.failures), "framework": held.framework, "failures": list(held.failures)}
    filters = {name: getattr(held.filters, name) for name in ("agree", "reference", "port")}
    return {**verdict, **figures, "decoded_mm": held.decoded, "filters": filters}


def _anatomy_as_json(anatomy: Anatomy) -> dict[str, Any]:
    images = {"mask": anatomy.mask, "peaks": anatomy.peaks}
    sources = {name: image.space.source if image else None for name, image in images.items()}
    return {**sources, "max_angle": anatomy.max_angle, "lengths_mm": list(anatomy.lengths)}


def _verdict(has_passed: bool) -> str:
    return "PASS" if has_passed else "FAIL"


def render(parity: Parity) -> RenderableType:
    """Tables for a console."""
    rounding = parity.rounding
    return Group(
        Text(
            f"float32 rounding explains: {_figure(rounding.codes)} of a code's size ({rounding.codes / EPSILON:.1f} "
            f"units), {_figure(rounding.decoded)} mm between decoded points"
        ),
        *(Text(f"{file}: {count:,} skipped: {WHY_SKIPPED}") for file, count in parity.skips.counts.items()),
        *(part for held in parity.compared for part in _render_backend(parity, held)),
        Text(),
        *_render_verdict(parity),
    )


def _render_backend(parity: Parity, held: Compared) -> Iterator[RenderableType]:
    agreement = held.agreement
    yield Text(f"\n{held.framework}: {_verdict(not held.failures)}", "bold")
    yield _counts(parity, held)
    yield Text()
    yield _differences(held)
    codes, distances = counted(agreement.codes, "code"), counted(agreement.beyond, "distance")
    beyond = f"{codes} and {distances} further apart than rounding explains"
    yield Text(
        f"{beyond}; {counted(parity.draws, 'draw')} from {parity.drawn_from}: {_figure(held.decoded)} mm apart at most"
    )
    yield Text()
    yield _filters(parity, held)
    if held.disagreements:
        yield Text()
        yield _disagreements(parity, held.disagreements)


def _counts(parity: Parity, held: Compared) -> Table:
    agreement = held.agreement
    table = _table("agree", "labels", "kept or removed", "of")
    totals = {"known streamlines": agreement.known, "tractograms": agreement.streamlines}
    for (name, total), labels, kept in zip(totals.items(), agreement.labels, agreement.kept, strict=True):
        table.add_row(name, f"{labels:,}", f"{kept:,}", f"{total:,}")
    table.add_row("thresholds", "", f"{agreement.thresholds:,}", f"{len(parity.bundles):,}")
    return table


def _filters(parity: Parity, held: Compared) -> Table:
    """What becomes of the draws; filters that are not asked for are left out."""
    found, anatomy = held.filters, parity.rules.anatomy
    unused = {*(() if anatomy.mask else ("cut", "inside")), *(() if anatomy.peaks else ("orientation",))}
    names = [name for name in found.reference if name not in unused]
    heads = [name if name == "kept" else f"- {name}" for name in names]
    table = _table("draws", *heads)
    for side, counts in (("reference", found.reference), ("port", found.port)):
        table.add_row(side, *(f"{counts[name]:,}" for name in names))
    table.add_row("agree", f"{found.agree:,} of {parity.draws:,}")
    return table


def _differences(held: Compared) -> Table:
    columns = ("greatest difference", "absolute", "relative", "units of float32 rounding")
    table = _table(*columns)
    for name, figures in held.agreement.differences.items():
        table.add_row(name, _figure(figures.absolute), _figure(figures.relative), f"{figures.units:.2f}")
    return table


def _disagreements(parity: Parity, found: tuple[Disagreement, ...]) -> Table:
    """Those that rounding does not explain first."""
    columns = ("differs", "where", "reference", "port", "margin", "rounding", "explained")
    table = _table(*columns)
    for held in sorted(found, key=lambda each: each.is_explained)[:LISTED]:
        margin = f"{_figure(held.margin)} {held.unit}".rstrip()
        figures = (margin, _figure(held.rounding), "yes" if held.is_explained else "no")
        table.add_row(held.what, Text(parity.place(held)), Text(held.reference), Text(held.port), *figures)
    if len(found) > LISTED:
        table.add_row("...", f"{len(found) - LISTED:,} more: --json FILE has them")
    return table


def _render_verdict(parity: Parity) -> Iterator[RenderableType]:
    if parity.has_passed:
        listed = sum(len(held.disagreements) for held in parity.compared)
        within = counted(listed, "difference") if listed else "no differences"
        yield Text(f"PASS: the port decides as the reference does; {within} within rounding")
        return
    yield Text("FAIL: the port decides otherwise than the reference")
    for held in parity.compared:
        for failure in held.failures:
            yield Text(f"  {held.backend}: {failure}")
    failed = ",".join(held.backend for held in parity.compared if held.failures)
    command = f"porting verify {parity.checkpoint} {parity.port} --backend {failed}"
    yield Text(f"Run next, to find the layer that computes otherwise: {command}")


def _table(*headings: str) -> Table:
    """A table that folds what is too wide for the console, and cuts nothing."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _figure(value: float) -> str:
    return f"{value:.3g}"
