"""Draws by Hypothesis, in the words of the grammar: what comes first is what a failing model shrinks to."""

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies


class StepError(Exception):
    """A step that cannot be taken: torch refuses it, or what it gives is no use."""


class Dice:
    """Draws from one Hypothesis example."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self._draw = draw

    def pick(self, choices: Sequence[Any]) -> Any:
        """One of several, the simplest first."""
        return choices[self.number(0, len(choices) - 1)]

    def number(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        if high < low:
            raise StepError("nothing to draw from")
        return self._draw(strategies.integers(low, high))

    def chance(self, percent: int) -> bool:
        """Whether it happens; that it does not is the simpler."""
        return self._draw(strategies.integers(0, 99)) >= 100 - percent

    def times(self, most: int, percent: int = 75) -> int:
        """How often, one at least: each further time by chance."""
        count = 1
        while count < most and self.chance(percent):
            count += 1
        return count

    def axis(self, rank: int, first: int = 1) -> int:
        """An axis other than the samples', counted from either end."""
        axis = self.number(first, rank - 1)
        return axis - rank if self.chance(30) else axis

    def axes(self, rank: int) -> tuple[int, ...]:
        """One axis or several, other than the samples'."""
        chosen = tuple(axis for axis in range(1, rank) if self.chance(50)) or (rank - 1,)
        return tuple(axis - rank for axis in chosen) if self.chance(30) else chosen

    def settings(self, **choices: Sequence[Any]) -> str:
        """Keyword arguments, each of them by chance: name -> values besides the default."""
        return "".join(f", {name}={self.pick(values)!r}" for name, values in choices.items() if self.chance(25))
