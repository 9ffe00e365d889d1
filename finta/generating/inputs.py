"""From bundles' tractograms to the seeds that streamlines are generated from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finta.coding.coders import Coder
from finta.coding.drafts import identity_of
from finta.filtering.atlases import find_bundles
from finta.generating.bundle_settings import BundleSettings, Choices
from tractography.errors import GenerationError
from tractography.files.formats import name_of
from tractography.files.tractograms import WHY_SKIPPED, Skips, read_resampled
from tractography.generating.anatomy import fraction_inside
from tractography.generating.densities import LatentDensity, fit_density
from tractography.generating.seeds import choose_seeds, encode_both_orders, generator_for

DRAWN = 2000
"""Streamlines of a bundle that are kept for its picture."""

SUSPECT = 0.5
"""Where fewer of the seeds' points are in the mask, it is noted that the two may not belong together."""


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A bundle that streamlines are to be generated of.

    Attributes
    ----------
    path : Path
        Its tractogram.
    density : LatentDensity
        Of its seeds.
    pictured : ndarray, (streamline, point, coordinate), RAS+ mm
        Some of the streamlines that its seeds are of, for its picture.
    chosen : BundleSettings
    skipped : int
        Streamlines that could not be encoded.
    notes : tuple of str
    """

    path: Path
    density: LatentDensity
    pictured: np.ndarray
    chosen: BundleSettings
    skipped: int
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called."""
        return name_of(self.path)


def find_in_atlas(atlas: Path | None, wanted: list[str]) -> dict[str, Path]:
    """Name -> an atlas' tractogram, of the bundles that want seeds of it.

    Raises
    ------
    GenerationError
        If it lacks one.
    """
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


def prepare_bundle(path: Path, atlas: Path | None, coder: Coder, chosen: BundleSettings, max_seeds: int) -> Bundle:
    """Encode a bundle, and the atlas' of its name, choose the seeds, and fit their density.

    Raises
    ------
    GenerationError, TractogramError
        If a file cannot be used, or the seeds make no density.
    """
    skips = Skips()
    own = _encode(path, coder, coder.encode, skips)
    other = None
    if atlas:
        other = _encode(atlas, coder, lambda streamlines: encode_both_orders(streamlines, coder.encode), skips)
    generator = generator_for(chosen.settings.seed, name_of(path), 0)
    codes = own.codes if other is None else np.concatenate([own.codes, other.codes])
    try:
        rows = choose_seeds(len(own.codes), len(codes) - len(own.codes), chosen.ratio, max_seeds, generator)
        density = fit_density(codes[rows], chosen.settings.bandwidth)
    except GenerationError as error:
        raise GenerationError(f"{path}: {error}") from error
    pictured = own.lines_of(rows[rows < len(own.codes)])
    if other is not None:
        pictured = np.concatenate([pictured, other.lines_of(rows[rows >= len(own.codes)] - len(own.codes))])
    notes = tuple(f"{count:,} of {name} skipped: {WHY_SKIPPED}" for name, count in skips.counts.items())
    return Bundle(path, density, pictured, chosen, skips.total(), notes + _check_mask(own.lines, chosen))


@dataclass(frozen=True, slots=True, eq=False)
class _Encoded:
    """A tractogram's latent codes, (code, latent), which streamline each is of, (code,), and the first streamlines."""

    codes: np.ndarray
    owners: np.ndarray
    lines: np.ndarray

    def lines_of(self, rows: np.ndarray) -> np.ndarray:
        """The streamlines that codes are of, as far as they are kept, (streamline, point, coordinate)."""
        owners = self.owners[rows]
        return self.lines[owners[owners < len(self.lines)]]


def _encode(path: Path, coder: Coder, encode: Callable[[np.ndarray], np.ndarray], skips: Skips) -> _Encoded:
    codes, owners, count = [np.empty((0, coder.latent_size), np.float32)], [np.empty(0, int)], 0
    lines = np.empty((0, coder.point_count, 3), np.float32)
    for streamlines in read_resampled(path, coder.point_count, skips):
        if not len(streamlines):
            continue
        codes.append(encode(streamlines))
        owners.append(np.tile(np.arange(count, count + len(streamlines)), len(codes[-1]) // len(streamlines)))
        lines = np.concatenate([lines, streamlines[: DRAWN - len(lines)]])
        count += len(streamlines)
    return _Encoded(np.concatenate(codes), np.concatenate(owners), lines)


def _check_mask(lines: np.ndarray, chosen: BundleSettings) -> tuple[str, ...]:
    mask = chosen.anatomy.mask
    if mask is None or not len(lines) or (share := float(fraction_inside(lines, mask).mean())) >= SUSPECT:
        return ()
    return (f"{share:.0%} of the bundle's own points are in {mask.space.source}: the two may not belong together",)


def identity(paths: Mapping[str, Path], in_atlas: Mapping[str, Path], coder: Coder, choices: Choices) -> dict[str, Any]:
    """What streamlines depend on, to tell whether a run that was begun can be gone on with."""
    files = {f"bundle {name}": path for name, path in paths.items()}
    files |= {f"atlas' {name}": path for name, path in in_atlas.items()}
    return {name: identity_of(path) for name, path in files.items()} | coder.identity() | _flat("choices", choices)


def _flat(name: str, held: Any) -> dict[str, Any]:
    """Settings by their own names, files by their content."""
    if is_dataclass(held):
        held = {field.name: getattr(held, field.name) for field in fields(held)}
    if isinstance(held, Mapping):
        return {key: value for part, its in held.items() for key, value in _flat(part, its).items()}
    return {name.replace("_", " "): identity_of(held) if isinstance(held, Path) else held}
