"""Build the index of a batch file: about 70 us a class, by HDF5's own handles instead of h5py's objects."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5t  # type: ignore[reportAttributeAccessIssue]

from tractography.batches.indexes import THROUGH_HDF5, Index, SplitIndex
from tractography.batches.layouts import (
    CLASS_NAMES,
    CLASS_STARTS,
    DATASET,
    DTYPE,
    PACKED,
    SPLITS,
    misshapen,
    mixed,
    opened,
    refuse,
    unknown_split,
)
from tractography.errors import BatchError

COMPARED = 8
"""So many extents of a split are read both ways before offsets are trusted."""


def scan_index(path: Path) -> Index:
    """Find every class and every extent of a batch file, published or packed, and check its layout.

    Raises
    ------
    BatchError
        If the file is missing, no HDF5 file, or in neither layout; all findings at once.
    """
    with opened(path) as file:
        held, packed = dict(file.items()), _is_packed(file)
        findings = [unknown_split(name) for name, group in held.items() if not _is_split(name, group)]
        groups = {name: group for name, group in held.items() if _is_split(name, group)}
        tables = {name: (_read_packed if packed else _read_published)(name, group) for name, group in groups.items()}
        findings += [finding for table in tables.values() for finding in table.findings]
        if not findings and not any(table.total for table in tables.values()):
            findings.append("no streamlines")
        point_counts = {points for table in tables.values() for points in table.point_counts}
        refuse(path, "is not in the layout of streamline batches", findings + mixed(point_counts))
        index = Index(point_counts.pop(), {name: table.index() for name, table in tables.items()}, packed)
        _check_ends(path, index)
        return _compared(path, file, index)


def _is_split(name: str, held: Any) -> bool:
    return name in SPLITS and isinstance(held, h5py.Group)


def _is_packed(file: h5py.File) -> bool:
    return any(isinstance(file.get(f"{split}/{PACKED}"), h5py.Dataset) for split in SPLITS)


@dataclass
class _Table:
    """A split as it is read, before it is known to be in order."""

    names: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    extents: list[tuple[int, int]] = field(default_factory=list)
    point_counts: set[int] = field(default_factory=set)
    findings: list[str] = field(default_factory=list)
    total: int = 0

    def add(self, name: str, shape: tuple[int, ...], extents: list[tuple[int, int]]) -> None:
        """Append a class; `extents` are counted from its own first row."""
        self.names.append(name)
        self.counts.append(shape[0])
        self.point_counts.add(shape[1])
        self.extents += [(self.total + row, offset) for row, offset in extents]
        self.total += shape[0]

    def index(self) -> SplitIndex:
        starts = np.concatenate([[0], np.cumsum(self.counts, dtype=np.int64)]).astype(np.int64)
        extents = np.array(sorted(self.extents), np.int64).reshape(-1, 2)
        return SplitIndex(tuple(self.names), starts, extents[:, 0].copy(), extents[:, 1].copy())


def _read_published(split: str, group: h5py.Group) -> _Table:
    table = _Table()
    names: list[bytes] = []
    group.id.links.iterate(names.append)
    for name in names:
        place = f"/{split}/{name.decode()}"
        try:
            dataset = h5d.open(group.id, name + b"/" + DATASET.encode())
        except (KeyError, TypeError):  # no such link, or one that leads to something else
            table.findings.append(f"{place}: no data set called {DATASET}")
            continue
        shape, extents = dataset.shape, _extents(dataset)
        if extents is None or misshapen("", shape):
            table.findings += _problems(f"{place}/{DATASET}", h5py.Dataset(dataset))
        else:
            table.add(name.decode(), shape, extents)
    return table


def _problems(place: str, stored: h5py.Dataset) -> list[str]:
    problems = misshapen(place, stored.shape)
    if stored.dtype.kind != "f":
        problems.append(f"{place}: dtype {stored.dtype}, must be float32")
    return problems


def _extents(dataset: h5d.DatasetID) -> list[tuple[int, int]] | None:
    """Row and offset of each extent, counted from the data set's first row; None if these are no numbers of floats."""
    kind = dataset.get_type()
    if not isinstance(kind, h5t.TypeFloatID):
        return None
    count = dataset.shape[0] if dataset.shape else 0
    through_hdf5 = [(0, THROUGH_HDF5)] if count else []
    if not kind.equal(h5t.IEEE_F32LE):
        return through_hdf5
    if (offset := dataset.get_offset()) is not None:
        return [(0, offset)] if count else []
    return _chunk_extents(dataset, count) or through_hdf5


