"""Whole tractograms, and streamlines brought to one number of points; in RAS+ mm."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tractography.errors import TractogramError
from tractography.files.headers import Header
from tractography.files.pieces import TractogramFile, open_tractogram
from tractography.files.streamlines import Streamlines

PIECE = 8192
"""Streamlines that are resampled at once."""

WHY_SKIPPED = "fewer than two points, no length, or not finite"


@dataclass(slots=True)
class Skips:
    """Streamlines that were left out: of fewer than two points, of no length, or with coordinates that are not finite.

    Attributes
    ----------
    counts : dict
        File -> how many.
    """

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, path: Path, count: int) -> None:
        """Count some of a file's."""
        if count:
            self.counts[path.name] = self.counts.get(path.name, 0) + count

    def total(self) -> int:
        """How many there are."""
        return sum(self.counts.values())


def open_filled(path: str | os.PathLike, space: Header | None = None) -> TractogramFile:
    """Open a tractogram that must hold streamlines, as `open_tractogram` does.

    Raises
    ------
    TractogramError
        If it cannot be used, or holds none.
    """
    file = open_tractogram(path, space=space)
    if not file.count:
        file.close()
        raise TractogramError(f"{path} holds no streamlines.")
    return file


def read_whole(path: str | os.PathLike, space: Header | None = None) -> Streamlines:
    """Read all streamlines of a tractogram, as they are.

    Raises
    ------
    TractogramError
        If it cannot be used.
    """
    with open_tractogram(path, space=space) as file:
        return file.read(0, file.count)


def read_streamlines(path: str | os.PathLike) -> list[np.ndarray]:
    """Read the streamlines of a tractogram that can be resampled; others are left out (`Streamlines.usable`).

    Returns
    -------
    list of ndarray, (point, coordinate), float32, RAS+ mm

    Raises
    ------
    TractogramError
        If it cannot be used.
    """
    held = read_whole(path)
    return held.select(held.usable()).split()


def read_resampled(path: Path, point_count: int, skips: Skips, space: Header | None = None) -> Iterator[np.ndarray]:
    """Read a tractogram's streamlines, resampled, some thousands at a time; count those that cannot be.

    Yields
    ------
    ndarray, (streamline, point, coordinate), float32, RAS+ mm

    Raises
    ------
    TractogramError
        If it cannot be used, or holds none.
    """
    with open_filled(path, space) as file:
        for first in range(0, file.count, PIECE):
            streamlines = file.read(first, first + PIECE)
            usable = streamlines.usable()
            skips.add(path, int((~usable).sum()))
            yield streamlines.select(usable).resampled(point_count)


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
