"""Heaps of HDF5 files, for texts and names: the library makes room for what they declare, or finds no end of them.

A global heap is ``GCOL``, a version, three zeros and its own size; then objects: index, references, four zeros, size,
content to a multiple of eight bytes. The object of index 0 is what is free, whose size counts its own header; where it
is 0, the library goes round it without end. A local heap is ``HEAP``, four zeros and the size of its content.
"""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEADS = (b"GCOL\x01\0\0\0", b"HEAP\0\0\0\0")
_OBJECT = struct.Struct("<HH4xQ")
_PIECE = 1 << 22
_WIDTHS = {0: slice(13, 15), 1: slice(13, 15), 2: slice(9, 11), 3: slice(9, 11)}
"""Version of a file -> where its first bytes say how wide its addresses and its sizes are."""


def check_heaps(file: BinaryIO) -> None:
    """Refuse an HDF5 file with a heap that is larger than the file, or cannot be walked to its end.

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
    for place in list(_heaps(file)):
        _check_heap(file, place, length)


def _heaps(file: BinaryIO) -> Iterator[int]:
    """Where a heap begins; or, which would be a wonder, eight bytes of an array that look like its head."""
    file.seek(0)
    before, kept = 0, b""
    while piece := file.read(_PIECE):
        held = kept + piece
        for head in _HEADS:
            at = -1
            while (at := held.find(head, at + 1)) >= 0:
                yield before - len(kept) + at
        before, kept = before + len(piece), held[-7:]


def _check_heap(file: BinaryIO, place: int, length: int) -> None:
    file.seek(place)
    head = file.read(16)
    size = int.from_bytes(head[8:], "little")
    if size > length:
        raise ValueError(f"the heap at byte {place:,} declares {size:,} bytes and the file has {length:,}")
    if head[:8] == _HEADS[0]:
        _walk(file.read(max(size - 16, 0)), place)


def _walk(content: bytes, place: int) -> None:
    at = 0
    while at + _OBJECT.size <= len(content):
        index, _, length = _OBJECT.unpack_from(content, at)
        step = length if index == 0 else _OBJECT.size + -(-length // 8) * 8
        if not 0 < step <= len(content) - at:
            raise ValueError(f"the texts at byte {place:,} cannot be read to their end")
        at += step
