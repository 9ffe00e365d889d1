"""HDF5 batches of streamlines in the published layout.

``/{train,thres,test}/{class}/streamline``: (streamline, point, coordinate), little-endian float32, RAS+ mm. The
validation split is called ``thres``. Class names are strings and sort as strings, so that a class' index is not its
number.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tractography.errors import BatchError

SPLITS = ("train", "thres", "test")
DATASET = "streamline"
DTYPE = np.dtype("<f4")
SEED = 20230126

CHECKED_WHOLE = 20_000
"""Up to so many streamlines a split is checked for NaN as a whole when a probe is drawn; beyond, what was drawn."""


@dataclass(frozen=True, slots=True)
class BatchFile:
    """What a batch file holds.

    Attributes
    ----------
    path : Path
    point_count : int
        Points per streamline.
    counts : Mapping
        Split -> class -> number of streamlines, in the file's order.
    """

    path: Path
    point_count: int
    counts: Mapping[str, Mapping[str, int]]

    def total(self, split: str) -> int:
        """Count the streamlines of a split."""
        return sum(self.counts.get(split, {}).values())


@dataclass(frozen=True, slots=True)
class Drawn:
    """Streamlines drawn from a batch file, and where they come from.

    Attributes
    ----------
    streamlines : ndarray, (streamline, point, coordinate), float32, RAS+ mm
    classes : tuple of str
        Class of each streamline.
    rows : tuple of int
        Row of each streamline in its class.
    source : str
        File and split, in words.
    """

    streamlines: np.ndarray
    classes: tuple[str, ...]
    rows: tuple[int, ...]
    source: str


def write_batches(path: str | os.PathLike, splits: Mapping[str, Mapping[str, np.ndarray]]) -> BatchFile:
    """Write a batch file; it is there whole or not at all.

    Parameters
    ----------
    path : path
    splits : Mapping
        Split -> class -> (streamline, point, coordinate) in RAS+ mm.

    Raises
    ------
    BatchError
        If a split is unknown, nothing is given, or a class is misshapen or holds NaN; all findings at once.
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    findings = [
        f"/{split}: unknown split, must be one of {', '.join(SPLITS)}" for split in splits if split not in SPLITS
    ]
    point_counts: set[int] = set()
    for split, classes in splits.items():
        for name, streamlines in classes.items():
            place = f"/{split}/{name}/{DATASET}"
            point_counts.update(streamlines.shape[1:2])
            findings += _misshapen(place, streamlines.shape) or _not_finite(place, streamlines)
    if not point_counts:
        findings.append("no streamlines")
    _raise(path, "cannot hold what it was given", findings + _mixed(point_counts))
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with h5py.File(draft, "w") as file:
            for split, classes in splits.items():
                for name, streamlines in classes.items():
                    file.create_dataset(f"{split}/{name}/{DATASET}", data=streamlines.astype(DTYPE))
        inspect_batches(draft)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return inspect_batches(path)


def inspect_batches(path: str | os.PathLike) -> BatchFile:
    """Read which classes a batch file holds and check its layout; values are not read.

    Raises
    ------
    BatchError
        If the file is missing, no HDF5 file, or not in the published layout; all findings at once.
    """
    path = Path(path)
    with _opened(path) as file:
        return _inspect(path, file)


def _inspect(path: Path, file: h5py.File) -> BatchFile:
    findings: list[str] = []
    counts: dict[str, dict[str, int]] = {}
    point_counts: set[int] = set()
    for split, group in file.items():
        if split not in SPLITS or not isinstance(group, h5py.Group):
            findings.append(f"/{split}: unknown split, must be one of {', '.join(SPLITS)}")
            continue
        counts[split] = {}
        for name, held in group.items():
            shape, problems = _shape(f"/{split}/{name}", held)
            findings += problems
            if not problems:
                counts[split][name] = shape[0]
                point_counts.add(shape[1])
    if not findings and not any(count for classes in counts.values() for count in classes.values()):
        findings.append("no streamlines")
    _raise(path, "is not in the layout of streamline batches", findings + _mixed(point_counts))
    return BatchFile(path, point_counts.pop(), counts)


def _shape(place: str, held: Any) -> tuple[tuple[int, ...], list[str]]:
    stored = held.get(DATASET) if isinstance(held, h5py.Group) else None
    if not isinstance(stored, h5py.Dataset):
        return (), [f"{place}: no data set called {DATASET}"]
    problems = _misshapen(f"{place}/{DATASET}", stored.shape)
    if stored.dtype.kind != "f":
        problems.append(f"{place}/{DATASET}: dtype {stored.dtype}, must be float32")
    return stored.shape, problems


def _misshapen(place: str, shape: tuple[int, ...]) -> list[str]:
    if len(shape) == 3 and shape[2] == 3 and shape[1] >= 2:
        return []
    return [f"{place}: shape {shape}, must be (streamline, point, coordinate) with 3 coordinates and at least 2 points"]


