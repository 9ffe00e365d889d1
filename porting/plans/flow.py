"""Which layers' outputs reach which: found by changing them one at a time, on either framework alike."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from porting.traces import LayerCall, Lesson, Trace, lesson_of

Teach = Callable[[Sequence[np.ndarray], Lesson], Trace]
"""Runs a model on inputs, its layers taught by a lesson."""


def with_sources(trace: Trace, inputs: Sequence[np.ndarray], teach: Teach) -> Trace:
    """Find the sources of every call and output of a trace on the same inputs.

    Every layer returns what it is given, so that a change of one layer's output reaches only what lies behind it
    without another layer between.
    """
    generator, lesson = np.random.default_rng(0), lesson_of(trace)
    before = _arrivals(teach(inputs, lesson))
    sources: list[list[str]] = [[] for _ in before]
    changed_inputs = [_changed(array, generator) for array in inputs]
    runs = [("", changed_inputs, lesson)]
    for number, (name, teaching) in enumerate(zip(trace.call_names(), lesson, strict=True)):
        other = replace(teaching, give=_changed(teaching.give, generator))
        runs.append((name, list(inputs), (*lesson[:number], other, *lesson[number + 1 :])))
    for name, given, changed in runs:
        for reached, old, new in zip(sources, before, _arrivals(teach(given, changed)), strict=True):
            if old.shape != new.shape or not np.array_equal(old, new):
                reached.append(name)
    return replace(trace, sources=tuple(map(tuple, sources)))


def _arrivals(trace: Trace) -> list[np.ndarray]:
    return [*(call.input for call in trace.calls), *trace.outputs]


def _changed(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Other values of the same scale; integers in another order."""
    if array.dtype.kind != "f":
        return generator.permutation(array.ravel()).reshape(array.shape)
    scale = float(np.sqrt(np.mean(np.square(array, dtype=np.float64)))) or 1.0
    return (scale * generator.standard_normal(array.shape)).astype(array.dtype)


def pair_by_flow(
    reference: Trace, port: Trace, matches: Mapping[str, str], fits: Callable[[LayerCall, LayerCall], bool]
) -> list[tuple[LayerCall, LayerCall]] | None:
    """Pair layers that fit and are reached by paired layers; as near to execution order as that allows.

    Returns None where the sources of either trace are unknown, or no such pairing exists.
    """
    if not reference.sources or not port.sources:
        return None
    ours, theirs = reference.layers(), port.layers()
    behind = [_layer_sources(trace) for trace in (reference, port)]

    def candidates(layer: LayerCall, paired: Mapping[str, str]) -> Iterator[LayerCall]:
        reached_by = {paired.get(name, name) for name in behind[0][layer.name]}
        for other in theirs:
            is_free = other.name not in paired.values() and matches.get(layer.name, other.name) == other.name
            if is_free and behind[1][other.name] == reached_by and fits(layer, other):
                yield other

    def extend(number: int, paired: dict[str, str]) -> dict[str, str] | None:
        if number == len(ours):
            return paired
        for other in candidates(ours[number], paired):
            if found := extend(number + 1, {**paired, ours[number].name: other.name}):
                return found
        return None

    found, named = extend(0, {}), {layer.name: layer for layer in theirs}
    return [(layer, named[found[layer.name]]) for layer in ours] if found else None


def _layer_sources(trace: Trace) -> dict[str, set[str]]:
    """Layer -> the layers that reach its first call."""
    reached: dict[str, set[str]] = {}
    for call, sources in zip(trace.calls, trace.sources, strict=False):
        reached.setdefault(call.name, {name.partition(" (call")[0] for name in sources})
    return reached
