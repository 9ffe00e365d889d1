"""Where in a port's source its layers are made, and what lies between them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeVar

from porting.records.parity import Divergence

Held = TypeVar("Held")

Chain = tuple[int, ...]
"""The lines that led to something: its own, then those that called the function it stands in."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What lies between layers.

    Attributes
    ----------
    lines : tuple of Chain
        Of all that is called there.
    ends : tuple of str
        The layers with weights at its other end; "" for the inputs.
    """

    lines: tuple[Chain, ...]
    ends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PortSource:
    """The file whose code builds a port.

    Attributes
    ----------
    file : str
        Its name.
    text : str
        What it holds.
    lines : Mapping
        Layer -> the lines that made it.
    ahead : Mapping
        Layer with weights, or output -> what lies between the layers before it and it.
    behind : Mapping
        Layer with weights, "" for the inputs -> what lies between it and the layers behind it.
    """

    file: str
    text: str
    lines: Mapping[str, Chain]
    ahead: Mapping[str, Segment] = field(default_factory=dict)
    behind: Mapping[str, Segment] = field(default_factory=dict)

    def place_of(self, divergence: Divergence) -> str:
        """The lines at which two models part, in words; empty where no line is known to have made anything there."""
        name = divergence.port.partition(" (call ")[0]
        if divergence.where == "inside":
            return self.place_of_layer(name)
        return self._place_of_segment(self.ahead, name, is_ahead=True)

    def place_of_layer(self, name: str) -> str:
        """The line that makes a layer, in words; empty where none is known."""
        own = _of(self.lines, name)
        return self._words([own]) if own else ""

    def place_behind(self, name: str) -> str:
        """The lines of what stands behind a layer, in words; empty where none is known."""
        return self._place_of_segment(self.behind, name, is_ahead=False)

    def _place_of_segment(self, segments: Mapping[str, Segment], name: str, *, is_ahead: bool) -> str:
        segment, own = _of(segments, name) or Segment((), ()), _of(self.lines, name)
        others = sorted(line for end in segment.ends if end and (line := _of(self.lines, end)))
        ends = [self._words([line]) for line in ((*others, own) if is_ahead else (own, *others)) if line]
        where = "between" if len(ends) > 1 else "ahead of" if is_ahead == bool(own) else "behind"
        told = [self._words(segment.lines)] if segment.lines else []
        return ", ".join((*told, f"{where} {' and '.join(ends)}") if ends else told)

    def _words(self, chains: Iterable[Chain]) -> str:
        """The lines, those with the same callers together: ``net.py:12-14, called at line 46``."""
        by_callers: dict[Chain, set[int]] = {}
        for line, *callers in chains:
            by_callers.setdefault(tuple(callers), set()).add(line)
        told = [
            ", ".join(_ranges(lines)) + (f", called at line {', '.join(map(str, callers))}" if callers else "")
            for callers, lines in by_callers.items()
        ]
        return f"{self.file}:{'; '.join(told)}"


def _of(held: Mapping[str, Held], name: str) -> Held | None:
    """What is held of a layer, or of the one that it is inside."""
    names = [name.rpartition("/")[2], name, *name.split("/")]
    return next((held[each] for each in names if each in held), None)


def _ranges(lines: Iterable[int]) -> Iterator[str]:
    """Lines in order, those in a row as the first and the last."""
    numbered = enumerate(sorted(lines))
    for _, run in groupby(numbered, key=lambda held: held[1] - held[0]):
        first, *others = [line for _, line in run]
        yield f"{first}-{others[-1]}" if others else str(first)
