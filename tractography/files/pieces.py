"""Read tractograms of any size a range of streamlines at a time; memory does not grow with the file."""

import os
import warnings
from pathlib import Path
from typing import Protocol

import numpy as np

from tractography.errors import TractogramError, TractogramWarning
from tractography.files.formats import find_tractograms, format_of, is_packed
from tractography.files.headers import Header
from tractography.files.spans import FileBytes, Index, open_bytes, open_unpacked
from tractography.files.streamlines import Streamlines


class Layout(Protocol):
    """How the streamlines of one file lie."""

    @property
    def header(self) -> Header:
        """What the file says besides its streamlines."""
        ...

    @property
    def words(self) -> list[str]:
        """What is not as it should be and was repaired or left aside, a sentence each."""
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
    words : tuple of str
        What is not as it should be and was repaired or left aside, a sentence each.
    """

    def __init__(self, path: Path, index: np.ndarray | None = None, space: Header | None = None) -> None:
        self.path, self._space = path, space
        self._bytes = _open_bytes(path)
        self._layout = _layout(self._bytes, space)
        self.header = self._layout.header
        self._index = self._layout.scan(self._bytes) if index is None else Index.from_array(index)
        if self._index.size != self._bytes.size:
            raise TractogramError(
                f"{path} has {self._bytes.size} bytes, its index is of {self._index.size}: it has changed. Start again."
            )
        self.count = self._index.count
        self.words = tuple(self._layout.words)

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
        return open_tractogram, (self.path.absolute(), self.index(), self._space)


def open_tractogram(
    path: str | os.PathLike, index: np.ndarray | None = None, space: Header | None = None
) -> TractogramFile:
    """Open a TRK, TCK or TRX file to read it in ranges.

    Every command reads tractograms by this alone; what is refused, skipped and repaired is in
    ``docs/finta/tractograms.md``.

    Parameters
    ----------
    path : path
    index : ndarray, (word,), int64, optional
        What `TractogramFile.index` gave. Without it TRK and TCK files are read once from start to end.
    space : Header, optional
        Where the voxels of a TRK file lie that does not say so; of no effect on others.

    Warns
    -----
    TractogramWarning
        Of what was repaired or left aside, unless an index was given.

    Raises
    ------
    TractogramError
        If the file is missing, is no tractogram, is truncated, has changed since it was indexed, or is a TRK file that
        does not say where its voxels lie.
    """
    (path,) = find_tractograms([path])
    file = TractogramFile(path, index, space)
    for word in file.words if index is None else ():
        warnings.warn(word, TractogramWarning, stacklevel=2)
    return file


def read_header(path: Path, space: Header | None = None) -> Header:
    """Read what a tractogram says besides its streamlines."""
    (path,) = find_tractograms([path])
    file = _open_bytes(path)
    try:
        return _layout(file, space).header
    finally:
        file.close()


def _open_bytes(path: Path) -> FileBytes:
    if is_packed(path):
        return open_unpacked(path)
    return open_bytes(path / "header.json", path) if path.is_dir() else open_bytes(path)


def _layout(file: FileBytes, space: Header | None) -> Layout:
    from tractography.files import tck, trk, trx

    kind = format_of(file.path)
    return trk.read_layout(file, space) if kind == ".trk" else {".tck": tck, ".trx": trx}[kind].read_layout(file)
