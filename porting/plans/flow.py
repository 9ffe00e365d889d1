"""Which layers' outputs reach which: found by changing each in a sample of its own, on either framework alike."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from porting.traces import PARAMETER, Lesson, Teaching, Trace, held_only, lesson_of
from porting.traces.parking import park, release

Digest = Callable[[np.ndarray], Any]
"""What is kept of a tensor that arrives somewhere."""

SAMPLES = 32
"""Samples in which another layer's output, or another input, is changed; one more stays as it is."""

_BYTES = 2**28
"""Memory that changed outputs may take."""


@dataclass(frozen=True, slots=True)
class Runner:
    """How a model is run to find what reaches what.

    Attributes
    ----------
    trace : callable
        Inputs -> a run of the model as it is.
    arrivals : callable
        (inputs, lesson, digest) -> the digest of what arrives at each call, then at each output, where the lesson says
        what every layer returns and none runs.
    sample_axes : sequence of int
        Where each input has its samples.
    """

    trace: Callable[[Sequence[np.ndarray]], Trace]
    arrivals: Callable[[Sequence[np.ndarray], Lesson, Digest], list[Any]]
    sample_axes: Sequence[int]


def with_sources(trace: Trace, inputs: Sequence[np.ndarray], runner: Runner) -> Trace:
    """Find the sources of every call and output of a trace, by runs on inputs of one sample.

    Every layer returns what it is given, so that a change of one layer's output reaches only what lies behind it
    without another layer between. The number of runs is one for each `SAMPLES` layers.
    """
    singles = [np.take(array, [0], axis) for array, axis in zip(inputs, runner.sample_axes, strict=True)]
    one, two = (runner.trace(_tiled(singles, runner.sample_axes, count)) for count in (1, 2))
    if one.call_names() != trace.call_names() or two.call_names() != trace.call_names():
        return trace
    both = list(zip(one.calls, two.calls, strict=True))
    feeds = [_sample_axis(first.input.shape, second.input.shape) for first, second in both]
    axes = [
        None if first.kind == PARAMETER else _sample_axis(first.output.shape, second.output.shape)
        for first, second in both
    ]
    generator = np.random.default_rng(0)
    lesson = tuple(replace(taught, give=_awake(taught.give, generator)) for taught in lesson_of(one))
    reached = _Search(singles, runner, lesson, feeds, axes, generator).reached()
    names = [*(number for number in range(len(inputs))), *trace.call_names()]
    picked = [[names[number] for number in sorted(row)] for row in reached]
    sources = tuple(tuple(dict.fromkeys("" if isinstance(at, int) else at for at in row)) for row in picked)
    inputs_reaching = tuple(tuple(at for at in row if isinstance(at, int)) for row in picked)
    return replace(trace, sources=sources, inputs_reaching=inputs_reaching)


