"""The command ``finta train``."""

import shlex
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from porting.commands.console import show
from porting.commands.options import RUNNING, WRITING, output_option
from porting.commands.progress import steps
from porting.wording import counted


def train(
    configuration: Annotated[
        str,
        typer.Argument(
            help="A YAML file, or one that is shipped: original, simple.", metavar="RECIPE", show_default=False
        ),
    ],
    batches: Annotated[
        Path, typer.Option("--batches", help="HDF5 batches with splits train and thres.", metavar="FILE")
    ],
    output: Annotated[Path, output_option("The run's folder.", "FOLDER")],
    framework: Annotated[
        str, typer.Option(help="keras, on the backend in use, or torch: the reference.", rich_help_panel=RUNNING)
    ] = "keras",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the folder's newest state.", rich_help_panel=WRITING)
    ] = False,
    start: Annotated[
        Path | None,
        typer.Option(
            "--start", help="Start from these weights: .keras, or .pt in torch.", metavar="FILE", show_default=False
        ),
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
            rich_help_panel=RUNNING,
        ),
    ] = False,
) -> None:
    """Train the autoencoder by a recipe; watch it with tensorboard --logdir OUTPUT."""
    from finta.errors import TrainingError
    from finta.requirements import TRAINERS
    from finta.training.configurations import read_configuration
    from finta.training.runs import Start
    from finta.training.trainers import FRAMEWORKS
    from finta.training.training import train as train_autoencoder
    from porting.port import side as keras_side
    from porting.reference import side as torch_side
    from porting.requirements import check_installed

    if framework not in FRAMEWORKS:
        raise typer.BadParameter(f"must be one of {', '.join(FRAMEWORKS)}", param_hint="--framework")
    if with_optimiser and not start:
        raise typer.BadParameter("goes with --start", param_hint="--with-optimizer")
    check_installed(TRAINERS, "Training", "train")
    for file in filter(None, (batches, start)):
        if not file.is_file():
            what = "it is a folder" if file.is_dir() else "no such file"
            raise TrainingError(f"No {'checkpoint' if file == start else 'HDF5 file of batches'} at {file}: {what}.")
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
        show(f"{ended.end} after {counted(position.step, 'step')}{lowest}")
        show(f"best model: {ended.best} (epoch {position.best_epoch})" if ended.best else "no validation yet")
    if is_stopped and ended.speaks:
        again: list[Any] = ["finta", "train", configuration, "--batches", batches, "--output", output]
        again += ["--framework", framework] if framework != "keras" else []
        again += ["--distributed", "--resume"] if distributed else ["--resume"]
        show(f"Go on with: {shlex.join(map(str, again))}")
    if is_stopped:
        raise typer.Exit(128 + signal.Signals[ended.end])
