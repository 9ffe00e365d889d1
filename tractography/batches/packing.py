"""Rewrite a batch file into one contiguous array per split and a small index, which is read fastest.

The layout is that of ``tractography.batches.layouts``. The file is laid out by HDF5 and then filled beside it, as the
array's bytes are the rows'.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t  # type: ignore[reportAttributeAccessIssue]

from tractography.batches.batches import BatchFile, inspect_batches
from tractography.batches.layouts import CLASS_NAMES, CLASS_STARTS, DTYPE, PACKED
from tractography.batches.sources import BatchSource
from tractography.errors import BatchError

BLOCK_BYTES = 16_000_000
"""So much is read and written at a time."""


def pack_batches(
    path: str | os.PathLike,
    output: str | os.PathLike,
    *,
    force: bool = False,
    on_rows: Callable[[str, int, int], None] = lambda split, done, total: None,
) -> BatchFile:
    """Pack a batch file, in constant memory; the packed file is there whole or not at all.

    Parameters
    ----------
    path : path
        In the published layout, or packed.
    output : path
    force : bool
        Replace an existing file.
    on_rows : callable
        Told the split, how many streamlines of the file are done, and of how many.

    Raises
    ------
    BatchError
        If the file cannot be used, holds NaN (class and row are named), the output exists, or the disk is full.
    """
    path, output = Path(path), Path(output)
    if output.exists() and not force:
        raise BatchError(f"{output} exists. Replace it with --force, or choose another --output.")
    with BatchSource(path, keep_index=False) as source:
        draft = output.with_name(f".{output.name}.{os.getpid()}")
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            offsets = _lay_out(draft, source)
            with draft.open("r+b", buffering=0) as file:
                _reserve(file, os.path.getsize(draft))
                _fill(file, source, offsets, on_rows)
                os.fsync(file.fileno())
            os.replace(draft, output)
        except OSError as error:
            needed = sum(split.total for split in source.index.splits.values()) * source.index.row_bytes
            raise BatchError(
                f"Cannot write {output}: {error.strerror or error}. It takes {needed:,} bytes. "
                "Nothing was changed; choose another --output or make room."
            ) from error
        finally:
            draft.unlink(missing_ok=True)
    return inspect_batches(output)


def _lay_out(draft: Path, source: BatchSource) -> dict[str, int]:
    """Write everything but the streamlines; returns where each split's begin, in bytes."""
    layout = h5p.create(h5p.DATASET_CREATE)
    layout.set_layout(h5d.CONTIGUOUS)
    layout.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    layout.set_fill_time(h5d.FILL_TIME_NEVER)
    layout.set_obj_track_times(False)  # a file is the same whenever it is written
    offsets = {}
    with h5py.File(draft, "w") as file:
        for name, split in source.index.splits.items():
            names = [class_name.encode() for class_name in split.names]
            kind = h5py.string_dtype("utf-8", max(map(len, names), default=1))
            group = file.create_group(name)
            group.create_dataset(CLASS_NAMES, data=np.array(names, kind))
            group.create_dataset(CLASS_STARTS, data=split.starts)
            space = h5s.create_simple((split.total, source.point_count, 3))
            stored = h5d.create(group.id, PACKED.encode(), h5t.IEEE_F32LE, space, layout)
            offsets[name] = stored.get_offset()
    return offsets


def _reserve(file: BinaryIO, size: int) -> None:
    """Claim the disk before hours of work, where the system can."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
    else:
        file.truncate(size)


def _fill(file: BinaryIO, source: BatchSource, offsets: dict[str, int], on_rows: Callable) -> None:
    total = sum(split.total for split in source.index.splits.values())
    step = max(1, BLOCK_BYTES // source.index.row_bytes)
    done = 0
    for name, split in source.index.splits.items():
        for first in range(0, split.total, step):
            rows = np.arange(first, min(first + step, split.total))
            streamlines = source.read(name, rows)
            file.seek(offsets[name] + first * source.index.row_bytes)
            content = streamlines.astype(DTYPE, copy=False).data.cast("B")
            while content:
                content = content[file.write(content) :]
            done += len(rows)
            on_rows(f"packing {name}", done, total)
