"""Tables on the terminal."""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

WIDE = 200
"""Columns where the output is no terminal, so that no name is cut."""


def print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows of equal columns, numbers to the right; nothing if there are none."""
    from rich.console import Console
    from rich.table import Table

    if not rows:
        return
    table = Table(*rows[0], box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        table.add_row(*map(_write, row.values()))
    Console(highlight=False, width=None if sys.stdout.isatty() else WIDE).print(table)


def _write(value: Any) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:,.4g}"
    return str(value)
