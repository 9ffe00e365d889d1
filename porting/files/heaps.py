"""Heaps of HDF5 files, for texts and names: the library makes room for what they declare, or finds no end of them.

A global heap is ``GCOL``, a version, three zeros and its own size; then objects: index, references, four zeros, size,
content to a multiple of eight bytes. The object of index 0 is what is free, whose size counts its own header; where it
is 0, the library goes round it without end. A local heap is ``HEAP``, four zeros and the size of its content. What
refers to an object of a global heap is its length in four bytes, for which room is made before it is read; the heap's
place in eight; and the object's index in four.
"""

import os
import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import numpy as np

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEADS = (b"GCOL\x01\0\0\0", b"HEAP\0\0\0\0")
_OBJECT = struct.Struct("<HH4xQ")
_REFERENCE = struct.Struct("<IQI")
_LARGEST_INDEX = (1 << 16) - 1
_PIECE = 1 << 22
_WIDTHS = {0: slice(13, 15), 1: slice(13, 15), 2: slice(9, 11), 3: slice(9, 11)}
"""Version of a file -> where its first bytes say how wide its addresses and its sizes are."""


def check_heaps(file: BinaryIO) -> dict[int, int]:
    """Refuse an HDF5 file with a heap that is larger than the file, or cannot be walked to its end.

    Returns
    -------
    dict
        Place -> bytes of each global heap.

    Raises
    ------
    ValueError
        If it has one, or is no HDF5 file as all writers make it: from its first byte on, with addresses of eight bytes.
    """
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    first = file.read(16)
    if not first.startswith(_SIGNATURE) or first[_WIDTHS.get(first[8], slice(0))] != b"\x08\x08":
        raise ValueError("it does not begin as an HDF5 file")
    sizes = {place: _check_heap(file, place, length) for place in list(_heaps(file))}
    return {place: size for place, size in sizes.items() if size}


def _heaps(file: BinaryIO) -> Iterator[int]:
    """Where a heap begins; or, which would be a wonder, eight bytes of an array that look like its head."""
    for first, held in _pieces(file, overlap=7):
        for head in _HEADS:
            at = -1
            while (at := held.find(head, at + 1)) >= 0:
                yield first + at


def _pieces(file: BinaryIO, overlap: int) -> Iterator[tuple[int, bytes]]:
    """A file piece by piece, each with the end of the one before: where it begins, and its bytes."""
    file.seek(0)
    first, kept = 0, b""
    while piece := file.read(_PIECE):
        held = kept + piece
        yield first, held
        kept = held[-overlap:]
        first += len(held) - len(kept)


def references_beyond(file: BinaryIO, heaps: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """What looks like a reference to more of a global heap than the file has bytes; outside of heaps.

    Outside of what holds references it is none: an address that ends as another one begins is enough.

    Parameters
    ----------
    file : file
    heaps : Mapping
        As `check_heaps` returns them.

    Yields
    ------
    place, declared : int
        Where it stands, and how many bytes it says that there are.
    """
    if not heaps:
        return
    length, places = file.seek(0, os.SEEK_END), np.array(sorted(heaps), np.uint64)
    for first, held in _pieces(file, overlap=_REFERENCE.size - 1):
        for shift in range(4, 12):
            words = np.frombuffer(held, "<u8", max(len(held) - shift, 0) // 8, shift)
            near = np.flatnonzero((words >= places[0]) & (words <= places[-1]))
            for at in (shift - 4 + 8 * near[np.isin(words[near], places)]).tolist():
                if at + _REFERENCE.size > len(held):
                    continue
                declared, _, index = _REFERENCE.unpack_from(held, at)
                heap = int(places[max(int(np.searchsorted(places, first + at, "right")) - 1, 0)])
                if declared > length and 0 < index <= _LARGEST_INDEX and not heap <= first + at < heap + heaps[heap]:
                    yield first + at, declared


def _check_heap(file: BinaryIO, place: int, length: int) -> int:
    """Refuse a heap that cannot be walked; the size of a global one, 0 of another."""
    file.seek(place)
    head = file.read(16)
    size = int.from_bytes(head[8:], "little")
    if size > length:
        raise ValueError(f"the heap at byte {place:,} declares {size:,} bytes and the file has {length:,}")
    if head[:8] != _HEADS[0]:
        return 0
    _walk(file.read(max(size - 16, 0)), place)
    return size


def _walk(content: bytes, place: int) -> None:
    at = 0
    while at + _OBJECT.size <= len(content):
        index, _, length = _OBJECT.unpack_from(content, at)
        step = length if index == 0 else _OBJECT.size + -(-length // 8) * 8
        if not 0 < step <= len(content) - at:
            raise ValueError(f"the texts at byte {place:,} cannot be read to their end")
        at += step
