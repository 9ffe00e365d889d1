"""How the facts and tables of a summary are written: as many digits as can be read, columns that line up."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from porting.reports.rendering import Tile

MISSING = "-"
_DIGITS = 4
"""Significant digits of the largest number of a column."""
_LARGE = 8
"""Facts that are shown large at most."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
    is_number : bool
        Whether it holds nothing but numbers, and is aligned as such.
    cells : tuple of str
        Top to bottom.
    """

    name: str
    is_number: bool
    cells: tuple[str, ...]


def view_table(rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    """The columns of a table, in the order in which its rows bring them."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [_view_column(name, [row.get(name) for row in rows]) for name in names]


def view_facts(facts: Mapping[str, Any]) -> tuple[list[Tile], list[tuple[str, str]]]:
    """The first numbers among facts, to be shown large, and all the others."""
    pairs = list(_flatten(facts))
    large = [name for name, value in pairs if _is_number(value)][:_LARGE]
    written = [(name, write_value(value)) for name, value in pairs]
    return [Tile(*fact) for fact in written if fact[0] in large], [fact for fact in written if fact[0] not in large]


def write_value(value: Any) -> str:
    """A value in words: numbers in four digits, lists with commas."""
    if isinstance(value, list):
        return ", ".join(map(write_value, value)) or MISSING
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {write_value(held)}" for name, held in value.items()) or MISSING
    if _is_number(value):
        written = _write_number(value, _decimals([value]))
        return written.rstrip("0").rstrip(".") if "." in written and "e" not in written else written
    if isinstance(value, bool):
        return "yes" if value else "no"
    return MISSING if value is None else value


def _view_column(name: str, values: Sequence[Any]) -> Column:
    numbers = [value for value in values if _is_number(value)]
    if not numbers or any(value is not None and not _is_number(value) for value in values):
        return Column(name, False, tuple(map(write_value, values)))
    decimals = _decimals(numbers)
    return Column(name, True, tuple(MISSING if held is None else _write_number(held, decimals) for held in values))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decimals(numbers: Sequence[float]) -> int:
    """Decimals that leave the largest of some numbers four digits; none where all are whole."""
    if all(isinstance(number, int) for number in numbers):
        return 0
    largest = max(map(abs, numbers))
    return _DIGITS if largest == 0 else min(max(_DIGITS - 1 - math.floor(math.log10(largest)), 0), _DIGITS)


def _write_number(number: float, decimals: int) -> str:
    if number and abs(number) < 0.5 * 10.0**-decimals:
        return f"{number:.1e}"
    return f"{number:.1e}" if abs(number) >= 1e15 else f"{number:,.{decimals}f}"


def _flatten(facts: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in facts.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{within}{name}: ")
        else:
            yield f"{within}{name}", value
