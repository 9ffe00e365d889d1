"""Synthetic lessons: random activations that wake every unit, drawn again from what describes them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from porting.traces import PARAMETER, LayerCall, Lesson, Teaching, Trace
from porting.traces.parking import park, release
from porting.traces.repeats import repeated_calls

_LARGE = 16.0
"""Spread of the last sample of a synthetic lesson, at least."""

_SEED = 20220611


@dataclass(frozen=True, slots=True)
class Drawn:
    """What an array is drawn by.

    Attributes
    ----------
    shape : tuple of int
    dtype : str
    scale : float
        The spread of floats.
    rows : int
        What integers are below.
    looked_up : tuple of int
        Of what a table holds, the number of the row at each place, which equal numbers have the same of; empty if free.
    channels : int
        The axis along which every fourth channel of the first sample is negative throughout; 0 if there is none.
    """

    shape: tuple[int, ...]
    dtype: str
    scale: float
    rows: int
    looked_up: tuple[int, ...] = ()
    channels: int = 0


@dataclass(frozen=True, slots=True)
class DrawnCall:
    """What one layer call is to be fed and made to return.

    Attributes
    ----------
    name, kind : str
    feed, give : Drawn
    repeats : int
        Number of the call that it repeats, whose numbers are its own; -1 if none.
    """

    name: str
    kind: str
    feed: Drawn
    give: Drawn
    repeats: int = -1


def described(trace: Trace) -> tuple[DrawnCall, ...]:
    """Numbers of each activation's own scale, for every input and output of every layer call.

    Integers are drawn from all that the layer's first tensor has rows for. A layer that looks integers up gives equal
    ones the same, as any table does.
    """
    repeats = repeated_calls(trace)
    return tuple(
        DrawnCall(
            call.name,
            call.kind,
            _described(call.input, _rows(call, trace)),
            _described_output(call),
            repeats.get(number, -1),
        )
        for number, call in enumerate(trace.calls)
    )


def _described_output(call: LayerCall) -> Drawn:
    described = _described(call.output, 0)
    if call.input.dtype.kind not in "iu" or call.output.dtype.kind != "f" or call.output.shape[:-1] != call.input.shape:
        return replace(described, channels=_channels(call) if described.scale else 0)
    _, rows = np.unique(call.input, return_inverse=True)
    return replace(described, looked_up=tuple(map(int, rows.reshape(-1))))


def _channels(call: LayerCall) -> int:
    """Where a layer has its channels, if it has places besides: what is greatest of a whole channel may be negative."""
    if call.kind == PARAMETER or call.output.ndim < 3:
        return 0
    return 1 if call.kind.startswith(_CHANNELS_FIRST) else call.output.ndim - 1


_CHANNELS_FIRST = ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose", "BatchNorm", "GroupNorm", "InstanceNorm", "PReLU")


def _rows(call: LayerCall, trace: Trace) -> int:
    tensor = next(iter(call.weights.values()))
    return trace.shapes[tensor][0] if trace.shapes[tensor] else 0


def _described(array: np.ndarray, rows: int) -> Drawn:
    if array.dtype.kind == "f":
        scale = float(np.sqrt(np.mean(np.square(array)))) or 1.0
        release(array)
        return Drawn(array.shape, array.dtype.str, scale, 0)
    above = 0 if array.dtype.kind == "b" else max(rows, int(array.max(initial=0)) + 1)
    return Drawn(array.shape, array.dtype.str, 0.0, above)


def draw(calls: Sequence[DrawnCall]) -> Lesson:
    """Draw a lesson, the same each time.

    The last sample's numbers are large whatever the scale, so that what only clips large values shows; some channels of
    the first are negative throughout, so that what only the greatest of a channel goes through shows. All fit in
    float32, so that either precision is fed the same. No integer is drawn twice before each was drawn once.
    """
    generator = np.random.default_rng(_SEED)
    lesson: list[Teaching] = []
    for call in calls:
        if call.repeats < 0:
            both = _drawn(call.feed, generator), _drawn(call.give, generator)
        else:
            both = lesson[call.repeats].feed, lesson[call.repeats].give
        lesson.append(Teaching(call.name, call.kind, *both))
    return tuple(lesson)


def _drawn(by: Drawn, generator: np.random.Generator) -> np.ndarray:
    kind = np.dtype(by.dtype).kind
    if by.looked_up:
        table = replace(by, shape=(max(by.looked_up) + 1, by.shape[-1]), looked_up=(), channels=0)
        return _drawn(table, generator)[list(by.looked_up)].reshape(by.shape)
    if kind == "f":
        drawn = by.scale * generator.standard_normal(by.shape)
        drawn[-1:] *= max(1.0, _LARGE / by.scale)
        if by.channels and len(drawn):
            negative = np.moveaxis(drawn[0], by.channels - 1, 0)[::4]
            np.negative(np.abs(negative), out=negative)
        return park(drawn.astype(np.float32).astype(np.float64))
    if kind == "b":
        return generator.random(by.shape) < 0.5
    return np.resize(generator.permutation(by.rows), by.shape).astype(by.dtype)


def hash_lesson(lesson: Lesson) -> str:
    """SHA-256 of all that a lesson says: another version of numpy may draw other numbers."""
    digest = hashlib.sha256()
    for taught in lesson:
        for array in (taught.feed, taught.give):
            digest.update(np.ascontiguousarray(array).data)
            release(array)
    return digest.hexdigest()
