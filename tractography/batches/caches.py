"""The index of a batch file, kept beside it as ``NAME.index.npz`` so that it is built once.

Where that folder cannot be written to, it is kept in the user's cache folder; where neither can, it is built each time.
A packed file holds its index itself.
"""

import hashlib
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tractography.batches.indexes import Index, SplitIndex
from tractography.batches.scanning import scan_index
from tractography.errors import BatchError

VERSION = 1
SAMPLES, SAMPLE_BYTES = 64, 4096


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells whether a file is still the one that was indexed.

    Attributes
    ----------
    size : int
        Bytes.
    modified : int
        Time of the last change, ns.
    digest : str
        Of the size and of 64 samples of 4 KB, spread over the file; a copy has the same.
    """

    size: int
    modified: int
    digest: str


def take_fingerprint(path: Path) -> Fingerprint:
    """Look at a file's size, time and samples of its content.

    Raises
    ------
    BatchError
        If there is no such file, or it cannot be read.
    """
    try:
        with path.open("rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            hashed = hashlib.blake2b(str(status.st_size).encode(), digest_size=16)
            for place in np.linspace(0, max(0, status.st_size - SAMPLE_BYTES), SAMPLES).astype(np.int64).tolist():
                file.seek(place)
                hashed.update(file.read(SAMPLE_BYTES))
    except FileNotFoundError as error:
        raise BatchError(f"No batch file at {path}. Build one: finta batches build BUNDLE... --output FILE.") from error
    except OSError as error:
        raise BatchError(f"{path} cannot be read: {error.strerror or error}. Give an HDF5 file of batches.") from error
    return Fingerprint(status.st_size, status.st_mtime_ns, hashed.hexdigest())


def open_index(path: Path, keep: bool = True) -> tuple[Index, Fingerprint]:
    """Load a file's index if it was kept and the file is still the same; else build it, and keep it if wanted.

    Raises
    ------
    BatchError
        If the file is missing, in neither layout, or has shrunk or changed so that it cannot be read any more.
    """
    fingerprint = take_fingerprint(path)
    stale = None
    for place in _places(path):
        held = _load(place)
        if held and held[1] == fingerprint:
            return held
        stale = stale or held
    try:
        index = scan_index(path)
    except BatchError as error:
        if stale is None:
            raise
        raise BatchError(f"{changed(path, stale[1], fingerprint.size)}\n{error}") from error
    if keep and not index.packed:
        _keep(path, index, fingerprint)
    return index, fingerprint


def changed(path: Path, before: Fingerprint, size: int) -> str:
    """Say that a file is not the one that was indexed."""
    fact = "and is as large" if size == before.size else f"and has {size:,}"
    return (
        f"{path} shrank or changed under its index: it had {before.size:,} bytes when it was indexed {fact} now.\n"
        "Let whatever writes or copies it finish, or copy it again; then start anew from the last checkpoint."
    )


def _places(path: Path) -> Iterator[Path]:
    yield path.with_name(f"{path.name}.index.npz")
    caches = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    if not caches.is_absolute():  # the user has no home
        return
    name = hashlib.blake2b(os.fsencode(path.resolve()), digest_size=16).hexdigest()
    yield caches / "porting" / "indexes" / f"{name}.npz"


def _keep(path: Path, index: Index, fingerprint: Fingerprint) -> None:
    arrays = _as_arrays(index, fingerprint)
    for place in _places(path):
        draft = place.with_name(f".{place.name}.{os.getpid()}")
        try:
            if place.parent != path.parent:
                place.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                np.savez(file, **arrays)
            os.replace(draft, place)
            return
        except OSError:  # read-only or full: an index that is not kept is built again
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def _as_arrays(index: Index, fingerprint: Fingerprint) -> dict[str, Any]:
    arrays: dict[str, Any] = {
        "facts": np.array([VERSION, index.point_count, fingerprint.size, fingerprint.modified], np.int64),
        "digest": np.array(fingerprint.digest),
        "splits": np.array(list(index.splits)),
    }
    for name, split in index.splits.items():
        arrays[f"{name}.names"] = np.frombuffer("\0".join(split.names).encode(), np.uint8)
        arrays[f"{name}.starts"] = split.starts
        arrays[f"{name}.extents"] = np.stack([split.extent_rows, split.extent_offsets])
    return arrays


def _load(place: Path) -> tuple[Index, Fingerprint] | None:
    """Read a kept index; None if there is none, or it is damaged or of another version."""
    try:
        with place.open("rb") as file, np.load(file, allow_pickle=False) as held:
            if any(info.file_size > os.fstat(file.fileno()).st_size for info in held.zip.infolist()):
                return None
            version, point_count, size, modified = held["facts"].tolist()
            if version != VERSION:
                return None
            splits = {name: _split(held, name) for name in held["splits"].tolist()}
            index = Index(point_count, splits, packed=False)
            if not all(_is_sound(split, index.row_bytes, size) for split in splits.values()):
                return None
            return index, Fingerprint(size, modified, str(held["digest"]))
    except (OSError, ValueError, KeyError, IndexError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def _is_sound(split: SplitIndex, row_bytes: int, size: int) -> bool:
    """Tell whether an index, which anybody may have put there, leads to nothing outside the file."""
    starts, rows, offsets = split.starts, split.extent_rows, split.extent_offsets
    if len(split.names) != len(starts) - 1 or starts[0] != 0 or (np.diff(starts) < 0).any():
        return False
    if len(rows) and (rows[0] != 0 or (np.diff(rows) <= 0).any() or rows[-1] >= split.total):
        return False
    ends = offsets + (np.append(rows[1:], split.total) - rows) * row_bytes
    return (
        row_bytes > 0 and bool(len(rows)) == bool(split.total) and bool((offsets >= -1).all() and (ends <= size).all())
    )


def _split(held: Mapping[str, np.ndarray], name: str) -> SplitIndex:
    starts = held[f"{name}.starts"]
    names = held[f"{name}.names"].tobytes().decode().split("\0") if len(starts) > 1 else []
    extent_rows, extent_offsets = held[f"{name}.extents"]
    return SplitIndex(tuple(names), starts, extent_rows, extent_offsets)
