"""HDF5 files that were handed over: nothing in them leads elsewhere, or is larger than they can hold."""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.errors import first_line
from porting.files.bounds import ALLOWANCE, LARGEST_RATIO, UNREADABLE, check_declared
from porting.files.heaps import check_heaps, references_beyond
from porting.files.object_headers import texts_of_attributes

if TYPE_CHECKING:
    import h5py

NUMBERS = "fiub"
"""NumPy's kinds of numbers."""

DEEPEST = 32
"""Groups within groups; Keras' files have about six."""

LARGEST_ATTRIBUTE = 1 << 20

_REFERENCE = 16
"""Bytes in an attribute that say where in the file a text lies."""


@contextmanager
def opened(path: Path, stored: Any = None, *, locking: bool | None = None) -> Iterator["h5py.File"]:
    """Open a file, or one `stored` within it, that holds all that it refers to, and no more than it can.

    Raises
    ------
    ValueError
        For whatever is wrong with it, also as it is read.
    """
    import h5py

    try:
        with _bytes_of(path, stored) as content:
            heaps = check_heaps(content)
        with h5py.File(stored or path, "r", locking=locking) as file:
            objects: dict[int, Any] = {}
            check_declared(sum(_declared(file, objects, 0)), path.stat().st_size)
            with _bytes_of(path, stored) as content:
                _check_references(content, file, objects, heaps)
            yield file
    except ValueError:
        raise
    except UNREADABLE as error:
        raise ValueError(first_line(error)) from error


def _bytes_of(path: Path, stored: Any) -> AbstractContextManager[Any]:
    return nullcontext(stored) if stored else path.open("rb")


def _check_references(content: Any, file: Any, objects: Mapping[int, Any], heaps: Mapping[int, int]) -> None:
    """Refuse texts that say they are longer than the file: those of attributes; what looks so, where others may be."""
    from h5py import h5o  # type: ignore[reportAttributeAccessIssue]

    of_numbers = all(not hasattr(item, "dtype") or item.dtype.kind in NUMBERS for item in objects.values())
    about: Any = h5o.get_info(file.id)
    texts = texts_of_attributes(content, [about.addr, *objects]) if of_numbers else None
    length = content.seek(0, os.SEEK_END)
    for at, declared in references_beyond(content, heaps) if texts is None else texts:
        if declared > length:
            raise ValueError(f"the text at byte {at:,} declares {declared:,} bytes of {length:,}")


def _declared(group: Any, seen: dict[int, Any], depth: int) -> Iterator[int]:
    """Bytes of each array of a group, and of the groups in it; each is the group's own, and met once."""
    import h5py
    from h5py import h5o  # type: ignore[reportAttributeAccessIssue]

    if depth > DEEPEST:
        raise ValueError(f"{group.name}: groups within groups, more than {DEEPEST}")
    for name in group:
        place = f"{group.name}/{name}".replace("//", "/")
        if kind := _link_kind(group, name):
            raise ValueError(f"{place} is {kind}, which is not followed; what a file refers to must be in it")
        item = group[name]
        about: Any = h5o.get_info(item.id)
        if about.addr in seen:
            raise ValueError(f"{place} is there twice, under another name")
        seen[about.addr] = item
        if isinstance(item, h5py.Group):
            yield from _declared(item, seen, depth + 1)
        elif isinstance(item, h5py.Dataset):
            yield _size(item, place)


def _link_kind(group: Any, name: str) -> str:
    from h5py import h5l  # type: ignore[reportAttributeAccessIssue]

    kinds = {h5l.TYPE_HARD: "", h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "an external link"}
    return kinds.get(group.id.links.get_info(name.encode("utf-8", "surrogateescape")).type, "a link")


def _size(dataset: "h5py.Dataset", place: str) -> int:
    from h5py import h5d  # type: ignore[reportAttributeAccessIssue]

    layout = dataset.id.get_create_plist()
    if layout.get_layout() == h5d.VIRTUAL or layout.get_external_count():
        raise ValueError(f"{place}: its values lie in other files, which are not opened")
    size = dataset.id.get_type().get_size()
    if layout.get_layout() == h5d.CHUNKED and math.prod(layout.get_chunk()) * size > ALLOWANCE * LARGEST_RATIO:
        raise ValueError(f"{place}: chunks of {math.prod(layout.get_chunk()) * size:,} bytes")
    return math.prod(dataset.shape or ()) * size


def group_of(group: Any, name: str) -> "h5py.Group":
    """A group within a group.

    Raises
    ------
    ValueError
        If it is not there, or is no group.
    """
    import h5py

    held = group.get(name)
    if not isinstance(held, h5py.Group):
        raise ValueError(f"{_place(group, name)} is not there, or is no group")
    return held


def numbered(group: Any) -> list[Any]:
    """What a group holds under 0, 1, 2 and so on, and nothing beside.

    Raises
    ------
    ValueError
        If one of them is not there.
    """
    names = [str(number) for number in range(len(group))]
    if missing := [name for name in names if name not in group]:
        raise ValueError(f"{_place(group, missing[0])} is not there")
    return [group[name] for name in names]


def array_of(held: Any, dimensions: Sequence[int] | None = None) -> np.ndarray:
    """The numbers of a data set; with so many axes, where it is said.

    Raises
    ------
    ValueError
        If it holds no numbers, or is no data set.
    """
    import h5py

    if not isinstance(held, h5py.Dataset) or held.dtype.kind not in NUMBERS or held.shape is None:
        raise ValueError(f"{getattr(held, 'name', 'an array')} holds no array of numbers")
    if dimensions and held.ndim not in dimensions:
        raise ValueError(f"{held.name} has {held.ndim} axes")
    return np.asarray(held[()])


def array_in(group: Any, name: str, dimensions: Sequence[int] | None = None) -> np.ndarray:
    """The numbers of a data set within a group.

    Raises
    ------
    ValueError
        If it is not there, or holds no numbers.
    """
    if name not in group:
        raise ValueError(f"{_place(group, name)} is not there")
    return array_of(group[name], dimensions)


def attribute_of(group: Any, name: str, kind: type) -> Any:
    """An attribute: a text, or one number.

    Raises
    ------
    ValueError
        If it is not there, or is something else.
    """
    from h5py import h5a, h5t  # type: ignore[reportAttributeAccessIssue]

    if name not in group.attrs:
        raise ValueError(f"{group.name} has no attribute {name}")
    held = h5a.open(group.id, name.encode())
    if held.get_storage_size() > LARGEST_ATTRIBUTE or held.get_type().get_size() > LARGEST_ATTRIBUTE:
        raise ValueError(f"the attribute {name} of {group.name} is too large")
    is_text = held.get_type().get_class() == h5t.STRING
    size = _REFERENCE if is_text and held.get_type().is_variable_str() else held.get_type().get_size()
    if held.shape not in ((), (1,)) or held.get_storage_size() != size or is_text != (kind is str):
        raise ValueError(f"the attribute {name} of {group.name} has not the size of its type")
    value = group.attrs[name]
    if kind is not str and isinstance(value, (np.integer, np.floating, int, float)) and math.isfinite(value):
        if kind is int and value != int(value):
            raise ValueError(f"the attribute {name} of {group.name} is no whole number")
        return kind(value)
    if kind is str and isinstance(value, str):
        return value
    raise ValueError(f"the attribute {name} of {group.name} is no {'text' if kind is str else 'number'}")


def _place(group: Any, name: str) -> str:
    return f"{group.name}/{name}".replace("//", "/")
