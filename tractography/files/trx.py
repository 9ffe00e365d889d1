"""TRX files: arrays in a zip archive or a folder; positions in RAS+ mm, offsets, data of points and streamlines."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tractography.errors import TractogramError, shown
from tractography.files.headers import Header, header_in_space
from tractography.files.spans import BLOCK_BYTES, FileBytes, Index
from tractography.files.streamlines import Streamlines
from tractography.files.trx_entries import Entry, find_entries, names_of, read_header_text

LEFT_ASIDE = ("groups/", "dpg/")
"""Folders of a TRX file that say something of groups, which are not kept."""

WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
TYPES = {name: name for name in (*WHOLE, "float16", "float32", "float64", "bool")} | {"bit": "bool", "ushort": "uint16"}
"""What the last part of an array's name says of its values; trx-python has a byte for each bit."""

LISTED = 5


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """An array of a TRX file, (row, value): where it lies."""

    file: FileBytes
    begin: int
    size: int
    dtype: np.dtype
    width: int

    @property
    def rows(self) -> float:
        """How many rows the bytes make."""
        return self.size / (self.width * self.dtype.itemsize)

    def read(self, first: int, stop: int) -> np.ndarray:
        """Read the rows from `first` up to `stop`."""
        row = self.width * self.dtype.itemsize
        content = self.file.read(self.begin + first * row, self.begin + stop * row)
        return content.view(self.dtype).reshape(stop - first, self.width)


class TrxLayout:
    """How the arrays of a TRX file lie, and how to read them; one that is compressed is unpacked first.

    Attributes
    ----------
    header : Header
    words : list of str
        What is not as it should be.
    """

    def __init__(self, file: FileBytes, count: int, points: int, header: Header) -> None:
        self.header, self.words = header, []
        self._file, self._count, self._points = file, count, points

    def scan(self, file: FileBytes) -> Index:
        """Check that all arrays are of the announced sizes, and that offsets rise.

        Raises
        ------
        TractogramError
            If one is not, or is missing.
        """
        index = Index(self._count, file.size, np.empty(0, np.int64))
        members = self._members
        if not self._count:
            return index
        for name in sorted({"positions", "offsets"}.difference(members)):
            raise TractogramError(f"{file.path} holds no {name}. Export it again.")
        self._check_kinds(members)
        for name, member in members.items():
            if name == "offsets" and member.rows == self._count:
                self.words.append(f"{file.path} leaves out the last offset, as older writers do: it is made up.")
                continue
            rows = self._points if name == "positions" or name.startswith("dpv/") else self._count + (name == "offsets")
            self._check_rows(name, member.rows, rows)
        self._check_offsets()
        return index

    def _check_kinds(self, members: dict[str, Member]) -> None:
        positions, offsets = members["positions"], members["offsets"]
        if positions.dtype.kind != "f" or positions.width != 3 or offsets.dtype.kind not in "iu" or offsets.width != 1:
            raise TractogramError(
                f"{self._file.path} is no TRX file of use: positions of {positions.width} x {positions.dtype}, offsets "
                f"of {offsets.width} x {offsets.dtype}; wanted are 3 x float and 1 x integer. Export it again."
            )

    def _check_rows(self, name: str, held: float, announced: int) -> None:
        if held != announced:
            fact = "is truncated" if held < announced else "contradicts itself"
            raise TractogramError(
                f"{self._file.path} {fact}: its header announces {announced} rows of {shown(name)}, it holds {held:g}. "
                "Copy or export it again."
            )

    def _check_offsets(self) -> None:
        """Refuse offsets that do not rise from 0 to the number of points."""
        step, before = BLOCK_BYTES // 8, 0
        for first in range(0, self._count, step):
            offsets = self._offsets(first, min(first + step, self._count))
            if offsets[0] != before or _fall(offsets):
                raise TractogramError(
                    f"{self._file.path} is broken: offsets do not rise from streamline {first} on. Export it again."
                )
            before = int(offsets[-1])
        if before != self._points:
            raise TractogramError(
                f"{self._file.path} contradicts itself: it holds {self._points} points, its offsets end at {before}. "
                "Export it again."
            )

    def _offsets(self, first: int, stop: int) -> np.ndarray:
        """Read the offsets of the streamlines from `first` up to `stop`, and where the last ends: int64."""
        member = self._members["offsets"]
        read = member.read(first, min(stop + 1, int(member.rows)))[:, 0].astype(np.int64)
        return read if len(read) > stop - first else np.append(read, self._points)

    def read(self, file: FileBytes, index: Index, first: int, stop: int) -> Streamlines:
        """Read the streamlines from `first` up to `stop`."""
        if not self._count:
            return Streamlines(np.empty((0, 3), np.float32), np.empty(0, np.int64))
        offsets = self._offsets(first, stop)
        lengths, begin, end = np.diff(offsets), int(offsets[0]), int(offsets[-1])
        if _fall(offsets) or not 0 <= begin <= end <= self._points:
            raise TractogramError(f"{file.path} has changed since it was opened. Start again.")
        with np.errstate(over="ignore"):
            points = self._members["positions"].read(begin, end).astype(np.float32, copy=False)
        return Streamlines(
            points,
            lengths,
            {name[4:]: member.read(begin, end) for name, member in self._members.items() if name.startswith("dpv/")},
            {name[4:]: member.read(first, stop) for name, member in self._members.items() if name.startswith("dps/")},
        )

    @cached_property
    def _members(self) -> dict[str, Member]:
        """The arrays that make streamlines: positions, offsets, ``dpv/NAME``, ``dps/NAME``; groups are left aside."""
        names = names_of(self._file)
        arrays = {name: array for name in names if (array := _array_of(name))}
        foreign = [name for name in names if name not in arrays and not name.startswith(LEFT_ASIDE)]
        if foreign:
            more = f" and {len(foreign) - LISTED} more" if len(foreign) > LISTED else ""
            listed = ", ".join(map(shown, foreign[:LISTED])) + more
            self.words.append(f"{self._file.path} holds what is no array of a TRX file, left aside: {listed}.")
        members = {}
        for entry in find_entries(self._file, list(arrays)):
            name, width, dtype = arrays[entry.name]
            if name in members:
                raise TractogramError(f"{self._file.path} holds {shown(name)} twice, in two types. Export it again.")
            members[name] = _member(entry, width, dtype)
        return members