@dataclass(frozen=True, slots=True)
class _Search:
    """One model's search: what its inputs and layers give on one sample, and where their samples lie."""

    singles: Sequence[np.ndarray]
    runner: Runner
    lesson: Lesson
    feeds: Sequence[int | None]
    axes: Sequence[int | None]
    generator: np.random.Generator

    def reached(self) -> list[set[int]]:
        """For each call, then for each output: the numbers of the inputs, and behind them of the calls, reaching it."""
        count = len(self.singles)
        spread = [*range(count), *(count + number for number, axis in enumerate(self.axes) if axis is not None)]
        alone = [count + number for number, axis in enumerate(self.axes) if axis is None]
        size = self._samples(len(spread))
        before = self._run({}, size)
        found: list[set[int]] = [set() for _ in before]
        for first in range(0, len(spread), size - 1):
            chunk = {number: row + 1 for row, number in enumerate(spread[first : first + size - 1])}
            after = self._run(chunk, size)
            for reached, old, new in zip(found, before, after, strict=True):
                for number, row in chunk.items():
                    if len(old) == len(new) == size and old[row] != new[row]:
                        reached.add(number)
            alone += self._unclear(chunk, before, after, size)
        for number in dict.fromkeys(alone):
            for reached, old, new in zip(found, before, self._run({number: None}, size), strict=True):
                if old != new:
                    reached.add(number)
        return found

    @staticmethod
    def _unclear(chunk: dict[int, int], before: list[Any], after: list[Any], size: int) -> list[int]:
        """All of a chunk, where something arrived changed that has no axis of samples to tell by whom."""
        changed = any(old != new and not len(old) == len(new) == size for old, new in zip(before, after, strict=True))
        return list(chunk) if changed else []

    def _samples(self, changes: int) -> int:
        """Samples in a run: no other axis shall be as long, or a multiple of it, lest it be taken for theirs."""
        largest = max((taught.give.nbytes for taught in self.lesson), default=1)
        most = max(int((_BYTES / max(largest, 1)) ** 0.5), 3)
        arrays = (*self.singles, *(taught.give for taught in self.lesson))
        lengths = {length for array in arrays for length in array.shape if length > 1}
        sizes = range(min(SAMPLES + 1, changes + 1, most), 1, -1)
        return next((size for size in sizes if all(length % size for length in lengths)), max([*sizes, 2]))

    def _run(self, changes: dict[int, Any], size: int) -> list[Any]:
        """Digests of all that arrives on `size` copies of the sample, of which each change is made in its own."""
        inputs = [
            self._given(array, axis, size, number in changes, changes.get(number))
            for number, (array, axis) in enumerate(zip(self.singles, self.runner.sample_axes, strict=True))
        ]
        lesson = tuple(
            self._taught(taught, feed, axis, size, changes, number)
            for number, (taught, feed, axis) in enumerate(
                zip(self.lesson, self.feeds, self.axes, strict=True), start=len(inputs)
            )
        )
        return self.runner.arrivals(inputs, lesson, lambda array: _digests(array, size))

    def _taught(
        self, taught: Teaching, feed: int | None, axis: int | None, size: int, changes: dict[int, Any], number: int
    ) -> Teaching:
        """What a layer returns, and is fed where it must run all the same; made when it is asked for."""
        give = self._tiles(taught.give, axis, size, number in changes, changes.get(number))
        return Tiled(taught.name, taught.kind, self._tiles(taught.feed, feed, size, False, None), give)  # type: ignore[return-value]

    def _given(self, array: np.ndarray, axis: int | None, size: int, is_changed: bool, row: int | None) -> np.ndarray:
        return self._tiles(array, axis, size, is_changed, row).whole()

    def _tiles(self, array: np.ndarray, axis: int | None, size: int, is_changed: bool, row: int | None) -> "_Tiles":
        if axis is None:
            return _Tiles((_changed(array, self.generator) if is_changed else array,), axis)
        parts = [array] * size
        for at in range(size) if is_changed and row is None else filter(None, [row]):
            parts[at] = park(_changed(array, self.generator))
        return _Tiles(tuple(parts), axis)


@dataclass(frozen=True, slots=True)
class _Tiles:
    """Samples that are an array when they lie one behind the other."""

    parts: tuple[np.ndarray, ...]
    axis: int | None

    def whole(self) -> np.ndarray:
        """The array."""
        made = self.parts[0] if self.axis is None else np.concatenate(self.parts, self.axis)
        release(*self.parts)
        return made


@dataclass(frozen=True, slots=True)
class Tiled:
    """A teaching whose arrays are made when they are asked for: all at once would take many times the model's own."""

    name: str
    kind: str
    tiled_feed: _Tiles
    tiled_give: _Tiles
    attributes: Mapping[str, Any] = field(default_factory=dict)
    window: tuple[slice, ...] = ()
    fits: bool = False

    def release(self) -> None:
        """As `Teaching` has it; nothing is held."""

    @property
    def feed(self) -> np.ndarray:
        """As `Teaching` has it."""
        return self.tiled_feed.whole()

    @property
    def give(self) -> np.ndarray:
        """As `Teaching` has it."""
        return self.tiled_give.whole()


def _tiled(arrays: Sequence[np.ndarray], axes: Sequence[int], count: int) -> list[np.ndarray]:
    return [np.concatenate([array] * count, axis) for array, axis in zip(arrays, axes, strict=True)]


