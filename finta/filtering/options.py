"""The options that commands which use a trained model have in common, and the checks of their words."""

from pathlib import Path
from typing import Annotated

import typer

from porting.commands.options import RUNNING, WRITING

DECIDING = "Deciding"
"""The group of options in a command's help."""

ModelOption = Annotated[
    Path,
    typer.Option(
        "--model", help="A converted checkpoint (.keras), or a PyTorch one (.pt): the reference.", metavar="FILE"
    ),
]
AtlasOption = Annotated[
    Path, typer.Option("--atlas", help="Folder of a tractogram for each bundle, named like it.", metavar="FOLDER")
]
BundlesOption = Annotated[
    Path,
    typer.Option(
        "--bundles",
        help="Folder of a tractogram for each bundle, of other streamlines than the atlas'.",
        metavar="FOLDER",
    ),
]
ImplausibleOption = Annotated[
    Path | None,
    typer.Option(
        "--implausible",
        help="Tractogram, or folder of them, of streamlines of no bundle.",
        metavar="PATH",
        show_default=False,
    ),
]
NeighboursOption = Annotated[
    int, typer.Option("--neighbours", help="Reference codes that decide.", min=1, rich_help_panel=DECIDING)
]
IndexOption = Annotated[
    str,
    typer.Option(
        "--index", help="exact, or approximate: for a million codes and more.", metavar="KIND", rich_help_panel=DECIDING
    ),
]
PointOption = Annotated[
    str,
    typer.Option(
        "--point",
        help="Where on the ROC: equal_error, youden or best_accuracy.",
        metavar="POINT",
        rich_help_panel=DECIDING,
    ),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on with what an earlier run left.", rich_help_panel=WRITING)
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        help="Address of a Dask cluster to compute on, tls://HOST:PORT.",
        metavar="ADDRESS",
        show_default=False,
        rich_help_panel=RUNNING,
    ),
]
TlsOption = Annotated[
    Path | None,
    typer.Option(
        "--tls",
        help="Folder of the cluster's ca.pem, cert.pem and key.pem.",
        metavar="FOLDER",
        show_default=False,
        rich_help_panel=RUNNING,
    ),
]
TractogramArgument = Annotated[
    Path, typer.Argument(help="TRK, TCK or TRX file.", metavar="TRACTOGRAM", show_default=False)
]
ThresholdsOption = Annotated[
    Path, typer.Option("--thresholds", help="What finta thresholds wrote, or a published file.", metavar="FILE")
]


def is_approximate(index: str) -> bool:
    """Whether neighbours are searched by FAISS' graph; what is neither kind is refused."""
    if index not in ("exact", "approximate"):
        raise typer.BadParameter("must be exact or approximate", param_hint="--index")
    return index == "approximate"


def check_point(point: str) -> None:
    """Refuse a point of the ROC that there is not."""
    from tractography.filtering.thresholds import POINTS

    if point not in POINTS:
        raise typer.BadParameter(f"must be one of {', '.join(POINTS)}", param_hint="--point")
