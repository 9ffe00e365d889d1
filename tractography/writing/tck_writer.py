"""Write TCK points, whole pieces at a time."""

from pathlib import Path

import numpy as np

from tractography.errors import TractogramError
from tractography.files.headers import Header
from tractography.files.streamlines import Streamlines
from tractography.files.tck import MAGIC


class TckEncoder:
    """Writes a TCK file: float32, little-endian, RAS+ mm; without data of points and streamlines."""

    holds_data = False
    largest_integer = 0

    def __init__(self, path: Path, header: Header) -> None:
        self._path, self._fields = path, header.tck

    def _header(self, count: int) -> bytes:
        """Write the header: of the same length for any count."""
        lines = [f"{name}: {value}" for name, value in self._fields]
        text = "\n".join(["", f"count: {count:012d}", "datatype: Float32LE", *lines, "file: . "])
        head = MAGIC + text.encode("utf-8", "surrogateescape")
        offset = len(head) + len("\nEND\n")
        digits = next(digits for digits in range(1, 20) if len(str(offset + digits)) == digits)
        return head + f"{offset + digits}\nEND\n".encode()

    def start(self) -> None:
        """Write a header that announces nothing."""
        self._path.write_bytes(self._header(0))

    def append(self, streamlines: Streamlines) -> None:
        """Write points, and a delimiter behind each streamline."""
        points = streamlines.points
        suspects = np.flatnonzero(~np.isfinite(points[:, 0]))
        lost = suspects[~np.isfinite(points[suspects]).any(axis=1)]
        if len(lost):
            row = int(np.searchsorted(np.cumsum(streamlines.lengths), lost[0], side="right"))
            raise TractogramError(
                f"{self._path}: streamline {row} of a piece holds a point of NaN or infinity, which ends a streamline "
                "in TCK files. Leave it out (Streamlines.usable), or write TRK or TRX."
            )
        stops = np.cumsum(streamlines.lengths + 1)
        rows = np.empty((stops[-1], 3), "<f4")
        is_point = np.ones(len(rows), bool)
        is_point[stops - 1] = False
        rows[is_point] = points
        rows[stops - 1] = np.nan
        with self._path.open("ab") as file:
            file.write(rows.data)

    def finish(self, count: int) -> None:
        """Write the end marker, and announce what was written."""
        with self._path.open("ab") as file:
            file.write(np.full(3, np.inf, "<f4").tobytes())
        with self._path.open("r+b") as file:
            file.write(self._header(count))

    def discard(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)
