"""The command line: ``porting plan | convert | verify | inspect | export | demo``.

Exit status: 0 PASS, 1 FAIL, 2 bad input or usage, 3 NOT CHECKED.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from porting.defaults import DEFAULT_PAIR
from porting.errors import OutputError, PortingError
from porting.requirements import check_installed
from porting.statuses import EXIT_STATUS
from porting.version import __version__

if TYPE_CHECKING:
    from porting.records.verdict import ParityReport

app = typer.Typer(
    help="Move the weights of a PyTorch model into Keras and prove that the port computes the same function.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit status: 0 PASS, 1 FAIL, 2 bad input or usage, 3 NOT CHECKED.",
)

PairOption = Annotated[str, typer.Option("--pair", help="A registered pair, or module:NAME of your own ModelPair.")]
MaybePairOption = Annotated[
    str | None, typer.Option("--pair", help="Pair, if not the one that the certificate beside PORT names.")
]
ProbeOption = Annotated[
    Path | None,
    typer.Option("--probe", help="Inputs to verify on, or synthetic; the pair's own if not given.", show_default=False),
]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write the report as JSON.", show_default=False)]
HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write the report as a page.", show_default=False)]
Tf32Option = Annotated[bool, typer.Option("--tf32/--no-tf32", help="Let a GPU multiply float32 by TF32.")]
OptimiserOption = Annotated[
    bool, typer.Option("--with-optimizer", help="Carry the optimiser's state, too: training goes on where it was.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace existing files.")]
CheckpointArgument = Annotated[
    Path, typer.Argument(help="PyTorch checkpoint, .pt or .safetensors.", show_default=False)
]


def main() -> NoReturn:
    """Run the command line; a user's mistake is one message and exit status 2."""
    sys.exit(run(app))


def run(commands: typer.Typer, *expected: type[Exception]) -> int:
    """Run a command line and return its exit status; errors of `expected` types are the user's, too."""
    try:
        return commands(standalone_mode=False) or 0
    except (PortingError, *expected) as error:
        _complain(str(error))
    except typer.Exit as exit_:
        return exit_.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _complain("Interrupted. Nothing was changed.")
        return 130
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        error.show()  # type: ignore[attr-defined]
    return 2


def _complain(message: str) -> None:
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, soft_wrap=True).print(Text.assemble(("Error: ", "bold red"), message))


@contextmanager
def steps(console=None) -> Iterator[Callable[..., None]]:
    """Show what is being done, on standard error and only on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield lambda step, done=0, total=None: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(20),
        TextColumn("{task.fields[amount]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("loading the frameworks", total=None, amount="")

        def show(step: str, done: int = 0, total: int | None = None) -> None:
            amount = f"{done:,} of {total:,}" if total else ""
            progress.update(task, description=step, completed=done, total=total, amount=amount)

        yield show


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"porting {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that stand before any command."""


@app.command()
def plan(
    pair: Annotated[str, typer.Argument(help="A registered pair, or module:NAME of your own ModelPair.")],
    checkpoint: CheckpointArgument,
) -> None:
    """Show how each tensor would move; write nothing."""
    from porting.jobs.planning import derive_plan
    from porting.reports.console import render_plan

    with steps() as on_step:
        derived = derive_plan(checkpoint, pair=pair, on_step=on_step)
    _print(render_plan(derived))
    if derived.setting_differences:
        raise typer.Exit(EXIT_STATUS["FAIL"])


@app.command()
def convert(
    checkpoint: CheckpointArgument,
    output: Annotated[str, typer.Option("--output", help="A folder, or the path of the files without suffixes.")],
    pair: PairOption = DEFAULT_PAIR,
    probe: ProbeOption = None,
    json_file: JsonOption = None,
    html_file: HtmlOption = None,
    formats: Annotated[str, typer.Option(help="Any of keras, weights.h5, safetensors, separated by commas.")] = "keras",
    with_optimiser: OptimiserOption = False,
    force: ForceOption = False,
    keep_failed: Annotated[
        bool, typer.Option("--keep-failed", help="Keep the files even if the verdict is FAIL.")
    ] = False,
) -> None:
    """Convert a checkpoint, verify what was written, and put it in place with its certificate."""
    from porting.jobs.conversion import convert as convert_checkpoint

    check_report_files(json_file, html_file)
    names = [name.strip() for name in formats.split(",") if name.strip()]
    with steps() as on_step:
        conversion = convert_checkpoint(
            checkpoint,
            output,
            pair=pair,
            probe=probe,
            formats=names,
            with_optimiser=with_optimiser,
            force=force,
            keep_failed=keep_failed,
            on_step=on_step,
        )
    written = [f"wrote {path}" for path in conversion.files]
    moved = [f"optimiser: {conversion.optimiser}"] if conversion.optimiser else []
    _finish(conversion.report, json_file, html_file, lines=[*moved, *written])


@app.command()
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
    backends: Annotated[
        str | None,
        typer.Option("--backend", help="Any of tensorflow, jax, torch, separated by commas: each in its own process."),
    ] = None,
    tf32: Tf32Option = False,
) -> None:
    """Judge a converted checkpoint: against the PyTorch checkpoint, or against its golden file without PyTorch."""
    if len(files) > 2:
        raise typer.BadParameter("give CHECKPOINT PORT, or PORT alone")
    *checkpoint, port = files
    if backends is not None:
        if every_sample:
            raise typer.BadParameter("give --all with one backend: KERAS_BACKEND names it")
        _verify_on_backends(port, checkpoint, backends, pair, probe, tf32, json_file, html_file)
    from porting.jobs.verification import verify as verify_port

    check_report_files(json_file, html_file)
    with steps() as on_step:
        report = verify_port(
            port, *checkpoint, pair=pair, probe=probe, every_sample=every_sample, tf32=tf32, on_step=on_step
        )
    _finish(report, json_file, html_file)


