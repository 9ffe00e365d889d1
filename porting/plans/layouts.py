"""How layers of the port lie in one of the reference, by proof: one after the other, or by turns, head by head."""

from collections.abc import Iterable
from dataclasses import replace

from porting.errors import PairError, PlanError, SplitLayoutError
from porting.plans.ordering import reached_by
from porting.plans.partners.pairing import Pairs, pair_layers
from porting.plans.partners.proving import AGREES, Group, arrival_error, lesson_for
from porting.plans.parts import place_of, whole_name
from porting.plans.splits import taking_turns, turns
from porting.plans.transfers import Traced


def pair_laid_out(traced: Traced) -> tuple[Pairs, tuple[str, ...]]:
    """Pair the layers of two models, and prove how those lie that nobody has said to be side by side.

    Raises
    ------
    SplitLayoutError
        If they take turns.
    PlanError, PairError
        If the layers cannot be paired.
    """
    if not traced.pair.proves_splits:
        return pair_layers(traced)
    count = len({whole_name(call.name) for call in traced.reference.layers() if place_of(call.name)})
    best, most = 1, 0
    for times in (1, *turns(traced.reference)):
        if (agreeing := _agreeing(traced, times)) > most:
            best, most = times, agreeing
        if most == count:
            break
    if best == 1 or most < count:  # of two towers with other heads each lies otherwise
        return pair_layers(traced)
    raise SplitLayoutError(best)


def _agreeing(traced: Traced, times: int) -> int:
    """At how many of the layers that are cut what arrives behind them agrees."""
    laid = traced if times == 1 else replace(traced, reference=taking_turns(traced.reference, times))
    wholes: dict[str, set[str]] = {}
    for call in laid.reference.layers():
        if place_of(call.name):
            wholes.setdefault(whole_name(call.name), set()).add(call.name)
    return count_agreeing(laid, wholes.values())


def count_agreeing(traced: Traced, groups: Iterable[Iterable[str]]) -> int:
    """Behind how many groups of the reference's layers what arrives agrees; none where the layers cannot be paired."""
    try:
        pairs, _ = pair_layers(traced)
    except (PairError, PlanError):
        return 0
    if traced.teach is None:
        return 0
    paired = {ours.name: theirs.name for ours, theirs in pairs}
    taught = traced.teach(lesson_for(paired, traced))
    reached = (frozenset(end for name in group for end in reached_by(name, traced.reference)) for group in groups)
    return sum(arrival_error(Group((), ends), paired, traced, taught) <= AGREES for ends in reached)
