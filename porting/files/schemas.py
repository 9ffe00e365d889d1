"""Say where JSON that was handed over is not of its format's schema; needs nothing beyond Python.

A schema is a `Kind`, a dict of schemas (``name?`` need not be there, other names may), a list of one schema, `Each` for
a mapping from any name, or a tuple of alternatives.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LARGEST_COUNT = 1 << 48


@dataclass(frozen=True, slots=True)
class Kind:
    """A value without parts: what it must be, in words, and whether one is."""

    words: str
    accepts: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Each:
    """A mapping from any name to values of one schema."""

    schema: Any


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT


def is_number(value: Any) -> bool:
    """Whether a value is a number, finite and no bool."""
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 1 << 1000  # beyond, it is no float
    return isinstance(value, float) and math.isfinite(value)


TEXT = Kind("a text", lambda value: isinstance(value, str))
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
COUNT = Kind("a whole number from 0", _is_count)
NUMBER = Kind("a finite number", is_number)
NOTHING = Kind("null", lambda value: value is None)
SCALAR = Kind("a number, a text, true, false or null", lambda value: not isinstance(value, (dict, list)))
ANYTHING = Kind("anything", lambda value: True)


def find_misfits(value: Any, schema: Any, place: str = "") -> Iterator[str]:
    """Say of each value that is missing, or not what the schema wants, where it is and what it must be.

    Examples
    --------
    >>> list(find_misfits({"epoch": "one"}, {"epoch": COUNT, "loss": NUMBER}))
    ['epoch must be a whole number from 0', 'loss is missing']
    """
    if isinstance(schema, tuple):
        if all(any(find_misfits(value, one)) for one in schema):
            yield f"{place or 'it'} must be {' or '.join(map(_words, schema))}"
    elif isinstance(schema, Kind):
        if not schema.accepts(value):
            yield f"{place or 'it'} must be {schema.words}"
    elif not isinstance(value, list if isinstance(schema, list) else Mapping):
        yield f"{place or 'it'} must be {_words(schema)}"
    else:
        for name, part, wanted in _parts(value, schema):
            yield from find_misfits(part, wanted, f"{place}.{name}".lstrip("."))
        yield from (f"{place}.{name} is missing".lstrip(".") for name in _missing(value, schema))


def find_infinite(value: Any, place: str = "") -> Iterator[str]:
    """Say where within JSON a number is NaN or infinite, as Python reads them though JSON has no words for them.

    Examples
    --------
    >>> list(find_infinite({"losses": [1.0, float("inf")]}))
    ['losses.1']
    """
    if isinstance(value, float) and not math.isfinite(value):
        yield place
    held = value if isinstance(value, Mapping) else dict(enumerate(value)) if isinstance(value, list) else {}
    for name, part in held.items():
        yield from find_infinite(part, f"{place}.{name}".lstrip("."))


def _parts(value: Any, schema: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(schema, list):
        yield from ((str(number), part, schema[0]) for number, part in enumerate(value))
    elif isinstance(schema, Each):
        yield from ((str(name), part, schema.schema) for name, part in value.items())
    else:
        for name, wanted in schema.items():
            if (name := name.removesuffix("?")) in value:
                yield name, value[name], wanted


def _missing(value: Any, schema: Any) -> list[str]:
    wanted = schema if isinstance(schema, dict) else {}
    return [name for name in wanted if not name.endswith("?") and name not in value]


def _words(schema: Any) -> str:
    return schema.words if isinstance(schema, Kind) else "a list" if isinstance(schema, list) else "an object"


def check_schema(value: Any, schema: Any) -> None:
    """Refuse JSON that is not of a schema.

    Raises
    ------
    ValueError
        If it is not; it names the first three places.
    """
    found = [fact for _, fact in zip(range(4), find_misfits(value, schema), strict=False)]
    if found:
        raise ValueError("; ".join(found[:3]) + ("; and more" if len(found) > 3 else ""))
