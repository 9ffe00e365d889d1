"""TCK files: fields in text, then points in RAS+ mm; a point of NaN ends a streamline, one of infinity the file."""

import re
from dataclasses import dataclass, field

import numpy as np

from tractography.errors import TractogramError, shown
from tractography.files.headers import Header
from tractography.files.spans import FileBytes, Index, every_stride
from tractography.files.streamlines import Streamlines

MAGIC = b"mrtrix tracks"
DATATYPES = {"Float32LE": "<f4", "Float32BE": ">f4", "Float64LE": "<f8", "Float64BE": ">f8"}
HEADER_SIZES = (1 << 16, 1 << 26)
"""So much of a file is searched for the end of its header: first, and at most."""

LAYOUT_FIELDS = ("count", "datatype", "file")
"""Fields that say how the bytes of a file lie; a writer makes its own."""


@dataclass(frozen=True, slots=True, eq=False)
class TckLayout:
    """How the points of a TCK file lie, and how to read them.

    Attributes
    ----------
    header : Header
    announced : int
        Streamlines that the header announces; 0 where it does not say.
    dtype : dtype
    offset : int
        The byte at which points start.
    words : list of str
        What is not as it should be.
    """

    header: Header
    announced: int
    dtype: np.dtype
    offset: int
    words: list[str] = field(default_factory=list)

    def scan(self, file: FileBytes) -> Index:
        """Find all delimiters, and note where every 256th streamline starts.

        Raises
        ------
        TractogramError
            If the file does not end with its end marker, or holds fewer streamlines than its header announces.
        """
        end = self._end(file)
        noted, count = [np.array([self.offset])], 0
        for block, content in file.blocks(self.offset, end):
            values = content.view(self.dtype).reshape(-1, 3)
            starts = block + (_delimiters(values) + 1) * 3 * self.dtype.itemsize
            noted.append(every_stride(starts, count + 1))
            count += len(starts)
        if count < self.announced:
            raise TractogramError(
                _truncated(file, f"its header announces {self.announced} streamlines, it holds {count}")
            )
        if count > self.announced > 0:
            self.words.append(
                f"{file.path} holds {count} streamlines, and its header announces {self.announced}: all are read."
            )
        last = Index.starts_of(count)
        return Index(count, file.size, np.append(np.concatenate(noted)[:last], end).astype(np.int64))

    def _end(self, file: FileBytes) -> int:
        """Find the end marker; returns the byte at which it starts."""
        row = 3 * self.dtype.itemsize
        end = file.size - row
        if end < self.offset or (end - self.offset) % row:
            raise TractogramError(_truncated(file, "its last point is not whole"))
        tail = file.read(max(end - row, self.offset), file.size).view(self.dtype).reshape(-1, 3)
        if not np.isinf(tail[-1]).all() or not np.isnan(tail[:-1]).all():
            raise TractogramError(_truncated(file, "it does not end with a point of infinity"))
        return end

    def read(self, file: FileBytes, index: Index, first: int, stop: int) -> Streamlines:
        """Read the streamlines from `first` up to `stop`."""
        begin, end, aligned = index.span(first, stop)
        values = file.read(begin, end).view(self.dtype).reshape(-1, 3)
        starts = np.concatenate([[0], _delimiters(values) + 1])[first - aligned : stop - aligned + 1]
        with np.errstate(over="ignore"):
            values = values[starts[0] : starts[-1]].astype(np.float32, copy=False)
        is_point = np.ones(len(values), bool)
        is_point[starts[1:] - starts[0] - 1] = False
        return Streamlines(values[is_point], np.diff(starts) - 1)


def _delimiters(values: np.ndarray) -> np.ndarray:
    """Find the points, (point, coordinate), of nothing but NaN: their numbers, (delimiter,)."""
    candidates = np.flatnonzero(np.isnan(values[:, 0]))
    return candidates[np.isnan(values[candidates]).all(axis=1)]


def _truncated(file: FileBytes, reason: str) -> str:
    return f"{file.path} is truncated: {reason}. Copy or export it again."


def read_layout(file: FileBytes) -> TckLayout:
    """Read the header of a TCK file.

    Raises
    ------
    TractogramError
        If it is no TCK header, contradicts itself, or is of a datatype that is none of MRtrix's for points.
    """
    text, after = _header_text(file)
    fields = [(key.strip(), value.strip()) for key, _, value in (line.partition(":") for line in text) if value]
    words: list[str] = []
    datatype = _only(file, fields, "datatype") or "Float32LE"
    place = (_only(file, fields, "file") or f". {after}").split()
    is_place = len(place) == 2 and place[0] == "." and place[1].isdigit()
    if datatype not in DATATYPES or not is_place or not after <= int(place[1]) <= file.size:
        raise TractogramError(
            f"{file.path} has a TCK header of no use: datatype {shown(datatype)}, file {shown(' '.join(place))}. "
            f"Write it as one file of {', '.join(DATATYPES)}, for instance with MRtrix's tckconvert."
        )
    own = tuple(held for held in fields if held[0] not in LAYOUT_FIELDS)
    announced = _announced(file, fields, words)
    return TckLayout(Header(".tck", tck=own), announced, np.dtype(DATATYPES[datatype]), int(place[1]), words)


def _said(fields: list[tuple[str, str]], name: str) -> list[str]:
    """What a header says under a name, each once."""
    return list(dict.fromkeys(value for key, value in fields if key == name))


def _only(file: FileBytes, fields: list[tuple[str, str]], name: str) -> str:
    """Give the one value of a field, which may be there twice."""
    said = _said(fields, name)
    if len(said) > 1:
        raise TractogramError(
            f"{file.path} contradicts itself: {name} is {' and '.join(map(shown, said))}. Export it again."
        )
    return said[0] if said else ""


def _announced(file: FileBytes, fields: list[tuple[str, str]], words: list[str]) -> int:
    """How many streamlines a header announces; 0 where it does not say, or says this and that."""
    said = [value for value in _said(fields, "count") if value.isdecimal()]
    counts = sorted({int(value[:20]) for value in said})
    if len(counts) > 1:
        listed = " and ".join(map(str, counts))
        words.append(f"{file.path} announces {listed} streamlines: what is in it up to its end marker is read.")
    return counts[0] if len(counts) == 1 else 0


def _header_text(file: FileBytes) -> tuple[list[str], int]:
    """Read the lines of a header without its first and last, and the byte after it."""
    for size in HEADER_SIZES:
        content = file.read(0, min(size, file.size)).tobytes()
        if not content.startswith(MAGIC):
            raise TractogramError(f"{file.path} is no TCK file: it does not start with a TCK header. Export it again.")
        if end := re.search(rb"\n[ \t]*END[ \t\r]*\n", content):
            return content[: end.start()].decode("utf-8", "surrogateescape").splitlines()[1:], end.end()
    raise TractogramError(f"{file.path} is truncated: its TCK header has no line END. Copy or export it again.")
