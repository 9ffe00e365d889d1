"""What rounding does to a torch model: how far one rounding moves it, and how far float32's may, however it sums.

What a sum of n products in float32 is off by depends on the order in which it is taken, which is a kernel's own affair:
the error of any order is at most about sqrt(n) times what rounding each of its terms does to it (Higham and Mary 2019,
*A new approach to probabilistic rounding error analysis*, SIAM J. Sci. Comput. 41). Both are measured on the reference
in float64: n as the number of values that an output depends on, the other by rounding all of these.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from porting.records.runs import Explained
from porting.reference.recording import run
from porting.reference.runs import teach
from porting.reference.side import array_of
from porting.reference.tensors.normalising import rounded_before_centred
from porting.reference.uses import taught
from porting.reference.watch import Watch
from porting.traces import Lesson, Teacher, Teaching, Trace, lesson_of
from porting.traces.parking import give_back, park, release

if TYPE_CHECKING:
    import torch

FLOAT32 = 2.0**-24
"""Greatest relative error of a number that is rounded to float32."""

_SEED = 20190521


def rounded(array: np.ndarray, generator: np.random.Generator, rounding: float) -> np.ndarray:
    """Each value one rounding up or down; integers as they are."""
    if array.dtype.kind != "f":
        return array
    found = park(array.astype(np.float64) * (1 + generator.choice((-rounding, rounding), array.shape)))
    release(array)
    return found


@contextmanager
def one_rounding_away(model: "torch.nn.Module", generator: np.random.Generator, rounding: float) -> Iterator[None]:
    """Every parameter in float64 one rounding up or down for a while."""
    import torch

    parameters = [parameter for parameter in model.parameters() if parameter.dtype == torch.float64]
    kept = [_kept(parameter) for parameter in parameters]
    with torch.no_grad():
        for parameter in parameters:
            parameter.copy_(torch.tensor(rounded(array_of(parameter), generator, rounding)))
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter, before in zip(parameters, kept, strict=True):
                parameter.copy_(before)


def _kept(parameter: "torch.Tensor") -> "torch.Tensor":
    """A copy; in half the memory where the values are float32's, as those of checkpoints are."""
    narrow = parameter.detach().float()
    return narrow if bool((narrow.double() == parameter).all()) else parameter.detach().clone()


def explained_by_rounding(
    model: "torch.nn.Module", inputs: Sequence[np.ndarray], trace: Trace
) -> tuple[Explained, ...]:
    """Measure what float32 rounding explains of each layer call's output, then of each output, in any order of sums.

    Parameters
    ----------
    model : torch.nn.Module
        In float64.
    inputs : sequence of ndarray
        In the reference's axis order.
    trace : Trace
        Of the model on these inputs, with its sources.
    """
    lesson = lesson_of(trace)
    terms_in, terms_out = _terms(model, inputs, lesson, trace)
    give_back()
    moved = _rounded_run(model, inputs, lesson)
    centred = _normalising(model, trace)
    shifts_alone = [_shift(*both) for both in zip(_given(moved), _given(trace), terms_out, strict=True)]
    alone = [_summed(*both) for both in zip(shifts_alone, centred, strict=True)]
    before = [_shift(*both) for both in zip(_taken(moved), _taken(trace), terms_in[: len(alone)], strict=True)]
    last = [_shift(*both) for both in zip(moved.outputs, trace.outputs, terms_in[len(alone) :], strict=True)]
    shifts = tuple(
        Teaching(call.name, call.kind, feed, give) for call, feed, give in zip(trace.calls, before, alone, strict=True)
    )
    whole = _shifted_run(model, inputs, lesson, shifts)
    at_outputs = [output + shift for output, shift in zip(whole.outputs, last, strict=True)]
    truths = [*_given(trace), *trace.outputs]
    measured = zip(truths, [*alone, *last], [*_given(whole), *at_outputs], strict=True)
    return tuple(_explained(*arrays) for arrays in measured)


