"""Where an HDF5 file holds attributes, which h5py does not tell.

The header of an object, in its first version, is a version, a zero, the count of its messages in two bytes, four bytes
of references, the size of its first block in four, and four zeros; then messages: type and size in two bytes each,
flags, three zeros, content. A message of type 16 leads to another block: its place and size in eight bytes each.
"""

import struct
from collections.abc import Iterable
from typing import BinaryIO

_PREFIX = struct.Struct("<BxHII4x")
_MESSAGE = struct.Struct("<HHB3x")
_BLOCK = struct.Struct("<QQ")
_ATTRIBUTE, _CONTINUATION, _ATTRIBUTES_APART = 12, 16, 21
_SHARED = 2
_MOST_BLOCKS = 1 << 12


def attribute_places(file: BinaryIO, headers: Iterable[int]) -> list[range] | None:
    """The bytes of all attributes of the objects whose headers are there.

    Parameters
    ----------
    file : file
        Of addresses of eight bytes, from its first byte on.
    headers : iterable of int

    Returns
    -------
    list of range or None
        None if some may be elsewhere: in a header of another version, or in a place of their own.
    """
    found: list[range] = []
    for place in headers:
        places = _places_in(file, place)
        if places is None:
            return None
        found += places
    return found


def _places_in(file: BinaryIO, header: int) -> list[range] | None:
    version, _, _, size = _PREFIX.unpack(_read(file, header, _PREFIX.size))
    if version != 1:
        return None
    found: list[range] = []
    blocks = [(header + _PREFIX.size, size)]
    for place, size in blocks:
        held, at = _read(file, place, size), 0
        while at + _MESSAGE.size <= len(held):
            kind, length, flags = _MESSAGE.unpack_from(held, at)
            at += _MESSAGE.size
            if kind == _ATTRIBUTES_APART or (kind in (_ATTRIBUTE, _CONTINUATION) and flags & _SHARED):
                return None
            if kind == _ATTRIBUTE:
                found.append(range(place + at, place + at + length))
            if kind == _CONTINUATION:
                blocks.append(_BLOCK.unpack_from(held, at))
            at += length
        if len(blocks) > _MOST_BLOCKS:
            return None
    return found


def _read(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    held = file.read(size)
    if len(held) < size:
        raise ValueError(f"the object at byte {place:,} is larger than the file")
    return held
