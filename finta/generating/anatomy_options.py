"""Options of what generated streamlines are checked against, for `finta sample` and `finta verify-decisions`."""

from pathlib import Path
from typing import Annotated

import typer

from tractography.generating.anatomy import LENGTHS, MAX_ANGLE
from tractography.generating.volumes import FA_THRESHOLD

ANATOMY = "Anatomy"
"""The group of options in a command's help."""

SHORTEST, LONGEST = LENGTHS
"""Defaults of `MinLengthOption` and `MaxLengthOption`, in mm."""


def optional(name: str, text: str, **extra):
    """An option without a default, and none shown."""
    return typer.Option(name, help=text, show_default=False, **extra)


def _of_anatomy(name: str, text: str, **extra):
    return optional(name, text, rich_help_panel=ANATOMY, **extra)


WhiteMatterOption = Annotated[Path | None, _of_anatomy("--wm", "White-matter mask, or a parcellation.", metavar="FILE")]
FAOption = Annotated[
    Path | None,
    _of_anatomy("--fa", f"Fractional anisotropy; above {FA_THRESHOLD:g} it is white matter.", metavar="FILE"),
]
PeaksOption = Annotated[
    Path | None,
    _of_anatomy("--peaks", "Peaks of the fibre orientations, as DIPY and MRtrix have them.", metavar="FILE"),
]
PeaksFrameOption = Annotated[
    str,
    typer.Option(
        "--peaks-frame",
        help="Axes that peaks refer to: world (MRtrix) or voxel.",
        metavar="FRAME",
        rich_help_panel=ANATOMY,
    ),
]
MaxAngleOption = Annotated[
    float | None,
    _of_anatomy("--max-angle", f"Greatest angle to the peaks, in degrees; {MAX_ANGLE:g} with peaks.", min=0, max=90),
]
MinLengthOption = Annotated[float, typer.Option("--min-length", help="In mm.", min=0, rich_help_panel=ANATOMY)]
MaxLengthOption = Annotated[float, typer.Option("--max-length", help="In mm.", min=0, rich_help_panel=ANATOMY)]
