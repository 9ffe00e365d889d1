"""Bring a drawn model that falls short down to the fewest steps that still fall short in the same way."""

import time
from collections.abc import Callable
from contextlib import suppress

from hypothesis import Phase, given, seed
from hypothesis.errors import HypothesisException

from parity_tests.generated.models import Drawn, drawn_model, models, quietly


class _FallsShortError(Exception):
    """Tells Hypothesis which models are to be made smaller."""


class _TimeIsUp(KeyboardInterrupt):  # nothing is wrong: the one thing that ends Hypothesis at once
    """Ends the search."""


def shrunk(number: int, falls_short: Callable[[Drawn], bool], seconds: float = 120.0) -> Drawn:
    """The smallest model found within so many seconds that falls short as the one of this seed does.

    Parameters
    ----------
    number : int
        The seed.
    falls_short : callable
        Whether a model does; that of the seed is known to.
    seconds : float
    """
    best = drawn_model(number)
    known, ends = {best.source: True}, time.monotonic() + seconds

    @quietly(3, Phase.shrink)
    @seed(number)
    @given(models())
    def smaller(model: Drawn) -> None:
        nonlocal best
        if time.monotonic() > ends:
            raise _TimeIsUp
        if model.source not in known:
            shorter = len(model.source) < len(best.source)
            known[model.source] = shorter and falls_short(model)
        if known[model.source]:
            best = min(best, model, key=lambda drawn: len(drawn.source))
            raise _FallsShortError

    with suppress(_FallsShortError, _TimeIsUp, HypothesisException):
        smaller()
    return best
