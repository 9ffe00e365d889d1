"""Generate streamlines of bundles: tractograms in, tractograms and a summary out."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from finta.atlases import Skips, find_bundles, read_resampled
from finta.bundle_settings import BundleSettings, Choices, settings_of_bundles
from finta.coders import Coder, open_coder
from finta.requirements import check_installed
from porting.errors import OutputError
from porting.placement import check_free, library_writes, staging
from porting.runs import OnStep
from tractography.anatomy import FILTERS, fraction_inside
from tractography.errors import GenerationError
from tractography.generated import Generated, Round
from tractography.generation import generate
from tractography.headers import Header
from tractography.pieces import read_header
from tractography.seeds import encode_both_orders, generator_for, mix_seeds
from tractography.streamlines import Streamlines
from tractography.tractograms import find_tractograms
from tractography.writers import open_writer

BATCH_SIZE = 256
"""Streamlines computed at once: bundles and rounds are small, and what a batch lacks is computed for nothing."""

DRAWN = 2000
"""Streamlines of a bundle that are kept for its picture."""

SUSPECT = 0.5
"""Where fewer of the seeds' points are in the mask, it is noted that the two may not belong together."""


@dataclass(frozen=True, slots=True, eq=False)
class _Bundle:
    """A bundle that streamlines are to be generated of."""

    path: Path
    header: Header
    seeds: np.ndarray
    streamlines: np.ndarray
    chosen: BundleSettings
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.stem


def sample_bundles(
    bundles: Sequence[Path],
    model: Path,
    output: Path,
    choices: Choices,
    *,
    atlas: Path | None = None,
    force: bool = False,
    on_step: OnStep = lambda *_: None,
) -> list[Generated]:
    """Generate streamlines of bundles with a trained autoencoder, and write them with a summary; all or nothing.

    Parameters
    ----------
    bundles : sequence of Path
        A subject's bundles: tractograms, or folders of them; a bundle's name is its file's.
    model : Path
        As `finta.coders.open_coder` takes it.
    output : Path
        The folder to write to: for each bundle a tractogram of its name and format, in its space, with the round of
        each streamline as ``round``; ``summary.json``, ``summary.html`` and a picture of each bundle.
    choices : Choices
    atlas : Path, optional
        A folder of tractograms of the same names.
    force : bool
        Replace files of these names.
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
        If files are in the way, or the folder or the disk does not take them.
    """
    _check_installed(choices)
    paths = _named_once(find_tractograms(bundles))
    for path in paths.values():
        check_free(output / path.stem, [path.suffix, "-generated.png"], force)
    check_free(output / "summary", [".json", ".html"], force)
    chosen = settings_of_bundles(list(paths), choices, atlas is not None)
    in_atlas = _find_in_atlas(atlas, [name for name in paths if chosen[name].ratio[1] > 0])
    coder = open_coder(model, BATCH_SIZE)
    skips = Skips()
    held = []
    for number, (name, path) in enumerate(paths.items()):
        on_step(f"encoding {name}", number, len(paths))
        held.append(_prepare(path, in_atlas.get(name), coder, chosen[name], choices.max_seeds, skips))
    made = [_generate(bundle, coder, on_step) for bundle in held]
    on_step("writing", 0, None)
    _write(output, held, made, coder, choices, skips)
    return made


def _check_installed(choices: Choices) -> None:
    """Say before anything runs that a package is missing which a run needs later."""
    needed = ["matplotlib", *(["sklearn"] if choices.settings.mode == "rejection" else [])]
    check_installed(needed, GenerationError, "Sampling", "streamlines")


