"""How far a reference moves where the constants that it holds in float32 are one rounding away."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from porting.pairs.pair import ModelPair
from porting.records import parity
from porting.records.constants import Constants
from porting.records.deviations import relative
from porting.records.gradients import Gradients
from porting.reference import gradients as torch_gradients
from porting.reference import runs as torch_runs
from porting.reference.tensors.constants import as_meant, one_rounding_away, rounded_constants, turns, what_is_meant
from porting.reference.tensors.passing import Passing, passing_numbers_moved
from porting.traces import Lesson, Trace, lesson_of
from porting.traces.parking import release


def measure_constants(
    pair: ModelPair,
    model: Any,
    inputs: Sequence[np.ndarray],
    trace: Trace,
    lessons: Sequence[tuple[Sequence[np.ndarray], Lesson]],
) -> Constants:
    """Run a reference a few times more for each lesson, and without one, its constants one rounding away.

    `trace` is its run on these inputs, in float64; `lessons` are others, with the inputs that they go with.
    """
    held = rounded_constants(model, pair.whole_kinds())
    alone, is_met = np.zeros(len(trace.calls) + len(trace.outputs)), False
    for given, lesson in ((inputs, lesson_of(trace)), *lessons):
        before = list(_arriving(torch_runs.teach(model, given, lesson, alone=False)))
        for turn in turns(len(held) + is_met):
            with _all_moved(model, held, turn) as passing:
                after = _arriving(torch_runs.teach(model, given, lesson, alone=False))
                alone = np.maximum(alone, [_moved(*both) for both in zip(before, after, strict=True)])
            is_met |= passing.is_met
        if not held and not is_met:
            return Constants()
    whole = 0.0
    for turn in turns(len(held) + is_met):
        with _all_moved(model, held, turn):
            moved = torch_runs.trace(model, inputs, pair.whole_kinds(), pair.splits, pair.joins, pair.opens)
            arrays = zip(_everything(trace), _everything(moved), strict=True)
            whole = max(whole, *(_moved(*both) for both in arrays))
    names = (*held, *([IN_PASSING] if is_met else ()))
    return Constants(names, tuple(map(float, alone)), whole)


IN_PASSING = "numbers in its code"


@contextmanager
def _all_moved(model: Any, held: Mapping[str, Any], turn: int = 0) -> Iterator[Passing]:
    """Let all constants of a model be one float32 rounding away, those that it makes as it runs too."""
    with one_rounding_away(held, turn, what_is_meant(model)), passing_numbers_moved(turn) as passing:
        yield passing


def gradients_beside(
    pair: ModelPair, model: Any, inputs: Sequence[np.ndarray], cotangents: Sequence[np.ndarray]
) -> Gradients:
    """Gradients, and how far a rounding moves them, of the constants too."""
    held = rounded_constants(model, pair.whole_kinds())
    return torch_gradients.gradients(model, inputs, cotangents, partial(_all_moved, model, held))


def roundings(
    model: Any, narrow: Trace, wide: Trace, run: Callable[[], Trace]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """How far float32 takes each layer call and each output; tables that it computes, from what they are meant to be.

    A port may compute such tables too, in float32 by other steps. `run` traces the model, which is in float64, again.
    """
    calls, outputs = _rounding_of(narrow, wide)
    if what_is_meant(model):
        with as_meant(model):
            others = _rounding_of(narrow, run())
        calls, outputs = (list(map(np.maximum, *both)) for both in zip((calls, outputs), others, strict=True))
    return calls, outputs


def _rounding_of(narrow: Trace, wide: Trace) -> tuple[list[np.ndarray], list[np.ndarray]]:
    calls = rounding([call.output for call in narrow.calls], [call.output for call in wide.calls])
    return calls, rounding(narrow.outputs, wide.outputs)


def rounding(narrow: Sequence[np.ndarray], wide: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Mean square error of each float32 activation against its float64 twin, sample by sample."""
    return [_mean_squares_apart(*both) for both in zip(narrow, wide, strict=True)]


def _mean_squares_apart(narrow: np.ndarray, wide: np.ndarray) -> np.ndarray:
    found = parity.mean_squares(narrow.astype(np.float64) - wide)
    release(narrow, wide)
    return found


def _arriving(trace: Trace) -> Iterator[np.ndarray]:
    yield from (call.input for call in trace.calls)
    yield from trace.outputs


def _everything(trace: Trace) -> Iterator[np.ndarray]:
    yield from _arriving(trace)
    yield from (call.output for call in trace.calls)


_STEP = 1e-3
"""Relative move from which on a rounding has taken a value over an edge: of a floor, of a comparison, of a maximum."""


def _moved(before: np.ndarray, after: np.ndarray) -> float:
    """How far values are moved, relative to the greatest; what is taken over an edge says nothing of the others."""
    if before.dtype.kind != "f":
        return 0.0
    greatest = float(np.abs(before).max(initial=0.0))
    moves = np.abs(after - before)
    return relative(float(moves.max(initial=0.0, where=moves <= _STEP * greatest)), greatest)
