"""Where each streamline of a batch file lies: the records that a scan fills and readers ask.

A split's streamlines are numbered through, class by class in the file's order; such a number is called row here. An
extent is a stretch of rows that lie one behind the other in the file: a class, a chunk of one, or a packed split.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

THROUGH_HDF5 = -1
"""The offset of an extent whose bytes are no rows as they lie: compressed, of another type, or never written."""


@dataclass(frozen=True)
class SplitIndex:
    """Where the streamlines of a split lie.

    Attributes
    ----------
    names : tuple of str
        Classes, in the file's order.
    starts : ndarray, (class + 1,), int64
        First row of each class, and the number of rows.
    extent_rows : ndarray, (extent,), int64
        First row of each extent, ascending.
    extent_offsets : ndarray, (extent,), int64
        Where its first row begins in the file, in bytes, or THROUGH_HDF5.
    """

    names: tuple[str, ...]
    starts: np.ndarray
    extent_rows: np.ndarray
    extent_offsets: np.ndarray

    @property
    def total(self) -> int:
        """Number of streamlines."""
        return int(self.starts[-1])

    @cached_property
    def sizes(self) -> np.ndarray:
        """Streamlines of each class, (class,)."""
        return np.diff(self.starts)

    @cached_property
    def filled(self) -> np.ndarray:
        """Classes that have streamlines, by their number."""
        return np.flatnonzero(self.sizes)

    @cached_property
    def direct(self) -> bool:
        """Whether every row's bytes are read where they lie."""
        return not (self.extent_offsets == THROUGH_HDF5).any()

    def locate(self, rows: np.ndarray, row_bytes: int) -> np.ndarray:
        """Offset of each row in bytes, or THROUGH_HDF5."""
        if len(self.extent_rows) == 1 and self.direct:
            return self.extent_offsets[0] + rows * row_bytes
        extents = np.searchsorted(self.extent_rows, rows, "right") - 1
        offsets = self.extent_offsets[extents]
        return np.where(offsets < 0, THROUGH_HDF5, offsets + (rows - self.extent_rows[extents]) * row_bytes)

    def classes(self, rows: np.ndarray) -> np.ndarray:
        """Class of each row, by its number."""
        return np.searchsorted(self.starts, rows, "right") - 1


@dataclass(frozen=True, slots=True)
class Index:
    """Where the streamlines of a batch file lie.

    Attributes
    ----------
    point_count : int
        Points per streamline.
    splits : Mapping
        Split -> SplitIndex, in the file's order.
    packed : bool
        Whether the file is packed: one extent per split, and known to hold no NaN.
    """

    point_count: int
    splits: Mapping[str, SplitIndex]
    packed: bool

    @property
    def row_bytes(self) -> int:
        """Bytes of a streamline of little-endian float32."""
        return self.point_count * 12
