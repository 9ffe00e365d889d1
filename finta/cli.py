"""The command line: ``finta batches | train``, and the commands that use a trained model."""

import shlex
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from finta.deciding.commands import verify_decisions
from finta.filtering.commands import SpaceOption, register, tell_skips
from finta.generating.commands import sample

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _tell_words(context: typer.Context) -> None:
    """Train the FINTA autoencoder of streamlines, and filter and generate streamlines with it."""
    context.with_resource(_words_told())


@contextmanager
def _words_told() -> Iterator[None]:
    """Tell once, on standard error, what was repaired or left aside of a tractogram."""
    from tractography.errors import TractogramWarning

    told: set[str] = set()

    def tell(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if not issubclass(category, TractogramWarning):
            show(message, category, *place, **more)
        elif str(message) not in told:
            told.add(str(message))
            typer.echo(f"Warning: {message}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", TractogramWarning)
        show, warnings.showwarning = warnings.showwarning, tell
        yield


batches = typer.Typer(help="HDF5 batches of streamlines.", no_args_is_help=True)
app.add_typer(batches, name="batches")
register(app)
app.command("sample")(sample)
app.command("verify-decisions")(verify_decisions)


def main() -> NoReturn:
    """Run the command line; a user's mistake is one message and exit status 2."""
    from finta.errors import FintaError
    from porting.cli import run
    from tractography.errors import TractographyError

    sys.exit(run(app, TractographyError, FintaError))


@batches.command("build")
def build(
    bundles: Annotated[
        list[Path], typer.Argument(help="Tractograms (TRK, TCK, TRX), or folders of them.", metavar="BUNDLE...")
    ],
    output: Annotated[Path, typer.Option("--output", help="The HDF5 file to write.")],
    split: Annotated[
        list[str],
        typer.Option(
            help="Repeat: shares (train=0.8), names of files or folders (train=sub_1,sub_2), or one split for all."
        ),
    ] = ["train=0.8", "thres=0.1", "test=0.1"],  # noqa: B006
    points: Annotated[int, typer.Option(help="Points per streamline.", min=2)] = 256,
    label: Annotated[str, typer.Option(help="Take the class from the name of the file or of its folder.")] = "file",
    reference: SpaceOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Read labelled bundles, resample them and write them as batches."""
    from finta.batches import LABELS, build_batches
    from porting.cli import steps
    from tractography.files.tractograms import Skips

    if label not in LABELS:
        raise typer.BadParameter(f"must be one of {', '.join(LABELS)}", param_hint="--label")
    skips = Skips()
    with steps() as on_step:
        held = build_batches(
            bundles,
            output,
            splits=split,
            point_count=points,
            label=label,
            reference=reference,
            skips=skips,
            force=force,
            on_file=lambda path, number, count: on_step(f"reading {path.name} ({number} of {count})"),
        )
    tell_skips(skips)
    _show(held)


@batches.command("pack")
def pack(
    file: Annotated[Path, typer.Argument(help="HDF5 batches.", metavar="INPUT", show_default=False)],
    output: Annotated[Path, typer.Option("--output", help="The packed HDF5 file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Rewrite batches into one array per split and a small index, which training reads fastest."""
    from porting.cli import steps
    from tractography.batches.packing import pack_batches

    with steps() as on_step:
        on_step(f"reading the index of {file.name}")
        held = pack_batches(file, output, force=force, on_rows=on_step)
    _show(held)


@batches.command("info")
def info(file: Annotated[Path, typer.Argument(help="HDF5 batches.")]) -> None:
    """Check a batch file's layout and show what it holds."""
    from tractography.batches.batches import inspect_batches

    _show(inspect_batches(file))


@app.command("train")
def train(
    configuration: Annotated[str, typer.Argument(help="A YAML file, or one that is shipped: original, simple.")],
    batches: Annotated[Path, typer.Option("--batches", help="HDF5 batches with splits train and thres.")],
    output: Annotated[Path, typer.Option("--output", help="The run's folder.")],
    framework: Annotated[str, typer.Option(help="keras, on the backend in use, or torch: the reference.")] = "keras",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's newest state.")] = False,
    start: Annotated[
        Path | None,
        typer.Option("--start", help="Start from these weights: .keras, or .pt in torch.", show_default=False),
    ] = None,
    with_optimiser: Annotated[
        bool, typer.Option("--with-optimizer", help="Go on with the optimiser of --start, at the step it has come to.")
    ] = False,
    distributed: Annotated[
        bool,
        typer.Option(
            "--distributed",
            help="Train on all devices: of this machine, and with jax of all processes that SLURM or "
            "KERAS_DISTRIBUTION_JOB_ADDRESSES, _NUM_PROCESSES and _PROCESS_ID started.",
        ),
    ] = False,
) -> None:
    """Train the autoencoder by a recipe; watch it with ``tensorboard --logdir OUTPUT``."""
    from finta.requirements import TRAINERS
    from finta.training.configurations import read_configuration
    from finta.training.runs import Start
    from finta.training.trainers import FRAMEWORKS
    from finta.training.training import train as train_autoencoder
    from porting.cli import steps
    from porting.port import side as keras_side
    from porting.reference import side as torch_side
    from porting.requirements import check_installed

    if framework not in FRAMEWORKS:
        raise typer.BadParameter(f"must be one of {', '.join(FRAMEWORKS)}", param_hint="--framework")
    if with_optimiser and not start:
        raise typer.BadParameter("goes with --start", param_hint="--with-optimizer")
    check_installed(TRAINERS, "Training", "train")
    settings = read_configuration(configuration)
    with steps() as on_step:
        (torch_side if framework == "torch" else keras_side).prepare()
        chosen = Start(start, with_optimiser) if start else None
        how: Any = {"framework": framework, "resume": resume, "start": chosen, "distributed": distributed}
        ended = train_autoencoder(settings, batches, output, **how, on_step=on_step)
    is_stopped = ended.end in signal.Signals.__members__
    if ended.speaks:
        position = ended.position
        lowest = f"; lowest validation loss {position.best_loss:,.6g}" if position.best_epoch else ""
        typer.echo(f"{ended.end} after {position.step:,} steps{lowest}")
        typer.echo(f"best model: {ended.best} (epoch {position.best_epoch})" if ended.best else "no validation yet")
    if is_stopped and ended.speaks:
        again: list[Any] = ["finta", "train", configuration, "--batches", batches, "--output", output]
        again += ["--framework", framework] if framework != "keras" else []
        again += ["--distributed", "--resume"] if distributed else ["--resume"]
        typer.echo(f"Go on with: {shlex.join(map(str, again))}")
    if is_stopped:
        raise typer.Exit(128 + signal.Signals[ended.end])


def _show(held) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("split", "classes", "streamlines", "fewest in a class", "most in a class", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for split, counts in held.counts.items():
        sizes = list(counts.values()) or [0]
        table.add_row(split, *(f"{number:,}" for number in (len(counts), sum(sizes), min(sizes), max(sizes))))
    console = Console(highlight=False)
    layout = ", packed" if held.packed else ""
    console.print(f"{held.path}: streamlines of {held.point_count} points, RAS+ mm{layout}", soft_wrap=True)
    console.print(table)
