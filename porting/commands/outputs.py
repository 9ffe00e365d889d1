"""Where a command's reports go: looked at before any work, written after it."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from porting.commands.console import show
from porting.errors import OutputError
from porting.files.placement import check_apart, check_name
from porting.statuses import EXIT_STATUS

if TYPE_CHECKING:
    from porting.records.verdict import ParityReport


def check_report_files(*files: Path | None, inputs: Iterable[Path | None] = (), outputs: Iterable[Path] = ()) -> None:
    """Refuse before any work a place that a report cannot be written to, or that a command reads or writes otherwise.

    Raises
    ------
    OutputError
        Naming the first such place.
    """
    reports = [file for file in files if file]
    check_apart([*reports, *outputs], inputs)
    for file in reports:
        check_name(file)
        place = file if file.exists() and not file.is_file() else file.parent
        if file.is_dir() or not os.access(place, os.W_OK):
            raise OutputError(f"Cannot write the report to {file}: no folder that can be written to.")


def within(*folders: Path | None) -> list[Path]:
    """The files in some folders, and files themselves: what a command reads where it is given a folder."""
    given = [place for place in folders if place]
    return [file for place in given for file in (place.iterdir() if place.is_dir() else [place]) if file.is_file()]


def finish(
    report: "ParityReport",
    json_file: Path | None,
    html_file: Path | None,
    *,
    details: bool = False,
    lines: Sequence[str] = (),
) -> NoReturn:
    """Show the report, write its files, and exit with the verdict's status."""
    from porting.reports.console import render_report
    from porting.reports.documents import as_json

    write_json(json_file, as_json(report))
    _write_page(html_file, report)
    show(render_report(report, details=details))
    for line in lines:
        show(line)
    raise typer.Exit(EXIT_STATUS[report.verdict.value])


def write_json(file: Path | None, content: dict[str, Any]) -> None:
    """Write a report where it is wanted."""
    from porting.files.placement import write_text

    if file:
        write_text(file, json.dumps(content, indent=1) + "\n")


def _write_page(file: Path | None, report: "ParityReport") -> None:
    if file:
        from porting.files.placement import write_text
        from porting.reports.page import render_page

        write_text(file, render_page(report))
