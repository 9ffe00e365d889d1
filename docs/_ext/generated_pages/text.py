"""Plain text as Markdown."""

import inspect
import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\*_<>\[\]{}|#])")


def escaped(text: str) -> str:
    """A sentence whose characters mean nothing to Markdown; what stands in backquotes stays code."""
    parts = re.split(r"(``[^`]+``|`[^`]+`)", text)
    return "".join(part if part.startswith("`") else _SPECIAL.sub(r"\\\1", part) for part in parts)


def code(text: str) -> str:
    """A name as code."""
    return f"`{text}`"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, which scrolls by itself where it is too wide."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(map(_in_cell, cells))} |" for cells in lines)


def _in_cell(text: str) -> str:
    """Text whose bars do not end the cell, in code as well."""
    return re.sub(r"(?<!\\)\|", r"\|", text)


def dropdown(title: str, content: str) -> str:
    """What is read by few."""
    return f":::::{{dropdown}} {title}\n{content}\n:::::"


def summary(documented: object) -> str:
    """The first paragraph of what a thing says of itself, in one line."""
    return " ".join((inspect.getdoc(documented) or "").split("\n\n")[0].split())
