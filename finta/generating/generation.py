"""Generate streamlines of bundles: tractograms in, tractograms and a summary out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from finta.coding.coders import Coder, open_coder
from finta.filtering.atlases import find_named
from finta.generating.bundle_settings import Choices, settings_of_bundles
from finta.generating.drafts import Finished, check_draft, drafts
from finta.generating.inputs import Bundle, find_in_atlas, identity, prepare_bundle
from finta.generating.output import check_files, write_generated
from porting.proof.runs import OnStep
from porting.requirements import check_installed
from tractography.errors import GenerationError
from tractography.files.pieces import read_header
from tractography.generating.generated import Generated, Round
from tractography.generating.generation import generate

BATCH_SIZE = 256
"""Streamlines computed at once: bundles and rounds are small, and what a batch lacks is computed for nothing."""


def sample_bundles(
    bundles: Sequence[Path],
    model: Path,
    output: Path,
    choices: Choices,
    *,
    atlas: Path | None = None,
    force: bool = False,
    resume: bool = False,
    on_step: OnStep = lambda *_: None,
) -> list[Generated]:
    """Generate streamlines of bundles with a trained autoencoder, and write them with a summary; all or nothing.

    Parameters
    ----------
    bundles : sequence of Path
        A subject's bundles: tractograms, or folders of them; a bundle's name is its file's.
    model : Path
        As `finta.coding.coders.open_coder` takes it.
    output : Path
        The folder to write to: for each bundle a tractogram of its name and format, in its space, with the round of
        each streamline as ``round``; ``summary.json``, ``summary.html`` and a picture of each bundle.
    choices : Choices
    atlas : Path, optional
        A folder of tractograms of the same names.
    force : bool
        Replace files of these names.
    resume : bool
        Go on with the bundles that an earlier process left; on the same device the files are those of a run that was
        not cut off.
    on_step : callable
        Told what is being done, how far it is, and of how much.

    Returns
    -------
    list of Generated
        In the order of the bundles.

    Raises
    ------
    GenerationError, TractogramError, FilteringError
        If a bundle, the atlas, an image or a file of settings cannot be used.
    ModelError
        If the model cannot be used.
    OutputError
        If files are in the way, or the folder or the disk does not take them; if there is nothing to go on with, or
        something that `resume` would go on with, or that was begun otherwise; if another process is at it.
    """
    _check_installed(choices)
    paths = find_named(bundles)
    check_draft(output, resume=resume)
    chosen = settings_of_bundles(list(paths), choices, atlas is not None)
    in_atlas = find_in_atlas(atlas, [name for name in paths if chosen[name].ratio[1] > 0])
    check_files(output, list(paths.values()), [model, *in_atlas.values(), *choices.paths()], force=force)
    headers = {path: read_header(path) for path in paths.values()}
    coder = open_coder(model, BATCH_SIZE)
    with drafts(output, identity(paths, in_atlas, coder, choices), resume=resume) as kept:
        missing = [name for name in paths if name not in kept]
        held = []
        for number, name in enumerate(missing):
            on_step(f"encoding {name}", number, len(missing))
            held.append(prepare_bundle(paths[name], in_atlas.get(name), coder, chosen[name], choices.max_seeds))
        for bundle in held:
            kept.put(Finished(_generate(bundle, coder, on_step), bundle.pictured, bundle.skipped))
        on_step("writing", 0, None)
        finished = [kept.get(name) for name in paths]
        write_generated(output, headers, finished, coder, choices)
    return [held.generated for held in finished]


def _check_installed(choices: Choices) -> None:
    """Say before anything runs that a package is missing which a run needs later."""
    needed = ["matplotlib", *(["sklearn"] if choices.settings.mode == "rejection" else [])]
    check_installed(needed, "Sampling", "streamlines")


def _generate(bundle: Bundle, coder: Coder, on_step: OnStep) -> Generated:
    wanted, kept = bundle.chosen.settings.number, 0

    def tell(past: Round) -> None:
        nonlocal kept
        kept += past.kept
        on_step(f"{bundle.name}: round {past.number}", min(kept, wanted), wanted)

    on_step(f"{bundle.name}: preparing to draw", 0, wanted)
    try:
        made = generate(bundle.name, bundle.density, coder.decode, bundle.chosen.anatomy, bundle.chosen.settings, tell)
    except GenerationError as error:
        raise GenerationError(f"{bundle.path}: {error}") from error
    return replace(made, notes=bundle.notes + made.notes)
