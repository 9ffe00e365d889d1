"""Assign streamlines to bundles and write each where it belongs, in memory that does not grow with the tractogram."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from finta.coding.coders import Coder
from finta.coding.drafts import draft_of
from finta.coding.encoding import fill
from finta.coding.result_folders import ASSIGNMENTS
from finta.coding.rows import Range, RowFile
from finta.coding.tasks import Assign, Lookup
from finta.coding.transport import Scheduler
from porting.proof.runs import OnStep
from tractography.files.headers import Header
from tractography.files.pieces import TractogramFile
from tractography.files.streamlines import Streamlines
from tractography.filtering.assignment import NO_BUNDLE, Assignment
from tractography.writing.writers import TractogramWriter, open_writer

IMPLAUSIBLE = "implausible"
"""Name of the tractogram of what is in no bundle."""

COLUMNS = (
    "labels: the nearest bundle, also of a streamline that was removed, by its number in bundles; -1 where it was not "
    "encoded. distances: to that bundle, latent. kept: whether it is in that bundle's tractogram"
)
"""What the columns of the file of assignments hold, as it says itself."""

PICTURED = 3000
"""Streamlines that are kept for pictures, about."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Some streamlines for pictures.

    Attributes
    ----------
    streamlines : list of ndarray, (point, coordinate), RAS+ mm
    labels : ndarray, (streamline,)
        The bundle that each is in; `NO_BUNDLE` if it was removed.
    """

    streamlines: list[np.ndarray]
    labels: np.ndarray


@dataclass(frozen=True, slots=True)
class Sorted:
    """What went where.

    Attributes
    ----------
    count : int
        Streamlines.
    nearest, kept : ndarray, (bundle,), int
        Streamlines nearest to each bundle, and those of them that are kept.
    least : ndarray, (bundle,)
        Least latent distance of the ones nearest to each bundle; infinite without any.
    distances : ndarray, (bundle,)
        Mean latent distance of the ones kept; NaN without any.
    skipped : int
        Streamlines that could not be encoded: of fewer than two points, of no length, or not finite. They are in no
        tractogram, and have the label `NO_BUNDLE`.
    sample : Sample
    """

    count: int
    nearest: np.ndarray
    kept: np.ndarray
    least: np.ndarray
    distances: np.ndarray
    skipped: int
    sample: Sample

    @property
    def removed(self) -> int:
        """Streamlines that are in no bundle, though they could be encoded."""
        return self.count - self.skipped - int(self.kept.sum())


class Sorting:
    """One tractogram's way into bundles.

    Parameters
    ----------
    file : TractogramFile
    coder : Coder
    lookup : Lookup
    thresholds : ndarray, (bundle,)
    """

    def __init__(self, file: TractogramFile, coder: Coder, lookup: Lookup, thresholds: np.ndarray) -> None:
        self._file, self._coder, self._lookup, self._thresholds = file, coder, lookup, thresholds
        self._names = (*lookup.codes.bundles, IMPLAUSIBLE)  # so that NO_BUNDLE, -1, finds the last

    def open_rows(self, folder: Path, about: Mapping[str, Any]) -> RowFile:
        """Begin the file of what becomes of every streamline, or go on with it if it was begun with the same."""
        columns = {"labels": (np.int32, ()), "distances": (np.float64, ()), "kept": (np.bool_, ())}
        path = folder / ASSIGNMENTS
        if path.is_file():  # of a process that was killed when all was done but to name the folder
            os.replace(path, draft_of(path))
        return RowFile(path, columns, self._file.count, about, resume=draft_of(path).is_file())

    def assign(self, rows: RowFile, scheduler: str | Scheduler | None, on_step: OnStep) -> None:
        """Compute every streamline's label and distance."""
        task = Assign(self._file, self._coder.path.absolute(), self._lookup)
        fill(rows, self._file.count, task, scheduler, f"filtering {self._file.path.name}", on_step)

    def write(self, folder: Path, rows: RowFile, suffix: str, header: Header, on_step: OnStep) -> Sorted:
        """Write the tractograms of the bundles, and count."""
        _clear(folder)
        tally = _Tally(self._file.count, len(self._names))
        with _Writers(folder, suffix, header) as writers:
            for held, found in rows.pieces():
                assignment = Assignment(found["labels"], found["distances"])
                kept = assignment.kept(self._thresholds)
                rows.add(held, {"kept": kept})
                places = np.where(kept, assignment.labels, NO_BUNDLE)
                streamlines = numbered(self._file.read(held.first, held.stop), held.first)
                tally.add(held, streamlines, assignment, places)
                encoded = assignment.labels != NO_BUNDLE
                for place in np.unique(places[encoded]):
                    writers.append(self._names[place], streamlines.select(encoded & (places == place)))
                on_step("writing the bundles", held.stop, self._file.count)
        return tally.total()