def _verify_on_backends(
    port: Path,
    checkpoint: list[Path],
    names: str,
    pair: str | None,
    probe: Path | None,
    tf32: bool,
    json_file: Path | None,
    html_file: Path | None,
) -> NoReturn:
    """Verify in a process for each backend, show the table, and exit with the overall verdict's status."""
    from porting.jobs import backends

    chosen = backends.parse_backends(names)
    pages = [backends.page_path(html_file, name, chosen) for name in chosen] if html_file else []
    check_report_files(json_file, *pages)
    with steps() as on_step:
        results = backends.verify_on_backends(
            port,
            *checkpoint,
            backends=chosen,
            pair=pair,
            probe=probe,
            tf32=tf32,
            html=html_file,
            width=_width(),
            on_step=on_step,
        )
    write_json(json_file, backends.results_as_json(results))
    _print(backends.render_results(results))
    raise typer.Exit(EXIT_STATUS[backends.overall(results).value])


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="Checkpoint, converted checkpoint, certificate or golden file.")],
) -> None:
    """Show what a file holds."""
    from porting.jobs.inspection import render_file

    _print(render_file(file))


@app.command()
def export(
    port: Annotated[Path, typer.Argument(help="Converted checkpoint.")],
    output: Annotated[Path, typer.Option("--output", help="The .pt file to write.")],
    pair: MaybePairOption = None,
    with_optimiser: OptimiserOption = False,
    force: ForceOption = False,
) -> None:
    """Write a port's weights as a PyTorch checkpoint, bit for bit (all but the tensors that Keras adds up)."""
    from porting.jobs.exporting import export as export_port

    with steps() as on_step:
        written = export_port(port, output, pair=pair, with_optimiser=with_optimiser, force=force, on_step=on_step)
    _print(f"wrote {written}")


@app.command()
def demo(pair: PairOption = DEFAULT_PAIR) -> None:
    """Show the whole way on real data: convert, verify, use."""
    from rich.console import Console

    from porting.pairs import find_pair, resolve

    found = find_pair(pair)
    if not found.demo:
        raise PortingError(f"Pair {found.name} brings no demo.")
    status = resolve(found.demo)(Console())
    raise typer.Exit(EXIT_STATUS[status.value])


@app.command("verify-training")
def verify_training(
    checkpoint: Annotated[Path, typer.Argument(help="PyTorch checkpoint with the weights to start from.")],
    batches: Annotated[Path, typer.Option("--batches", help="What to train on.")],
    steps_count: Annotated[int, typer.Option("--steps", help="Steps that both take.", min=1)] = 200,
    recipe: Annotated[str, typer.Option(help="One of the pair's recipes; its first if not given.")] = "",
    batch_size: Annotated[
        int | None, typer.Option(help="Samples in a batch, where the recipe's own would take long.", min=1)
    ] = None,
    pair: PairOption = DEFAULT_PAIR,
    json_file: JsonOption = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Draw losses and errors into this file (png, svg, pdf).")
    ] = None,
) -> None:
    """Let both frameworks take the same training steps, and compare every quantity at each."""
    from porting.training import trajectories, trajectory_report

    if picture and picture.suffix not in trajectory_report.PICTURES:
        endings = ", ".join(trajectory_report.PICTURES)
        raise typer.BadParameter(f"its name must end in one of {endings}", param_hint="--picture")
    if picture:
        check_installed(["matplotlib"], "--picture", "train")
    check_report_files(json_file, picture)
    with steps() as on_step:
        report = trajectories.verify_training(
            checkpoint,
            batches,
            pair=pair,
            recipe=recipe,
            steps=steps_count,
            batch_size=batch_size,
            on_step=on_step,
        )
    write_json(json_file, trajectory_report.as_json(report))
    _print(trajectory_report.render(report))
    if picture:
        trajectory_report.draw(report, picture)
    raise typer.Exit(EXIT_STATUS[report.verdict.value])


def check_report_files(*files: Path | None) -> None:
    """Refuse before any work a place that a report cannot be written to."""
    for file in filter(None, files):
        place = file if file.exists() and not file.is_file() else file.parent
        if file.is_dir() or not os.access(place, os.W_OK):
            raise OutputError(f"Cannot write the report to {file}: no folder that can be written to.")


def _finish(
    report: "ParityReport", json_file: Path | None, html_file: Path | None, *, lines: Sequence[str] = ()
) -> NoReturn:
    """Show the report, write its files, and exit with the verdict's status."""
    from porting.reports.console import render_report
    from porting.reports.documents import as_json

    write_json(json_file, as_json(report))
    _write_page(html_file, report)
    _print(render_report(report))
    for line in lines:
        _print(line)
    raise typer.Exit(EXIT_STATUS[report.verdict.value])


def write_json(file: Path | None, content: dict[str, Any]) -> None:
    """Write a report where it is wanted."""
    from porting.placement import write_text

    if file:
        write_text(file, json.dumps(content, indent=1) + "\n")


def _write_page(file: Path | None, report: "ParityReport") -> None:
    if file:
        from porting.placement import write_text
        from porting.reports.page import render_page

        write_text(file, render_page(report))


def _width() -> int:
    from rich.console import Console

    return Console().width


def _print(renderable) -> None:
    from rich.console import Console

    console = Console(soft_wrap=isinstance(renderable, str), highlight=False)
    console.print(renderable, markup=False) if isinstance(renderable, str) else console.print(renderable)