def _fall(offsets: np.ndarray) -> bool:
    """Whether one is below that before it; a difference of two of them might not fit into their type."""
    return bool((offsets[1:] < offsets[:-1]).any())


def _member(entry: Entry, width: int, dtype: np.dtype) -> Member:
    return Member(entry.file, entry.begin, entry.size, dtype, width)


def _array_of(name: str) -> tuple[str, int, np.dtype] | None:
    """Read an entry's name: the array, its values a row, and their type; None where it is no array."""
    folder, _, file = name.rpartition("/")
    if not (found := re.fullmatch(r"([^.]+)(?:\.([1-9][0-9]{0,5}))?\.([a-z0-9]+)", file)):
        return None
    called, width, kind = found.groups()
    if kind not in TYPES or (folder not in ("dpv", "dps") and (folder or called not in ("positions", "offsets"))):
        return None
    dtype = np.dtype(TYPES[kind]).newbyteorder("<")
    return f"{folder}/{called}" if folder else called, int(width or 1), dtype


def read_layout(file: FileBytes) -> TrxLayout:
    """Read the header of a TRX file.

    Raises
    ------
    TractogramError
        If it is no zip archive or folder with a TRX header.
    """
    try:
        fields = json.loads(read_header_text(file))
        count, points = _whole(fields, "NB_STREAMLINES"), _whole(fields, "NB_VERTICES")
        affine = np.asarray(fields["VOXEL_TO_RASMM"], np.float32).reshape(4, 4)
        if len(fields["DIMENSIONS"]) != 3 or not np.isfinite(affine).all():
            raise ValueError("DIMENSIONS are not three, or VOXEL_TO_RASMM is not finite")
        return TrxLayout(file, count, points, header_in_space(".trx", affine, fields["DIMENSIONS"]))
    except TractogramError:
        raise
    except Exception as error:  # zipfile, zlib and json raise whatever their parsing trips over
        raise TractogramError(
            f"{file.path} is no TRX file, or truncated: {shown(str(error))}. Copy or export it again."
        ) from error


def _whole(fields: Any, name: str) -> int:
    value = fields[name]
    if type(value) is not int or value < 0:
        raise ValueError(f"{name} is no whole number")
    return value