def _not_finite(place: str, streamlines: np.ndarray, rows: tuple[int, ...] = ()) -> list[str]:
    bad = np.flatnonzero(~np.isfinite(streamlines).all(axis=(1, 2)))
    if not len(bad):
        return []
    first = rows[bad[0]] if rows else bad[0]
    return [f"{place}: {len(bad)} streamlines hold NaN or infinite coordinates, the first in row {first}"]


def _mixed(point_counts: set[int]) -> list[str]:
    listed = ", ".join(map(str, sorted(point_counts)))
    return [f"classes differ in points per streamline: {listed}"] if len(point_counts) > 1 else []


def _raise(path: Path, fact: str, findings: list[str]) -> None:
    if findings:
        shown = [f"  {finding}" for finding in findings[:20]]
        more = [f"  ... and {len(findings) - 20} more"] if len(findings) > 20 else []
        remedy = "Build the file again: finta batches build BUNDLE... --output FILE."
        raise BatchError("\n".join([f"{path} {fact}:", *shown, *more, remedy]))


def _opened(path: Path) -> h5py.File:
    if not path.is_file():
        raise BatchError(f"No batch file at {path}. Build one: finta batches build BUNDLE... --output FILE.")
    try:
        return h5py.File(path)
    except OSError as error:
        raise BatchError(f"{path} is no readable HDF5 file; it may be truncated. Copy it or build it again.") from error


def read_in_batches(path: str | os.PathLike, split: str, batch_size: int) -> Iterator[tuple[str, int, np.ndarray]]:
    """Read a split in the file's order, at most `batch_size` streamlines of one class at a time.

    Yields
    ------
    class : str
    row : int
        Row of the first streamline in its class.
    streamlines : ndarray, (streamline, point, coordinate), float32, RAS+ mm

    Raises
    ------
    BatchError
        If the file has no such split.
    """
    path = Path(path)
    with _opened(path) as file:
        held = _inspect(path, file)
        _check_split(held, split)
        for name, count in held.counts[split].items():
            stored = _dataset(file, split, name)
            for row in range(0, count, batch_size):
                yield name, row, stored[row : row + batch_size].astype(np.float32, copy=False)


def _dataset(file: h5py.File, split: str, name: str) -> h5py.Dataset:
    return file[f"{split}/{name}/{DATASET}"]  # type: ignore[return-value]


def _check_split(held: BatchFile, split: str) -> None:
    if not held.total(split):
        filled = ", ".join(name for name in held.counts if held.total(name))
        raise BatchError(f"{held.path} has no streamlines in split {split}; it has some in {filled}.")


def draw_balanced(path: str | os.PathLike, count: int, split: str | None = None, seed: int = SEED) -> Drawn:
    """Draw streamlines without repetition, from each class as many as from the others where they have enough.

    Parameters
    ----------
    path : path
    count : int
        Streamlines to draw; all of the split if it has fewer.
    split : str, optional
        The first of test, thres and train that has streamlines, if not given.
    seed : int
        The same seed draws the same streamlines.

    Raises
    ------
    BatchError
        If the file or the split cannot be used, or what was drawn holds NaN.
    """
    path = Path(path)
    generator = np.random.default_rng(seed)
    with _opened(path) as file:
        held = _inspect(path, file)
        split = split or next(name for name in reversed(SPLITS) if held.total(name))
        _check_split(held, split)
        if held.total(split) <= CHECKED_WHOLE:
            _raise(path, "cannot be used", _all_not_finite(file, held, split))
        shares = _shares(held.counts[split], count, generator)
        chosen = {
            name: np.sort(generator.choice(held.counts[split][name], share, False)) for name, share in shares.items()
        }
        streamlines = [np.stack([_dataset(file, split, name)[row] for row in rows]) for name, rows in chosen.items()]
    drawn = np.concatenate(streamlines).astype(np.float32, copy=False)
    classes = tuple(name for name, rows in chosen.items() for _ in rows)
    rows = tuple(int(row) for of_class in chosen.values() for row in of_class)
    _raise(path, "cannot be used", _not_finite(f"/{split}", drawn, rows))
    return Drawn(drawn, classes, rows, f"{path.name}, {split} split, {len(chosen)} classes")


def _all_not_finite(file: h5py.File, held: BatchFile, split: str) -> list[str]:
    names = (name for name, count in held.counts[split].items() if count)
    return [
        line for name in names for line in _not_finite(f"/{split}/{name}/{DATASET}", _dataset(file, split, name)[:])
    ]


def _shares(counts: Mapping[str, int], count: int, generator: np.random.Generator) -> dict[str, int]:
    """How many to draw of each class: one more of each class that has one left, until there are enough."""
    names = [name for name in counts if counts[name]]
    if len(names) > count:
        names = sorted(generator.choice(names, count, replace=False).tolist())
    shares = dict.fromkeys(names, 0)
    missing = min(count, sum(counts[name] for name in names))
    while missing:
        open_names = [name for name in names if shares[name] < counts[name]][:missing]
        step = max(1, min(missing // len(open_names), *(counts[name] - shares[name] for name in open_names)))
        for name in open_names:
            shares[name] += step
        missing -= step * len(open_names)
    return shares
