"""Which layers have equal names: as they are, with ``.``, ``_`` and ``/`` read alike, or in their trailing parts."""

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from porting.traces import PARAMETER, LayerCall


def equally_named(ours: Sequence[LayerCall], theirs: Sequence[LayerCall]) -> Iterator[tuple[LayerCall, LayerCall]]:
    """Pairs of layers whose names are equal and nobody else's; whole names before trailing parts."""
    left, right = list(ours), list(theirs)
    for key in (_whole, _read_alike):
        for pair in _unique(left, right, key):
            left.remove(pair[0])
            right.remove(pair[1])
            yield pair
    yield from _trailing(left, [layer for layer in right if not _is_automatic(layer)])


def _whole(layer: LayerCall) -> str:
    return layer.name


def _read_alike(layer: LayerCall) -> str:
    return "_".join(_words(layer))


def _words(layer: LayerCall) -> list[str]:
    """The words of a layer's name; that of a variable is its layer's, where that calls it by no name of its own."""
    words = [word for word in re.split(r"[._/]+", layer.name.lower()) if word]
    return words[:-1] if layer.kind == PARAMETER and layer.name.endswith("/value") else words


def _unique(
    ours: Sequence[LayerCall], theirs: Sequence[LayerCall], key: Callable[[LayerCall], str]
) -> list[tuple[LayerCall, LayerCall]]:
    keys = [key(layer) for layer in (*ours, *theirs)]
    named = {key(layer): layer for layer in theirs if keys.count(key(layer)) <= 2}
    names = [key(layer) for layer in ours]
    return [
        (layer, named[name])
        for layer, name in zip(ours, names, strict=True)
        if name in named and names.count(name) == 1
    ]


def _is_automatic(layer: LayerCall) -> bool:
    """Whether Keras made up the name: ``dense_1`` of a Dense tells nothing."""
    last = re.sub(r"_\d+$", "", layer.name.rpartition("/")[2])
    return last.replace("_", "") == layer.kind.lower()


def _trailing(ours: Sequence[LayerCall], theirs: Sequence[LayerCall]) -> Iterator[tuple[LayerCall, LayerCall]]:
    """Pairs each of which has a longer equal end than either of them with any other layer."""
    if not ours or not theirs:
        return
    right = [_words(layer) for layer in theirs]
    ends = np.array([[_equal_end(_words(layer), words) for words in right] for layer in ours])
    for row, column in np.argwhere(ends > 0):
        end = ends[row, column]
        if np.count_nonzero(ends[row] >= end) == 1 == np.count_nonzero(ends[:, column] >= end):
            yield ours[row], theirs[column]


def _equal_end(ours: Sequence[str], theirs: Sequence[str]) -> int:
    count = 0
    for left, right in zip(reversed(ours), reversed(theirs), strict=False):
        if left != right:
            break
        count += 1
    return count
