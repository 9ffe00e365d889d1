"""Which layers' outputs reach which: found by changing each in a sample of its own, on either framework alike."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from porting.plans.group_tests import SAMPLES, Test, find_causes, first_tests
from porting.plans.tiles import Tiled, Tiles, changed_values, drawn_values
from porting.traces import PARAMETER, Lesson, Trace, held_only, lesson_of
from porting.traces.parking import give_back

Digest = Callable[[np.ndarray], Any]
"""What is kept of a tensor that arrives somewhere."""

_TURNS = 4
"""Other values that are tried without news before layers are taken to reach nothing."""
_BYTES = 2**30
"""Memory that all outputs may take: Keras holds what every layer returned until a run ends."""


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
    without another layer between. Of many layers several are changed in one sample (`plans.group_tests`), so that the
    number of samples grows as the logarithm of theirs.
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
    reached = _Search(singles, runner, lesson, feeds, axes).reached_by_any()
    give_back()
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

    def reached_by_any(self) -> list[set[int]]:
        """What is reached by these values, and by others while some layer reaches nothing: one that is not chosen.

        Which experts a gate takes depends on what it gives.
        """
        found, count = self.reached(), len(self.singles)
        every = set(range(count, count + len(self.lesson)))
        turn, without_news = 0, 0
        while without_news < _TURNS and not every <= set[int]().union(*found):
            turn += 1
            generator = np.random.default_rng([turn])
            others = tuple(replace(taught, give=changed_values(taught.give, generator)) for taught in self.lesson)
            more = [both[0] | both[1] for both in zip(found, replace(self, lesson=others).reached(), strict=True)]
            without_news = 0 if more != found else without_news + 1
            found = more
        return found

    def reached(self) -> list[set[int]]:
        """For each call, then for each output: the numbers of the inputs, and behind them of the calls, reaching it."""
        count = len(self.singles)
        spread = [*range(count), *(count + number for number, axis in enumerate(self.axes) if axis is not None)]
        apart = {count + number for number, axis in enumerate(self.axes) if axis is None}
        size = self._samples(len(first_tests(spread)))
        before = self._run({}, size)

        def seen_by_samples(tests: Sequence[Test]) -> list[list[bool]]:
            seen, unclear = self._seen(tests, before, size)
            apart.update(unclear)
            return seen

        def seen_by_runs(tests: Sequence[Test]) -> list[list[bool]]:
            runs = [self._run(dict.fromkeys(test), size) for test in tests]
            return [[old != after[at] for after in runs] for at, old in enumerate(before)]

        found, contradicted = find_causes(spread, seen_by_samples)
        more, _ = find_causes(sorted(apart | contradicted), seen_by_runs)
        return [both[0] | both[1] for both in zip(found, more, strict=True)]

    def _seen(self, tests: Sequence[Test], before: list[Any], size: int) -> tuple[list[list[bool]], set[int]]:
        """For each arrival whether each test changed it; and what changed one whose samples are not told apart."""
        seen: list[list[bool]] = [[] for _ in before]
        unclear: set[int] = set()
        for first in range(0, len(tests), size - 1):
            chunk = tests[first : first + size - 1]
            rows: dict[int, list[int]] = {}
            for row, test in enumerate(chunk, start=1):
                for number in test:
                    rows.setdefault(number, []).append(row)
            for told, old, new in zip(seen, before, self._run(rows, size), strict=True):
                is_told_apart = len(old) == len(new) == size and old[0] == new[0]
                told += [is_told_apart and old[row] != new[row] for row in range(1, len(chunk) + 1)]
                if not is_told_apart and old != new:
                    unclear |= rows.keys()
        return seen, unclear

    def _samples(self, tests: int) -> int:
        """Samples in a run: no other axis shall be as long, or a multiple of it, lest it be taken for theirs."""
        most = max(_BYTES // max(sum(taught.give.nbytes for taught in self.lesson), 1), 3)
        arrays = (*self.singles, *(taught.give for taught in self.lesson))
        lengths = {length for array in arrays for length in array.shape if length > 1}
        sizes = range(min(SAMPLES + 1, tests + 1, most), 1, -1)
        return next((size for size in sizes if all(length % size for length in lengths)), max([*sizes, 2]))

    def _run(self, changes: Mapping[int, Sequence[int] | None], size: int) -> list[Any]:
        """Digests of all that arrives on `size` copies of the sample, of which some are changed; None for all."""
        inputs = [
            Tiles(array, axis, size, number, _rows(changes, number, size)).whole()
            for number, (array, axis) in enumerate(zip(self.singles, self.runner.sample_axes, strict=True))
        ]
        lesson = tuple(
            Tiled(
                taught.name,
                taught.kind,
                Tiles(taught.feed, feed, size),
                Tiles(taught.give, axis, size, number, _rows(changes, number, size)),
            )
            for number, (taught, feed, axis) in enumerate(
                zip(self.lesson, self.feeds, self.axes, strict=True), start=len(inputs)
            )
        )
        return self.runner.arrivals(inputs, lesson, lambda array: _digests(array, size))  # type: ignore[arg-type]


def _rows(changes: Mapping[int, Sequence[int] | None], number: int, size: int) -> Sequence[int]:
    """The samples in which an input or a call is changed."""
    rows = changes.get(number, ())
    return range(size) if rows is None else rows


def _tiled(arrays: Sequence[np.ndarray], axes: Sequence[int], count: int) -> list[np.ndarray]:
    return [np.concatenate([array] * count, axis) for array, axis in zip(arrays, axes, strict=True)]


def _sample_axis(one: tuple[int, ...], two: tuple[int, ...]) -> int | None:
    """The axis that is twice as long where there are two samples; None where there is no such axis."""
    if len(one) != len(two):
        return None
    differing = [axis for axis, lengths in enumerate(zip(one, two, strict=True)) if lengths[0] != lengths[1]]
    return differing[0] if len(differing) == 1 and two[differing[0]] == 2 * one[differing[0]] else None


def _digests(array: np.ndarray, size: int) -> tuple[bytes, ...]:
    """A hash for each sample; a single one where no axis has as many, or a multiple of it. Most are as the first is."""
    lengths = array.shape
    axis = next((at for at, length in enumerate(lengths) if length == size), None)
    if axis is None and lengths and lengths[0] and lengths[0] % size == 0:
        array, axis = array.reshape(size, -1), 0
    rows = [array] if axis is None else np.moveaxis(array, axis, 0)
    first = _digest(rows[0])
    return tuple(first if np.array_equal(row, rows[0]) else _digest(row) for row in rows)


def _digest(row: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(row).data, digest_size=16).digest()


def _awake(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Other values where all are one, as of a model without its weights: a product with zero shows nothing."""
    return drawn_values(array, generator) if array.dtype.kind == "f" and array.size and np.ptp(array) == 0 else array


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
