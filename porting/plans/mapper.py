"""Derive the transfer plan from two traces: layers pair in the order they ran, the table says how tensors move."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from porting.errors import AxisSizeError, CoverageError, PairError
from porting.pairs.pair import ModelPair
from porting.plans.flow import without_idle
from porting.plans.layouts import pair_laid_out
from porting.plans.opening import as_it_lies
from porting.plans.ordering import check_order
from porting.plans.partners.arriving import renewed, with_arriving
from porting.plans.partners.heads import with_heads_apart
from porting.plans.partners.lookup import look_up, proposed_matches
from porting.plans.partners.repeats import with_calls
from porting.plans.plan import LayerPair, Transfer, TransferPlan
from porting.plans.stepping import check_steps
from porting.plans.transfers import RuledLayers, Traced, as_lines, layer_pair, listed, setting_differences
from porting.rules import patterns, settings
from porting.traces import LayerCall, Lesson, Trace
from porting.wording import counted


def plan_from_traces(
    pair: ModelPair, reference: Trace, port: Trace, teach: Callable[[Lesson], Trace] | None = None
) -> TransferPlan:
    """Pair the layers of two models, and say how each tensor moves.

    Parameters
    ----------
    pair : ModelPair
        Its rules come before those of the table, its `matches` before the order, its `axes` before a row's patterns.
    reference, port : Trace
        Both models' runs on the same probe.
    teach : callable, optional
        Runs the port on that probe, its layers taught a lesson, to prove which of several layers is which.

    Returns
    -------
    TransferPlan
        One transfer per tensor. Covers every tensor of both models or is not returned.

    Raises
    ------
    SteppingError
        If one model steps cells by hand where the other has a recurrent layer.
    LayerCountError
        If the models ran different numbers of layers with weights.
    MissingRuleError
        If the table has no row for a pair of layers.
    AxisSizeError
        If a named axis has different lengths on the two sides.
    CoverageError
        If a tensor of either model has no counterpart.
    PairError
        If the pair's `matches` or `axes` name a layer or tensor that is not there, or a layer of the reference has a
        setting with which nothing can be compared.
    """
    reference = _with_constants_shapes(with_heads_apart(without_idle(reference, port), port))
    check_steps(pair.unrolled, reference, port)
    traced = as_it_lies(Traced(pair, reference, port, teach))
    reference = traced.reference
    paired, told = pair_laid_out(traced)
    traced = with_arriving(traced, paired)
    ruled = look_up(renewed(traced, paired), pair.rules)
    if pair.proves_joins:
        told += check_order(traced, {layers.ours.name: layers.theirs.name for layers in ruled})
    findings = tuple(finding for layers in ruled for finding in layers.audit())
    _check_refused(findings)
    _check_axes(pair.axes, reference, ruled)
    pairs = with_calls([layer_pair(layers, traced) for layers in ruled], reference, port)
    _check_sizes(pairs, ruled, proposed_matches(ruled, traced))
    without_twin = tuple(
        name for layers in ruled for word, name in layers.ours.weights.items() if word in layers.rule.without_twin
    )
    without_twin += _unused_constants(reference, pairs)
    _check_all_used(reference, without_twin)
    plan = TransferPlan(pairs, without_twin, findings, reference.aliases, told)
    _check_coverage(plan, reference, port)
    return plan


def _with_constants_shapes(trace: Trace) -> Trace:
    """The trace with constants that have their shapes, by which they are paired; no call has shown them."""

    def shaped(call: LayerCall) -> LayerCall:
        if "value" not in call.weights or call.input.size:
            return call
        nothing = np.broadcast_to(np.zeros(()), (1, *trace.shapes[call.weights["value"]]))
        return replace(call, input=nothing, output=nothing)

    return replace(trace, shared=tuple(map(shaped, trace.shared)))


def _unused_constants(reference: Trace, pairs: Sequence[LayerPair]) -> tuple[str, ...]:
    """Constants of the reference that the port has no variable for, as it computes them or has them in its graph."""
    moved = {name for pair in pairs for transfer in pair.transfers for name in transfer.references}
    constants = (call.weights["value"] for call in reference.shared if "value" in call.weights)
    return tuple(name for name in constants if name not in moved)


def _check_all_used(reference: Trace, without_twin: Sequence[str]) -> None:
    """A parameter that nothing used must at least be held by the port, as checkpoints have it."""
    left = [name for name in reference.unused if name in without_twin]
    if left:
        places = {name.rpartition(".")[0] or "the model itself" for name in left}
        described = (_described(name, reference.unused[name]) for name in left)
        raise PairError(
            f"{counted(len(places), 'layer')} of the reference with weights that no layer call used: "
            f"{listed(places)}.\n"
            + "\n".join(described)
            + "\nRun what uses them on the probe, remove them from both models if nothing needs them, or let "
            "a layer of the port hold each as a variable called value that it does not read."
        )


def _described(name: str, owner: str) -> str:
    path, _, word = name.rpartition(".")
    return f"  {word} of {owner} at {path or 'the model itself'}"


def _check_refused(findings: Sequence[settings.Finding]) -> None:
    refused = [finding.why for finding in findings if finding.status == "refused"]
    if refused:
        raise PairError("The reference has settings with which nothing can be compared:\n  " + "\n  ".join(refused))


def _check_axes(axes: Mapping[str, str], reference: Trace, ruled: Sequence[RuledLayers]) -> None:
    """Each pattern belongs to a tensor that is there; where several are one variable, to the first of them."""
    if unknown := set(axes) - set(reference.shapes):
        raise PairError(f"axes names tensors that the reference does not have: {listed(unknown)}")
    stacks = [
        [layers.ours.weights.get(word, "") for word in words.split()]
        for layers in ruled
        for words in layers.rule.tensors
    ]
    if further := {name: first for first, *others in stacks for name in others if name in axes}:
        lines = (f"  {name} is stacked on {first}" for name, first in further.items())
        raise PairError(
            "axes names tensors that are one Keras variable with another.\n"
            + "\n".join(lines)
            + f'\nGive the pattern of the stack to the first one alone: axes={{"{next(iter(further.values()))}": ...}}.'
        )


def _check_sizes(pairs: Sequence[LayerPair], ruled: Sequence[RuledLayers], proposal: str) -> None:
    findings = []
    for pair, layers in zip(pairs, ruled, strict=True):
        if misfits := [line for transfer in pair.transfers for line in _differing_sizes(transfer)]:
            remedy = f"Check the layer {pair.port}, or pair {pair.reference} with another one: {proposal}."
            findings += [*misfits, *setting_differences(layers), remedy]
    if findings:
        raise AxisSizeError("\n".join(findings))


def _differing_sizes(transfer: Transfer) -> Iterator[str]:
    differing = patterns.differing_axes(transfer.pattern, transfer.reference_shape, transfer.port_shape)
    if differing:
        ours, theirs = transfer.sizes()
        yield f"{transfer.reference} does not fit {transfer.port}."
        yield from (f"  torch   {ours}", f"  keras   {theirs}", f"  {listed(differing)} differs")


def _check_coverage(plan: TransferPlan, reference: Trace, port: Trace) -> None:
    """Every tensor of both models moves exactly once, or has no twin by its rule."""
    moved = Counter([*plan.tensors, *plan.without_twin])
    filled = Counter(transfer.port for transfer in plan.transfers)
    shared = {name for call in reference.shared for name in call.weights.values()}
    findings = [
        *(
            f"  torch   {name} {shape} would stay behind"
            for name, shape in reference.shapes.items()
            if not moved[name] and not moved[reference.aliases.get(name, name)]
        ),
        *(f"  keras   {name} {shape} would get no values" for name, shape in port.shapes.items() if not filled[name]),
        *(
            f"  torch   {name} would move {count} times"
            for name, count in moved.items()
            if count > 1 and name not in shared
        ),
        *(f"  keras   {name} would be filled {count} times" for name, count in filled.items() if count > 1),
    ]
    if findings:
        raise CoverageError(
            "\n".join(
                [
                    f"The plan does not cover {counted(len(findings), 'tensor')}.",
                    *findings,
                    *as_lines(plan.setting_differences),
                    "Look for a bias or a scale on one side only, or a layer that did not run on the probe.",
                ]
            )
        )
