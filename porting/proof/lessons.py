"""What the layers of a port are taught: the reference's own tensors, or synthetic ones that wake every unit."""

import numpy as np

from porting.plans.plan import TransferPlan
from porting.records.parity import partners
from porting.records.unit_axes import with_axes_of
from porting.rules import patterns
from porting.traces import LayerCall, Lesson, Teaching, Trace

SYNTHETIC_ROWS = 2
"""Samples in a synthetic lesson."""

_LARGE = 16.0
"""Spread of the last sample of a synthetic lesson, at least."""

_SEED = 20220611


def synthetic_lesson(trace: Trace) -> Lesson:
    """Normal numbers of each activation's own scale, for every input and output of every layer call.

    The last sample's are large whatever the scale, so that what only clips large values shows. All fit in float32, so
    that either precision is fed the same. Integers are drawn from all that the layer's first tensor has rows for, none
    twice before each was drawn once.
    """
    generator = np.random.default_rng(_SEED)
    return tuple(
        Teaching(call.name, call.kind, _drawn(call.input, _rows(call, trace), generator), _given(call, generator))
        for call in trace.calls
    )


def _given(call: LayerCall, generator: np.random.Generator) -> np.ndarray:
    """What a layer is to return; one that looks up integers gives equal ones the same, as any table does."""
    if call.input.dtype.kind not in "iu" or call.output.shape[:-1] != call.input.shape:
        return _drawn(call.output, 0, generator)
    looked_up, places = np.unique(call.input, return_inverse=True)
    rows = call.output.reshape(-1, call.output.shape[-1])
    table = _drawn(np.resize(rows, (len(looked_up), rows.shape[1])), 0, generator)
    return table[places.reshape(call.input.shape)]


def _rows(call: LayerCall, trace: Trace) -> int:
    tensor = next(iter(call.weights.values()))
    return trace.shapes[tensor][0] if trace.shapes[tensor] else 0


def _drawn(array: np.ndarray, rows: int, generator: np.random.Generator) -> np.ndarray:
    if array.dtype.kind == "f":
        scale = float(np.sqrt(np.mean(np.square(array)))) or 1.0
        drawn = scale * generator.standard_normal(array.shape)
        drawn[-1:] *= max(1.0, _LARGE / scale)
        return drawn.astype(np.float32).astype(np.float64)
    if array.dtype.kind == "b":
        return generator.random(array.shape) < 0.5
    every = generator.permutation(max(rows, int(array.max(initial=0)) + 1))
    return np.resize(every, array.shape).astype(array.dtype)


def port_lesson(lesson: Lesson, reference: Trace, port: Trace, plan: TransferPlan) -> Lesson:
    """A lesson of the reference's layers for their partners in the port, in the port's axis order."""
    return tuple(
        pair.rule.window.teaching(
            with_axes_of(
                patterns.to_port(lesson[number].feed, pair.input_axes, named=f"the input of {pair.reference}"),
                theirs.input.shape,
            ),
            with_axes_of(
                patterns.to_port(lesson[number].give, pair.output_axes, named=f"the output of {pair.reference}"),
                theirs.output.shape,
            ),
            (ours, theirs),
        )
        for number, ours, theirs, pair in partners(reference, port, plan)
    )
