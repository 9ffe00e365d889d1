"""``porting verify-training``: both frameworks take the same steps."""

from pathlib import Path
from typing import Annotated

import typer

from porting.commands.console import show
from porting.commands.options import REPORTS, JsonOption, PairOption
from porting.commands.outputs import check_report_files, write_json
from porting.commands.progress import steps
from porting.defaults import DEFAULT_PAIR
from porting.requirements import check_installed
from porting.statuses import EXIT_STATUS


def verify_training(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            help="PyTorch checkpoint with the weights to start from.", metavar="CHECKPOINT", show_default=False
        ),
    ],
    batches: Annotated[Path, typer.Option("--batches", help="What to train on.", metavar="FILE")],
    steps_count: Annotated[int, typer.Option("--steps", help="Steps that both take.", min=1)] = 200,
    recipe: Annotated[str, typer.Option(help="One of the pair's recipes; its first if not given.")] = "",
    batch_size: Annotated[
        int | None, typer.Option(help="Samples in a batch, where the recipe's own would take long.", min=1)
    ] = None,
    pair: PairOption = DEFAULT_PAIR,
    json_file: JsonOption = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            "--picture",
            help="Draw losses and errors into this file (png, svg, pdf).",
            metavar="FILE",
            show_default=False,
            rich_help_panel=REPORTS,
        ),
    ] = None,
) -> None:
    """Let both frameworks take the same training steps, and compare every quantity at each."""
    from porting.training import trajectories, trajectory_report

    if picture and picture.suffix not in trajectory_report.PICTURES:
        endings = ", ".join(trajectory_report.PICTURES)
        raise typer.BadParameter(f"its name must end in one of {endings}", param_hint="--picture")
    if picture:
        check_installed(["matplotlib"], "--picture", "train")
    check_report_files(json_file, picture, inputs=[checkpoint, batches])
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
    show(trajectory_report.render(report))
    if picture:
        trajectory_report.draw(report, picture)
    raise typer.Exit(EXIT_STATUS[report.verdict.value])
