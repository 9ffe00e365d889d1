"""The commands that use a trained model: ``finta encode | reconstruct | thresholds | filter | evaluate``."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finta.filtering.options import (
    DECIDING,
    AtlasOption,
    BundlesOption,
    ImplausibleOption,
    IndexOption,
    ModelOption,
    NeighboursOption,
    PointOption,
    ResumeOption,
    SchedulerOption,
    ThresholdsOption,
    TlsOption,
    TractogramArgument,
    check_point,
    is_approximate,
)
from finta.pages.tables import print_table
from finta.words import SpaceOption, tell_skips, told_skips
from porting.commands.console import show
from porting.commands.options import WRITING, ForceOption, output_option
from porting.commands.outputs import within
from porting.commands.progress import steps
from porting.foreign import readable
from porting.wording import counted

if TYPE_CHECKING:
    from finta.coding.transport import Scheduler
    from finta.filtering.thresholding import Judged


def _cluster(address: str | None, certificates: Path | None) -> "Scheduler | None":
    """The cluster that is wanted, its certificates looked at before any work."""
    from finta.coding.transport import Scheduler
    from finta.requirements import check_cluster

    if address is None and certificates is not None:
        raise typer.BadParameter("goes with --scheduler", param_hint="--tls")
    check_cluster(address)
    if address is None:
        return None
    chosen = Scheduler(address, certificates)
    chosen.security()
    return chosen


@contextmanager
def interruption_told() -> Iterator[None]:
    """Say after Ctrl-C that work is kept."""
    try:
        yield
    except KeyboardInterrupt as error:
        typer.echo("Interrupted. What is computed is kept: go on with --resume; if nothing is, start again.", err=True)
        raise typer.Exit(130) from error


def encode(
    tractogram: TractogramArgument,
    model: ModelOption,
    output: Annotated[Path, output_option("The HDF5 file to write.", "FILE")],
    reference: SpaceOption = None,
    scheduler: SchedulerOption = None,
    tls: TlsOption = None,
    resume: ResumeOption = False,
    force: ForceOption = False,
) -> None:
    """Write the latent code of every streamline: the array latent_codes, (streamline, latent)."""
    from finta.coding.encoding import encode_tractogram

    with interruption_told(), steps() as on_step:
        encoded = encode_tractogram(
            tractogram,
            model,
            output,
            reference=reference,
            scheduler=_cluster(scheduler, tls),
            resume=resume,
            force=force,
            on_step=on_step,
        )
    show(f"{encoded.path}: {counted(encoded.count, 'latent code')}{told_skips(encoded.skipped)}")


def reconstruct(
    source: Annotated[
        Path, typer.Argument(help="TRK, TCK or TRX file, or latent codes (.h5).", metavar="INPUT", show_default=False)
    ],
    model: ModelOption,
    output: Annotated[Path, output_option("The tractogram to write.", "FILE")],
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference", help="NIfTI image or tractogram that gives the space.", metavar="FILE", show_default=False
        ),
    ] = None,
    force: ForceOption = False,
) -> None:
    """Encode and decode streamlines, or decode latent codes."""
    from finta.coding.reconstruction import reconstruct_tractogram

    with steps() as on_step:
        done = reconstruct_tractogram(source, model, output, reference=reference, force=force, on_step=on_step)
    distance = "" if done.distance is None else f", {done.distance:.2f} mm from the originals on average"
    show(f"{done.path}: {counted(done.count, 'streamline')}{distance}{told_skips(done.skipped)}")


def thresholds(
    model: ModelOption,
    atlas: AtlasOption,
    bundles: BundlesOption,
    output: Annotated[Path, output_option("The JSON file to write; .roc.json and .roc.png beside it.", "FILE")],
    implausible: ImplausibleOption = None,
    neighbours: NeighboursOption = 1,
    index: IndexOption = "exact",
    force: ForceOption = False,
) -> None:
    """Derive from known streamlines how far from a bundle's codes its streamlines may be."""
    from finta.filtering.thresholding import check_output, write_thresholds

    check_output(output, force, [model, *within(atlas, bundles, implausible)])
    judged = _judge(model, atlas, bundles, implausible, neighbours, index)
    written = write_thresholds(output, judged.rocs(), force=force)
    rows = [
        {
            "bundle": name,
            "threshold": f"{held.equal_error:,.4g}",
            "AUC": "-" if held.area is None else f"{held.area:.3f}",
            "own": f"{held.positives:,}",
            "others": f"{held.negatives:,}",
        }
        for name, held in written.thresholds.items()
    ]
    print_table(rows)
    tell_skips(judged.skips)
    for warning in written.warnings():
        typer.echo(readable(f"Warning: {warning}"), err=True)
    show(f"{output}: {counted(len(rows), 'threshold')}")