def _chunk_extents(dataset: h5d.DatasetID, count: int) -> list[tuple[int, int]]:
    """One extent per chunk, if chunks are whole rows, unfiltered and all there; else none."""
    layout = dataset.get_create_plist()
    if layout.get_layout() != h5d.CHUNKED or layout.get_nfilters() or layout.get_chunk()[1:] != dataset.shape[1:]:
        return []
    found: list[tuple[int, int]] = []
    dataset.chunk_iter(lambda chunk: found.append((chunk.chunk_offset[0], chunk.byte_offset)))
    return found if len(found) == -(-count // layout.get_chunk()[0]) else []


def _read_packed(split: str, group: h5py.Group) -> _Table:
    table = _Table()
    missing = [name for name in (PACKED, CLASS_NAMES, CLASS_STARTS) if not isinstance(group.get(name), h5py.Dataset)]
    if missing:
        table.findings = [f"/{split}: no data set called {name}" for name in missing]
        return table
    stored: Any = group[PACKED]
    names = [name.decode() for name in np.asarray(group[CLASS_NAMES]).tolist()]
    starts = np.asarray(group[CLASS_STARTS], np.int64)
    table.findings = _problems(f"/{split}/{PACKED}", stored)
    counts = np.diff(starts)
    if len(starts) != len(names) + 1 or starts[0] or (counts < 0).any() or starts[-1] != stored.shape[0]:
        table.findings.append(f"/{split}/{CLASS_STARTS} does not share out the {stored.shape[0]} rows of {PACKED}")
    table.names, table.counts, table.total = names, counts.tolist(), stored.shape[0]
    table.point_counts, table.extents = set(stored.shape[1:2]), _extents(stored.id) or []
    return table


def _check_ends(path: Path, index: Index) -> None:
    """Refuse a file that ends before its rows do, which HDF5 reads as zeros or not at all."""
    size = os.path.getsize(path)
    for name, split in index.splits.items():
        direct = split.extent_offsets >= 0
        ends = np.append(split.extent_rows[1:], split.total)[direct] - split.extent_rows[direct]
        if (split.extent_offsets[direct] + ends * index.row_bytes > size).any():
            raise BatchError(
                f"{path} is truncated: rows of split {name} lie behind its end. Copy it or build it again."
            )


def _compared(path: Path, file: h5py.File, index: Index) -> Index:
    """Trust a split's offsets only if rows read by them are those that HDF5 reads."""
    with path.open("rb") as raw:
        splits = {
            name: split
            if all(_agrees(raw, file, index, name, row) for row in _spread(split))
            else replace(
                split, extent_rows=split.starts[split.filled], extent_offsets=np.full(len(split.filled), THROUGH_HDF5)
            )
            for name, split in index.splits.items()
        }
    return replace(index, splits=splits)


def _spread(split: SplitIndex) -> Iterator[int]:
    direct = split.extent_rows[split.extent_offsets >= 0]
    for place in np.unique(np.linspace(0, len(direct) - 1, COMPARED).astype(int)) if len(direct) else ():
        yield int(direct[place])


def _agrees(raw: Any, file: h5py.File, index: Index, name: str, row: int) -> bool:
    split = index.splits[name]
    raw.seek(int(split.locate(np.array([row]), index.row_bytes)[0]))
    stored, start = find_stored(file, index, name, int(split.classes(np.array([row]))[0]))
    return raw.read(index.row_bytes) == stored[row - start].astype(DTYPE, copy=False).tobytes()


def find_stored(file: h5py.File, index: Index, split: str, number: int) -> tuple[Any, int]:
    """Open the data set that holds a class, and say which row of the split is its first."""
    if index.packed:
        return file[f"{split}/{PACKED}"], 0
    held = index.splits[split]
    return file[f"{split}/{held.names[number]}/{DATASET}"], int(held.starts[number])
