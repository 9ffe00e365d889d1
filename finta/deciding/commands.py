"""The command ``finta verify-decisions``."""

from pathlib import Path
from typing import Annotated

import typer

from finta.filtering.options import (
    AtlasOption,
    BundlesOption,
    ImplausibleOption,
    NeighboursOption,
    PointOption,
    check_point,
)
from finta.generating.anatomy_options import (
    FAOption,
    MaxAngleOption,
    MaxLengthOption,
    MinLengthOption,
    PeaksFrameOption,
    PeaksOption,
    WhiteMatterOption,
)
from porting.commands.console import show
from porting.commands.options import RUNNING, JsonOption
from porting.commands.outputs import check_report_files, within, write_json
from porting.commands.progress import steps
from porting.commands.verification import read_files


def verify_decisions(
    checkpoint: Annotated[
        Path, typer.Argument(help="The PyTorch checkpoint, .pt.", metavar="CHECKPOINT", show_default=False)
    ],
    port: Annotated[Path, typer.Argument(help="Its conversion, .keras.", metavar="PORT", show_default=False)],
    tractograms: Annotated[
        list[Path], typer.Argument(help="Tractograms to filter, or folders of them.", metavar="TRACTOGRAM...")
    ],
    atlas: AtlasOption,
    bundles: BundlesOption,
    implausible: ImplausibleOption = None,
    backend: Annotated[
        list[str] | None,
        typer.Option(
            help="Repeat: tensorflow, jax or torch; all installed if not given.",
            metavar="NAME",
            show_default=False,
            rich_help_panel=RUNNING,
        ),
    ] = None,
    neighbours: NeighboursOption = 1,
    point: PointOption = "equal_error",
    draws: Annotated[int, typer.Option(help="Latent codes that both decode, and filter.", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="Of the draws.", min=0)] = 0,
    white_matter: WhiteMatterOption = None,
    fa: FAOption = None,
    peaks: PeaksOption = None,
    peaks_frame: PeaksFrameOption = "world",
    max_angle: MaxAngleOption = None,
    min_length: MinLengthOption = 20.0,
    max_length: MaxLengthOption = 220.0,
    json_file: JsonOption = None,
) -> None:
    """Filter, and decode draws and filter them, with the reference and with its port, and compare their decisions.

    Exit status: 0 PASS, 1 FAIL, 2 bad input or usage.
    """
    from finta.deciding.decisions import Rules
    from finta.deciding.decisions import verify_decisions as verify
    from finta.deciding.report import as_json, render
    from finta.generating.anatomy_files import AnatomyFiles
    from porting.jobs.processes.backends import parse_backends
    from porting.statuses import EXIT_STATUS

    check_point(point)
    chosen = parse_backends(",".join(backend or _installed()))
    anatomy = AnatomyFiles(white_matter, fa, peaks, peaks_frame, max_angle, (min_length, max_length))
    read = [checkpoint, *read_files(port, [], None), *tractograms, *anatomy.images().values()]
    check_report_files(json_file, inputs=[*read, *within(atlas, bundles, implausible)])
    rules = Rules(neighbours, point, anatomy.read())
    with steps() as on_step:
        parity = verify(
            checkpoint,
            port,
            tractograms,
            atlas,
            bundles,
            implausible,
            backends=chosen,
            draws=draws,
            seed=seed,
            rules=rules,
            on_step=on_step,
        )
    write_json(json_file, as_json(parity))
    show(render(parity))
    raise typer.Exit(EXIT_STATUS["PASS" if parity.has_passed else "FAIL"])


def _installed() -> list[str]:
    from importlib.util import find_spec

    from porting.requirements import BACKENDS

    return [name for name in BACKENDS if find_spec(name)]
