"""Which calls of two layers that run several times are the same: what reaches them tells, not their order."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from porting.plans.plan import LayerPair
from porting.traces import Trace
from porting.traces.repeats import repeated_calls

Reached = tuple[frozenset[int], frozenset[int]]
"""Numbers of calls and of inputs."""


def with_calls(pairs: Sequence[LayerPair], reference: Trace, port: Trace) -> tuple[LayerPair, ...]:
    """The pairs, with which call of either layer is which of the other's where not simply each in its turn."""
    ours, theirs = _Side.of(reference), _Side.of(port)
    several = any(len(held) > 1 for side in (ours, theirs) for held in side.numbers.values())
    if not several or not reference.sources or not port.sources:
        return tuple(pairs)
    alike = [pair for pair in pairs if len(ours.own(pair.reference)) == len(theirs.own(pair.port))]
    found = _partners({pair.reference: pair.port for pair in alike}, ours, theirs)
    places = {id(pair): _places(pair, ours, theirs, found) for pair in alike}
    return tuple(replace(pair, calls=places.get(id(pair), ())) for pair in pairs)


@dataclass(frozen=True, slots=True)
class _Side:
    """One model's calls.

    Attributes
    ----------
    trace : Trace
    numbers : Mapping
        Layer -> the numbers of its calls.
    repeats : Mapping
        Number of a call that repeats another one -> that one's.
    places : Mapping
        Name of a call -> its number, or that of the one that it repeats.
    """

    trace: Trace
    numbers: Mapping[str, list[int]]
    repeats: Mapping[int, int]
    places: Mapping[str, int]

    @classmethod
    def of(cls, trace: Trace) -> "_Side":
        """The calls of a trace."""
        numbers: dict[str, list[int]] = defaultdict(list)
        for number, call in enumerate(trace.calls):
            numbers[call.name].append(number)
        repeats = repeated_calls(trace)
        places = {name: repeats.get(number, number) for number, name in enumerate(trace.call_names())}
        return cls(trace, numbers, repeats, places)

    def own(self, name: str) -> list[int]:
        """A layer's calls but for those that repeat others."""
        return [number for number in self.numbers.get(name, ()) if number not in self.repeats]

    def reached(self, number: int, named: Mapping[int, int]) -> Reached:
        """What reaches a call, calls under the numbers that they go by in the other model, as far as they have one."""
        sources = (self.places[name] for name in self.trace.sources[number] if name)
        inputs = self.trace.inputs_reaching[number] if self.trace.inputs_reaching else ()
        return frozenset(named[place] for place in sources if place in named), frozenset(inputs)


def _partners(layers: Mapping[str, str], ours: _Side, theirs: _Side) -> dict[int, int]:
    """Number of each call of the reference that repeats none -> its partner's: the first that the same reaches."""
    found: dict[int, int] = {}
    for number, call in enumerate(ours.trace.calls):
        if number not in ours.repeats and call.name in layers:
            free = [other for other in theirs.own(layers[call.name]) if other not in found.values()]
            wanted, same = ours.reached(number, found), dict(zip(found.values(), found.values(), strict=True))
            found[number] = next((other for other in free if theirs.reached(other, same) == wanted), free[0])
    return found


def _places(pair: LayerPair, ours: _Side, theirs: _Side, found: Mapping[int, int]) -> tuple[tuple[int, int], ...]:
    """Places among both layers' calls of those that are the same; nothing where that is each in its turn."""
    places = tuple(
        (at, other_at)
        for at, number in enumerate(ours.numbers.get(pair.reference, ()))
        for other_at, other in enumerate(theirs.numbers.get(pair.port, ()))
        if found.get(ours.repeats.get(number, number)) == theirs.repeats.get(other, other)
    )
    return () if all(at == other for at, other in places) else places
