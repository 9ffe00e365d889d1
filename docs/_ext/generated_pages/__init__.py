"""Parts of pages that the code itself says: commands, layers, settings, causes, errors, modules, schemas, decisions.

Each module gives Markdown for what it finds, which takes the place of ``:::{generated-NAME} ARGUMENT`` in a page before
the page is read, so that no page can say what is no longer true. Whoever changes the code changes the site.
"""

import re
from collections.abc import Callable
from pathlib import Path

from sphinx.application import Sphinx

from generated_pages import architecture, causes, commands, decisions, errors, layers, modules, rooms, schemas

ROOT = Path(__file__).resolve().parents[3]

CONTENTS: dict[str, Callable[[str], str]] = {
    "architecture": lambda _: architecture.picture(ROOT / "pyproject.toml"),
    "causes": lambda _: causes.markdown(),
    "commands": commands.markdown,
    "decisions": lambda name: decisions.markdown(ROOT / name),
    "errors": errors.markdown,
    "layers": lambda _: layers.markdown(),
    "members": modules.members,
    "modules": modules.markdown,
    "rooms": lambda _: rooms.markdown(),
    "schemas": lambda _: schemas.markdown(ROOT),
}
"""What stands behind ``generated-`` -> what takes its place, given its argument."""

_PLACE = re.compile(r"^:::\{generated-(\w+)\} ?(\S*)\n:::$", re.MULTILINE)


def expanded(text: str) -> str:
    """A page with what is generated in its place."""
    return _PLACE.sub(lambda found: CONTENTS[found[1]](found[2]), text)


def _expand(app: Sphinx, document: str, source: list[str]) -> None:
    source[0] = expanded(source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Expand every page as it is read."""
    app.connect("source-read", _expand)
    return {"parallel_read_safe": True}
