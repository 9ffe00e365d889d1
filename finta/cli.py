"""The command line: ``finta batches | train``, and the commands that use a trained model."""

import sys
from typing import Annotated, NoReturn

import typer

from finta.batches import commands as batches
from finta.deciding.commands import verify_decisions
from finta.errors import FintaError
from finta.filtering.commands import encode, evaluate, filter_, reconstruct, thresholds
from finta.generating.commands import sample
from finta.training.commands import train
from porting.commands.console import run
from porting.commands.layout import add, command_line
from porting.version import __version__
from tractography.errors import TractographyError

app = command_line("Train the FINTA autoencoder of streamlines, and filter and generate streamlines with it.")
of_batches = command_line("HDF5 batches of streamlines.", name="batches")


def main() -> NoReturn:
    """Run the command line; a user's mistake is one message and exit status 2."""
    sys.exit(run(app, TractographyError, FintaError))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"finta {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that stand before any command."""
    from finta.words import words_told

    context.with_resource(words_told())


add(of_batches, batches.build, "finta batches build bundles/ -o batches.h5 --split train=0.8 --split thres=0.2")
add(of_batches, batches.pack, "finta batches pack batches.h5 -o packed.h5")
add(of_batches, batches.info, "finta batches info batches.h5")
app.add_typer(of_batches)
add(app, train, "finta train original --batches batches.h5 -o run/")
add(app, encode, "finta encode brain.trk --model finta.keras -o codes.h5")
add(app, reconstruct, "finta reconstruct brain.trk --model finta.keras -o smooth.trk")
add(
    app,
    thresholds,
    "finta thresholds --model finta.keras --atlas atlas/ --bundles known/ -o thresholds.json",
)
add(
    app,
    filter_,
    "finta filter brain.trk --model finta.keras --atlas atlas/ --thresholds thresholds.json -o filtered/",
    name="filter",
)
add(
    app,
    evaluate,
    "finta evaluate --model finta.keras --atlas atlas/ --thresholds thresholds.json --bundles known/ -o evaluation/",
)
add(
    app,
    sample,
    "finta sample CST_L.trk --model finta.keras --number 1000 --wm wm.nii.gz -o generated/",
    "finta sample bundles/ --model finta.keras --number 1000 --atlas atlas/ --mode rejection -o generated/",
)
add(
    app,
    verify_decisions,
    "finta verify-decisions finta.pt finta.keras brain.trk --atlas atlas/ --bundles known/ --json report.json",
    name="verify-decisions",
)
