"""Read tractograms of any size a range of streamlines at a time; memory does not grow with the file."""

import os
from pathlib import Path
from typing import Protocol

import numpy as np

from tractography.errors import TractogramError
from tractography.files.headers import Header
from tractography.files.spans import FileBytes, Index
from tractography.files.streamlines import Streamlines
from tractography.files.tractograms import find_tractograms


class Layout(Protocol):
    """How the streamlines of one file lie."""

    @property
    def header(self) -> Header:
        """What the file says besides its streamlines."""
        ...

    def scan(self, file: FileBytes) -> Index:
        """Find where streamlines start."""
        ...

    def read(self, file: FileBytes, index: Index, first: int, stop: int) -> Streamlines:
        """Read the streamlines from `first` up to `stop`."""
        ...


class TractogramFile:
    """A tractogram that is read in ranges of streamlines.

    Threads may share it. Pickled, it is its path and its index: another process goes on where the file is not scanned.

    Attributes
    ----------
    path : Path
    header : Header
        What a writer needs.
    count : int
        Streamlines in it.
    """

    def __init__(self, path: Path, index: np.ndarray | None = None) -> None:
        self.path = path
        self._bytes = FileBytes(path)
        self._layout = _layout(self._bytes)
        self.header = self._layout.header
        self._index = self._layout.scan(self._bytes) if index is None else Index.from_array(index)
        if self._index.size != self._bytes.size:
            raise TractogramError(
                f"{path} has {self._bytes.size} bytes, its index is of {self._index.size}: it has changed. Start again."
            )
        self.count = self._index.count

    def index(self) -> np.ndarray:
        """Give what `open_tractogram` needs to open the file without a scan: (word,), int64."""
        return self._index.as_array()

    def read(self, first: int, stop: int) -> Streamlines:
        """Read the streamlines from `first` up to `stop`, or to the last.

        Returns
        -------
        Streamlines
            In RAS+ mm, with all data that the file has of points and streamlines. Coordinates may be NaN or infinite.

        Raises
        ------
        TractogramError
            If the file has changed since it was opened.
        """
        first = min(max(first, 0), self.count)
        return self._layout.read(self._bytes, self._index, first, max(first, min(stop, self.count)))

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()

    def __enter__(self) -> "TractogramFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple:
        return open_tractogram, (self.path.absolute(), self.index())


def open_tractogram(path: str | os.PathLike, index: np.ndarray | None = None) -> TractogramFile:
    """Open a TRK, TCK or TRX file to read it in ranges.

    Parameters
    ----------
    path : path
    index : ndarray, (word,), int64, optional
        What `TractogramFile.index` gave. Without it TRK and TCK files are read once from start to end.

    Raises
    ------
    TractogramError
        If the file is missing, is no tractogram, is truncated, has changed since it was indexed, or is a TRK file that
        does not say where its voxels lie.
    """
    (path,) = find_tractograms([path])
    return TractogramFile(path, index)


def read_header(path: Path) -> Header:
    """Read what a tractogram says besides its streamlines."""
    (path,) = find_tractograms([path])
    file = FileBytes(path)
    try:
        return _layout(file).header
    finally:
        file.close()


def _layout(file: FileBytes) -> Layout:
    from tractography.files import tck, trk, trx

    return {".trk": trk, ".tck": tck, ".trx": trx}[file.path.suffix].read_layout(file)
