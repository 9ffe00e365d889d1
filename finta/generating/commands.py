"""The command ``finta sample``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finta.filtering.commands import interruption_told
from finta.filtering.options import ModelOption, ResumeOption
from finta.generating.anatomy_options import (
    FAOption,
    MaxAngleOption,
    MaxLengthOption,
    MinLengthOption,
    PeaksFrameOption,
    PeaksOption,
    WhiteMatterOption,
    optional,
)
from finta.pages.tables import print_table
from porting.commands.console import show
from porting.commands.options import ForceOption, output_option
from porting.commands.progress import steps

if TYPE_CHECKING:
    from tractography.generating.generated import Generated

_MaybeFile = Path | None

DRAWING, PUBLISHED = "Drawing", "Settings of each bundle, in the published files"
"""Groups of options in the command's help."""


def _published(name: str, text: str):
    return optional(name, text, metavar="FILE", rich_help_panel=PUBLISHED)


def sample(
    bundles: Annotated[
        list[Path],
        typer.Argument(help="The subject's bundles (TRK, TCK, TRX), or folders of them.", metavar="BUNDLE..."),
    ],
    model: ModelOption,
    number: Annotated[int, typer.Option("--number", help="Streamlines wanted of each bundle.", min=1)],
    output: Annotated[Path, output_option("The folder to write to.", "FOLDER")],
    atlas: Annotated[
        _MaybeFile, optional("--atlas", "A folder of an atlas' bundles, called as the subject's.", metavar="FOLDER")
    ] = None,
    white_matter: WhiteMatterOption = None,
    fa: FAOption = None,
    peaks: PeaksOption = None,
    peaks_frame: PeaksFrameOption = "world",
    ratio: Annotated[
        str | None,
        optional(
            "--ratio", "Shares of seeds: SUBJECT,ATLAS; 0.5,0.5 with an atlas, 1,0 without.", rich_help_panel=DRAWING
        ),
    ] = None,
    max_seeds: Annotated[int, typer.Option(help="Seeds of a bundle at most.", min=1, rich_help_panel=DRAWING)] = 10_000,
    bandwidth: Annotated[
        str,
        typer.Option(help="In units of the latent codes, or silverman, or cross-validated.", rich_help_panel=DRAWING),
    ] = "silverman",
    mode: Annotated[str, typer.Option(help="plain, or rejection.", rich_help_panel=DRAWING)] = "plain",
    proposal: Annotated[
        str, typer.Option(help="Of rejection: mixture, or normal.", rich_help_panel=DRAWING)
    ] = "mixture",
    components: Annotated[
        str, typer.Option(help="Of the mixture: a number, or bic, or silhouette.", rich_help_panel=DRAWING)
    ] = "11",
    scale: Annotated[
        str, typer.Option(help="Of the proposal: maximum, or percentile.", rich_help_panel=DRAWING)
    ] = "maximum",
    draws: Annotated[
        int | None,
        optional(
            "--draws", "Latent codes drawn in a round; 1,000, in rejection 20,000.", min=1, rich_help_panel=DRAWING
        ),
    ] = None,
    max_sampled: Annotated[
        int | None,
        optional(
            "--max-sampled",
            "Latent codes drawn at most; 100,000, in rejection 10,000,000.",
            min=1,
            rich_help_panel=DRAWING,
        ),
    ] = None,
    max_angle: MaxAngleOption = None,
    min_length: MinLengthOption = 20.0,
    max_length: MaxLengthOption = 220.0,
    seed: Annotated[int, typer.Option(help="Of the random numbers.", min=0, rich_help_panel=DRAWING)] = 0,
    degrees: Annotated[_MaybeFile, _published("--degrees", "degree.json: the greatest angle of each bundle.")] = None,
    ratios: Annotated[_MaybeFile, _published("--ratios", "ratio.json: [subject, atlas] of each bundle.")] = None,
    max_total_sampling: Annotated[
        _MaybeFile, _published("--max-total-sampling", "max_total_sampling.json: --max-sampled of each bundle.")
    ] = None,
    number_rejection_sampling: Annotated[
        _MaybeFile, _published("--number-rejection-sampling", "number_rejection_sampling.json: --draws of each bundle.")
    ] = None,
    white_matter_masks: Annotated[
        _MaybeFile, _published("--white-matter-masks", "white_matter_mask.json: wm or fa for each bundle.")
    ] = None,
    resume: ResumeOption = False,
    force: ForceOption = False,
) -> None:
    """Generate streamlines of sparse bundles: draw latent codes around theirs, decode them, keep the plausible."""
    from finta.generating.anatomy_files import AnatomyFiles
    from finta.generating.bundle_settings import Choices
    from finta.generating.generation import sample_bundles
    from tractography.generating.generation import Settings

    settings = Settings(
        number=number,
        mode=mode,
        bandwidth=_number_or_word(bandwidth),
        proposal=proposal,
        components=int(components) if components.isdecimal() else components,
        scale=scale,
        draws=draws,
        max_sampled=max_sampled,
        seed=seed,
    )
    published = {
        "degrees": degrees,
        "ratios": ratios,
        "max_total_sampling": max_total_sampling,
        "number_rejection_sampling": number_rejection_sampling,
        "white_matter_masks": white_matter_masks,
    }
    choices = Choices(
        settings,
        ratio=_parse_ratio(ratio),
        anatomy=AnatomyFiles(white_matter, fa, peaks, peaks_frame, max_angle, (min_length, max_length)),
        max_seeds=max_seeds,
        files={name: path for name, path in published.items() if path},
    )
    with interruption_told(), steps() as on_step:
        made = sample_bundles(bundles, model, output, choices, atlas=atlas, force=force, resume=resume, on_step=on_step)
    _show(made, output)


def _number_or_word(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _parse_ratio(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        subject, atlas = map(float, text.split(","))
    except ValueError as error:
        raise typer.BadParameter("must be two shares, SUBJECT,ATLAS", param_hint="--ratio") from error
    return subject, atlas


def _show(made: "list[Generated]", output: Path) -> None:
    print_table([_row(held) for held in made])
    for held in made:
        for note in held.notes:
            show(f"{held.bundle}: {note}")
    show(f"{output / 'summary.html'} shows them beside their seeds.")


def _row(held: "Generated") -> dict[str, str]:
    return {
        "bundle": held.bundle,
        "seeds": f"{held.seed_count:,}",
        "bandwidth": f"{held.bandwidth:.4g}",
        "drawn": f"{held.drawn:,}",
        "accepted": f"{held.acceptance_rate:.3%}",
        "decoded": f"{held.decoded:,}",
        **{f"- {name}": f"{count:,}" for name, count in held.removed.items()},
        "streamlines": f"{len(held.streamlines):,}",
    }
