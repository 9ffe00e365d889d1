"""What an HDF5 file that was handed over may not hold: links and storage that lead elsewhere, more than it can hold."""

import h5py
from h5py import h5d, h5g, h5l  # type: ignore[reportAttributeAccessIssue]

LARGEST_RATIO = 2100
"""Deflate packs 1,032 times at most, and float16 takes half of what is counted: more is declared, and not there."""

LARGEST_CHUNK = 1 << 30
"""Bytes of a chunk, which HDF5 reads as a whole."""


def leads_elsewhere(group: h5g.GroupID, name: bytes) -> str:
    """Say what kind of link a name is that is not followed; nothing where it is the object itself, or is not there."""
    try:
        kind = group.links.get_info(name).type
    except (KeyError, RuntimeError):  # HDF5 has either for what is not there
        return ""
    return {h5l.TYPE_HARD: "", h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "an external link"}.get(kind, "a link")


def refuse_link(name: str, kind: str) -> str:
    """Say that a link is not followed."""
    return f"/{name}: {kind}, which is not followed; what a file refers to must be in it"


def stored_elsewhere(dataset: h5d.DatasetID) -> list[str]:
    """Say so where a data set's values lie in other files, or in chunks that are read into too much memory."""
    layout = dataset.get_create_plist()
    if layout.get_layout() == h5d.VIRTUAL or layout.get_external_count():
        return ["its values lie in other files, which are not opened"]
    if layout.get_layout() == h5d.CHUNKED:
        size = dataset.dtype.itemsize
        for length in layout.get_chunk():
            size *= length
        if size > LARGEST_CHUNK:
            return [f"chunks of {size:,} bytes, {LARGEST_CHUNK:,} are read at most"]
    return []


def too_large(declared: int, size: int) -> list[str]:
    """Say so where more bytes are declared than a file of `size` bytes holds."""
    if declared <= LARGEST_RATIO * size:
        return []
    return [f"{declared:,} bytes are declared, and the file has {size:,}"]


def open_array(file: h5py.File, name: str, dimensions: int, kinds: str) -> h5py.Dataset | None:
    """Open an array of the file itself, of so many axes and of NumPy's `kinds` of values; None where it is none.

    Raises
    ------
    ValueError
        If it is a link, lies elsewhere, or is declared larger than the file can hold.
    """
    if kind := leads_elsewhere(file.id, name.encode()):
        raise ValueError(refuse_link(name, kind))
    held = file.get(name)
    if not isinstance(held, h5py.Dataset) or held.ndim != dimensions or held.dtype.kind not in kinds:
        return None
    declared = held.size * held.dtype.itemsize
    if found := stored_elsewhere(held.id) + too_large(declared, file.id.get_filesize()):
        raise ValueError(f"/{name}: {found[0]}")
    return held
