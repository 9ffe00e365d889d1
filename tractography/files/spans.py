"""Bytes of a file at any place, for several threads at once, and where every so-many-th streamline of it starts."""

import gzip
import os
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tractography.errors import TractogramError

STRIDE = 256
"""An index holds the start of every 256th streamline: 8 bytes of memory for each, 32 MB for 1e9 streamlines."""

BLOCK_BYTES = 3 << 20
"""What a scan reads at a time: whole numbers of float32 and of float64 points."""


LARGEST_RATIO, SMALL_BYTES = 100, 16 << 20
"""What is packed more than 100 times, and is larger than 16 MB, is no tractogram but made to fill a disk."""


class FileBytes:
    """Bytes of a file; threads may share it.

    Parameters
    ----------
    path : Path
        What it is called.
    descriptor : int
        Of the open file, which is closed with this.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self._file = path, descriptor
        self._closing = weakref.finalize(self, os.close, self._file)
        self.size = os.fstat(self._file).st_size

    def read(self, begin: int, end: int) -> np.ndarray:
        """Read the bytes from `begin` up to `end`: (byte,), uint8.

        Raises
        ------
        TractogramError
            If the file ends before, or the system cannot read it.
        """
        content = np.empty(end - begin, np.uint8)
        view, done = content.data, 0
        while done < len(content):  # the system reads 2 GB at most at once
            try:
                read = _read_into(self._file, view[done:], begin + done)
            except OSError as error:
                raise TractogramError(f"{self.path} cannot be read: {error.strerror}.") from error
            if not read:
                raise TractogramError(f"{self.path} has become shorter since it was opened. Start again.")
            done += read
        return content

    def blocks(self, begin: int, end: int) -> Iterator[tuple[int, np.ndarray]]:
        """Read the bytes from `begin` up to `end` a block at a time, each with the place where it starts."""
        for start in range(begin, end, BLOCK_BYTES):
            yield start, self.read(start, min(start + BLOCK_BYTES, end))

    def close(self) -> None:
        """Close the file."""
        self._closing()


def open_bytes(path: Path, called: Path | None = None) -> FileBytes:
    """Open a file as it is; errors name it as it is `called`.

    Raises
    ------
    TractogramError
        If it cannot be opened.
    """
    called = called or path
    try:
        return FileBytes(called, os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)))
    except OSError as error:
        raise TractogramError(f"{called} cannot be opened: {error.strerror}.") from error


def open_unpacked(path: Path) -> FileBytes:
    """Unpack a file of gzip to a temporary one, which goes when it is closed.

    Raises
    ------
    TractogramError
        If it is none, is truncated, is far larger than a tractogram can be, or there is no room for it.
    """
    try:
        with gzip.open(path) as packed, tempfile.TemporaryFile() as unpacked:
            left = largest_unpacked(path.stat().st_size)
            while content := packed.read(BLOCK_BYTES):
                left -= len(content)
                if left < 0:
                    raise TractogramError(f"{path} is packed {LARGEST_RATIO} times and more, as no tractogram is.")
                unpacked.write(content)
            unpacked.flush()
            return FileBytes(path, os.dup(unpacked.fileno()))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise TractogramError(f"{path} is truncated, or no gzip file: {error}. Copy or export it again.") from error
    except OSError as error:
        raise TractogramError(
            f"{path} cannot be unpacked: {error.strerror or error}. Make room, set TMPDIR, or unpack it with gunzip."
        ) from error


def largest_unpacked(packed: int) -> int:
    """Give the bytes that what takes so many, packed, may have unpacked."""
    return max(LARGEST_RATIO * packed, SMALL_BYTES)


def _read_into(file: int, view: memoryview, place: int) -> int:
    if hasattr(os, "preadv"):  # macOS has none
        return os.preadv(file, [view], place)
    content = os.pread(file, len(view), place)
    view[: len(content)] = content
    return len(content)


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Where the streamlines of a file start.

    Attributes
    ----------
    count : int
        Streamlines in the file.
    size : int
        The file's bytes.
    starts : ndarray, (start,), int64
        The byte at which every 256th streamline starts, and the one at which the last ends. TRX files need none.
    """

    count: int
    size: int
    starts: np.ndarray

    def as_array(self) -> np.ndarray:
        """Write the index as one array of int64, for another process to open the file with."""
        return np.concatenate([[self.count, self.size], self.starts]).astype(np.int64)

    @classmethod
    def from_array(cls, array: np.ndarray) -> "Index":
        """Read what `as_array` wrote."""
        return cls(int(array[0]), int(array[1]), np.asarray(array[2:], np.int64))

    @staticmethod
    def starts_of(count: int) -> int:
        """How many starts an index of `count` streamlines notes."""
        return -(-count // STRIDE)

    def span(self, first: int, stop: int) -> tuple[int, int, int]:
        """Find the bytes that hold the streamlines from `first` up to `stop`: begin, end, and which one begins."""
        low, high = first // STRIDE, self.starts_of(stop)
        return int(self.starts[low]), int(self.starts[min(high, len(self.starts) - 1)]), low * STRIDE


def every_stride(starts: np.ndarray, before: int) -> np.ndarray:
    """Take every 256th of the `starts` of neighbouring streamlines, of which `before` precede them in the file."""
    return starts[-before % STRIDE :: STRIDE]