def _judge(model: Path, atlas: Path, bundles: Path, implausible: Path | None, neighbours: int, index: str) -> "Judged":
    from finta.filtering.thresholding import judge

    with steps() as on_step:
        return judge(
            model,
            atlas,
            bundles,
            implausible,
            neighbours=neighbours,
            approximate=is_approximate(index),
            on_step=on_step,
        )


def filter_(
    tractogram: TractogramArgument,
    model: ModelOption,
    atlas: AtlasOption,
    thresholds: ThresholdsOption,
    output: Annotated[Path, output_option("The folder to write.", "FOLDER")],
    classes: Annotated[
        Path | None, typer.Option("--classes", help="A published file of classes.", metavar="FILE", show_default=False)
    ] = None,
    point: PointOption = "equal_error",
    neighbours: NeighboursOption = 1,
    index: IndexOption = "exact",
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="trk, tck or trx; the input's if not given.",
            metavar="FORMAT",
            show_default=False,
            rich_help_panel=WRITING,
        ),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference",
            help="NIfTI image or tractogram: the space of TCK files, and of TRK files that lack it.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    any_space: Annotated[
        bool,
        typer.Option(
            "--any-space",
            rich_help_panel=DECIDING,
            help="Do not refuse a tractogram of which most lies elsewhere than the atlas.",
        ),
    ] = False,
    scheduler: SchedulerOption = None,
    tls: TlsOption = None,
    resume: ResumeOption = False,
    force: ForceOption = False,
) -> None:
    """Write a tractogram for each bundle and one of the implausible streamlines."""
    from finta.filtering.filtered import Settings
    from finta.filtering.filtering import filter_tractogram

    check_point(point)
    settings = Settings(atlas, thresholds, point, classes, neighbours, is_approximate(index), not any_space)
    with interruption_told(), steps() as on_step:
        filtered = filter_tractogram(
            tractogram,
            model,
            output,
            settings,
            suffix=f".{format_.lstrip('.')}" if format_ else None,
            reference=reference,
            scheduler=_cluster(scheduler, tls),
            resume=resume,
            force=force,
            on_step=on_step,
        )
    print_table([row for row in filtered.table() if row["nearest"]])
    found = filtered.sorted
    kept, share = int(found.kept.sum()), found.kept.sum() / found.count
    show(f"{kept:,} of {counted(found.count, 'streamline')} kept ({share:.1%}){told_skips(found.skipped)}")
    if filtered.recall is not None:
        show(f"the approximate index finds {filtered.recall:.2%} of nearest neighbours")
    show(f"{output}: see summary.html")


def evaluate(
    model: ModelOption,
    atlas: AtlasOption,
    thresholds: ThresholdsOption,
    bundles: BundlesOption,
    output: Annotated[Path, output_option("The folder to write.", "FOLDER")],
    implausible: ImplausibleOption = None,
    point: PointOption = "equal_error",
    neighbours: NeighboursOption = 1,
    index: IndexOption = "exact",
    force: ForceOption = False,
) -> None:
    """Judge the filtering on streamlines whose bundle is known: confusion matrix and metrics."""
    from finta.filtering.evaluation import write_evaluation
    from porting.files.placement import check_apart, check_free
    from tractography.filtering.thresholds import read_thresholds

    check_point(point)
    written = [output / "summary.json", output / "summary.html"]
    check_apart(written, [model, thresholds, *within(atlas, bundles, implausible)])
    check_free(written, force)
    judged = _judge(model, atlas, bundles, implausible, neighbours, index)
    values = read_thresholds(thresholds, judged.bundles, point)
    evaluation = judged.evaluated(values)
    write_evaluation(output, evaluation, judged, values, model)
    tell_skips(judged.skips)
    plausible = evaluation.plausible
    show(
        f"all outcomes: accuracy {evaluation.accuracy:.3f}, balanced {evaluation.balanced_accuracy:.3f}, "
        f"F1 {evaluation.f1:.3f}\n"
        f"plausible or not: accuracy {plausible.accuracy:.3f}, balanced {plausible.balanced_accuracy:.3f}, "
        f"F1 {plausible.f1:.3f}, AUC {plausible.auc:.3f}\n"
        f"{output}: see summary.html"
    )
