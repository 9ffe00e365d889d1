"""Text that came with a file, as it may be shown: nothing in it reaches a terminal but letters."""

import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
"""Unicode's categories of what acts on a terminal or is not seen: control, format and direction marks, surrogates."""


def readable(text: str) -> str:
    r"""Write what is no letter, and no line's end, as an escape: a name cannot colour, move or hide what is shown.

    Examples
    --------
    >>> print(readable("fc1\x1b[2J"))
    fc1\x1b[2J
    """
    if text.isprintable():
        return text
    return "".join(character if character == "\n" or _is_seen(character) else _escaped(character) for character in text)


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) not in _UNSEEN


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


class Readable:
    """Whatever rich can show, with every text in it made readable, and none of it read as markup."""

    def __init__(self, renderable: Any) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.segment import Segment

        for segment in console.render(self._renderable, options):
            yield segment if segment.control else Segment(readable(segment.text), segment.style)


def console(**options: Any) -> "Console":
    """A console that reads no markup, no emoji and no numbers out of what it is given; `options` as rich's own."""
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False, **options)


def shown_lines(renderable: Any, width: int) -> Iterator[str]:
    """What a console of that width shows, in plain text."""
    from io import StringIO

    written = StringIO()
    console(file=written, width=width, color_system=None, force_terminal=False).print(Readable(renderable))
    yield from (line.rstrip() for line in written.getvalue().splitlines())
