"""Judge what shows only where dropout and its kin draw: which layer draws, on what, how much, and for what."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from porting.records.randomness import INSIDE, RandomCall, arrivals_of
from porting.records.runs import PortRun, ReferenceRun


@dataclass(frozen=True, slots=True)
class Randomness:
    """What of both models' drawing differs, cannot be compared, and is only to be told; a line each.

    `about` has for a line of what differs the port's layer that draws, or "", and the one that it stands behind.
    """

    differs: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    about: Mapping[str, tuple[str, str]] = field(default_factory=dict)


IsSame = Callable[[RandomCall, RandomCall], bool | None]
"""Whether two calls behind one layer that act on other tensors do the same; None where that is not known."""


def compare_randomness(
    reference: Sequence[RandomCall], port: Sequence[RandomCall], layers: Mapping[str, str], is_same: IsSame
) -> Randomness:
    """Pair both models' random calls by the tensors that they act on, then by the layer that they stand behind.

    Parameters
    ----------
    reference, port : sequence of RandomCall
        In execution order.
    layers : Mapping
        Port layer -> reference layer.
    is_same : callable
    """
    paired, ours, theirs = _paired_by_tensor(reference, port)
    moved, ours, theirs = _paired_by_place(ours, theirs, layers)
    unclear, ours, theirs = _unclear(ours, theirs, layers)
    about, not_compared = dict(_lone(ours, theirs, layers)), unclear
    for left, right in (*paired, *moved):
        for line, is_known in _differences(left, right):
            if is_known:
                about[line] = right.name, right.behind
            else:
                not_compared.append(line)
    notes = []
    for left, right in moved:
        others = f"{left.described()} and {right.described()} act on other tensors behind {left.behind or 'the input'}"
        same = is_same(left, right)
        if same:
            notes.append(others)
        elif same is None:
            not_compared.append(f"not compared: whether it is the same that {others}")
        else:
            about[f"{others}, and what lies between does not keep what is dropped"] = right.name, right.behind
    return Randomness(tuple(about), tuple(not_compared), tuple(notes), about)


Pairs = list[tuple[RandomCall, RandomCall]]


def _paired_by_tensor(
    reference: Sequence[RandomCall], port: Sequence[RandomCall]
) -> tuple[Pairs, list[RandomCall], list[RandomCall]]:
    """Those that act on one tensor, those of equal rate first; and what is left on either side."""
    ours, theirs, pairs = list(reference), list(port), []
    for same_rate in (True, False):
        for left in list(ours):
            alike = (
                right
                for right in theirs
                if left.acts_on.is_like(right.acts_on) and (left.rate == right.rate or not same_rate)
            )
            if right := next(alike, None):
                pairs.append((left, right))
                ours.remove(left)
                theirs.remove(right)
    return pairs, ours, theirs


def _paired_by_place(
    ours: list[RandomCall], theirs: list[RandomCall], layers: Mapping[str, str]
) -> tuple[Pairs, list[RandomCall], list[RandomCall]]:
    """Those of one rate behind one layer: before or behind some functions a dropout is the same."""
    pairs: Pairs = []
    for left in list(ours):
        alike = (right for right in theirs if layers.get(right.behind, "") == left.behind and left.rate == right.rate)
        if right := next(alike, None):
            pairs.append((left, right))
            ours.remove(left)
            theirs.remove(right)
    return pairs, ours, theirs


def _unclear(
    ours: list[RandomCall], theirs: list[RandomCall], layers: Mapping[str, str]
) -> tuple[list[str], list[RandomCall], list[RandomCall]]:
    """What either model draws inside something, by functions, where the other draws too: on what is unknown."""
    if not (ours and theirs) or all(call.drops != INSIDE for call in (*ours, *theirs)):
        return [], ours, theirs
    both = [", ".join(call.described() for call in calls) for calls in (ours, theirs)]
    return [f"not compared: what is drawn inside by functions: {both[0]} in torch, {both[1]} in Keras"], [], []


def _lone(
    ours: Sequence[RandomCall], theirs: Sequence[RandomCall], layers: Mapping[str, str]
) -> Iterator[tuple[str, tuple[str, str]]]:
    ports = {reference: port for port, reference in layers.items()}
    for call in ours:
        about = "", ports.get(call.behind, "")
        described = f"{call.described()} behind {call.behind or 'the input'}"
        yield f"{described} has no counterpart: the port draws nothing there", about
    for call in theirs:
        behind = layers.get(call.behind, call.behind) or "the input"
        described = f"{call.described()} of the port behind {behind}"
        yield f"{described} has no counterpart: the reference draws nothing there", (call.name, call.behind)


def _differences(left: RandomCall, right: RandomCall) -> Iterator[tuple[str, bool]]:
    """What differs between two calls, and whether it is known to."""
    both = f"{left.described()} in torch, {right.described()} in Keras"
    if left.rate is None or right.rate is None:
        yield f"not compared: how much is drawn, which no attribute says: {both}", False
    elif abs(left.rate - right.rate) > 1e-6:
        yield f"the rates differ: {both}", True
    if left.drops and right.drops and left.drops != right.drops:
        yield f"torch drops {left.drops}, Keras {right.drops}: {both}", True
    elif left.drops != right.drops:
        yield f"not compared: whether values, channels or samples are dropped: {both}", False
    elif left.drops == "channels":
        yield from _differences_of_axes(left, right, both)


def _differences_of_axes(left: RandomCall, right: RandomCall, both: str) -> Iterator[tuple[str, bool]]:
    """Whether two calls drop other parts at once; of other tensors only the number of parts can be compared."""
    if left.at_once is None or right.at_once is None:
        yield f"not compared: along which axes is dropped: {both}", False
        return
    on_one_tensor = left.acts_on.is_like(right.acts_on)
    on_as_many = left.acts_on.count == right.acts_on.count
    if (on_one_tensor and not left.at_once.is_like(right.at_once)) or (
        on_as_many and left.at_once.count != right.at_once.count
    ):
        yield f"torch drops along other axes than Keras (channels, steps, ...): {both}", True


def is_same_elsewhere(reference: ReferenceRun, port: PortRun, ours: RandomCall, theirs: RandomCall) -> bool | None:
    """Whether one dropout can stand in the place of another: if what lies between keeps factors, it keeps zeros.

    Seen by what arrives behind both where each dropout multiplies by a factor and drops nothing. Where the two act on
    as many numbers, or on those of the other and zeros, nothing between them makes one of several.
    """
    assert port.wide
    assert port.wide.synthetic
    behind = list(_arriving_behind(reference, port, ours.behind))
    plain = [(arrivals_of(reference.synthetic_trace), arrivals_of(port.wide.synthetic))]
    scaled = [(reference.scaled_arrivals, port.scaled_arrivals)]
    found = [[held[0].get(name), held[1].get(partner)] for name, partner in behind for held in (*plain, *scaled)]
    if not found or any(None in both for both in found):
        return None
    alike = [left.holds_like(right) for left, right in found if left and right]
    if not all(alike[::2]):
        return None
    if not all(alike[1::2]):
        return False
    on_as_many = ours.acts_on.count == theirs.acts_on.count or ours.acts_on.holds_like(theirs.acts_on)
    return True if on_as_many else None


def _arriving_behind(reference: ReferenceRun, port: PortRun, layer: str) -> Iterator[tuple[str, str]]:
    """The calls and outputs that a layer's outputs reach without another layer between, by the names of both models."""
    partners = {held.reference: held.port for held in port.narrow.plan.pairs}
    names = reference.trace.call_names()
    for number, sources in enumerate(reference.trace.sources):
        if not any(source.partition(" (call ")[0] == layer for source in sources):
            continue
        if number >= len(names):
            output = f"output {number - len(names)}"
            yield output, output
        else:
            name, call, which = names[number].partition(" (call ")
            yield names[number], f"{partners.get(name, name)}{call}{which}"
