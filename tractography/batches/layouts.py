"""The two layouts of batch files, and what can be wrong with what they hold.

Published: ``/{train,thres,test}/{class}/streamline``, (streamline, point, coordinate), little-endian float32, RAS+ mm.

Packed, as ``finta batches pack`` writes it; the rows of class i are ``class_starts[i]`` to ``class_starts[i + 1]``::

    /{split}/streamlines    (streamline, point, coordinate), little-endian float32, contiguous; no NaN, no infinity
    /{split}/class_names    (class,), UTF-8, in the order of the published file
    /{split}/class_starts   (class + 1,), int64
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from tractography.errors import BatchError, shown

SPLITS = ("train", "thres", "test")
DATASET = "streamline"
PACKED, CLASS_NAMES, CLASS_STARTS = "streamlines", "class_names", "class_starts"
DTYPE = np.dtype("<f4")


def opened(path: Path) -> h5py.File:
    """Open a batch file for reading.

    Raises
    ------
    BatchError
        If there is none, or it is no readable HDF5 file.
    """
    if not path.is_file():
        raise BatchError(f"No batch file at {path}. Build one: finta batches build BUNDLE... --output FILE.")
    try:
        return h5py.File(path)
    except OSError as error:
        raise BatchError(f"{path} is no readable HDF5 file; it may be truncated. Copy it or build it again.") from error


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Tell of a file that HDF5 cannot make sense of.

    Raises
    ------
    BatchError
        In the place of whatever HDF5's parsing trips over.
    """
    try:
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and found
            yield
    except BatchError:
        raise
    except Exception as error:
        reason = shown(str(error.args[0] if error.args else error))
        raise BatchError(f"{path} is damaged: {reason}. Copy it or build it again.") from error


def unknown_split(split: str) -> str:
    """Say that a split is none of the three."""
    return f"/{split}: unknown split, must be one of {', '.join(SPLITS)}"


def misshapen(place: str, shape: Sequence[int]) -> list[str]:
    """Say so where a shape is not that of streamlines."""
    if len(shape) == 3 and shape[2] == 3 and shape[1] >= 2:
        return []
    wanted = "(streamline, point, coordinate) with 3 coordinates and at least 2 points"
    return [f"{place}: shape {tuple(shape)}, must be {wanted}"]


def not_finite(place: str, streamlines: np.ndarray, rows: Sequence[int] = ()) -> list[str]:
    """Say so where streamlines hold NaN; `rows` names them if they are not counted from 0."""
    bad = np.flatnonzero(~np.isfinite(streamlines).all(axis=(1, 2)))
    if not len(bad):
        return []
    first = rows[bad[0]] if len(rows) else bad[0]
    return [f"{place}: {len(bad)} streamlines hold NaN or infinite coordinates, the first in row {first}"]


def mixed(point_counts: set[int]) -> list[str]:
    """Say so where classes differ in points per streamline."""
    listed = ", ".join(map(str, sorted(point_counts)))
    return [f"classes differ in points per streamline: {listed}"] if len(point_counts) > 1 else []


def refuse(path: Path, fact: str, findings: Sequence[str], remedy: str = "") -> None:
    """Raise all findings as one BatchError, if there are any."""
    if findings:
        shown = [f"  {finding}" for finding in findings[:20]]
        more = [f"  ... and {len(findings) - 20} more"] if len(findings) > 20 else []
        remedy = remedy or "Build the file again: finta batches build BUNDLE... --output FILE."
        raise BatchError("\n".join([f"{path} {fact}:", *shown, *more, remedy]))