def _named_once(paths: Sequence[Path]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for path in paths:
        if path.stem in named:
            raise GenerationError(f"Two bundles are called {path.stem}: {named[path.stem]} and {path}. Rename one.")
        named[path.stem] = path
    return named


def _find_in_atlas(atlas: Path | None, wanted: list[str]) -> dict[str, Path]:
    if not wanted:
        return {}
    if atlas is None:
        raise GenerationError(f"The ratio wants seeds of the atlas for {', '.join(wanted)}. Give --atlas, too.")
    held = find_bundles(atlas)
    if missing := [name for name in wanted if name not in held]:
        raise GenerationError(
            f"{atlas} does not hold {', '.join(missing)}. It holds {', '.join(held)}. Rename the files, or take no "
            "seeds from the atlas: --ratio 1,0."
        )
    return {name: held[name] for name in wanted}


def _prepare(
    path: Path, atlas: Path | None, coder: Coder, chosen: BundleSettings, max_seeds: int, skips: Skips
) -> _Bundle:
    own, lines = _encode(path, coder, coder.encode, skips)
    other, pictured = None, lines
    if atlas:
        other, others = _encode(atlas, coder, lambda streamlines: encode_both_orders(streamlines, coder.encode), skips)
        pictured = np.concatenate([lines, others])
    generator = generator_for(chosen.settings.seed, path.stem, 0)
    try:
        seeds = mix_seeds(own, other, chosen.ratio, max_seeds, generator)
    except GenerationError as error:
        raise GenerationError(f"{path}: {error}") from error
    return _Bundle(path, read_header(path), seeds, pictured, chosen, _check_mask(lines, chosen))


def _encode(
    path: Path, coder: Coder, encode: Callable[[np.ndarray], np.ndarray], skips: Skips
) -> tuple[np.ndarray, np.ndarray]:
    codes = [np.empty((0, coder.latent_size), np.float32)]
    lines = np.empty((0, coder.point_count, 3), np.float32)
    for streamlines in read_resampled(path, coder.point_count, skips):
        codes.append(encode(streamlines))
        lines = np.concatenate([lines, streamlines[: DRAWN - len(lines)]])
    return np.concatenate(codes), lines


def _check_mask(lines: np.ndarray, chosen: BundleSettings) -> tuple[str, ...]:
    mask = chosen.anatomy.mask
    if mask is None or not len(lines) or (share := float(fraction_inside(lines, mask).mean())) >= SUSPECT:
        return ()
    return (f"{share:.0%} of the bundle's own points are in {mask.space.source}: the two may not belong together",)


def _generate(bundle: _Bundle, coder: Coder, on_step: OnStep) -> Generated:
    wanted, kept = bundle.chosen.settings.number, 0

    def tell(past: Round) -> None:
        nonlocal kept
        kept += past.kept
        on_step(f"{bundle.name}: round {past.number}", min(kept, wanted), wanted)

    on_step(f"{bundle.name}: fitting the density", 0, wanted)
    try:
        made = generate(bundle.name, bundle.seeds, coder.decode, bundle.chosen.anatomy, bundle.chosen.settings, tell)
    except GenerationError as error:
        raise GenerationError(f"{bundle.path}: {error}") from error
    return replace(made, notes=bundle.notes + made.notes)


def _write(
    output: Path, bundles: Sequence[_Bundle], made: Sequence[Generated], coder: Coder, choices: Choices, skips: Skips
) -> None:
    from finta.charts import draw_generated
    from finta.summaries import write_summary

    with staging(output / "generated") as staged, library_writes():
        drafts = staged.stem.parent
        for bundle, generated in zip(bundles, made, strict=True):
            _write_tractogram(drafts / bundle.path.name, bundle.header, generated)
        pictures = {
            f"{bundle.name}-generated": draw_generated(list(generated.streamlines), list(bundle.streamlines))
            for bundle, generated in zip(bundles, made, strict=True)
        }
        facts = _facts(made, coder, choices, skips)
        try:
            write_summary(drafts, "Generated streamlines", facts, _tables(made), pictures)
        except OutputError as error:
            raise OutputError(str(error).replace(str(drafts), str(output))) from error
        staged.commit()


def _write_tractogram(path: Path, header: Header, generated: Generated) -> None:
    count, point_count = generated.streamlines.shape[:2]
    lengths = np.full(count, point_count, np.int64)
    with open_writer(path, header) as writer:
        rounds = {"round": generated.round_numbers[:, None]}
        writer.append(Streamlines(generated.streamlines.reshape(-1, 3), lengths, per_streamline=rounds))


def _facts(made: Sequence[Generated], coder: Coder, choices: Choices, skips: Skips) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "bundles": len(made),
        "streamlines": sum(len(generated.streamlines) for generated in made),
        "latent codes drawn": sum(generated.drawn for generated in made),
        "skipped in the input": skips.total(),
        "model": str(coder.path),
        "computed by": coder.framework,
    }
    facts |= {name.replace("_", " "): value for name, value in asdict(choices.settings).items() if value is not None}
    images = {"white matter": choices.white_matter, "FA": choices.fa, "peaks": choices.peaks}
    return facts | {name: str(path) for name, path in images.items() if path}


def _tables(made: Sequence[Generated]) -> dict[str, list[dict[str, Any]]]:
    tables = {
        "bundles": [_row(generated) for generated in made],
        "removed by the filters": [{"bundle": generated.bundle, **generated.removed} for generated in made],
        "rounds": [
            {"bundle": generated.bundle, "round": past.number, "drawn": past.drawn, "accepted": past.accepted}
            | {"decoded": past.decoded}
            | {name: past.removed[name] for name in FILTERS}
            | {"kept": past.kept}
            for generated in made
            for past in generated.rounds
        ],
        "notes": [{"bundle": generated.bundle, "note": note} for generated in made for note in generated.notes],
    }
    return {name: rows for name, rows in tables.items() if rows}


def _row(generated: Generated) -> dict[str, Any]:
    row = {
        "bundle": generated.bundle,
        "seeds": generated.seed_count,
        "bandwidth": generated.bandwidth,
        "drawn": generated.drawn,
        "accepted": generated.accepted,
        "acceptance rate": generated.acceptance_rate,
        "decoded": generated.decoded,
        "passed": generated.kept,
        "streamlines": len(generated.streamlines),
    }
    return row | ({"components": generated.components, "log M": generated.log_scale} if generated.components else {})
