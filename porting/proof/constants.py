"""How far a reference moves where the constants that it holds in float32 are one rounding away."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from porting.pairs.pair import ModelPair
from porting.records.constants import Constants
from porting.records.deviations import relative
from porting.records.gradients import Gradients
from porting.reference import gradients as torch_gradients
from porting.reference import runs as torch_runs
from porting.reference.tensors.constants import one_rounding_away, rounded_constants, turns
from porting.traces import Lesson, Trace, lesson_of


def measure_constants(
    pair: ModelPair, model: Any, inputs: Sequence[np.ndarray], trace: Trace, lessons: Sequence[Lesson]
) -> Constants:
    """Run a reference a few times more for each lesson, and without one, its constants one rounding away.

    `trace` is its run on these inputs, in float64.
    """
    held = rounded_constants(model, pair.whole_kinds())
    if not held:
        return Constants()
    alone = np.zeros(len(trace.calls) + len(trace.outputs))
    for lesson in (lesson_of(trace), *lessons):
        before = list(_arriving(torch_runs.teach(model, inputs, lesson, alone=False)))
        for turn in turns(len(held)):
            with one_rounding_away(held, turn):
                after = _arriving(torch_runs.teach(model, inputs, lesson, alone=False))
                alone = np.maximum(alone, [_moved(*both) for both in zip(before, after, strict=True)])
    whole = 0.0
    for turn in turns(len(held)):
        with one_rounding_away(held, turn):
            moved = torch_runs.trace(model, inputs, pair.whole_kinds(), pair.splits, pair.joins, pair.opens)
            arrays = zip(_everything(trace), _everything(moved), strict=True)
            whole = max(whole, *(_moved(*both) for both in arrays))
    return Constants(tuple(held), tuple(map(float, alone)), whole)


def gradients_beside(
    pair: ModelPair, model: Any, inputs: Sequence[np.ndarray], cotangents: Sequence[np.ndarray]
) -> Gradients:
    """Gradients, and how far a rounding moves them, of the constants too."""
    held = rounded_constants(model, pair.whole_kinds())
    beside = partial(one_rounding_away, held) if held else None
    return torch_gradients.gradients(model, inputs, cotangents, beside)


def _arriving(trace: Trace) -> Iterator[np.ndarray]:
    yield from (call.input for call in trace.calls)
    yield from trace.outputs


def _everything(trace: Trace) -> Iterator[np.ndarray]:
    yield from _arriving(trace)
    yield from (call.output for call in trace.calls)


def _moved(before: np.ndarray, after: np.ndarray) -> float:
    if before.dtype.kind != "f":
        return 0.0
    return relative(float(np.abs(after - before).max(initial=0.0)), float(np.abs(before).max(initial=0.0)))
