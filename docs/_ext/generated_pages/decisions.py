"""DECISIONS.md as a page: each decision a heading and a list."""

import re
from pathlib import Path

_PARTS = re.compile(r"^(Why|Instead of|Revisit): ", flags=re.MULTILINE)
_INSIDE = re.compile(r"(?<=[.;]) (?=(?:Why|Instead of|Revisit): )")


def markdown(path: Path) -> str:
    """What was decided, why, instead of what, and when to think again."""
    _, *decisions = re.split(r"\n(?=\*\*)", path.read_text())
    return "\n\n".join(map(_section, decisions))


def _section(decision: str) -> str:
    title, _, rest = decision.removeprefix("**").partition("**")
    lines = _INSIDE.sub("\n", rest.strip())
    return f"## {' '.join(title.split()).rstrip('.')}\n\n{_PARTS.sub(_item, lines)}"


def _item(found: re.Match[str]) -> str:
    return f"\n- **{found[1]}**: "
