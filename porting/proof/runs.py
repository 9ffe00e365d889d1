"""Run either model on the probe, so that the verdict has something to compare."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from porting.errors import CheckpointError, ProbeError
from porting.pairs.finding import build_reference, read_reference_sizes
from porting.pairs.pair import ModelPair, Sizes
from porting.plans.flow import Runner, with_sources
from porting.plans.mapper import plan_from_traces
from porting.plans.parts import divided
from porting.plans.plan import TransferPlan
from porting.port import runs as keras_runs
from porting.port import side as keras_side
from porting.probes import Probe
from porting.proof.blind_spots import find_blind_spots
from porting.proof.constants import gradients_beside, measure_constants, rounding, roundings
from porting.proof.inputs import check_finite, traced_drawing_nothing
from porting.proof.lessons import SYNTHETIC_ROWS, run_on_synthetic
from porting.proof.training.gradients import GRADIENT_ROWS, attempt
from porting.proof.variations import far_probe, vary_batches
from porting.records.runs import ReferenceRun
from porting.reference import gradients as torch_gradients
from porting.reference import runs as torch_runs
from porting.reference import side as torch_side
from porting.reference.files import Checkpoint
from porting.reference.randomness.calls import random_calls, scaled_arrivals
from porting.reference.rounding import explained_by_rounding
from porting.reference.tensors.computed import settle
from porting.reference.tensors.constants import see_what_is_meant
from porting.reference.tensors.sums import sum_up, without_zeros
from porting.rules import patterns
from porting.traces import Lesson, Trace, lesson_of
from porting.traces.parking import copied

OnStep = Callable[..., None]
"""Told what is being done, and where it is known how much of how much: (step, done, total)."""

_COTANGENT_SEED = 20190415

FOLLOWS = 1e-9
"""Relative error above which an output follows the batch that its sample is in: float64 rounds batches of another size
otherwise, but by far less in any model whose gradients can be told from rounding."""


def silent(step: str, done: int = 0, total: int | None = None) -> None:
    """Report no progress."""


def load_reference(pair: ModelPair, checkpoint: Checkpoint):
    """Build the reference with the checkpoint's sizes and weights.

    Returns
    -------
    model : torch.nn.Module
    sizes : Mapping
    checkpoint : Checkpoint
        The one given; with the prefix on its names where it is not a wrapper's but the model's own, and with tensors
        that Keras adds up in the place of one of them.

    Raises
    ------
    CheckpointError
        If the checkpoint's tensors do not fit.
    """
    shapes = {name: array.shape for name, array in checkpoint.state_dict.items()}
    try:
        sizes = read_reference_sizes(pair, shapes)
    except ValueError as error:
        raise CheckpointError(f"{checkpoint.path}: {error}.") from error
    with torch_side.uninitialised():
        model = build_reference(pair, sizes)
    if torch_side.shapes(model).keys() == checkpoint.with_prefix().state_dict.keys():
        checkpoint = checkpoint.with_prefix()
    try:
        torch_side.load_weights(model, checkpoint.state_dict)
    except CheckpointError as error:
        built = f" (built with {_sizes_text(sizes)}, as the checkpoint has them)" if sizes else ""
        raise CheckpointError(f"{checkpoint.path}{built}:\n{error}") from error
    if settle(model):
        checkpoint = _as_computed(checkpoint, model)
    if summed := sum_up(checkpoint.state_dict, model, pair.rules, pair.axes):
        state_dict = {**checkpoint.state_dict, **summed}
        checkpoint = replace(checkpoint, state_dict=state_dict, mapped=checkpoint.mapped - summed.keys())
        torch_side.load_weights(model, state_dict)
    see_what_is_meant(model, partial(build_reference, pair, sizes))
    return model, sizes, checkpoint


def _as_computed(checkpoint: Checkpoint, model: Any) -> Checkpoint:
    """The checkpoint with weights that are computed in the place of what they are computed from."""
    held = torch_side.arrays(model)
    state_dict = {name: checkpoint.state_dict.get(name, array) for name, array in held.items()}
    return replace(checkpoint, state_dict=state_dict, mapped=checkpoint.mapped & state_dict.keys())


def _sizes_text(sizes: Sizes) -> str:
    return ", ".join(f"{name}={value}" for name, value in sizes.items())


def trace_reference(pair: ModelPair, model: Any, inputs: Sequence[np.ndarray]) -> Trace:
    """Trace a reference; types of modules that the pair has rules for are layers as a whole."""
    return torch_runs.trace(model, inputs, pair.whole_kinds(), pair.splits, pair.joins, pair.opens)


def trace_with_sources(pair: ModelPair, model: Any, probe: Probe) -> Trace:
    """Trace a reference on one sample, with what reaches what."""
    few = reference_inputs(pair, probe.rows(1))
    return _with_reference_sources(pair, model, trace_reference(pair, model, few), few)


def _with_reference_sources(pair: ModelPair, model: Any, trace: Trace, inputs: Sequence[np.ndarray]) -> Trace:
    runner = Runner(partial(trace_reference, pair, model), partial(torch_runs.arrivals, model), pair.sample_axes())
    return with_sources(trace, inputs, runner)


def _flowing(trace: Trace, flow: Trace) -> Trace:
    """A trace with what reaches what as another of the same model has it, where both have the same calls."""
    if trace.call_names() != flow.call_names():
        return trace
    return replace(trace, sources=flow.sources, inputs_reaching=flow.inputs_reaching)


def trace_port(pair: ModelPair, model: Any, inputs: Sequence[np.ndarray]) -> Trace:
    """Trace a port; types of layers that the pair has rules for are layers as a whole."""
    return keras_runs.trace(model, inputs, pair.whole_port_kinds())


def teach_port(pair: ModelPair, model: Any, inputs: Sequence[np.ndarray], lesson: Lesson) -> Trace:
    """Run a port whose layers are taught a lesson."""
    return keras_runs.teach(model, inputs, lesson, pair.whole_port_kinds())


def plan_of(
    pair: ModelPair, reference: Trace, port: Trace, port_model: Any = None, inputs: Sequence[np.ndarray] = ()
) -> TransferPlan:
    """Derive a pair's plan, by what reaches what in either model and, where that leaves a choice, by names and proof.

    Raises
    ------
    PlanError
        If the two models cannot be paired.
    """
    if port_model is None or not reference.sources:
        return plan_from_traces(pair, reference, port)
    kinds, given = pair.whole_port_kinds(), keras_side.cast(inputs)
    arrivals = partial(keras_runs.arrivals, port_model, whole_kinds=kinds)
    runner = Runner(partial(trace_port, pair, port_model), arrivals, (0,) * len(given))
    flowing = with_sources(port, given, runner)
    few, samples = _few_of(reference, given)
    return plan_from_traces(pair, few, flowing, partial(teach_port, pair, port_model, samples))


def _few_of(trace: Trace, inputs: Sequence[np.ndarray]) -> tuple[Trace, Sequence[np.ndarray]]:
    """The first two samples of a trace and of its inputs, which may be fewer; all where arrays have other rows."""
    arrays = [*trace.outputs, *(array for call in trace.calls for array in (call.input, call.output))]
    if not inputs or len({len(array) if array.ndim else 0 for array in arrays}) != 1:
        return trace, inputs
    count = min(2, len(inputs[0]))
    calls = tuple(call.first_rows(count) for call in trace.calls)
    cut = replace(trace, calls=calls, outputs=tuple(array[:count] for array in trace.outputs))
    return cut, [array[:count] for array in inputs]


def run_reference(pair: ModelPair, model: Any, probe: Probe, weights_sha256: Mapping[str, str]) -> ReferenceRun:
    """Run the reference in float32 and in float64; its weights are left in float64.

    `weights_sha256` is to be taken before the first run: a model could change its weights as it runs.

    Raises
    ------
    ProbeError
        If the probe has another number of inputs than the pair, or the reference has no finite activations on it.
    """
    few_rows, gradient_probe = probe.rows(SYNTHETIC_ROWS), probe.rows(GRADIENT_ROWS)
    inputs, few = reference_inputs(pair, probe), reference_inputs(pair, few_rows)
    narrow, state, (unseen, why_no_unseen) = _run_narrow(pair, model, probe, inputs)
    flow = _with_reference_sources(pair, model, narrow, few)
    wide_model = torch_side.in_precision(model, "float64")
    wide, small = (_flowing(trace_reference(pair, wide_model, given), flow) for given in (inputs, few))
    drawn = run_on_synthetic(wide_model, few_rows, small, partial(reference_inputs, pair))
    alone, why_none_alone = attempt(torch_gradients.unseen_values, wide_model, drawn.inputs, drawn.lesson)
    gradients, why_no_gradients = _take_gradients(pair, wide_model, wide, gradient_probe)
    far, far_outputs = _run_far(pair, wide_model, gradient_probe)
    of_calls, of_outputs = roundings(wide_model, narrow, wide, partial(trace_reference, pair, wide_model, inputs))
    explained, why_not_explained = attempt(explained_by_rounding, wide_model, few, small)
    return ReferenceRun(
        probe=probe,
        trace=wide,
        synthetic=drawn.lesson,
        synthetic_drawn=drawn.drawn_by,
        synthetic_trace=drawn.trace,
        synthetic_probe=drawn.probe,
        calls_rounding=of_calls,
        outputs_rounding=of_outputs,
        own_rounding=_own_rounding(model, inputs, wide),
        gradient_probe=gradient_probe,
        gradients=gradients,
        why_no_gradients=why_no_gradients,
        blind_spots=find_blind_spots(wide, *(divided(held or {}, wide.shapes) for held in (unseen, alone, state))),
        weights_sha256=weights_sha256,
        versions=torch_side.versions(),
        why_no_unseen=why_no_unseen or why_none_alone,
        **_what_draws(wide_model, drawn.inputs, drawn.lesson),
        follows_batch=_followed_batches(pair, wide_model, gradient_probe),
        far=far,
        far_outputs=far_outputs,
        constants=measure_constants(pair, wide_model, few, small, [(drawn.inputs, drawn.lesson)]),
        explained=explained or (),
        why_not_explained=why_not_explained,
    )


def _what_draws(model: Any, inputs: Sequence[np.ndarray], lesson: Lesson) -> dict[str, Any]:
    """What a run says of all that draws in training."""
    drawn, why_not = attempt(random_calls, model, inputs, lesson)
    scaled, _ = attempt(scaled_arrivals, model, inputs, lesson, drawn or ())
    return {"random_calls": drawn, "why_no_random_calls": why_not, "scaled_arrivals": scaled or {}}


def _run_narrow(pair: ModelPair, model: Any, probe: Probe, inputs: Sequence[np.ndarray]):
    """In float32: the trace, the tensors as they were, and what of them changes no output, or why that is not known."""
    model = torch_side.in_precision(model, "float32")
    trace = traced_drawing_nothing(partial(trace_reference, pair, model, inputs))
    check_finite(trace, probe)
    held = without_zeros(torch_side.arrays(model), model, pair.rules, pair.axes)
    state = {name: copied(array) for name, array in held.items()}
    return trace, state, attempt(torch_gradients.unseen_values, model, inputs)


def _take_gradients(pair: ModelPair, model: Any, trace: Trace, probe: Probe):
    """Gradients, those of weights divided as their layers are, or why they cannot be taken."""
    given = reference_inputs(pair, probe), cotangents(pair, trace, len(probe))
    gradients, why_none = attempt(gradients_beside, pair, model, *given)
    return gradients and replace(gradients, weights=divided(gradients.weights, trace.shapes)), why_none


def _followed_batches(pair: ModelPair, model: Any, probe: Probe) -> tuple[str, ...]:
    """Variations of a batch that its samples' outputs follow."""
    inputs = reference_inputs(pair, probe)
    batches = vary_batches(partial(_reference_outputs, model), inputs, _reference_outputs(model, inputs))
    return tuple(held.what for held in batches if held.failure or max(held.errors, default=0.0) > FOLLOWS)


