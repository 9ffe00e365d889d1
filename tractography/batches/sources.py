"""A batch file as a source of streamlines: any rows, fast, from threads and processes, published or packed."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tractography.batches.caches import open_index
from tractography.batches.indexes import THROUGH_HDF5, SplitIndex
from tractography.batches.layouts import DTYPE, refuse
from tractography.batches.readers import ByteReader, StoredReader
from tractography.errors import BatchError


class BatchSource:
    """The streamlines of a batch file by their rows: numbered through each split, class by class.

    A packed file and the published one that it was packed from give the same rows. Threads may share a source; it may
    be pickled, and then finds its file again under the same path.

    Parameters
    ----------
    path : path
    keep_index : bool
        Keep the index of a file in the published layout beside it, as ``NAME.index.npz``.

    Attributes
    ----------
    path : Path
    index : Index
        Classes and places of all splits.
    digest : str
        The same for a copy of the file, another for another file.

    Raises
    ------
    BatchError
        If the file is missing, in neither layout, or shrank or changed under its index.
    """

    def __init__(self, path: str | os.PathLike, *, keep_index: bool = True) -> None:
        self.path = Path(path)
        self.index, self._fingerprint = open_index(self.path, keep_index)
        self._open()

    def _open(self) -> None:
        self._bytes = ByteReader(self.path, self._fingerprint)
        self._stored = StoredReader(self.path, self.index)

    @property
    def digest(self) -> str:
        """The same for a copy of the file, another for another file."""
        return self._fingerprint.digest

    @property
    def point_count(self) -> int:
        """Points per streamline."""
        return self.index.point_count

    def split(self, name: str) -> SplitIndex:
        """Give the classes of a split and where they lie.

        Raises
        ------
        BatchError
            If it is missing or empty.
        """
        held = self.index.splits.get(name)
        if held is None or not held.total:
            filled = ", ".join(split for split, index in self.index.splits.items() if index.total)
            raise BatchError(f"{self.path} has no streamlines in split {name}; it has some in {filled}.")
        return held

    def read(self, split: str, rows: Sequence[int] | np.ndarray, *, checked: bool = True) -> np.ndarray:
        """Read rows of a split, in the order given.

        Parameters
        ----------
        split : str
        rows : sequence of int
            From 0 to less than the split's total.
        checked : bool
            Refuse NaN and infinite coordinates; a packed file has none.

        Returns
        -------
        ndarray, (streamline, point, coordinate), float32, RAS+ mm

        Raises
        ------
        BatchError
            If the split is missing, the file has shrunk or changed, or a row holds NaN.
        """
        wanted = np.asarray(rows, np.int64)
        streamlines = self._read(split, wanted)
        if checked and not self.index.packed and not np.isfinite(streamlines).all():
            self._refuse_not_finite(split, wanted, streamlines)
        return streamlines.astype(np.float32, copy=False)

    def _read(self, split: str, wanted: np.ndarray) -> np.ndarray:
        held = self.split(split)
        if len(wanted) and not 0 <= wanted.min() <= wanted.max() < held.total:
            raise IndexError(f"rows {wanted.min()} to {wanted.max()} of split {split}, which has {held.total}")
        self._bytes.check_unchanged()
        offsets = held.locate(wanted, self.index.row_bytes)
        if held.direct:
            return self._bytes.read(offsets, self.point_count)
        streamlines = np.empty((len(wanted), self.point_count, 3), DTYPE)
        indirect = offsets == THROUGH_HDF5
        streamlines[~indirect] = self._bytes.read(offsets[~indirect], self.point_count)
        streamlines[indirect] = self._stored.read(split, wanted[indirect])
        return streamlines

    def labels(self, split: str, rows: Sequence[int] | np.ndarray) -> list[tuple[str, int]]:
        """Tell the class of each row, and its row in that class."""
        held, wanted = self.split(split), np.asarray(rows, np.int64)
        numbers = held.classes(wanted)
        return [
            (held.names[number], row)
            for number, row in zip(numbers.tolist(), (wanted - held.starts[numbers]).tolist(), strict=True)
        ]

    def _refuse_not_finite(self, split: str, wanted: np.ndarray, streamlines: np.ndarray) -> None:
        bad = wanted[~np.isfinite(streamlines).all(axis=(1, 2))]
        places = sorted(set(self.labels(split, bad)))
        findings = [f"/{split}/{name} row {row}: NaN or infinite coordinates" for name, row in places]
        refuse(self.path, "cannot be used", findings, "Remove these streamlines and build the file again.")

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()
        self._stored.close()

    def __enter__(self) -> "BatchSource":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "index": self.index, "_fingerprint": self._fingerprint}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()
