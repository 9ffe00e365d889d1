"""Run a port on the probe, as it is, taught, and otherwise: in float32 and, where the backend can, in float64."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from porting.errors import PairError, first_line
from porting.pairs.pair import ModelPair, Sizes
from porting.plans.plan import TransferPlan
from porting.port import gradients as keras_gradients
from porting.port import runs as keras_runs
from porting.port import side as keras_side
from porting.port.files import in_precision, read_port
from porting.port.precision import coarse_precision, narrowed
from porting.port.randomness import random_calls, scaled_arrivals
from porting.probes import Probe
from porting.proof.lessons import port_lesson
from porting.proof.runs import cotangents, plan_of, teach_port, trace_port
from porting.proof.training.gradients import attempt
from porting.proof.transfer import move_weights
from porting.proof.variations import vary_batches, vary_calls
from porting.records import parity
from porting.records.runs import PortPass, PortRun, ReferenceRun, Variation
from porting.rules.unit_axes import output_to_port
from porting.traces import Trace, lesson_of


def run_port(pair: ModelPair, path: Path, sizes: Sizes, reference: ReferenceRun) -> PortRun:
    """Load a converted checkpoint from disk and run it in float32 and, where the backend can, in float64.

    Raises
    ------
    PortFileError
        If the file cannot be loaded.
    PlanError
        If the two models cannot be paired.
    """
    probe = reference.probe
    with keras_side.precision("float32"):
        model = read_port(path, pair, sizes, lambda: probe)
        run = narrow_run(pair, model, reference)
    reason, wide_model, lacking = keras_side.why_no_float64(), None, ""
    if not reason:
        with keras_side.precision("float64"):
            twin = partial(in_precision, model, "float64", path, pair, sizes, probe)
            wide_model, lacking = _wide_model(twin, probe)
    run = replace(run, why_no_float64=reason or lacking, lacks_float64=bool(lacking), coarse=coarse_precision(model))
    return _widened(pair, run, wide_model, reference)


def run_again(pair: ModelPair, run: PortRun, reference: ReferenceRun, state_dict: Mapping[str, np.ndarray]) -> PortRun:
    """Run the models of an earlier run in float32 and float64 with other weights, which they keep.

    Parameters
    ----------
    pair : ModelPair
    run : PortRun
        With a model in float64.
    reference : ReferenceRun
        With the same weights.
    state_dict : Mapping
        All tensors of the reference.
    """
    if run.wide is None:
        raise ValueError("a run without float64 has no models to run again")
    for held in (run.narrow, run.wide):
        move_weights(held.plan, state_dict, held.model)
    with keras_side.precision("float32"):
        narrow = narrow_run(pair, run.narrow.model, reference, run.narrow.plan)
    return _widened(pair, replace(narrow, coarse=run.coarse), run.wide.model, reference)


def _widened(pair: ModelPair, run: PortRun, wide_model: Any, reference: ReferenceRun) -> PortRun:
    """A run in float32 with that in float64, if there is such a model, and with the port run otherwise in the wider."""
    if wide_model is not None:
        with keras_side.precision("float64"):
            run = _wide_run(pair, run, wide_model, reference)
    with keras_side.precision("float32" if run.wide is None else "float64"):
        return replace(run, variations=tuple(_variations((run.wide or run.narrow).model, reference)))


def narrow_run(pair: ModelPair, model: Any, reference: ReferenceRun, plan: TransferPlan | None = None) -> PortRun:
    """What a port does in float32 alone."""
    narrow = _port_pass(pair, model, reference, plan)
    return PortRun(keras_side.weight_getter(model), narrow, None, None, "", "", keras_side.versions())


def _wide_model(twin: Callable[[], Any], probe: Probe) -> tuple[Any, str]:
    """A port in float64; or None, and what the backend cannot compute in float64, though it can in float32."""
    import keras

    backend = keras.backend.backend()
    try:
        model = twin()
        found = narrowed(model, probe.rows(1).arrays)
    except Exception as error:  # backends raise what they like
        return None, f"{backend} does not run this port in float64: {first_line(error.__cause__ or error)}"
    if found:
        return None, f"{backend} computes {', '.join(found)} in less than float64, whatever it is asked for"
    return model, ""


def _wide_run(pair: ModelPair, run: PortRun, model: Any, reference: ReferenceRun) -> PortRun:
    """What a port does in float64, with its gradients, what it draws, and its outputs on far inputs."""
    wide = _port_pass(pair, model, reference, run.narrow.plan)
    few = reference.synthetic_probe.arrays
    lesson = port_lesson(reference.synthetic, reference.synthetic_trace, wide.trace, wide.plan)
    wide = replace(wide, synthetic=teach_port(pair, model, few, lesson))
    gradients, why_no_gradients, far_outputs = None, "", None
    if reference.gradients is not None:
        moved = _port_cotangents(pair, reference, run.narrow.trace)
        arrays = reference.gradient_probe.arrays
        gradients, why_no_gradients = attempt(keras_gradients.gradients, model, arrays, moved)
    drawn, why_not_drawn = attempt(random_calls, model, few, lesson)
    scaled, _ = attempt(scaled_arrivals, model, few, lesson, drawn or ())
    if reference.far:
        far_outputs, _ = attempt(keras_runs.outputs, model, keras_runs.cast(reference.far.arrays))
    return replace(
        run,
        wide=wide,
        gradients=gradients,
        why_no_gradients=why_no_gradients,
        random_calls=drawn,
        why_no_random_calls=why_not_drawn,
        scaled_arrivals=scaled or {},
        far_outputs=tuple(far_outputs or ()),
    )


def _variations(model: Any, reference: ReferenceRun) -> Iterator[Variation]:
    """A port run by every call of Keras, and on other batches where the reference's outputs do not follow them."""
    inputs = keras_runs.cast(reference.gradient_probe.arrays)
    whole = keras_runs.outputs(model, inputs)
    yield from vary_calls(keras_runs.other_calls(model), inputs, whole)
    batches = vary_batches(partial(keras_runs.outputs, model), inputs, whole)
    yield from (held for held in batches if held.what not in reference.follows_batch)


