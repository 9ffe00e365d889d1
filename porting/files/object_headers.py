"""How long the texts of an HDF5 file's attributes say that they are: the library makes room before it looks for them.

The header of an object, in its first version, is a version, a zero, the count of its messages in two bytes, four bytes
of references, the size of its first block in four, and four zeros; then messages: type and size in two bytes each,
flags, three zeros, content. In its second it begins with ``OHDR``, its version and flags; each message has its type in
one byte, and where the flags say so the order in which it was made in two. A message of type 16 leads to another block:
its place and size in eight bytes each. An attribute is its version, flags, the sizes of its name, its type and its
space in two bytes each; these; its values. A text of any length is its own length in four bytes, and where it lies in
twelve. See the HDF5 File Format Specification, version 3.0, sections IV.A.1 and IV.A.2.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO

_PREFIX = struct.Struct("<BxHII4x")
_BLOCK = struct.Struct("<QQ")
_ATTRIBUTE_SIZES = struct.Struct("<BBHHH")
_ATTRIBUTE, _CONTINUATION, _ATTRIBUTES_APART = 12, 16, 21
_SHARED = 2
_NOWHERE = b"\xff" * 8
_OF_ANY_LENGTH, _OF_PARTS = 9, (6, 10)
"""Classes of types: of any length; records and arrays, which may hold such."""

_REFERENCE = 16


class UnknownPlaceError(Exception):
    """Attributes are kept where nobody here looks for them."""


def texts_of_attributes(file: BinaryIO, headers: Iterable[int]) -> list[tuple[int, int]] | None:
    """Where each text of the attributes of these objects is referred to, and how many bytes it says that it has.

    Parameters
    ----------
    file : file
        Of addresses of eight bytes, from its first byte on.
    headers : iterable of int
        Where the objects' headers are.

    Returns
    -------
    list of (int, int) or None
        None if there may be others: in a place of their own, of a type that several share, or within records.

    Raises
    ------
    ValueError
        If a header does not say where it ends.
    """
    try:
        return [text for header in headers for text in _texts_of(file, header)]
    except UnknownPlaceError:
        return None
    except (struct.error, IndexError) as error:
        raise ValueError("the header of an object ends before what is in it") from error


def _texts_of(file: BinaryIO, header: int) -> Iterator[tuple[int, int]]:
    is_second = _read(file, header, 4) == b"OHDR"
    blocks = [_first_of_second(file, header) if is_second else _first_of_first(file, header)]
    message = struct.Struct("<HHB3x") if not is_second else _message_of_second(file, header)
    left = file.seek(0, os.SEEK_END)
    for place, size in blocks:
        held, at = _read(file, place, size), 0
        left -= size
        if left < 0:
            raise ValueError(f"the header of the object at byte {header:,} is larger than the file")
        while at + message.size <= len(held):
            kind, length, flags = message.unpack_from(held, at)[:3]
            at += message.size
            content = held[at : at + length]
            if kind in (_ATTRIBUTE, _CONTINUATION) and flags & _SHARED:
                raise UnknownPlaceError
            if kind == _ATTRIBUTES_APART and content[2 + 2 * (content[1] & 1) :][:8] != _NOWHERE:
                raise UnknownPlaceError
            if kind == _ATTRIBUTE:
                yield from ((place + at + first, declared) for first, declared in _texts_in(content))
            if kind == _CONTINUATION:
                first, count = _BLOCK.unpack_from(content)
                blocks.append((first + 4, max(count - 8, 0)) if is_second else (first, count))
            at += length


def _first_of_first(file: BinaryIO, header: int) -> tuple[int, int]:
    version, _, _, size = _PREFIX.unpack(_read(file, header, _PREFIX.size))
    if version != 1:
        raise UnknownPlaceError
    return header + _PREFIX.size, size


def _first_of_second(file: BinaryIO, header: int) -> tuple[int, int]:
    flags = _read(file, header + 5, 1)[0]
    width = 1 << (flags & 3)
    at = header + 6 + (16 if flags & 32 else 0) + (4 if flags & 16 else 0)
    return at + width, int.from_bytes(_read(file, at, width), "little")


def _message_of_second(file: BinaryIO, header: int) -> struct.Struct:
    return struct.Struct("<BHB2x" if _read(file, header + 5, 1)[0] & 4 else "<BHB")


def _texts_in(attribute: bytes) -> Iterator[tuple[int, int]]:
    """The texts of an attribute: where in its message each is referred to, and how many bytes it says that it has."""
    version, flags, *sizes = _ATTRIBUTE_SIZES.unpack_from(attribute)
    if (version > 1 and flags & 3) or version not in (1, 2, 3):
        raise UnknownPlaceError
    name, kind, space = (-(-size // 8) * 8 if version == 1 else size for size in sizes)
    at = _ATTRIBUTE_SIZES.size + (version == 3) + name
    of_type = attribute[at : at + kind]
    if of_type[:1] and of_type[0] & 15 in _OF_PARTS:
        raise UnknownPlaceError
    if not of_type or of_type[0] & 15 != _OF_ANY_LENGTH:
        return
    each = max(int.from_bytes(of_type[12:16], "little"), 1)
    for first in range(at + kind + space, len(attribute) - _REFERENCE + 1, _REFERENCE):
        yield first, each * int.from_bytes(attribute[first : first + 4], "little")


def _read(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    held = file.read(size)
    if len(held) < size:
        raise ValueError(f"the object at byte {place:,} is larger than the file")
    return held
