"""HDF5 batches of streamlines: write, inspect and read them in order, draw from them.

Published layout, ``/{train,thres,test}/{class}/streamline``: (streamline, point, coordinate), little-endian float32,
RAS+ mm; packed files (``tractography.batches.layouts``) are read as well. The validation split is called ``thres``.
Class names are strings and sort as strings, so that a class' index is not its number.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from tractography.batches.layouts import DATASET, DTYPE, SPLITS, misshapen, mixed, not_finite, refuse, unknown_split
from tractography.batches.scanning import scan_index
from tractography.batches.sources import BatchSource

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
    packed : bool
        Whether it is one array per split, as ``finta batches pack`` writes it.
    """

    path: Path
    point_count: int
    counts: Mapping[str, Mapping[str, int]]
    packed: bool = False

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
    findings = [unknown_split(split) for split in splits if split not in SPLITS]
    point_counts: set[int] = set()
    for split, classes in splits.items():
        for name, streamlines in classes.items():
            place = f"/{split}/{name}/{DATASET}"
            point_counts.update(streamlines.shape[1:2])
            findings += misshapen(place, streamlines.shape) or not_finite(place, streamlines)
    if not point_counts:
        findings.append("no streamlines")
    refuse(path, "cannot hold what it was given", findings + mixed(point_counts))
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
        If the file is missing, no HDF5 file, or in neither layout; all findings at once.
    """
    path = Path(path)
    index = scan_index(path)
    counts = {name: dict(zip(split.names, split.sizes.tolist(), strict=True)) for name, split in index.splits.items()}
    return BatchFile(path, index.point_count, counts, index.packed)


def read_in_batches(path: str | os.PathLike, split: str, batch_size: int) -> Iterator[tuple[str, int, np.ndarray]]:
    """Read a split in the file's order, at most `batch_size` streamlines of one class at a time.

    Yields
    ------
    class : str
    row : int
        Row of the first streamline in its class.
    streamlines : ndarray, (streamline, point, coordinate), float32, RAS+ mm
        Not checked for NaN.

    Raises
    ------
    BatchError
        If the file has no such split.
    """
    with BatchSource(path, keep_index=False) as source:
        held = source.split(split)
        for name, start, count in zip(held.names, held.starts.tolist(), held.sizes.tolist(), strict=False):
            for row in range(0, count, batch_size):
                rows = np.arange(start + row, start + min(row + batch_size, count))
                yield name, row, source.read(split, rows, checked=False)


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
    with BatchSource(path, keep_index=False) as source:
        index = source.index.splits
        split = split or next(name for name in reversed(SPLITS) if name in index and index[name].total)
        held = source.split(split)
        if held.total <= CHECKED_WHOLE:
            refuse(path, "cannot be used", _all_not_finite(source, split))
        counts = dict(zip(held.names, held.sizes.tolist(), strict=True))
        shares = _shares(counts, count, generator)
        chosen = {name: np.sort(generator.choice(counts[name], share, False)) for name, share in shares.items()}
        starts = dict(zip(held.names, held.starts.tolist(), strict=False))
        wanted = np.concatenate([starts[name] + rows for name, rows in chosen.items()])
        drawn = source.read(split, wanted, checked=False)
    classes = tuple(name for name, rows in chosen.items() for _ in rows)
    rows = tuple(int(row) for of_class in chosen.values() for row in of_class)
    refuse(path, "cannot be used", not_finite(f"/{split}", drawn, rows))
    return Drawn(drawn, classes, rows, f"{path.name}, {split} split, {len(chosen)} classes")


def _all_not_finite(source: BatchSource, split: str) -> list[str]:
    held = source.split(split)
    streamlines = source.read(split, np.arange(held.total), checked=False)
    return [
        line
        for number in held.filled
        for line in not_finite(
            f"/{split}/{held.names[number]}/{DATASET}", streamlines[held.starts[number] : held.starts[number + 1]]
        )
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