def _port_pass(pair: ModelPair, model: Any, reference: ReferenceRun, plan: TransferPlan | None = None) -> PortPass:
    """Run a port as it is, then with its layers taught the reference's activations, where these are at hand."""
    inputs, few = reference.probe.arrays, reference.synthetic_probe.arrays
    trace = trace_port(pair, model, inputs)
    parity.check_output_counts(reference.trace, trace, pair.outputs)
    if plan is None or {held.port for held in plan.pairs} - {call.name for call in trace.calls + trace.shared}:
        given, traced = (few, trace_port(pair, model, few)) if reference.holds else (inputs, trace)
        plan = plan_of(pair, reference.teaching_trace(), traced, model, given)
    if reference.holds:
        return PortPass(model, trace, plan, None)
    lesson = port_lesson(lesson_of(reference.trace), reference.trace, trace, plan)
    try:
        taught = teach_port(pair, model, inputs, lesson)
    except PairError as error:
        if lines := parity.call_counts_differ(reference.trace, trace, plan):
            raise PairError(_miscounted(lines)) from error
        raise
    return PortPass(model, trace, plan, taught)


def _miscounted(lines: list[str]) -> str:
    """What to say of a port that cannot be taught because its layers run more often than the reference's, or less."""
    first = "Layers do not run equally often on both sides, so that what one is taught does not fit the other:"
    last = "Call each once on all steps, as a Dense can be: TimeDistributed calls its layer step by step."
    return "\n".join([first, *(f"  {line}" for line in lines), last])


def _port_cotangents(pair: ModelPair, reference: ReferenceRun, port: Trace) -> list[np.ndarray]:
    """The cotangents in the port's axis order."""
    samples = len(reference.gradient_probe)
    moved = zip(cotangents(pair, reference.trace, samples), pair.outputs.values(), port.outputs, strict=True)
    return [output_to_port(array, pattern, (samples, *output.shape[1:])) for array, pattern, output in moved]
