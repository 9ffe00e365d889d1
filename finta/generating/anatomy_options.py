"""Options of what generated streamlines are checked against, for `finta sample` and `finta verify-decisions`."""

from pathlib import Path
from typing import Annotated

import typer


def optional(name: str, text: str, **extra):
    """An option without a default, and none shown."""
    return typer.Option(name, help=text, show_default=False, **extra)


WhiteMatterOption = Annotated[Path | None, optional("--wm", "White-matter mask, or a parcellation.")]
FAOption = Annotated[Path | None, optional("--fa", "Fractional anisotropy; above 0.1 it is white matter.")]
PeaksOption = Annotated[
    Path | None, optional("--peaks", "Peaks of the fibre orientations, as DIPY and MRtrix have them.")
]
PeaksFrameOption = Annotated[
    str, typer.Option("--peaks-frame", help="Axes that peaks refer to: world (MRtrix) or voxel.")
]
MaxAngleOption = Annotated[
    float | None,
    optional("--max-angle", "Greatest angle to the peaks, in degrees; 20 with peaks.", min=0, max=90),
]
MinLengthOption = Annotated[float, typer.Option("--min-length", help="In mm.", min=0)]
MaxLengthOption = Annotated[float, typer.Option("--max-length", help="In mm.", min=0)]
