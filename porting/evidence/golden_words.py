"""Words and names in a golden file: JSON of a schema, and tensors' names as HDF5 takes them."""

import json
from collections.abc import Mapping
from typing import Any

from porting.files import hdf5
from porting.files.bounds import parse_json
from porting.files.schemas import check_schema

_ATTRIBUTE_BYTES = 32_000
"""Longest text that is an attribute (HDF5 has 64 kB); a longer one is a data set called `_LONG` and its name."""

_LONG = "words of "

_ESCAPES = {"%": "%25", "/": "%2F", "\0": "%00", ".": "%2E"}
"""What HDF5 has a use for within a name; ``.`` only where it is all of it."""


def escaped(name: str) -> str:
    """A tensor's name as HDF5 takes it: PyTorch allows ``/`` in a module's name."""
    if name.strip(".") == "":
        return name.replace(".", _ESCAPES["."])
    return "".join(_ESCAPES[letter] if letter in "%/\0" else letter for letter in name)


def unescaped(name: str) -> str:
    """The name that `escaped` was given."""
    for letter, escape in reversed(_ESCAPES.items()):
        name = name.replace(escape, letter)
    return name


def write_words(group: Any, words: Mapping[str, Any]) -> None:
    """Write words as JSON, each under its name."""
    for name, value in words.items():
        text = json.dumps(value, default=str)
        if len(text) < _ATTRIBUTE_BYTES:
            group.attrs[name] = text
        else:
            group.create_dataset(f"{_LONG}{name}", data=text)


def has_words(group: Any, name: str) -> bool:
    """Whether there are words of that name."""
    return name in group.attrs or f"{_LONG}{name}" in group


def read_words(group: Any, name: str, schema: Any) -> Any:
    """Words of a schema, which are an attribute or, where they are long, a data set."""
    if name in group.attrs:
        text = hdf5.attribute_of(group, name, str)
    else:
        held = group.get(f"{_LONG}{name}")
        if getattr(held, "shape", None) != () or held.dtype.kind != "O":
            raise ValueError(f"{group.name} has no words of {name}")
        text = held.asstr()[()]
    words = parse_json(text)
    check_schema(words, schema)
    return words
