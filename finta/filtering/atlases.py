"""Folders of tractograms, one for each bundle, whose names are the files'."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finta.coding.coders import Coder
from porting.proof.runs import OnStep
from tractography.errors import FilteringError, TractogramError
from tractography.files.formats import find_tractograms, name_of
from tractography.files.tractograms import Skips, read_resampled
from tractography.filtering.assignment import NO_BUNDLE, ReferenceCodes, encode_reference


@dataclass(frozen=True, slots=True)
class Labelled:
    """Latent codes of streamlines whose bundle is known.

    Attributes
    ----------
    codes : ndarray, (streamline, latent), float32
    labels : ndarray, (streamline,), int32
        Index into the atlas' bundles, or `NO_BUNDLE`.
    """

    codes: np.ndarray
    labels: np.ndarray


def find_named(places: Sequence[Path]) -> dict[str, Path]:
    """Name -> tractogram, in the order of the files and folders given.

    Raises
    ------
    TractogramError
        If there is none, or two have one name.
    """
    found: dict[str, Path] = {}
    for path in find_tractograms(places):
        if (name := name_of(path)) in found:
            raise TractogramError(f"Two bundles are called {name}: {found[name]} and {path}. Rename one.")
        found[name] = path
    return found


def find_bundles(folder: Path) -> dict[str, Path]:
    """Name -> tractogram of a folder, sorted by name.

    Raises
    ------
    TractogramError
        If there is none, or two have one name.
    """
    return dict(sorted(find_named([folder]).items()))


def encode_atlas(folder: Path, coder: Coder, skips: Skips, on_step: OnStep) -> ReferenceCodes:
    """Encode an atlas in both orders of its points.

    Raises
    ------
    FilteringError, TractogramError
        If it cannot be used.
    """
    paths = find_bundles(folder)

    def pieces(number: int, path: Path) -> Iterator[np.ndarray]:
        on_step(f"encoding the atlas: {name_of(path)}", number, len(paths))
        yield from read_resampled(path, coder.point_count, skips)

    bundles = {name: pieces(number, path) for number, (name, path) in enumerate(paths.items())}
    try:
        return encode_reference(bundles, coder.encode)
    except FilteringError as error:
        raise FilteringError(f"{folder}: {error}") from error


def find_labelled(folder: Path, implausible: Path | None, bundles: tuple[str, ...]) -> list[tuple[int, Path]]:
    """List the tractograms of an atlas' bundles, and of implausible streamlines, with their labels.

    Raises
    ------
    FilteringError, TractogramError
        If there is none, or a bundle is not in the atlas.
    """
    paths = find_bundles(folder)
    if unknown := sorted(set(paths) - set(bundles)):
        raise FilteringError(f"{folder} holds bundles that the atlas has not: {', '.join(unknown)}. Remove them first.")
    files = [(bundles.index(name), path) for name, path in paths.items()]
    return files + [(NO_BUNDLE, path) for path in (find_tractograms([implausible]) if implausible else [])]


def encode_labelled(
    folder: Path, implausible: Path | None, bundles: tuple[str, ...], coder: Coder, skips: Skips, on_step: OnStep
) -> Labelled:
    """Encode streamlines of an atlas' bundles, and implausible ones.

    Raises
    ------
    FilteringError, TractogramError
        If a file cannot be used, or its bundle is not in the atlas.
    """
    files = find_labelled(folder, implausible, bundles)
    codes, labels = [np.empty((0, coder.latent_size), np.float32)], []
    for number, (label, path) in enumerate(files):
        on_step(f"encoding {name_of(path)}", number, len(files))
        for streamlines in read_resampled(path, coder.point_count, skips):
            codes.append(coder.encode(streamlines))
            labels.append(np.full(len(streamlines), label, np.int32))
    if not labels:
        raise FilteringError(f"{folder} holds no streamlines that can be encoded.")
    return Labelled(np.concatenate(codes), np.concatenate(labels))


def read_classes(path: Path | None, bundles: tuple[str, ...]) -> Mapping[str, int]:
    """Read the published file of classes, ``{bundle: class}``; without one, classes are numbered as the bundles are.

    Raises
    ------
    FilteringError
        If it cannot be read, or lacks a bundle.
    """
    if path is None:
        return {name: number for number, name in enumerate(bundles)}
    from tractography.filtering.thresholds import read_flat

    held = read_flat(path)
    if missing := [name for name in bundles if not _is_class(held.get(name))]:
        raise FilteringError(f"{path} gives no class to {', '.join(missing)}, which the atlas holds. Add them.")
    return {name: held[name] for name in bundles}


def _is_class(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 31
