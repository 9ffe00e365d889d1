"""Read rows of a batch file: their bytes where they lie, or through HDF5 with a cache where these are no rows.

Threads may share a reader. A process that was forked may go on with it; one that was handed it opens the file anew.
"""

import os
import threading
import time
import weakref
from collections import OrderedDict
from pathlib import Path

import h5py
import numpy as np

from tractography.batches.caches import Fingerprint, changed
from tractography.batches.indexes import Index
from tractography.batches.layouts import DTYPE, damage_told, opened
from tractography.batches.scanning import find_stored
from tractography.errors import BatchError

SLOW, FAST = 30e-6, 12e-6
"""Seconds per row above which rows come from the disk, and below which from memory again, which takes 2e-6."""

BLOCK_ROWS = 64
CACHE_BYTES = 256_000_000


class ByteReader:
    """Reads bytes at offsets, several rows at once where they are neighbours.

    While reads are slow, the system is told of a batch's rows beforehand, so that the disk works on many at a time:
    7 times as many rows per second as one after the other.
    """

    def __init__(self, path: Path, fingerprint: Fingerprint) -> None:
        self._path, self._fingerprint, self._slow = path, fingerprint, False
        self._file = os.open(path, os.O_RDONLY)
        self._closing = weakref.finalize(self, os.close, self._file)
        self.check_unchanged()

    def check_unchanged(self) -> None:
        """Raise BatchError if the file is not as it was indexed."""
        status = os.fstat(self._file)
        if (status.st_size, status.st_mtime_ns) != (self._fingerprint.size, self._fingerprint.modified):
            raise BatchError(changed(self._path, self._fingerprint, status.st_size))

    def read(self, offsets: np.ndarray, point_count: int) -> np.ndarray:
        """Read the rows at `offsets`, (row,), in bytes: (row, point, coordinate)."""
        if not len(offsets):
            return np.empty((0, point_count, 3), DTYPE)
        row_bytes = point_count * 3 * DTYPE.itemsize
        firsts = np.concatenate([[0], np.flatnonzero(offsets[1:] - offsets[:-1] != row_bytes) + 1])
        if len(firsts) == 1 and hasattr(os, "preadv"):  # macOS has none
            rows = np.empty((len(offsets), point_count, 3), DTYPE)
            if os.preadv(self._file, [rows.data.cast("B")], int(offsets[0])) == rows.nbytes:
                return rows
        sizes = np.diff(np.append(firsts, len(offsets))) * row_bytes
        content = self._read_parts(offsets[firsts], sizes.tolist(), len(offsets))
        return np.frombuffer(content, DTYPE).reshape(len(offsets), point_count, 3)

    def _read_parts(self, places: np.ndarray, sizes: list[int], count: int) -> bytearray:
        started = time.perf_counter()
        if self._slow and hasattr(os, "posix_fadvise"):
            for number in np.argsort(places).tolist():
                os.posix_fadvise(self._file, int(places[number]), sizes[number], os.POSIX_FADV_WILLNEED)
        file, read = self._file, os.pread
        parts = [read(file, size, place) for size, place in zip(sizes, places.tolist(), strict=True)]
        content = bytearray().join(parts)
        if len(content) != sum(sizes):
            content = bytearray().join(map(self._completed, parts, sizes, places.tolist()))
        self._slow = time.perf_counter() - started > count * (FAST if self._slow else SLOW)
        return content

    def _completed(self, part: bytes, size: int, place: int) -> bytes:
        """Go on where the system broke a read off: at 2 GB, and at the end of a file that shrank."""
        while len(part) < size:
            more = os.pread(self._file, size - len(part), place + len(part))
            if not more:
                raise BatchError(changed(self._path, self._fingerprint, os.fstat(self._file).st_size))
            part += more
        return part

    def close(self) -> None:
        """Close the file."""
        self._closing()


class StoredReader:
    """Reads rows through HDF5, whole chunks at a time, and keeps the last 256 MB of them."""

    def __init__(self, path: Path, index: Index) -> None:
        self._path, self._index = path, index
        self._start()

    def _start(self) -> None:
        self._process, self._lock = os.getpid(), threading.Lock()
        self._blocks: OrderedDict[tuple[str, int, int], np.ndarray] = OrderedDict()
        self._block_rows: dict[tuple[str, int], int] = {}
        self._held, self._file = 0, None

    def read(self, split: str, wanted: np.ndarray) -> np.ndarray:
        """Read the `wanted` rows of a split: (row, point, coordinate)."""
        if self._process != os.getpid():  # a lock or a handle of the process that forked is of no use here
            self._start()
        numbers = self._index.splits[split].classes(wanted)
        starts = self._index.splits[split].starts[numbers]
        rows = np.empty((len(wanted), self._index.point_count, 3), DTYPE)
        with self._lock:
            for place, facts in enumerate(zip(wanted.tolist(), numbers.tolist(), starts.tolist(), strict=True)):
                rows[place] = self._row(split, *facts)
        return rows

    def _row(self, split: str, row: int, number: int, start: int) -> np.ndarray:
        size = self._block_rows.get((split, number), 1)
        block = (row - start) // size
        if (split, number, block) not in self._blocks:
            size, block = self._read_block(split, row, number, start)
        self._blocks.move_to_end((split, number, block))
        return self._blocks[split, number, block][(row - start) % size]

    def _read_block(self, split: str, row: int, number: int, start: int) -> tuple[int, int]:
        """Read the chunk that a row is in; returns its size and its number in the class."""
        self._file = self._file or opened(self._path)
        with damage_told(self._path):
            return self._read_rows(self._file, split, row, number, start)

    def _read_rows(self, file: h5py.File, split: str, row: int, number: int, start: int) -> tuple[int, int]:
        stored, first = find_stored(file, self._index, split, number)
        size = stored.chunks[0] if stored.chunks else BLOCK_ROWS
        self._block_rows[split, number] = size
        block = (row - start) // size
        begin = start + block * size
        end = min(begin + size, int(self._index.splits[split].starts[number + 1]))
        content = stored[begin - first : end - first].astype(DTYPE, copy=False)
        self._blocks[split, number, block] = content
        self._held += content.nbytes
        while self._held > CACHE_BYTES and len(self._blocks) > 1:
            self._held -= self._blocks.popitem(last=False)[1].nbytes
        return size, block

    def close(self) -> None:
        """Close the file."""
        if self._file is not None and self._process == os.getpid():
            self._file.close()
        self._start()
