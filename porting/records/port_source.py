"""Where in a port's source its layers are made."""

from collections.abc import Mapping
from dataclasses import dataclass

from porting.records.parity import Divergence


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
        Layer -> the lines that made it: its own, then those that called the function it stands in.
    """

    file: str
    text: str
    lines: Mapping[str, tuple[int, ...]]

    def place_of(self, divergence: Divergence) -> str:
        """The line of the layer at which two models part, in words; empty where no line is known to have made it."""
        lines = self.lines.get(divergence.port.rpartition("/")[2]) or self.lines.get(divergence.port, ())
        if not lines:
            return ""
        called = f", called at line {', '.join(map(str, lines[1:]))}" if lines[1:] else ""
        ahead = "" if divergence.where == "inside" else "ahead of "
        return f"{ahead}{self.file}:{lines[0]}{called}"
