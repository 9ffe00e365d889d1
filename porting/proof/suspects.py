"""Where two models part: the layers and the segments between layers that are wrong by themselves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from porting.plans.partners.proving import AGREES
from porting.plans.plan import LayerPair, TransferPlan
from porting.proof.comparison import Comparison, Sides, worst_own_ratio, worst_ratio
from porting.records import parity
from porting.records.deviations import Deviation
from porting.records.kept import rms_of
from porting.records.parity import Divergence
from porting.records.runs import PortRun, ReferenceRun
from porting.traces import PARAMETER, Trace


@dataclass(frozen=True, slots=True)
class Suspect:
    """A divergence, and the tensors that a hypothesis about it is to explain.

    Attributes
    ----------
    divergence : Divergence
    number : int
        Of the reference's call; of the output where `pair` is None.
    pair : LayerPair or None
        The layers, None where the models' outputs differ.
    found : ndarray
        What the port made of the reference's own tensors, in its own axis order, as far as it is compared.
    port : Trace
        The port's taught trace that it is from.
    plan : TransferPlan
        Of that trace.
    """

    divergence: Divergence
    number: int
    pair: LayerPair | None
    found: np.ndarray
    port: Trace
    plan: TransferPlan


def find_suspects(reference: ReferenceRun, port: PortRun, compared: Comparison) -> list[Suspect]:
    """Every layer and segment that is wrong by itself; else where the whole models part; else what rounds coarsely."""
    found: list[Suspect] = []
    if port.wide and port.wide.taught and compared.own:
        alone = constants_limits(reference)
        found = list(_beyond(compared.own, reference.trace, port.wide.taught, port.wide.plan, "probe", alone))
    if port.wide and port.wide.synthetic and compared.synthetic:
        shown = {(held.divergence.reference, held.divergence.where) for held in found}
        others = _beyond(
            compared.synthetic,
            reference.trace,
            port.wide.synthetic,
            port.wide.plan,
            "synthetic activations",
            constants_limits(reference),
        )
        found += [held for held in others if (held.divergence.reference, held.divergence.where) not in shown]
        found.sort(key=lambda held: (held.pair is None, held.number, held.divergence.where == "inside"))
    found = _with_what_masks_do(found, port.narrow.trace)
    if not found and port.wide and compared.inherited:
        found = list(_inherited(reference, port, compared.inherited))[:1]
    worst = max(worst_ratio(compared.rows())[1], worst_own_ratio(compared.rows())[1])
    if not found and port.narrow.taught and not worst <= parity.RATIO_LIMIT:
        apart = _apart(reference, port, port.narrow.taught, compared.narrow) if compared.narrow else ()
        found = list(apart) or list(_coarse(reference, port, port.narrow.taught, compared))
    return found


def _with_what_masks_do(found: Sequence[Suspect], port: Trace) -> list[Suspect]:
    """A layer that differs as it masks steps returns something else in their place, too: that is the same fault."""
    masking = {call.name for call in port.calls if call.mask is not None}
    inside = [held for held in found if held.divergence.where == "inside"]
    layers = {held.divergence.reference for held in inside if held.pair and held.pair.port in masking}
    return [held for held in found if held.divergence.where == "inside" or held.divergence.before not in layers]


def _apart(reference: ReferenceRun, port: PortRun, taught: Trace, sides: Sides) -> Iterator[Suspect]:
    """Where there is no float64, what is further off than float32 rounds at its worst."""
    limits = [AGREES] * (len(reference.trace.calls) + len(reference.trace.outputs))
    return _beyond(sides, reference.trace, taught, port.narrow.plan, "float32", limits, AGREES)


def constants_limits(reference: ReferenceRun) -> list[float]:
    """How far float64's rounding, and float32's of the reference's own constants, take what arrives anywhere."""
    count = len(reference.trace.calls) + len(reference.trace.outputs)
    moved = reference.constants.alone or (0.0,) * count
    return [max(parity.FLOAT64_LIMIT, parity.RATIO_LIMIT * each) for each in moved]


def _beyond(
    sides: Sides,
    reference: Trace,
    port: Trace,
    plan: TransferPlan,
    seen_on: str,
    arriving: Sequence[float],
    limit: float = parity.FLOAT64_LIMIT,
) -> Iterator[Suspect]:
    """Inputs and outputs whose own error is beyond the limit; not those that an unfit output has reached.

    `arriving` has the limits of what arrives at each call, then at each output.
    """
    unfit = sides.unfit()
    pairs = {pair.reference: pair for pair in plan.pairs}
    for number, (call, at_input, at_output) in sides.calls.items():
        layers, before = pairs[reference.calls[number].name], reference.sources[number]
        about = (call.reference, call.port, _named(before))
        is_own = reference.calls[number].kind == PARAMETER  # what arrives at it is what it holds
        if at_input.relative_error > arriving[number] and not is_own and not unfit & set(before):
            divergence = _divergence(about, "between", at_input, seen_on)
            yield Suspect(divergence, number, layers, call.input.port, port, plan)
        if at_output.relative_error > limit:
            divergence = _divergence(about, "inside", at_output, seen_on)
            yield Suspect(divergence, number, layers, call.output.port, port, plan)
    for number, (name, (output, deviation)) in enumerate(sides.outputs.items()):
        at = len(reference.calls) + number
        before = reference.sources[at]
        if deviation.relative_error > arriving[at] and not unfit & set(before):
            divergence = _divergence((name, name, _named(before)), "between", deviation, seen_on)
            yield Suspect(divergence, number, None, output.port, port, plan)


def _divergence(about: tuple[str, str, str], where: str, deviation: Deviation, seen_on: str) -> Divergence:
    """A divergence of these layers, the reference's and the port's, behind these sources."""
    return Divergence(*about, where, deviation.relative_error, deviation.place, seen_on)


def _named(sources: tuple[str, ...]) -> str:
    return " and ".join(name or "the input" for name in sources) if any(sources) else ""


def _inherited(reference: ReferenceRun, port: PortRun, sides: Sides) -> Iterator[Suspect]:
    """Where the models part by more than rounding compounds to, although each layer and segment alone agrees."""
    assert port.wide is not None
    limits = [
        parity.compounded_limit(parity.root_mean(squares), rms_of(call.output))
        for squares, call in zip(reference.calls_rounding, reference.trace.calls, strict=True)
    ]
    of_constants = parity.RATIO_LIMIT * reference.constants.whole
    greatest_limit = max([*limits, of_constants, parity.FLOAT64_LIMIT])
    alone = constants_limits(reference)
    for held in _beyond(sides, reference.trace, port.wide.trace, port.wide.plan, "probe", alone):
        is_inside = held.pair and held.divergence.where == "inside"
        limit = max(limits[held.number], of_constants) if is_inside else greatest_limit
        if held.divergence.error > limit:
            yield held


def _coarse(reference: ReferenceRun, port: PortRun, taught: Trace, compared: Comparison) -> Iterator[Suspect]:
    """Layers whose own float32 rounding is beyond the limit."""
    calls = {call.reference: call for call in parity.paired_calls(reference.trace, taught, port.narrow.plan)}
    pairs = {pair.reference: pair for pair in port.narrow.plan.pairs}
    for row in compared.layers:
        if row.own_float32_ratio is not None and row.own_float32_ratio > parity.RATIO_LIMIT:
            call = calls[row.reference]
            about = (row.reference, row.port, _named(row.sources))
            divergence = _divergence(about, "inside", call.output.deviation(), "float32")
            layers = pairs[reference.trace.calls[call.number].name]
            yield Suspect(divergence, call.number, layers, call.output.port, taught, port.narrow.plan)
