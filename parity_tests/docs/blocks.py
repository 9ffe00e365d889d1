"""The code blocks of a page, in order, whatever directives they lie in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

CELL = "{code-cell}"
_OPTION = re.compile(r":[\w-]+:|\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where it stands, what language it says it is in, and what it holds."""

    page: Path
    line: int
    language: str
    code: str

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"


def read_blocks(page: Path) -> list[Block]:
    """Every fenced block of a page; the first word behind the fence is its language."""
    return list(_blocks(page, page.read_text(), 1))


def _blocks(page: Path, text: str, first: int) -> Iterator[Block]:
    for token in MarkdownIt().parse(text):
        if token.type != "fence" or token.map is None:
            continue
        language, line = (token.info.split() or [""])[0], first + token.map[0] + 1
        if language.startswith("{") and language not in (CELL, "{code-block}"):
            yield from _blocks(page, token.content, line)
            continue
        if language == "{code-block}":
            language = token.info.split()[-1]
        skipped, code = _without_options(token.content) if token.info.startswith("{") else (0, token.content)
        yield Block(page, line + skipped, language, code)


def _without_options(content: str) -> tuple[int, str]:
    lines = content.splitlines(keepends=True)
    count = next((number for number, line in enumerate(lines) if not _OPTION.match(line)), 0)
    return count, "".join(lines[count:])
