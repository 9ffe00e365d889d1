"""Judge what shows only in training: gradients, statistics after a step, settings."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from porting.pairs import ModelPair
from porting.plans.plan import TransferPlan
from porting.records.gradients import Thinned, thin
from porting.records.runs import PortRun, ReferenceRun
from porting.records.verdict import Part
from porting.rules import patterns
from porting.statuses import Status
from porting.traces import LayerCall

GRADIENT_ROWS = 8
"""Samples that gradients are taken on."""

GRADIENT_LIMIT = 1e-10
"""Largest relative error of a float64 gradient that rounding explains."""


def judge_training(pair: ModelPair, reference: ReferenceRun, port: PortRun) -> tuple[Part, Mapping[str, float]]:
    """The part of the verdict, and the relative error of each gradient."""
    plan = port.narrow.plan
    lines = [f"setting differs in training: {difference}" for difference in plan.training_differences]
    if port.wide is None or port.gradients is None or reference.gradients is None:
        reason = port.why_no_float64 or reference.why_no_gradients or port.why_no_gradients
        status = Status.FAIL if lines else Status.NOT_CHECKED
        return Part(status, (*lines, f"gradients: {reason}")), {}
    errors = dict(_gradient_errors(pair, reference, port))
    wrong = {name: error for name, error in errors.items() if not error <= GRADIENT_LIMIT}
    lines += [f"gradient of {name} differs: relative error {error:.1e}" for name, error in wrong.items()]
    statistics = list(_statistics(reference, port, port.wide.plan))
    lines += [f"{name} after a step differs: relative error {error:.1e}" for name, error, _ in statistics if error]
    status = Status.FAIL if lines else Status.PASS
    worst = max(errors.values(), default=0.0)
    figures = f"worst relative error {worst:.1e} of {len(errors)} float64 gradients (limit {GRADIENT_LIMIT:.0e})"
    notes = dict.fromkeys(note for _, _, note in statistics if note)
    return Part(status, (figures, *lines, *notes, *_initialisers(plan))), errors


def _gradient_errors(pair: ModelPair, reference: ReferenceRun, port: PortRun) -> Iterator[tuple[str, float]]:
    """By input and by tensor, relative to the greatest gradient of its layer.

    One of them may be nothing but rounding, as that of a bias before a softmax.
    """
    assert reference.gradients
    assert port.gradients
    assert port.wide
    pairs = zip(reference.gradients.inputs, port.gradients.inputs, pair.inputs, strict=True)
    for number, (ours, theirs, pattern) in enumerate(pairs):
        if ours is not None and theirs is not None:
            yield f"input {number}", thin(ours).relative_error(_moved(theirs, pattern))
    for layers in port.wide.plan.pairs:
        weights = reference.gradients.weights
        taken = [transfer for transfer in layers.transfers if weights.keys() >= set(transfer.references)]
        ours = {name: thin(weights[name]) for transfer in taken for name in transfer.references}
        scale = max((gradient.scale for gradient in ours.values()), default=0.0)
        for transfer in taken:
            moved = _moved(port.gradients.weights[transfer.port], transfer.pattern)
            for name, gradient in transfer.parts(moved):
                yield name, replace(ours[name], scale=scale).relative_error(gradient)


def _moved(gradient: np.ndarray | Thinned, pattern: str) -> np.ndarray:
    """A port's gradient, which is never thinned, in the reference's axis order."""
    assert not isinstance(gradient, Thinned)
    return patterns.gradient_to_reference(gradient, pattern)


def _statistics(reference: ReferenceRun, port: PortRun, plan: TransferPlan) -> Iterator[tuple[str, float, str]]:
    """Name, error (0 where it agrees) and a note, for each statistic that a step in training mode changes."""
    assert reference.gradients
    assert port.gradients
    calls = {call.name: call for call in reference.trace.layers()}
    for layers in plan.pairs:
        for transfer in layers.transfers:
            after = reference.gradients.statistics.get(transfer.reference)
            if after is None or transfer.port not in port.gradients.statistics:
                continue
            found = port.gradients.statistics[transfer.port]
            error = thin(after).relative_error(found)
            if error <= GRADIENT_LIMIT:
                yield transfer.reference, 0.0, ""
                continue
            before = port.fetch(transfer.port, lambda tensor: tensor).astype(np.float64)
            samples = len(reference.gradient_probe) / len(reference.probe)
            biased = thin(_with_biased_variance(before, after, calls[layers.reference], samples))
            if "var" in transfer.reference and biased.relative_error(found) <= GRADIENT_LIMIT:
                note = f"moving variances after a step differ by {error:.1e}: torch divides by n - 1, Keras by n"
                yield transfer.reference, 0.0, note
            else:
                yield transfer.reference, error, ""


def _with_biased_variance(before: np.ndarray, after: np.ndarray, call: LayerCall, share: float) -> np.ndarray:
    """What torch's running variance would be after a step on a share of the probe, had it divided by n as Keras."""
    momentum = call.settings.get("momentum") or 0.0
    count = round(call.input.size / after.size * share)
    kept = (1 - momentum) * before
    return kept + (after - kept) * (count - 1) / max(count, 1)


def _initialisers(plan: TransferPlan) -> list[str]:
    """A note on what matters only if the port is trained from scratch."""
    mentioned = [finding for finding in plan.settings if "_initializer=" in finding.setting]
    kinds = sorted(
        {finding.setting.partition("kernel_initializer=")[2].partition(",")[0] for finding in mentioned} - {""}
    )
    if not kinds or "Uniform" not in "".join(kinds):
        return []
    return [f"not compared, as it matters only before training: the port's initialisers ({', '.join(kinds)})"]
