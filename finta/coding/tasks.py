"""What is computed of a range of a tractogram's streamlines, wherever there is a process for it."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Protocol

import numpy as np

from finta.coding.coders import Coder, open_coder
from finta.coding.rows import Range
from tractography.files.pieces import TractogramFile
from tractography.filtering.assignment import Assigner, ReferenceCodes
from tractography.filtering.neighbours import ApproximateNeighbours, ExactNeighbours

AT_ONCE = 2
"""Ranges computed at the same time: while one is read, resampled or compared, another has the cores."""


Rows = Mapping[str, np.ndarray]


class Task(Protocol):
    """Computes rows from a range; it travels to other processes."""

    def __call__(self, held: Range) -> Rows:
        """The rows of a range, by the names of their columns."""
        ...


@dataclass(frozen=True, slots=True)
class Encode:
    """Latent codes, NaN where a streamline cannot be encoded.

    Attributes
    ----------
    tractogram : TractogramFile
    model : Path
    """

    tractogram: TractogramFile
    model: Path

    def __call__(self, held: Range) -> Rows:
        """``latent_codes`` of a range."""
        return {"latent_codes": encode_range(self.tractogram, open_coder(self.model), held)}


@dataclass(frozen=True, slots=True)
class Lookup:
    """Reference codes, and how their neighbours are found.

    Attributes
    ----------
    codes : ReferenceCodes
    neighbours : int
        How many decide.
    approximate : bool
        Whether they are looked up in an approximate index.
    """

    codes: ReferenceCodes
    neighbours: int = 1
    approximate: bool = False

    def assigner(self) -> Assigner:
        """Build the index."""
        return Assigner(self.codes, self.neighbours, ApproximateNeighbours if self.approximate else ExactNeighbours)


@dataclass(frozen=True, slots=True)
class Assign:
    """The bundle that each streamline is nearest to.

    Attributes
    ----------
    tractogram : TractogramFile
    model : Path
    lookup : Lookup
    """

    tractogram: TractogramFile
    model: Path
    lookup: Lookup
    _built: list[Assigner] = field(default_factory=list, repr=False, compare=False)

    def __call__(self, held: Range) -> Rows:
        """``labels`` and ``distances`` of a range."""
        found = self._assigner().assign(encode_range(self.tractogram, open_coder(self.model), held))
        return {"labels": found.labels, "distances": found.distances}

    def _assigner(self) -> Assigner:
        with _LOCK:
            if not self._built:
                self._built.append(self.lookup.assigner())
        return self._built[0]

    def __reduce__(self) -> tuple:
        return Assign, (self.tractogram, self.model, self.lookup)


_LOCK = Lock()


def encode_range(tractogram: TractogramFile, coder: Coder, held: Range) -> np.ndarray:
    """Latent codes of a range, (streamline, latent); NaN where a streamline has no two points, or no finite ones."""
    streamlines = tractogram.read(held.first, held.stop)
    usable = streamlines.usable()
    codes = np.full((len(streamlines), coder.latent_size), np.nan, np.float32)
    codes[usable] = coder.encode(streamlines.select(usable).resampled(coder.point_count))
    return codes


def compute_here(task: Task, ranges: Iterable[Range]) -> Iterator[tuple[Range, Rows]]:
    """Compute ranges in this process, a few at once, and give them in their order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running: deque[tuple[Range, Future[Rows]]] = deque()
        for held in ranges:
            running.append((held, pool.submit(task, held)))
            if len(running) > AT_ONCE:
                first, rows = running.popleft()
                yield first, rows.result()
        while running:
            first, rows = running.popleft()
            yield first, rows.result()