def _normalising(model: "torch.nn.Module", trace: Trace) -> list[np.ndarray]:
    generator, held = np.random.default_rng(_SEED), model.state_dict()
    tensors = {name: array_of(held[name]) for call in trace.calls for name in call.weights.values() if name in held}
    return [rounded_before_centred(call, tensors, generator, FLOAT32) for call in trace.calls]


def _explained(truth: np.ndarray, own: np.ndarray, whole: np.ndarray) -> Explained:
    found = Explained(_share(own, truth), _share(whole - truth, truth))
    release(truth, own, whole)
    return found


def _given(trace: Trace) -> list[np.ndarray]:
    return [call.output for call in trace.calls]


def _taken(trace: Trace) -> list[np.ndarray]:
    return [call.input for call in trace.calls]


def _rounded_run(model: "torch.nn.Module", inputs: Sequence[np.ndarray], lesson: Lesson) -> Trace:
    """Each layer and each segment alone, with all that they are given, and all weights, one float32 rounding away."""
    generator = np.random.default_rng(_SEED)
    away = tuple(
        replace(held, feed=rounded(held.feed, generator, FLOAT32), give=rounded(held.give, generator, FLOAT32))
        for held in lesson
    )
    with one_rounding_away(model, generator, FLOAT32):
        return teach(model, [rounded(array, generator, FLOAT32) for array in inputs], away)


def _shifted_run(model: "torch.nn.Module", inputs: Sequence[np.ndarray], lesson: Lesson, shifts: Lesson) -> Trace:
    """The model as it runs, with what rounding explains of each layer and segment added to what they give."""
    plain = taught(model, lesson)
    parts = {"wanted": plain.wanted, "splits": plain.splits, "joins": plain.joins}
    watch = Watch(plain.modules, copies=True, shifts=Teacher(shifts), **parts)
    outputs = run(model, inputs, watch)
    return Trace(watch.recorded(), tuple(map(array_of, outputs)), {})


def _terms(
    model: "torch.nn.Module", inputs: Sequence[np.ndarray], lesson: Lesson, trace: Trace
) -> tuple[list[int], list[int]]:
    """How many values go into one of what arrives at each call and output, then into one of what each call returns."""
    watch = taught(model, lesson, differentiates=True, leaves=[])
    outputs = run(model, inputs, watch)
    assert watch.leaves is not None
    feeds, gives = watch.leaves[::2], watch.leaves[1::2]
    numbers = {name: number for number, name in enumerate(trace.call_names())}
    arriving = [*watch.inputs, *outputs]
    reaching = [[gives[numbers[name]] for name in held if name] for held in trace.sources]
    before = [_count(tensor, held) for tensor, held in zip(arriving, reaching, strict=True)]
    return before, [_count(tensor, [feed]) for tensor, feed in zip(watch.outputs, feeds, strict=True)]


def _count(tensor: "torch.Tensor", leaves: Sequence["torch.Tensor"]) -> int:
    """How many values of the leaves the greatest value of a tensor depends on, one at least."""
    import torch

    floating = [leaf for leaf in leaves if leaf.requires_grad]
    if not floating or not tensor.requires_grad:
        return 1
    flat = tensor.reshape(-1)
    value = flat[flat.detach().abs().argmax()]
    found = torch.autograd.grad(value, floating, retain_graph=True, allow_unused=True)
    return max(1, sum(int(torch.count_nonzero(gradient)) for gradient in found if gradient is not None))


def _shift(moved: np.ndarray, truth: np.ndarray, terms: int) -> np.ndarray:
    if truth.dtype.kind != "f":
        return np.zeros(truth.shape)
    found = park(math.sqrt(terms) * (moved - truth))
    release(moved, truth)
    return found


def _summed(shift: np.ndarray, further: np.ndarray) -> np.ndarray:
    found = park(shift + further)
    release(shift)
    return found


def _share(shift: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square of a shift, relative to that of what it shifts."""
    if truth.dtype.kind != "f" or not truth.size:
        return 0.0
    scale = float(np.sqrt(np.mean(np.square(truth)))) or 1.0
    return float(np.sqrt(np.mean(np.square(shift)))) / scale
