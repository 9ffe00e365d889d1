"""Options of what generated streamlines are checked against, for `finta sample` and `finta verify-decisions`."""

from pathlib import Path
from typing import Annotated

import typer

from tractography.generating.anatomy import LENGTHS, MAX_ANGLE
from tractography.generating.volumes import FA_THRESHOLD

SHORTEST, LONGEST = LENGTHS
"""Defaults of `MinLengthOption` and `MaxLengthOption`, in mm."""


def optional(name: str, text: str, **extra):
    """An option without a default, and none shown."""
    return typer.Option(name, help=text, show_default=False, **extra)


WhiteMatterOption = Annotated[Path | None, optional("--wm", "White-matter mask, or a parcellation.")]
FAOption = Annotated[
    Path | None, optional("--fa", f"Fractional anisotropy; above {FA_THRESHOLD:g} it is white matter.")
]
PeaksOption = Annotated[
    Path | None, optional("--peaks", "Peaks of the fibre orientations, as DIPY and MRtrix have them.")
]
PeaksFrameOption = Annotated[
    str, typer.Option("--peaks-frame", help="Axes that peaks refer to: world (MRtrix) or voxel.")
]
MaxAngleOption = Annotated[
    float | None,
    optional("--max-angle", f"Greatest angle to the peaks, in degrees; {MAX_ANGLE:g} with peaks.", min=0, max=90),
]
MinLengthOption = Annotated[float, typer.Option("--min-length", help="In mm.", min=0)]
MaxLengthOption = Annotated[float, typer.Option("--max-length", help="In mm.", min=0)]
