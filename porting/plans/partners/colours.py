"""Which layers of two models stand in the same place of what reaches what: colours, refined to a fixed point.

A layer's colour tells its own class, and, round by round, the colours of what it is reached by and of what it reaches.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Colours = dict[str, int]
"""Layer -> its colour."""


@dataclass(frozen=True, slots=True)
class Graph:
    """What reaches what in one model.

    Attributes
    ----------
    sources : Mapping
        Layer -> what reaches it: layers, and ``"input 0"`` and so on.
    outputs : sequence of set
        What reaches each output.
    loose : frozenset of str
        Layers that may be reached by other things in the other model, as what is a layer there is a tensor here.
    """

    sources: Mapping[str, set[str]]
    outputs: Sequence[set[str]]
    loose: frozenset[str] = frozenset()

    def without(self, dropped: set[str]) -> "Graph":
        """The graph without some layers: what reaches them reaches what they reach."""

        def through(reached_by: set[str], seen: frozenset[str] = frozenset()) -> set[str]:
            found: set[str] = set()
            for name in reached_by - seen:
                found |= through(self.sources.get(name, set()), seen | {name}) if name in dropped else {name}
            return found

        kept = {name: through(reached) for name, reached in self.sources.items() if name not in dropped}
        return Graph(kept, [through(reached) for reached in self.outputs], self.loose)

    def targets(self) -> dict[str, list[str]]:
        """Layer -> what it reaches: layers, and ``"output 0"`` and so on."""
        found: dict[str, list[str]] = {name: [] for name in self.sources}
        ends = [(name, reached) for name, reached in self.sources.items() if name not in self.loose]
        ends += [(f"output {number}", reached) for number, reached in enumerate(self.outputs)]
        for end, reached in ends:
            for name in reached:
                if name in found:
                    found[name].append(end)
        return found


def refined(graphs: Sequence[Graph], colours: Sequence[Mapping[str, int]]) -> list[Colours]:
    """Colours of both models' layers, made finer until their number does not grow any more."""
    targets, now = [graph.targets() for graph in graphs], [dict(held) for held in colours]
    count = _count(now)
    while True:
        told = [_told(*side) for side in zip(graphs, targets, now, strict=True)]
        numbers = {key: number for number, key in enumerate(sorted({key for side in told for key in side.values()}))}
        now = [{name: numbers[key] for name, key in side.items()} for side in told]
        if (grown := _count(now)) == count:
            return now
        count = grown


def _count(colours: Sequence[Mapping[str, int]]) -> int:
    return len({colour for side in colours for colour in side.values()})


def _told(graph: Graph, targets: Mapping[str, list[str]], colours: Mapping[str, int]) -> dict[str, tuple]:
    def told(name: str) -> tuple[str, int]:
        return ("", colours[name]) if name in colours else (name, 0)

    return {
        name: (
            colours[name],
            () if name in graph.loose else tuple(sorted(map(told, graph.sources[name]))),
            tuple(sorted(map(told, targets[name]))),
        )
        for name in graph.sources
    }


def are_alike(colours: Sequence[Mapping[str, int]]) -> bool:
    """Whether both models have as many layers of each colour."""
    ours, theirs = (Counter(side.values()) for side in colours)
    return ours == theirs


def groups_of(colours: Sequence[Mapping[str, int]]) -> list[tuple[list[str], list[str]]]:
    """The layers of each colour, of both models, in their order."""
    found: dict[int, tuple[list[str], list[str]]] = {}
    for side, held in enumerate(colours):
        for name, colour in held.items():
            found.setdefault(colour, ([], []))[side].append(name)
    return list(found.values())