def numbered(streamlines: Streamlines, first: int) -> Streamlines:
    """Number streamlines in their order from `first` as ``ids``; what they had under that name is ``ids_before``."""
    ids, held = np.arange(first, first + len(streamlines)), streamlines.per_streamline
    if (before := held.get("ids")) is None:
        return streamlines.with_data(ids=ids)
    names = chain(["ids_before"], (f"ids_before_{number}" for number in count(2)))
    return streamlines.with_data(ids=ids, **{next(name for name in names if name not in held): before})


def _clear(folder: Path) -> None:
    """Remove what a process left that was killed while it wrote; labels and distances stay."""
    for old in folder.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
        elif old != draft_of(folder / ASSIGNMENTS):
            old.unlink()


class _Tally:
    """Counts what goes where, and keeps every so-many-th streamline for pictures."""

    def __init__(self, count: int, places: int) -> None:
        self._count, self._places = count, places
        self._nearest, self._kept = np.zeros(places, int), np.zeros(places, int)
        self._away, self._skipped = np.zeros(places), 0
        self._least = np.full(places, np.inf)
        self._every = max(count // PICTURED, 1)
        self._lines: list[np.ndarray] = []
        self._labels: list[np.ndarray] = []

    def add(self, held: Range, streamlines: Streamlines, assignment: Assignment, places: np.ndarray) -> None:
        """Count a range."""
        kept, encoded = places != NO_BUNDLE, assignment.labels != NO_BUNDLE
        self._nearest += np.bincount(assignment.labels[encoded], minlength=self._places)
        np.minimum.at(self._least, assignment.labels[encoded], assignment.distances[encoded])
        self._kept += np.bincount(places[kept], minlength=self._places)
        self._away += np.bincount(places[kept], assignment.distances[kept], minlength=self._places)
        self._skipped += int((~encoded).sum())
        chosen = np.flatnonzero(encoded & (np.arange(held.first, held.stop) % self._every == 0))
        self._lines += [line.copy() for line in streamlines.select(chosen).split()]
        self._labels.append(places[chosen])

    def total(self) -> Sorted:
        """Everything that was counted."""
        kept = self._kept[:-1]
        with np.errstate(invalid="ignore"):
            distances = self._away[:-1] / kept
        sample = Sample(self._lines, np.concatenate(self._labels))
        return Sorted(self._count, self._nearest[:-1], kept, self._least[:-1], distances, self._skipped, sample)


class _Writers:
    """A tractogram for each name, opened when there is something to write."""

    def __init__(self, folder: Path, suffix: str, header: Header) -> None:
        self._folder, self._suffix, self._header = folder, suffix, header
        self._opened: dict[str, TractogramWriter] = {}

    def append(self, name: str, streamlines: Streamlines) -> None:
        """Write streamlines to the tractogram called `name`; their numbers beside it where it holds no data."""
        if name not in self._opened:
            self._opened[name] = open_writer(self._folder / f"{name}{self._suffix}", self._header)
        writer = self._opened[name]
        writer.append(streamlines)
        if not writer.holds_data:
            with (self._folder / f"{name}_ids.txt").open("a") as file:
                np.savetxt(file, streamlines.per_streamline["ids"], "%d")

    def __enter__(self) -> "_Writers":
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        for writer in self._opened.values():
            writer.close() if kind is None else writer.discard()
