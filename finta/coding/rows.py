"""A file with a row per streamline that is filled range by range, in any order, and gone on with after a crash.

The file's structure is written before anything is computed, and all room taken; rows then go straight to their places.
Until it is finished it has a hidden name, and a mark for each range that is in.
"""

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from finta.coding.drafts import check_begun, check_begun_alike, draft_of, locked, refusal_told
from porting.errors import OutputError
from porting.files import hdf5
from porting.files.placement import library_writes, written_whole

RANGE_SIZE = 8192
"""Streamlines that are computed, and marked as in, together."""

_DONE = "done"


@dataclass(frozen=True, slots=True)
class Range:
    """Streamlines from `first` up to `stop`, and the number of their range."""

    number: int
    first: int
    stop: int


def ranges_of(count: int) -> list[Range]:
    """All ranges of a number of streamlines."""
    starts = range(0, count, RANGE_SIZE)
    return [Range(number, first, min(first + RANGE_SIZE, count)) for number, first in enumerate(starts)]


@dataclass(frozen=True, slots=True)
class _Column:
    """An array of rows at its place in a file: written and read there, since a map of it would count as memory."""

    file: int
    place: int
    dtype: np.dtype
    shape: tuple[int, ...]

    def write(self, first: int, values: np.ndarray) -> None:
        content, place = np.ascontiguousarray(values, self.dtype).tobytes(), self.place + first * self._row_bytes()
        while content:  # a disk that is nearly full takes a part
            written = os.pwrite(self.file, content, place)
            content, place = content[written:], place + written

    def read(self, first: int, stop: int) -> np.ndarray:
        content = os.pread(self.file, (stop - first) * self._row_bytes(), self.place + first * self._row_bytes())
        return np.frombuffer(content, self.dtype).reshape(-1, *self.shape)

    def _row_bytes(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape)