def _sample_axis(one: tuple[int, ...], two: tuple[int, ...]) -> int | None:
    """The axis that is twice as long where there are two samples; None where there is no such axis."""
    if len(one) != len(two):
        return None
    differing = [axis for axis, lengths in enumerate(zip(one, two, strict=True)) if lengths[0] != lengths[1]]
    return differing[0] if len(differing) == 1 and two[differing[0]] == 2 * one[differing[0]] else None


def _digests(array: np.ndarray, size: int) -> tuple[bytes, ...]:
    """A hash for each sample; a single one where no axis has as many, or a multiple of it."""
    lengths = array.shape
    axis = next((at for at, length in enumerate(lengths) if length == size), None)
    if axis is None and lengths and lengths[0] and lengths[0] % size == 0:
        array, axis = array.reshape(size, -1), 0
    rows = [array] if axis is None else np.moveaxis(array, axis, 0)
    return tuple(hashlib.blake2b(np.ascontiguousarray(row).data, digest_size=16).digest() for row in rows)


def _changed(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Other values of the same scale; integers in another order, or flipped where they are all the same."""
    if array.dtype.kind == "f":
        scale = float(np.sqrt(np.mean(np.square(array, dtype=np.float64)))) if array.size else 1.0
        return ((scale or 1.0) * generator.standard_normal(array.shape)).astype(array.dtype)
    order = generator.permutation(array.ravel()).reshape(array.shape)
    if not np.array_equal(order, array) or not array.size:
        return order
    changed = np.where(generator.random(array.shape) < 0.5, array, array == 0).astype(array.dtype)
    return changed if not np.array_equal(changed, array) else (array == 0).astype(array.dtype)


def _awake(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Other values where all are one, as of a model without its weights: a product with zero shows nothing."""
    return _changed(array, generator) if array.dtype.kind == "f" and array.size and np.ptp(array) == 0 else array


def layer_of(call_name: str) -> str:
    """The layer of a call, by the call's name."""
    return call_name.partition(" (call")[0]


def layer_sources(trace: Trace) -> dict[str, set[str]]:
    """Layer -> the layers that reach any of its calls, with ``"input 0"`` and so on for the model's inputs."""
    reached: dict[str, set[str]] = {}
    for number, call in enumerate(trace.calls):
        reached.setdefault(call.name, set()).update(_sources(trace, number))
    return reached


def output_sources(trace: Trace) -> list[set[str]]:
    """The layers, and inputs, that reach each output."""
    first = len(trace.calls)
    return [_sources(trace, first + number) for number in range(len(trace.outputs))]


def without_idle(reference: Trace, port: Trace) -> Trace:
    """The reference without layers that reach no output, where the port holds their tensors and does not run them."""
    held = [sorted(port.shapes[call.weights["value"]]) for call in port.shared if call.kind == PARAMETER]
    if not held or not reference.sources:
        return reference
    behind, waiting = layer_sources(reference), set[str]().union(*output_sources(reference))
    reached: set[str] = set()
    while waiting:
        reached.add(name := waiting.pop())
        waiting |= behind.get(name, set()) - reached
    sizes = reference.shapes
    idle = {
        call.name: call
        for call in reference.layers()
        if call.name not in reached and all(sorted(sizes[name]) in held for name in call.weights.values())
    }
    kept = [at for at, call in enumerate(reference.calls) if call.name not in idle]
    rows = [*kept, *range(len(reference.calls), len(reference.sources))]
    tensors = {name: call.kind for call in idle.values() for name in call.weights.values()}
    return replace(
        reference,
        calls=tuple(reference.calls[at] for at in kept),
        sources=tuple(reference.sources[at] for at in rows),
        inputs_reaching=tuple(reference.inputs_reaching[at] for at in rows) if reference.inputs_reaching else (),
        shared=(*reference.shared, *(held_only(name, sizes[name]) for name in tensors)),
        unused={**reference.unused, **tensors},
    )


def _sources(trace: Trace, number: int) -> set[str]:
    layers = {layer_of(name) for name in trace.sources[number] if name}
    if not trace.inputs_reaching:
        return layers | ({"input"} if "" in trace.sources[number] else set())
    return layers | {f"input {at}" for at in trace.inputs_reaching[number]}
