"""Tractogram files: TRK and TCK by nibabel, TRX by trx-python; streamlines in RAS+ mm."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tractography.errors import TractogramError

SUFFIXES = (".trk", ".tck", ".trx")


def find_tractograms(paths: Sequence[str | os.PathLike]) -> list[Path]:
    """List the tractograms among files and, at any depth, in folders; sorted within each folder.

    Raises
    ------
    TractogramError
        If a path does not exist, is no tractogram, or is a folder without one.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        inside = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES) if path.is_dir() else [path]
        if not inside:
            raise TractogramError(f"No tractogram in {path}: there is no file ending in {', '.join(SUFFIXES)}.")
        found += inside
    for path in found:
        if not path.is_file():
            raise TractogramError(f"No tractogram at {path}: no such file.")
        if path.suffix not in SUFFIXES:
            raise TractogramError(f"{path} is no tractogram: its name must end in {', '.join(SUFFIXES)}.")
    return found


def read_streamlines(path: str | os.PathLike) -> list[np.ndarray]:
    """Read all streamlines of a tractogram.

    Returns
    -------
    list of ndarray, (point, coordinate), float32, RAS+ mm

    Raises
    ------
    TractogramError
        If the file is missing, unreadable or truncated, or a coordinate is NaN or infinite.
    """
    (path,) = find_tractograms([path])
    try:
        streamlines = _read_trx(path) if path.suffix == ".trx" else _read_with_nibabel(path)
    except TractogramError:
        raise
    except Exception as error:  # the readers raise whatever their parsing trips over
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise TractogramError(
            f"{path} cannot be read: {reason}. It may be truncated; copy or export it again."
        ) from error
    for index, streamline in enumerate(streamlines):
        if not np.isfinite(streamline).all():
            raise TractogramError(f"{path}: streamline {index} holds NaN or infinite coordinates. Remove it first.")
    return streamlines


def _read_with_nibabel(path: Path) -> list[np.ndarray]:
    import nibabel

    file: Any = nibabel.streamlines.load(str(path))
    streamlines = [np.asarray(streamline, np.float32) for streamline in file.streamlines]
    announced = int(file.header.get("nb_streamlines", 0) or 0)
    if announced and announced != len(streamlines):
        raise TractogramError(
            f"{path} is truncated: its header announces {announced} streamlines, it holds {len(streamlines)}. "
            "Copy or export it again."
        )
    return streamlines


def _read_trx(path: Path) -> list[np.ndarray]:
    from trx import trx_file_memmap

    file: Any = trx_file_memmap.load(str(path))
    try:
        return [np.array(streamline, np.float32) for streamline in file.streamlines]
    finally:
        file.close()


def resample(streamlines: Sequence[np.ndarray], point_count: int, label: str = "the streamlines") -> np.ndarray:
    """Bring streamlines to one number of points, equally spaced along each (DIPY's ``set_number_of_points``).

    Parameters
    ----------
    streamlines : sequence of ndarray, (point, coordinate), RAS+ mm
    point_count : int
    label : str
        What to call them in an error.

    Returns
    -------
    ndarray, (streamline, point, coordinate), float32, RAS+ mm

    Raises
    ------
    TractogramError
        If there is none, or one has fewer than two points.
    """
    from dipy.tracking.streamline import set_number_of_points

    short = [index for index, streamline in enumerate(streamlines) if len(streamline) < 2]
    if short:
        listed = ", ".join(map(str, short[:10])) + (" ..." if len(short) > 10 else "")
        raise TractogramError(
            f"{label}: {len(short)} streamlines have fewer than two points: {listed}. Remove them first."
        )
    if not len(streamlines):
        raise TractogramError(f"{label}: no streamlines.")
    resampled = set_number_of_points([np.asarray(line, np.float32) for line in streamlines], point_count)
    return np.stack(list(resampled)).astype(np.float32)
