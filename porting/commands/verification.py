"""``porting verify``: on the backend in use, or on several."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from porting.commands.console import show, width
from porting.commands.options import (
    RUNNING,
    DetailsOption,
    HtmlOption,
    JsonOption,
    MaybePairOption,
    PatienceOption,
    ProbeOption,
    Tf32Option,
)
from porting.commands.outputs import check_report_files, finish, write_json
from porting.commands.progress import steps
from porting.defaults import PATIENCE_SECONDS
from porting.statuses import EXIT_STATUS


def verify(
    files: Annotated[
        list[Path],
        typer.Argument(help="CHECKPOINT PORT, or PORT alone to use its golden file.", metavar="[CHECKPOINT] PORT"),
    ],
    pair: MaybePairOption = None,
    probe: ProbeOption = None,
    every_sample: Annotated[
        bool, typer.Option("--all", help="Run both models on every sample of the probe file, in constant memory.")
    ] = False,
    json_file: JsonOption = None,
    html_file: HtmlOption = None,
    details: DetailsOption = False,
    backends: Annotated[
        str | None,
        typer.Option(
            "--backend",
            help="Any of tensorflow, jax, torch, separated by commas: each in its own process.",
            metavar="NAMES",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    tf32: Tf32Option = False,
    patience: PatienceOption = PATIENCE_SECONDS,
) -> None:
    """Judge a converted checkpoint: against the PyTorch checkpoint, or against its golden file without PyTorch."""
    if len(files) > 2:
        raise typer.BadParameter("give CHECKPOINT PORT, or PORT alone")
    *checkpoint, port = files
    if backends is not None and every_sample:
        raise typer.BadParameter("give --all with one backend: KERAS_BACKEND names it")
    shared = {"pair": pair, "probe": probe, "tf32": tf32, "patience": patience}
    if backends is not None:
        _verify_on_backends(port, checkpoint, backends, json_file, html_file, details, shared)
    check_report_files(json_file, html_file, inputs=read_files(port, checkpoint, probe))
    from porting.jobs.verification import verify as verify_port

    with steps() as on_step:
        report = verify_port(port, *checkpoint, every_sample=every_sample, on_step=on_step, **shared)
    finish(report, json_file, html_file, details=details)


def read_files(port: Path, checkpoint: Sequence[Path], probe: Path | None) -> list[Path | None]:
    """All that a verification reads, with the evidence beside the port."""
    from porting.evidence.certificates import files_of, stem_of

    return [port, *checkpoint, probe, *files_of(stem_of(port))]


def _verify_on_backends(
    port: Path,
    checkpoint: Sequence[Path],
    names: str,
    json_file: Path | None,
    html_file: Path | None,
    details: bool,
    shared: dict,
) -> NoReturn:
    """Verify in a process for each backend, show the table, and exit with the overall verdict's status."""
    from porting.jobs.processes import backends

    chosen = backends.parse_backends(names)
    pages = [backends.page_path(html_file, name, chosen) for name in chosen] if html_file else []
    check_report_files(json_file, *pages, inputs=read_files(port, checkpoint, shared["probe"]))
    with steps() as on_step:
        results = backends.verify_on_backends(
            port,
            *checkpoint,
            backends=chosen,
            html=html_file,
            details=details,
            width=width(),
            on_step=on_step,
            **shared,
        )
    write_json(json_file, backends.results_as_json(results))
    show(backends.render_results(results))
    raise typer.Exit(EXIT_STATUS[backends.overall(results).value])