def _run_far(pair: ModelPair, model: Any, probe: Probe) -> tuple[Probe | None, tuple[np.ndarray, ...]]:
    """A probe far from the given one and the outputs on it, or neither where those are not finite."""
    far = far_probe(probe)
    outputs, _ = attempt(_reference_outputs, model, reference_inputs(pair, far))
    if outputs is None or not all(np.isfinite(output).all() for output in outputs):
        return None, ()
    return far, tuple(outputs)


def _own_rounding(model: Any, inputs: Sequence[np.ndarray], wide: Trace) -> list[np.ndarray]:
    """Each layer's own rounding in float32, its inputs exact; the weights are left in float64."""
    own = torch_runs.teach(torch_side.in_precision(model, "float32"), inputs, lesson_of(wide))
    torch_side.in_precision(model, "float64")
    return rounding([call.output for call in own.calls], [call.output for call in wide.calls])


def _reference_outputs(model: Any, inputs: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    return torch_runs.teach(model, inputs, ()).outputs


def cotangents(pair: ModelPair, trace: Trace, samples: int) -> list[np.ndarray]:
    """What each output is multiplied with before the sum whose gradients are taken; the reference's axis order."""
    generator, said = np.random.default_rng(_COTANGENT_SEED), map(patterns.samples_axis, pair.outputs.values())
    shapes = zip((output.shape for output in trace.outputs), said, strict=False)  # another number is told elsewhere
    return [generator.standard_normal((*shape[:axis], samples, *shape[axis + 1 :])) for shape, axis in shapes]


def reference_inputs(pair: ModelPair, probe: Probe) -> list[np.ndarray]:
    """The probe in the reference's axis order.

    Raises
    ------
    ProbeError
        If the probe has another number of inputs, or of axes, than the pair.
    """
    if len(probe.arrays) != len(pair.inputs):
        raise ProbeError(f"{probe.source} holds {len(probe.arrays)} inputs; pair {pair.name} takes {len(pair.inputs)}.")
    for array, pattern in zip(probe.arrays, pair.inputs, strict=True):
        if "..." not in pattern and array.ndim != patterns.ranks(pattern)[1]:
            raise ProbeError(
                f"{probe.source}: shape {array.shape} has not the axes {pattern.partition('->')[2].strip()}."
            )
    return [
        patterns.to_reference(array, pattern, named=f"input {number} of pair {pair.name}")
        for number, (array, pattern) in enumerate(zip(probe.arrays, pair.inputs, strict=True))
    ]
