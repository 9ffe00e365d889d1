"""The catalogue of causes as tables: what the tool tries where two models part, and the remedy it names."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

from generated_pages.text import escaped, table
from porting import causes


def markdown() -> str:
    """A table for each kind of hypothesis, in the order of the catalogue."""
    kinds: dict[type, list[Any]] = {}
    for row in _rows():
        kinds.setdefault(type(row), []).append(row)
    return "\n\n".join(_kind(kind, rows) for kind, rows in kinds.items())


def _kind(kind: type, rows: list[Any]) -> str:
    told = (kind.__doc__ or "").split("\n\n")[0].split(";")[0].strip().rstrip(".")
    lines = dict.fromkeys((escaped(row.name), escaped(_remedy(row.remedy))) for row in rows)
    return f"## {told}\n\n{table(('cause', 'remedy'), lines)}"


def _remedy(remedy: Any) -> str:
    """The words; where a row makes them of a call's own sizes, what it says of it."""
    if isinstance(remedy, str):
        return remedy
    said = (getattr(remedy, "func", remedy).__doc__ or "").split("\n\n")[0].strip().rstrip(".")
    return said[:1].lower() + said[1:]


def _rows() -> Iterator[Any]:
    """Every row of the package's tables: constants that are tuples of things with a name and a remedy."""
    seen: set[int] = set()
    for found in pkgutil.walk_packages(causes.__path__, f"{causes.__name__}."):
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            if name.isupper() and isinstance(value, tuple) and id(value) not in seen:
                seen.add(id(value))
                yield from (row for row in value if hasattr(row, "name") and hasattr(row, "remedy"))
