"""Which layers of the reference may be several of the port's side by side: query, key and value in one."""

import re
from collections.abc import Sequence

import numpy as np

from porting.traces import LayerCall

_KINDS = frozenset({"Linear", "Conv1D"})
"""Types of layers of the reference that a pair can split."""


def proposed_splits(ours: Sequence[LayerCall], theirs: Sequence[LayerCall]) -> str:
    """The line that splits layers of the reference as the port has them, where their sizes allow one; else nothing."""
    parts = _parts(ours, theirs)
    found = {re.sub(r"^.*\d+\.", "*.", name): _names(group) for name, group in parts.items()}
    lines = (f'"{pattern}": "{names}"' for pattern, names in found.items())
    return f"Or the port has layers apart that are one in torch: splits={{{', '.join(lines)}}}." if found else ""


def found_splits(ours: Sequence[LayerCall], theirs: Sequence[LayerCall]) -> dict[str, int]:
    """How many of the port's layers each layer of the reference is, where both models count alike by that."""
    counts = {name: len(group) for name, group in _parts(ours, theirs).items()}
    return counts if len(ours) + sum(counts.values()) - len(counts) == len(theirs) else {}


def _parts(ours: Sequence[LayerCall], theirs: Sequence[LayerCall]) -> dict[str, list[LayerCall]]:
    """Layers of the port that are given the same input and have as many units each: taken for the parts of one."""
    groups, found = runs_beside(theirs), {}
    for layer in (layer for layer in ours if layer.kind in _KINDS):
        fitting = [group for group in groups if is_made_of(layer, group)]
        if fitting:
            found[layer.name] = fitting[0]
            groups.remove(fitting[0])
    return found


def runs_beside(layers: Sequence[LayerCall]) -> list[list[LayerCall]]:
    """Layers of one size that ran one after the other on the same input, where there are two or more of them.

    Two blocks may be given the same input where nothing has weights yet.
    """
    groups: list[list[LayerCall]] = []
    for layer in layers:
        if groups and _is_beside(groups[-1][-1], layer):
            groups[-1].append(layer)
        else:
            groups.append([layer])
    return [group for group in groups if len(group) > 1]


def _is_beside(one: LayerCall, other: LayerCall) -> bool:
    sizes_agree = (one.kind, one.output.shape) == (other.kind, other.output.shape)
    return sizes_agree and np.array_equal(one.input, other.input)


def is_made_of(layer: LayerCall, parts: Sequence[LayerCall]) -> bool:
    """Whether a layer of one model has the sizes of several of the other's side by side."""
    fed, given = parts[0].input, sum(_per_sample(part.output) for part in parts)
    fits = _per_sample(layer.input) == _per_sample(fed) and layer.input.shape[-1] == fed.shape[-1]
    return fits and _per_sample(layer.output) == given


def _per_sample(array: np.ndarray) -> int:
    return array.size // max(len(array), 1)


def _names(parts: Sequence[LayerCall]) -> str:
    """What the parts are called, or numbered where that says nothing."""
    words = [part.name.rpartition("/")[2] for part in parts]
    return " ".join(words if len(set(words)) == len(words) else map(str, range(len(words))))
