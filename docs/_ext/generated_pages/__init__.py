"""Parts of pages that the code itself says: commands, layers, settings, causes, errors, modules, schemas, decisions.

Each module gives Markdown for what it finds, and a directive of its name puts it on a page, so that no page can say
what is no longer true. Whoever changes the code changes the site.
"""

from collections.abc import Callable
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

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
"""Directive -> what it writes, given its argument."""


class Generated(SphinxDirective):
    """Markdown that a function gives, in the place of the directive."""

    optional_arguments = 1
    has_content = False

    def run(self) -> list[nodes.Node]:
        """Write the Markdown and have it read as part of the page, headings included."""
        text = CONTENTS[self.name.removeprefix("generated-")](self.arguments[0] if self.arguments else "")
        return self.parse_text_to_nodes(text, offset=self.content_offset, allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register a directive ``generated-NAME`` for each of the contents."""
    for name in CONTENTS:
        app.add_directive(f"generated-{name}", Generated)
    return {"parallel_read_safe": True}