class RowFile:
    """Arrays with a row per streamline, in an HDF5 file.

    Parameters
    ----------
    path : Path
        Where the finished file goes.
    columns : Mapping
        Name -> dtype and shape of a row.
    count : int
        Rows.
    about : Mapping
        What the rows are computed from, of JSON's types; a file is gone on with if it was begun alike.
    resume : bool
        Go on with the file that an earlier process left.

    Raises
    ------
    OutputError
        If there is nothing to go on with, or something that `resume` would go on with; if it was begun otherwise; if
        another process is at it; if there is no room.
    """

    def __init__(
        self,
        path: Path,
        columns: Mapping[str, tuple[Any, tuple[int, ...]]],
        count: int,
        about: Mapping[str, Any],
        *,
        resume: bool = False,
    ) -> None:
        self.path, self._draft = path, draft_of(path)
        self._ranges, self._lock = ranges_of(count), -1
        shapes = {name: (dtype, (count, *shape)) for name, (dtype, shape) in columns.items()}
        shapes[_DONE] = (np.uint8, (len(self._ranges),))
        text = json.dumps(about, sort_keys=True)
        try:
            with refusal_told(path, lambda: resume):
                self._take(shapes, text, resume)
        except BaseException:
            self._release()
            raise

    def _take(self, shapes: Mapping[str, tuple[Any, tuple[int, ...]]], about: str, resume: bool) -> None:
        check_begun(self.path, resume=resume)
        if not resume:
            self._draft.parent.mkdir(parents=True, exist_ok=True)
            with library_writes(), written_whole(self._draft) as draft:
                _lay_out(draft, shapes, about)
        self._lock = locked(self._draft, self.path)  # HDF5's own locks, of the same kind, are left out below
        try:
            with hdf5.opened(self._draft, locking=False) as file:
                begun = hdf5.attribute_of(file, "about", str)
                check_begun_alike(self.path, begun, about)
                if missing := sorted(name for name in shapes if name not in file):
                    raise OutputError(
                        f"{self.path} was begun by another version, without {', '.join(missing)}. Remove {self._draft} "
                        "to start again."
                    )
                places = {name: _place_of(file.get(name), *array) for name, array in shapes.items()}
        except ValueError as error:
            raise OutputError(f"{self._draft} is damaged: {error}. Remove it to start again.") from error
        self._columns = {
            name: _Column(self._lock, places[name], np.dtype(dtype), shape[1:])
            for name, (dtype, shape) in shapes.items()
        }

    def missing(self) -> list[Range]:
        """The ranges that are not in yet."""
        marks = self._marks()
        return [held for held in self._ranges if not marks[held.number]]

    def _marks(self) -> np.ndarray:
        return self._columns[_DONE].read(0, len(self._ranges))

    def _has_any(self) -> bool:
        return bool(self._marks().any())

    def put(self, held: Range, rows: Mapping[str, np.ndarray]) -> None:
        """Write a range's rows, then mark it as in.

        Raises
        ------
        OutputError
            If the disk does not take them.
        """
        with refusal_told(self.path, self._has_any):
            self._write(held, rows)
            os.fdatasync(self._lock)
            self._columns[_DONE].write(held.number, np.ones(1))

    def add(self, held: Range, rows: Mapping[str, np.ndarray]) -> None:
        """Write columns of a range that follow from others and are written again when it is gone on with.

        Raises
        ------
        OutputError
            If the disk does not take them.
        """
        with refusal_told(self.path, self._has_any):
            self._write(held, rows)

    def _write(self, held: Range, rows: Mapping[str, np.ndarray]) -> None:
        for name, values in rows.items():
            self._columns[name].write(held.first, values)

    def pieces(self) -> Iterator[tuple[Range, dict[str, np.ndarray]]]:
        """All rows, range by range."""
        for held in self._ranges:
            yield (
                held,
                {name: column.read(held.first, held.stop) for name, column in self._columns.items() if name != _DONE},
            )

    def finish(self, **attributes: Any) -> None:
        """Give the file its name, with these attributes.

        Raises
        ------
        OutputError
            If the disk does not take them.
        """
        with refusal_told(self.path, self._has_any):
            with library_writes(), h5py.File(self._draft, "r+", locking=False) as file:
                file.attrs.update({name: value for name, value in attributes.items() if not _has(file, name, value)})
            os.fsync(self._lock)
            os.replace(self._draft, self.path)
        self._release()

    def _release(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> "RowFile":
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        """After an error keep what can be gone on with, and nothing where no range is in."""
        if kind is not None and self._lock >= 0 and not self._has_any():
            self._draft.unlink(missing_ok=True)
        self._release()


def _has(file: h5py.File, name: str, value: Any) -> bool:
    """Whether a process that was killed has written an attribute already: written again, it takes other room."""
    return name in file.attrs and np.array_equal(np.asarray(file.attrs[name]), np.asarray(value))


def _place_of(held: Any, dtype: Any, shape: tuple[int, ...]) -> int:
    """Where in its file an array begins that lies there in one piece.

    Raises
    ------
    ValueError
        If there is none of this type and shape.
    """
    if not isinstance(held, h5py.Dataset) or held.shape != shape or held.dtype != np.dtype(dtype):
        raise ValueError("an array is missing, or is another")
    if (place := held.id.get_offset()) is None:
        raise ValueError("an array does not lie in one piece")
    return place


def _lay_out(path: Path, shapes: Mapping[str, tuple[Any, tuple[int, ...]]], about: str) -> None:
    """Write an HDF5 file whose arrays have a place of their own, and take the room for them."""
    laid = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    laid.set_layout(h5py.h5d.CONTIGUOUS)
    laid.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    laid.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    laid.set_obj_track_times(False)  # a file is the same whenever it is written
    with h5py.File(path, "w") as file:
        file.attrs["about"] = about
        for name, (dtype, shape) in shapes.items():
            space, kind = h5py.h5s.create_simple(shape), h5py.h5t.py_create(np.dtype(dtype))
            h5py.h5d.create(file.id, name.encode(), kind, space, laid)
    with path.open("r+b") as file:  # so that hours of work do not end on a full disk
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
