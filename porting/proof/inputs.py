"""What a pair's models take, found on the reference: where integers go, and below what they must be."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from porting.errors import PairError, ProbeError
from porting.pairs.finding import draw_probe
from porting.pairs.pair import ModelPair, Sizes
from porting.plans.flow import Runner, with_sources
from porting.probes import InputKind, Probe, drawn_inputs
from porting.reference import runs as torch_runs
from porting.reference.randomness import generator
from porting.rules import patterns
from porting.traces import Trace
from porting.traces.parking import release

_MOST_INPUTS = 6
"""Inputs of which every subset is tried as integers."""


def draw_for(pair: ModelPair, sizes: Sizes, file: Path | None, count: int, model: Any) -> Probe:
    """The inputs that both models are to see; where they are drawn, of the kinds that the reference takes."""
    is_drawn = pair.probe is None and pair.input_shapes and (file is None or str(file) == "synthetic")
    return draw_probe(pair, sizes, file, count, input_kinds(pair, model) if is_drawn else ())


def input_kinds(pair: ModelPair, model: Any) -> tuple[InputKind, ...]:
    """The kind of each input: floats, tokens below the rows of the embeddings that they reach, masks, positions."""
    names = _names(pair, model)
    plain = tuple(_kind_by_name(name) for name in names)
    if len(names) != len(pair.input_shapes) or len(names) > _MOST_INPUTS:
        return plain if len(plain) == len(pair.input_shapes) else ()
    for count in range(len(names) + 1):
        for integers in combinations(range(len(names)), count):
            kinds = tuple(
                InputKind("integer" if kind.what == "float" and at in integers else kind.what, 2)
                for at, kind in enumerate(plain)
            )
            if (trace := _traced(pair, model, kinds)) is not None:
                return _bounded(kinds, trace)
    return plain


def _names(pair: ModelPair, model: Any) -> list[str]:
    if pair.input_names:
        return list(pair.input_names)
    taken = [word for word in inspect.signature(model.forward).parameters if word not in ("args", "kwargs")]
    return (taken + [""] * len(pair.input_shapes))[: len(pair.input_shapes)]


def _kind_by_name(name: str) -> InputKind:
    if "mask" in name.lower():
        return InputKind("mask", 2)
    return InputKind("positions" if "position" in name.lower() else "float", 2)


def _traced(pair: ModelPair, model: Any, kinds: Sequence[InputKind]) -> Trace | None:
    """A run with its sources on one sample of such inputs, with no integer above one; None where they are not taken."""
    arrays = drawn_inputs(pair.input_shapes, 1, kinds)
    inputs = [patterns.to_reference(array, pattern) for array, pattern in zip(arrays, pair.inputs, strict=True)]
    try:
        trace = torch_runs.trace(model, inputs, pair.whole_kinds())
    except PairError:
        return None
    if all(kind.what == "float" for kind in kinds):
        return trace

    def run(given: Sequence[np.ndarray]) -> Trace:
        return torch_runs.trace(model, given, pair.whole_kinds())

    def arrivals(given: Any, lesson: Any, digest: Any) -> list[Any]:
        return torch_runs.arrivals(model, given, lesson, digest)

    try:
        return with_sources(trace, inputs, Runner(run, arrivals, pair.sample_axes()))
    except PairError:
        return trace


def _bounded(kinds: Sequence[InputKind], trace: Trace) -> tuple[InputKind, ...]:
    """Integers below the rows of every embedding that they reach."""
    rows: dict[int, int] = {}
    for call, reached_by in zip(trace.calls, trace.inputs_reaching, strict=False):
        if call.kind == "Embedding" and call.input.dtype.kind in "iu":
            for at in reached_by:
                table = trace.shapes[call.weights["weight"]][0]
                rows[at] = min(rows.get(at, table), table)
    return tuple(
        InputKind(kind.what, rows.get(at, 2)) if kind.what == "integer" else kind for at, kind in enumerate(kinds)
    )


def traced_drawing_nothing(run: Callable[[], Trace]) -> Trace:
    """A run of the reference in evaluation mode.

    Raises
    ------
    PairError
        If it draws, so that what it returns is another at every run.
    """
    before = generator.state()
    trace = run()
    if bool((before == generator.state()).all()):
        return trace
    again = run()
    arriving = [[*(call.input for call in held.calls), *held.outputs] for held in (trace, again)]
    names = [*trace.call_names(), *(f"output {number}" for number in range(len(trace.outputs)))]
    others = (name for name, *both in zip(names, *arriving, strict=False) if not np.array_equal(*both))
    if (first := next(others, None)) is None:
        return trace
    raise PairError(
        f"The reference draws in evaluation mode: what arrives at {first} is another at every run, and nothing can be "
        "compared behind it.\nDraw in training only, or let the model take what is drawn as an input."
    )


def check_finite(trace: Trace, probe: Probe) -> None:
    """Nothing can be held against NaN or infinity: say which layer has them first."""
    for place, count in not_finite(trace):
        raise ProbeError(
            f"The reference's activations are not finite: {count} NaN or infinite values first at {place}, on "
            f"{probe.source}. Give another probe, or another checkpoint."
        )


def not_finite(trace: Trace) -> Iterator[tuple[str, int]]:
    """Where a trace has NaN or infinity, in execution order, and how many values of each."""
    places = [
        (f"the {what} of {name}", array)
        for name, call in zip(trace.call_names(), trace.calls, strict=True)
        for what, array in (("input", call.input), ("output", call.output))
    ]
    for place, array in (*places, *((f"output {number}", array) for number, array in enumerate(trace.outputs))):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            yield place, int((~np.isfinite(array)).sum())
        release(array)
