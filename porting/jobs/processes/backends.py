"""Verify one port on several backends of Keras, each in a process of its own, since Keras chooses once a process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from porting.defaults import PATIENCE_SECONDS
from porting.errors import InputError
from porting.evidence.drift import worst_figures
from porting.jobs.preparation import check_files
from porting.pairs.finding import check_name
from porting.proof.runs import OnStep, silent
from porting.records import verdict
from porting.reports.console import COLOURS
from porting.requirements import BACKENDS
from porting.statuses import EXIT_STATUS, Status
from porting.wording import counted

MISTAKE = 2
"""Exit status of a command that was given something it cannot use."""

LAST_LINES = 5
"""How much of a crashed process' standard error is told."""

SCHEMA = "porting-backends/1"
"""Name and version of the schema that lies with those of reports."""

_COMMAND = "import sys; sys.path[:] = {path!r}; from porting.entry import main; main()"


@dataclass(frozen=True, slots=True)
class BackendResult:
    """The verdict on one backend.

    Attributes
    ----------
    backend : str
    verdict : Status
    report : Mapping or None
        As `porting.reports.documents.as_json` gives it; None where the process came to none.
    reason : str
        Why the verdict is not PASS.
    text : str
        The report as a console shows it.
    """

    backend: str
    verdict: Status
    report: Mapping[str, Any] | None
    reason: str
    text: str = ""


def parse_backends(names: str) -> tuple[str, ...]:
    """Read names of backends, separated by commas.

    Raises
    ------
    InputError
        If one is unknown, or there is none.
    """
    given = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    unknown = [name for name in given if name not in BACKENDS]
    if unknown or not given:
        raise InputError(f"Unknown backend {', '.join(unknown) or '(none)'}: choose among {', '.join(BACKENDS)}.")
    return given


def verify_on_backends(
    port: str | os.PathLike,
    checkpoint: str | os.PathLike | None = None,
    *,
    backends: Sequence[str] = BACKENDS,
    pair: str | None = None,
    probe: str | os.PathLike | None = None,
    tf32: bool = False,
    patience: float = PATIENCE_SECONDS,
    html: Path | None = None,
    details: bool = False,
    width: int = 100,
    on_step: OnStep = silent,
) -> tuple[BackendResult, ...]:
    """Verify a port on each backend, one process after the other.

    Parameters
    ----------
    port, checkpoint, pair, probe, tf32, patience
        As for `porting.verify`; a pair by its name.
    backends : sequence of str
        Any of ``tensorflow``, ``jax``, ``torch``.
    html : Path, optional
        Where each process writes its page, with the backend's name before the suffix if there are several.
    details : bool
        Whether the reports' text has all figures of each layer.
    width : int
        Columns of the reports' text.
    on_step : callable
        Told what is being done.

    Returns
    -------
    tuple of BackendResult
        In the order given. A process that crashed is NOT CHECKED, with the last lines of its standard error.

    Raises
    ------
    InputError
        If a backend is unknown, or every process refused the same thing for the same reason.
    """
    chosen = parse_backends(",".join(backends))
    check_files(Path(port), None if checkpoint is None else Path(checkpoint), None if probe is None else Path(probe))
    check_name(pair)
    files = [os.fspath(path) for path in (checkpoint, port) if path is not None]
    options = [*_option("--pair", pair), *_option("--probe", probe), "--tf32" if tf32 else "--no-tf32"]
    options += _option("--patience", None if patience == PATIENCE_SECONDS else f"{patience:g}")
    options += ["--details"] if details else []
    results, mistakes = [], []
    for number, backend in enumerate(chosen, 1):
        on_step(f"verifying on {backend} ({number} of {len(chosen)})")
        page = _option("--html", html and page_path(html, backend, chosen))
        done, report = _run(["verify", *files, *options, *page], backend, width)
        mistakes += [_message(done.stderr)] if done.returncode == MISTAKE else []
        results.append(_result(backend, done, report))
    if len(mistakes) == len(chosen) and len(set(mistakes)) == 1:
        raise InputError(mistakes[0])
    return tuple(results)


def page_path(html: Path, backend: str, backends: Sequence[str]) -> Path:
    """Where a backend's page goes: before the suffix stands its name, if there are several."""
    return html if len(backends) == 1 else html.with_name(f"{html.stem}.{backend}{html.suffix}")


