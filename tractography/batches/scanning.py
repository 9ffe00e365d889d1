"""Build the index of a batch file: about 70 us a class, by HDF5's own handles instead of h5py's objects."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5t  # type: ignore[reportAttributeAccessIssue]

from tractography.batches.bounds import leads_elsewhere, open_array, refuse_link, stored_elsewhere, too_large
from tractography.batches.indexes import THROUGH_HDF5, Index, SplitIndex
from tractography.batches.layouts import (
    CLASS_NAMES,
    CLASS_STARTS,
    DATASET,
    DTYPE,
    PACKED,
    SPLITS,
    damage_told,
    misshapen,
    mixed,
    opened,
    refuse,
    unknown_split,
)
from tractography.errors import BatchError, shown

COMPARED = 8
"""So many extents of a split are read both ways before offsets are trusted."""


def scan_index(path: Path) -> Index:
    """Find every class and every extent of a batch file, published or packed, and check its layout.

    Raises
    ------
    BatchError
        If the file is missing, no HDF5 file, or in neither layout; all findings at once.
    """
    with damage_told(path), opened(path) as file:
        groups, findings = _splits(file)
        packed = any(PACKED in group for group in groups.values())
        tables = {name: (_read_packed if packed else _read_published)(name, group) for name, group in groups.items()}
        findings += [finding for table in tables.values() for finding in table.findings]
        declared = sum(table.declared() for table in tables.values())
        findings += too_large(declared, os.path.getsize(path))
        if not findings and not any(table.total for table in tables.values()):
            findings.append("no streamlines")
        point_counts = {points for table in tables.values() for points in table.point_counts}
        refuse(path, "is not in the layout of streamline batches", findings + mixed(point_counts))
        index = Index(point_counts.pop(), {name: table.index() for name, table in tables.items()}, packed)
        _check_ends(path, index)
        return _compared(path, file, index)


def _splits(file: h5py.File) -> tuple[dict[str, h5py.Group], list[str]]:
    """Find the splits, and what else there is."""
    groups, findings = {}, []
    for name in map(str, file):
        if kind := leads_elsewhere(file.id, name.encode("utf-8", "surrogateescape")):
            findings.append(refuse_link(shown(name), kind))
        elif name in SPLITS and isinstance(held := file[name], h5py.Group):
            groups[name] = held
        else:
            findings.append(unknown_split(shown(name)))
    return groups, findings


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

    def declared(self) -> int:
        """Bytes of all rows, as far as sizes say."""
        return sum(self.counts) * max(self.point_counts, default=0) * 3 * DTYPE.itemsize

    def index(self) -> SplitIndex:
        starts = np.concatenate([[0], np.cumsum(self.counts, dtype=np.int64)]).astype(np.int64)
        extents = np.array(sorted(self.extents), np.int64).reshape(-1, 2)
        return SplitIndex(tuple(self.names), starts, extents[:, 0].copy(), extents[:, 1].copy())


def _read_published(split: str, group: h5py.Group) -> _Table:
    table = _Table()
    names: list[bytes] = []
    group.id.links.iterate(names.append)
    for name in names:
        place = f"/{split}/{shown(name.decode(errors='surrogateescape'))}"
        inside = name + b"/" + DATASET.encode()
        if kind := leads_elsewhere(group.id, name) or _leads_elsewhere(group, inside):
            table.findings.append(refuse_link(place[1:], kind))
            continue
        try:
            dataset, called = h5d.open(group.id, inside), name.decode()
        except (KeyError, TypeError):  # no such link, or one that leads to something else
            table.findings.append(f"{place}: no data set called {DATASET}")
            continue
        except UnicodeDecodeError:
            table.findings.append(f"{place}: a class whose name is not in UTF-8")
            continue
        shape, extents = dataset.shape, _extents(dataset)
        if extents is None or misshapen("", shape):
            table.findings += _problems(f"{place}/{DATASET}", h5py.Dataset(dataset))
        else:
            table.add(called, shape, extents)
    return table


def _leads_elsewhere(group: h5py.Group, inside: bytes) -> str:
    try:
        return leads_elsewhere(group.id, inside)
    except (KeyError, TypeError, RuntimeError):  # the class is no group
        return ""


def _problems(place: str, stored: h5py.Dataset) -> list[str]:
    problems = misshapen(place, stored.shape)
    if stored.dtype.kind != "f":
        problems.append(f"{place}: dtype {stored.dtype}, must be float32")
    return problems + [f"{place}: {finding}" for finding in stored_elsewhere(stored.id)]


def _extents(dataset: h5d.DatasetID) -> list[tuple[int, int]] | None:
    """Row and offset of each extent, counted from the data set's first row; None if these are not to be read."""
    kind = dataset.get_type()
    if not isinstance(kind, h5t.TypeFloatID):
        return None
    count = dataset.shape[0] if dataset.shape else 0
    through_hdf5 = [(0, THROUGH_HDF5)] if count else []
    if kind.equal(h5t.IEEE_F32LE) and (offset := dataset.get_offset()) is not None:
        return [(0, offset)] if count else []
    if stored_elsewhere(dataset):
        return None
    if not kind.equal(h5t.IEEE_F32LE):
        return through_hdf5
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
    wanted = {PACKED: (3, "f"), CLASS_NAMES: (1, "SO"), CLASS_STARTS: (1, "iu")}
    arrays: dict[str, Any] = {}
    for name, (dimensions, kinds) in wanted.items():
        try:
            arrays[name] = open_array(group.file, f"{split}/{name}", dimensions, kinds)
        except ValueError as error:
            table.findings.append(str(error))
        else:
            if arrays[name] is None:
                table.findings.append(f"/{split}: {_why_none(group, name)}")
    if table.findings:
        return table
    stored, total = arrays[PACKED], arrays[PACKED].shape[0]
    table.findings = _problems(f"/{split}/{PACKED}", stored)
    try:
        names = [_text(name) for name in arrays[CLASS_NAMES][:].tolist()]
    except (TypeError, ValueError):
        names = []
        table.findings.append(f"/{split}/{CLASS_NAMES} holds no names in UTF-8")
    starts = np.asarray(arrays[CLASS_STARTS], np.int64)
    counts = np.diff(starts)
    if len(starts) != len(names) + 1 or starts[0] or (counts < 0).any() or starts[-1] != total:
        table.findings.append(f"/{split}/{CLASS_STARTS} does not share out the {total} rows of {PACKED}")
    table.names, table.counts, table.total = names, counts.tolist(), total
    table.point_counts, table.extents = set(stored.shape[1:2]), _extents(stored.id) or []
    return table


def _text(name: Any) -> str:
    if not isinstance(name, bytes | str):
        raise TypeError
    return name.decode() if isinstance(name, bytes) else name


def _why_none(group: h5py.Group, name: str) -> str:
    if not isinstance(held := group.get(name), h5py.Dataset):
        return f"no data set called {name}"
    return f"{name} is of shape {held.shape} and dtype {held.dtype}, as no packed file has it"


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
