"""TRX files: a zip archive of arrays; positions in RAS+ mm, offsets, and data of vertices and streamlines."""

import json
import struct
import weakref
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from tractography.errors import TractogramError
from tractography.files.headers import Header, header_in_space
from tractography.files.spans import FileBytes, Index
from tractography.files.streamlines import Streamlines


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
    """How the arrays of a TRX file lie, and how to read them; one that is compressed is unpacked first."""

    def __init__(self, file: FileBytes, fields: dict[str, Any], header: Header) -> None:
        self.header = header
        self._file, self._count, self._points = file, int(fields["NB_STREAMLINES"]), int(fields["NB_VERTICES"])

    def scan(self, file: FileBytes) -> Index:
        """Check that all arrays are of the announced sizes.

        Raises
        ------
        TractogramError
            If one is not, or is missing.
        """
        wanted = {"positions": self._points, "offsets": self._count + 1} if self._count else {}
        for name in sorted(set(wanted).difference(self._members)):
            raise TractogramError(f"{file.path} holds no {name}. Export it again.")
        for name, member in self._members.items():
            folder = name.rpartition("/")[0]
            rows = wanted.get(name, self._points if folder == "dpv" else self._count)
            if self._count and member.rows != rows:
                raise TractogramError(
                    f"{file.path} is truncated: its header announces {rows} rows of {name}, it holds {member.rows:g}. "
                    "Copy or export it again."
                )
        return Index(self._count, file.size, np.empty(0, np.int64))

    def read(self, file: FileBytes, index: Index, first: int, stop: int) -> Streamlines:
        """Read the streamlines from `first` up to `stop`."""
        if not self._count:
            return Streamlines(np.empty((0, 3), np.float32), np.empty(0, np.int64))
        offsets = self._members["offsets"].read(first, stop + 1)[:, 0].astype(np.int64)
        lengths, begin, end = np.diff(offsets), int(offsets[0]), int(offsets[-1])
        if (lengths < 0).any() or not 0 <= begin <= end <= self._points:
            raise TractogramError(f"{file.path}: offsets do not rise from streamline {first} on. Export it again.")
        return Streamlines(
            self._members["positions"].read(begin, end).astype(np.float32, copy=False),
            lengths,
            {name[4:]: member.read(begin, end) for name, member in self._members.items() if name.startswith("dpv/")},
            {name[4:]: member.read(first, stop) for name, member in self._members.items() if name.startswith("dps/")},
        )

    @cached_property
    def _members(self) -> dict[str, Member]:
        """The arrays that make streamlines: positions, offsets, ``dpv/NAME``, ``dps/NAME``; groups are left aside."""
        with zipfile.ZipFile(self._file.path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir() and _names_array(info.filename)]
            compressed = any(info.compress_type != zipfile.ZIP_STORED for info in infos)
            places = self._unpack(archive, infos) if compressed else [_place(self._file, info) for info in infos]
        members = {}
        for info, (file, begin) in zip(infos, places, strict=True):
            path = PurePosixPath(info.filename)
            name, *width, dtype = path.name.split(".")
            dtype = np.dtype(bool if dtype == "bit" else dtype).newbyteorder("<")
            width = int(width[0]) if width else 1
            members[str(path.with_name(name))] = Member(file, begin, info.file_size, dtype, width)
        return members

    def _unpack(self, archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> list[tuple[FileBytes, int]]:
        from trx.io import get_trx_tmp_dir

        folder = get_trx_tmp_dir()
        weakref.finalize(self._file, folder.cleanup)
        return [(FileBytes(Path(archive.extract(info, folder.name))), 0) for info in infos]


def _names_array(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    if file.startswith("."):  # what file managers leave
        return False
    return folder in ("dpv", "dps") if folder else file.split(".")[0] in ("positions", "offsets")


def _place(file: FileBytes, info: zipfile.ZipInfo) -> tuple[FileBytes, int]:
    """Find the first byte of what is stored; only the entry's own header says how long that header is."""
    entry = file.read(info.header_offset, info.header_offset + 30).tobytes()
    return file, info.header_offset + 30 + sum(struct.unpack("<HH", entry[26:30]))


def read_layout(file: FileBytes) -> TrxLayout:
    """Read the header of a TRX file.

    Raises
    ------
    TractogramError
        If it is no zip archive with a TRX header.
    """
    try:
        with zipfile.ZipFile(file.path) as archive:
            fields = json.loads(archive.read("header.json"))
        affine = np.asarray(fields["VOXEL_TO_RASMM"], np.float32).reshape(4, 4)
        return TrxLayout(file, fields, header_in_space(".trx", affine, fields["DIMENSIONS"]))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise TractogramError(f"{file.path} is no TRX file, or truncated: {error}. Copy or export it again.") from error