def _option(name: str, value: object) -> list[str]:
    return [] if value is None else [name, str(value)]


def _run(arguments: Sequence[str], backend: str, width: int) -> tuple[subprocess.CompletedProcess[str], Any]:
    """Run the command line with this process' import path on a backend; return its report, None if it wrote none."""
    command = [sys.executable, "-c", _COMMAND.format(path=sys.path)]
    environment = os.environ | {"KERAS_BACKEND": backend, "COLUMNS": str(width), "NO_COLOR": "1"}
    environment.pop("FORCE_COLOR", None)
    with TemporaryDirectory() as folder:
        written = Path(folder) / "report.json"
        done = subprocess.run(  # noqa: S603
            [*command, *arguments, "--json", str(written)],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        return done, json.loads(written.read_text()) if written.is_file() else None


def _result(backend: str, done: subprocess.CompletedProcess[str], report: Any) -> BackendResult:
    """Believe a process' verdict only if it exited with that verdict's status."""
    if report and EXIT_STATUS[report["verdict"]] == done.returncode:
        return BackendResult(backend, Status(report["verdict"]), report, _why_not_passed(report), done.stdout.rstrip())
    return BackendResult(backend, Status.NOT_CHECKED, None, _why_it_ended(done))


def _why_not_passed(report: Mapping[str, Any]) -> str:
    """The lines of the first part that failed, or was not checked; the last of them says why."""
    if report["verdict"] == "PASS":
        return ""
    parts = [name for name in report["details"] if report[name] == report["verdict"]]
    return f"{parts[0]}: {report['details'][parts[0]][-1]}"


def _why_it_ended(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode == MISTAKE:
        return _message(done.stderr)
    lines = [line for line in done.stderr.splitlines() if line.strip()][-LAST_LINES:]
    return "\n".join([f"the process {_ending(done.returncode)}", *lines])


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with exit status {status} and no verdict"
    known = {number.value: number.name for number in signal.Signals}
    return f"was killed by {known.get(-status, f'signal {-status}')}"


def _message(printed: str) -> str:
    """What the command line said was wrong, without what libraries said before."""
    _, _, message = f"\n{printed}".partition("\nError: ")
    return (message or printed).strip()


def overall(results: Sequence[BackendResult]) -> Status:
    """FAIL if it fails on any backend, PASS if it passes on all, NOT CHECKED otherwise."""
    return verdict.overall(result.verdict for result in results)


def results_as_json(results: Sequence[BackendResult]) -> dict[str, Any]:
    """The overall verdict; and for each backend its verdict, the reason and the report, null where there is none."""
    each = {
        result.backend: {"verdict": result.verdict.value, "reason": result.reason, "report": result.report}
        for result in results
    }
    return {"schema": SCHEMA, "verdict": overall(results).value, "backends": each}


def render_results(results: Sequence[BackendResult]) -> RenderableType:
    """A row for each backend, the overall verdict, and the report of the first that does not pass."""
    verdict = overall(results)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("backend", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("worst float64", justify="right", no_wrap=True)
    table.add_column("worst float32 x", justify="right", no_wrap=True)
    for result in results:
        status = Text(result.verdict.value, COLOURS[result.verdict])
        table.add_row(result.backend, status, *_figures(result))
    count = sum(result.verdict is Status.PASS for result in results)
    last = Text.assemble(
        (verdict.value, f"bold {COLOURS[verdict]}"), f": {count} of {counted(len(results), 'backend')} pass"
    )
    reasons = [Text(f"{result.backend}: {result.reason}") for result in results if result.reason]
    return Group(table, *reasons, Text(), last, *_first_report(results))


def _figures(result: BackendResult) -> tuple[str, str]:
    if result.report is None:
        return "", ""
    error, ratio = worst_figures([*result.report["layers"], *result.report["outputs"]])
    return "not checked" if error is None else f"{error:.1e}", f"{ratio:.2f}"


def _first_report(results: Sequence[BackendResult]) -> Iterator[RenderableType]:
    for result in results:
        if result.verdict is not Status.PASS and result.text:
            yield Text(f"\nThe report on {result.backend}:\n", "bold")
            yield Text(result.text)
            return
