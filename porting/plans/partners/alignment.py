"""Layers of two models side by side where they are not as many: which of either has no partner."""

from collections.abc import Callable, Sequence
from itertools import zip_longest

import numpy as np

from porting.plans.partners.names import equally_named
from porting.traces import LayerCall

Side = tuple[LayerCall | None, LayerCall | None]

_MOST = 1_000_000
"""Pairs of layers to compare; beyond them the layers stand in their order."""


def aligned(
    ours: Sequence[LayerCall], theirs: Sequence[LayerCall], fit: Callable[[LayerCall, LayerCall], bool]
) -> list[Side]:
    """Both models' layers in their order, as many as can be beside one that fits, equal names before others."""
    if len(ours) * len(theirs) > _MOST:
        return list(zip_longest(ours, theirs))
    named = {(id(left), id(right)) for left, right in equally_named(ours, theirs)}
    worth = np.array([[fit(a, b) * (1 + 2 * ((id(a), id(b)) in named)) for b in theirs] for a in ours], int)
    best = np.zeros((len(ours) + 1, len(theirs) + 1), int)
    for row in reversed(range(len(ours))):
        for column in reversed(range(len(theirs))):
            together = best[row + 1, column + 1] + worth[row, column] if worth[row, column] else -1
            best[row, column] = max(together, best[row + 1, column], best[row, column + 1])
    return _walked(ours, theirs, worth, best)


def _walked(ours: Sequence[LayerCall], theirs: Sequence[LayerCall], worth: np.ndarray, best: np.ndarray) -> list[Side]:
    sides: list[Side] = []
    row = column = 0
    while row < len(ours) and column < len(theirs):
        if worth[row, column] and best[row, column] == best[row + 1, column + 1] + worth[row, column]:
            sides.append((ours[row], theirs[column]))
            row, column = row + 1, column + 1
        elif best[row, column] == best[row + 1, column]:
            sides.append((ours[row], None))
            row += 1
        else:
            sides.append((None, theirs[column]))
            column += 1
    return [*sides, *((layer, None) for layer in ours[row:]), *((None, layer) for layer in theirs[column:])]
