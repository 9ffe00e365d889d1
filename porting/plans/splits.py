"""Which layers of the reference may be several of the port's side by side: query, key and value in one."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from porting.plans.parts import Place, place_of, whole_name
from porting.traces import LayerCall, Trace

_KINDS = frozenset({"Linear", "Conv1D"})
"""Types of layers of the reference that a pair can split."""


_TURNS = re.compile(r"(.*?)(?:\s+for each of (\d+))?")
"""``query key value for each of 8``: of eight heads, each has the three together."""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """How layers lie side by side in one.

    Attributes
    ----------
    words : tuple of str
        Their names, which may be empty.
    times : int
        How often all of them come one after the other, each with a part of its units: once for each head, or once.
    width : int
        How many units each has at a time, where that is known instead; 0 if not.
    """

    words: tuple[str, ...]
    times: int = 1
    width: int = 0

    @classmethod
    def read(cls, text: "int | str | SideBySide") -> "SideBySide":
        """What a pair says: a number, or names, and how often they take turns.

        Examples
        --------
        >>> SideBySide.read("query key value for each of 8").times
        8
        """
        if isinstance(text, SideBySide):
            return text
        found = _TURNS.fullmatch(str(text).strip())
        assert found
        words = found[1].split()
        unnamed = len(words) == 1 and words[0].isdigit()
        return cls(("",) * int(words[0]) if unnamed else tuple(words), int(found[2] or 1))

    def times_in(self, units: int) -> int:
        """How often they take turns in so many units."""
        return units // len(self.words) // self.width if self.width and self.words else self.times

    def described(self) -> str:
        """So many parts, and for each of how many."""
        return f"{len(self.words)} parts{f' for each of {self.times}' if self.times > 1 else ''}"


def turns(trace: Trace) -> Iterator[int]:
    """How often the parts of the layers that are cut may take turns: divisors of a part's units, the first 24."""
    sizes = {call.output.shape[-1] for call in trace.calls if place_of(call.name)}
    least = min(sizes, default=0)
    yield from [times for times in range(2, least + 1) if all(size % times == 0 for size in sizes)][:24]


def taking_turns(trace: Trace, times: int) -> Trace:
    """The trace with the units of each layer that is cut dealt out to its parts by turns."""
    places = [place_of(call.name) for call in trace.calls]
    outputs = {number: call.output for number, call in enumerate(trace.calls) if places[number]}
    for group in _cut_together(trace, places):
        whole = np.concatenate([outputs[number] for number in group], -1)
        width = outputs[group[0]].shape[-1] // times
        for at, number in enumerate(group):
            outputs[number] = Place(-1, at * width, (at + 1) * width, len(group) * width).cut(whole)
    calls = enumerate(trace.calls)
    return replace(trace, calls=tuple(replace(call, output=outputs.get(number, call.output)) for number, call in calls))


def _cut_together(trace: Trace, places: Sequence[Place | None]) -> Iterator[list[int]]:
    """The numbers of calls that are the parts of one call of a layer."""
    waiting: dict[str, list[int]] = {}
    for number, call in enumerate(trace.calls):
        if (place := places[number]) is None:
            continue
        group = waiting.setdefault(whole_name(call.name), [])
        if group and place.start == 0:
            yield waiting.pop(whole_name(call.name))
            group = waiting.setdefault(whole_name(call.name), [])
        group.append(number)
    yield from waiting.values()


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
