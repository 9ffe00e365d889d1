"""Tables on the terminal."""

import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from porting import foreign
from porting.commands.console import QUIET, WIDE
from porting.foreign import Readable

if TYPE_CHECKING:
    from rich.table import Table

GAP = 2


def print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows of equal columns, numbers to the right; nothing if there are none.

    Columns for which the terminal has no room follow below, behind the first column once more.
    """
    if not rows or QUIET.get():
        return
    is_free = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    console = foreign.console(width=WIDE if is_free else None)
    columns = {name: [_write(row[name]) for row in rows] for name in rows[0]}
    for number, names in enumerate(_parts(columns, console.width)):
        if number:
            console.print()
        console.print(Readable(_table({name: columns[name] for name in names})))


def _parts(columns: Mapping[str, Sequence[str]], width: int) -> Iterator[list[str]]:
    """Names of the columns that fit beside each other, the first in each part."""
    widths = {name: max(map(len, (name, *values))) for name, values in columns.items()}
    first, *others = columns
    part = [first]
    for name in others:
        if len(part) > 1 and sum(widths[held] + GAP for held in part) + widths[name] > width:
            yield part
            part = [first]
        part.append(name)
    yield part


def _table(columns: Mapping[str, Sequence[str]]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", no_wrap=bool(number), overflow="fold")
    for values in zip(*columns.values(), strict=True):
        table.add_row(*map(Text, values))
    return table


def _write(value: Any) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:,.4g}"
    return str(value)
