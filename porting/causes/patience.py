"""The seconds that a search for causes may take, all divergences of a verdict together."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from porting.defaults import PATIENCE_SECONDS

T = TypeVar("T")

_BETWEEN_MESSAGES = 0.2
_MOST_SHARES = 4


@dataclass
class Patience:
    """What is left of a search's seconds, and what was not tried because they were over.

    Attributes
    ----------
    seconds : float
        For all divergences together.
    on_step : callable
        Told what is being tried, and how much of how much.
    clock : callable
    """

    seconds: float = PATIENCE_SECONDS
    on_step: Callable[..., None] = lambda step, done=0, total=None: None
    clock: Callable[[], float] = time.monotonic
    spent: float = 0.0
    untried: list[str] = field(default_factory=list)
    _since: float | None = None
    _share: float = 0.0
    _told: float = -1.0

    def begin(self, others: int) -> None:
        """Start on a divergence, with a share of what is left where there are others behind it.

        A quarter at least: what is found out once is tried first elsewhere.
        """
        self.untried, self._since = [], self.clock()
        self._share = max(self.seconds - self.spent, 0.0) / min(1 + others, _MOST_SHARES)

    def end(self) -> None:
        """Stop counting: what lies between two searches is not part of them."""
        if self._since is not None:
            self.spent, self._since = self.spent + self.clock() - self._since, None

    def is_over(self) -> bool:
        """Whether the share of this divergence is used up."""
        return self._since is not None and self.clock() - self._since >= self._share

    def through(self, hypotheses: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
        """Hand out hypotheses one by one, as long as there is time; note how many there was no time for."""
        count = total if total is not None else len(hypotheses) if isinstance(hypotheses, Sequence) else None
        for number, hypothesis in enumerate(hypotheses, start=1):
            if self.is_over():
                left = f"{count - number + 1:,} of {count:,}" if count else "some"
                self.untried.append(f"{left} {what}")
                return
            self._tell(f"trying {number:,} of {count:,} {what}" if count else f"trying {what}", number, count)
            yield hypothesis

    def _tell(self, step: str, number: int, count: int | None) -> None:
        """Show it a few times a second: a hypothesis may take a millisecond."""
        now = self.clock()
        if now - self._told >= _BETWEEN_MESSAGES or number == count:
            self._told = now
            self.on_step(step)


def silent(*_: Any) -> None:
    """Show nothing."""
