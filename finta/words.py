"""What commands tell of tractograms: what was skipped, and what was repaired or left aside."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from porting.foreign import readable
from tractography.errors import TractogramWarning
from tractography.files.tractograms import WHY_SKIPPED, Skips

SpaceOption = Annotated[
    Path | None,
    typer.Option(
        "--reference",
        help="NIfTI image or tractogram: the space of TRK files that lack it.",
        metavar="FILE",
        show_default=False,
    ),
]


def told_skips(count: int) -> str:
    """Say how many streamlines were skipped, and why; nothing where none was."""
    return f"; {count:,} skipped: {WHY_SKIPPED}" if count else ""


def tell_skips(skips: Skips) -> None:
    """Say of each file how many streamlines were skipped."""
    for file, count in skips.counts.items():
        typer.echo(readable(f"{file}{told_skips(count)}"), err=True)


@contextmanager
def words_told() -> Iterator[None]:
    """Tell once, on standard error, what was repaired or left aside of a tractogram."""
    told: set[str] = set()

    def tell(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if not issubclass(category, TractogramWarning):
            show(message, category, *place, **more)
        elif str(message) not in told:
            told.add(str(message))
            typer.echo(readable(f"Warning: {message}"), err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", TractogramWarning)
        show, warnings.showwarning = warnings.showwarning, tell
        yield
