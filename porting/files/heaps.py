"""Global heaps of HDF5 files, where texts lie: the library goes round an object of no size in them without end.

A heap is ``GCOL``, a version, three zeros and its own size; then objects: index, references, four zeros, size, content
to a multiple of eight bytes. The object of index 0 is what is free, whose size counts its own header.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEAP, _OBJECT = struct.Struct("<4sB3xQ"), struct.Struct("<HH4xQ")
_PIECE = 1 << 22
_SIZES = {0: slice(13, 15), 1: slice(13, 15), 2: slice(9, 11), 3: slice(9, 11)}
"""Version of a file -> where its first bytes say how wide its addresses and its sizes are."""


def check_heaps(file: BinaryIO) -> None:
    """Refuse an HDF5 file with a heap that cannot be walked to its end.

    Raises
    ------
    ValueError
        If it has one, or is no HDF5 file as all writers make it: from its first byte on, with addresses of eight bytes.
    """
    file.seek(0)
    first = file.read(16)
    if not first.startswith(_SIGNATURE) or first[_SIZES.get(first[8], slice(0))] != b"\x08\x08":
        raise ValueError("it does not begin as an HDF5 file")
    for place in list(_heaps(file)):
        _check_heap(file, place)


def _heaps(file: BinaryIO) -> Iterator[int]:
    """Where a heap may begin, also within an array, of whose bytes some might look like one."""
    file.seek(0)
    before, kept = 0, b""
    while piece := file.read(_PIECE):
        held, at = kept + piece, -1
        while (at := held.find(b"GCOL", at + 1)) >= 0:
            yield before - len(kept) + at
        before, kept = before + len(piece), held[-3:]


def _check_heap(file: BinaryIO, place: int) -> None:
    file.seek(place)
    head = file.read(_HEAP.size)
    if len(head) < _HEAP.size or head[4:8] != b"\x01\0\0\0":
        return  # the library reads no heap of another kind
    size = _HEAP.unpack(head)[2]
    content = file.read(size - _HEAP.size) if _HEAP.size <= size <= _LARGEST else b""
    at = 0
    while at + _OBJECT.size <= len(content):
        index, _, length = _OBJECT.unpack_from(content, at)
        step = length if index == 0 else _OBJECT.size + -(-length // 8) * 8
        if not 0 < step <= len(content) - at:
            raise ValueError(f"the texts at byte {place:,} cannot be read to their end")
        at += step


_LARGEST = 1 << 30
"""Bytes of a heap; the library makes them of 4,096, or as large as one text."""
