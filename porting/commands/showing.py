"""``porting inspect | demo``: what shows and judges nothing new."""

from pathlib import Path
from typing import Annotated

import typer

from porting.commands.console import QUIET, show
from porting.commands.options import PairOption
from porting.defaults import DEFAULT_PAIR
from porting.errors import PortingError
from porting.statuses import EXIT_STATUS


def inspect(
    file: Annotated[
        Path,
        typer.Argument(
            help="Checkpoint, converted checkpoint, certificate or golden file.", metavar="FILE", show_default=False
        ),
    ],
) -> None:
    """Show what a file holds."""
    from porting.jobs.inspection import render_file

    show(render_file(file))


def demo(pair: PairOption = DEFAULT_PAIR) -> None:
    """Show the whole way on real data: convert, verify, use."""
    from rich.console import Console

    from porting.pairs.finding import find_pair, resolve

    found = find_pair(pair)
    if not found.demo:
        raise PortingError(f"Pair {found.name} brings no demo.")
    status = resolve(found.demo)(Console(quiet=QUIET.get()))
    raise typer.Exit(EXIT_STATUS[status.value])
