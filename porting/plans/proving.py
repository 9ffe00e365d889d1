"""Which of several layers is which, by proof: taught the reference's outputs, the right one passes on what it must."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, permutations, product

import numpy as np

from porting.errors import PortingError
from porting.plans.colours import Graph
from porting.plans.transfers import RuledLayers, Traced, layer_pair
from porting.rules import patterns
from porting.rules.table import rule_for
from porting.traces import LayerCall, Lesson, Teaching, Trace

MOST_TRIED = 24
"""Assignments to try of layers that reach one place: all of four layers."""

_AGREES = 1e-3
"""Relative error of what arrives where the assignment is right: float32 at its worst, and far from any other tensor."""

Assignment = dict[str, str]
"""Layer of the reference -> layer of the port."""


@dataclass(frozen=True, slots=True)
class Group:
    """Layers that may be each other's partners, and where their outputs arrive together."""

    members: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    places: frozenset[str]

    def assignments(self) -> Iterator[Assignment]:
        """The order in which they ran first; then others, if they are few."""
        choices = (
            [dict(zip(ours, order, strict=True)) for order in islice(permutations(theirs), MOST_TRIED)]
            for ours, theirs in self.members
        )
        for parts in islice(product(*choices), MOST_TRIED):
            yield {name: partner for part in parts for name, partner in part.items()}


def groups_to_prove(open_groups: Sequence[tuple[list[str], list[str]]], graph: Graph) -> list[Group]:
    """Groups that reach no open layer themselves, joined where they reach one place.

    Their outputs arrive at layers that are paired, so that what arrives can be compared.
    """
    targets = graph.targets()
    places = [frozenset(end for name in ours for end in targets[name]) for ours, _ in open_groups]
    is_open = {name for ours, _ in open_groups for name in ours}
    joined: list[Group] = []
    for (ours, theirs), reached in zip(open_groups, places, strict=True):
        if not reached - is_open:
            continue
        members, ends = [(tuple(ours), tuple(theirs))], reached - is_open
        for other in [group for group in joined if group.places & ends]:
            joined.remove(other)
            members, ends = [*other.members, *members], ends | other.places
        joined.append(Group(tuple(members), ends))
    ready = [group for group in joined if not _reached_by(group, targets) & is_open]
    return ready or joined


def _reached_by(group: Group, targets: Mapping[str, list[str]]) -> set[str]:
    return {end for ours, _ in group.members for name in ours for end in targets[name]}


def proven(
    groups: Sequence[Group], decided: Assignment, traced: Traced, teach: Callable[[Lesson], Trace]
) -> Assignment:
    """For each group the first assignment under which what arrives behind it is the reference's, where there is one.

    All groups try their next assignment in one run: only what they give out arrives.
    """
    found: Assignment = {}
    waiting = [(group, group.assignments()) for group in groups]
    while waiting:
        tried = [(group, others, next(others, None)) for group, others in waiting]
        tried = [(group, others, assignment) for group, others, assignment in tried if assignment is not None]
        together = {**decided, **found}
        for _, _, assignment in tried:
            together |= assignment or {}
        if not tried:
            break
        try:
            taught = teach(_lesson(together, traced))
        except PortingError:
            break
        waiting = []
        for group, others, assignment in tried:
            if assignment is not None and _arrives(group, {**decided, **found, **assignment}, traced, taught):
                found |= assignment
            else:
                waiting.append((group, others))
    return found


def _calls(paired: Assignment, traced: Traced, port: Trace) -> Iterator[tuple[RuledLayers, LayerCall, LayerCall]]:
    """Both models' calls of each pair of layers, call by call; the second one of `port`."""
    for name, partner in paired.items():
        ours, theirs = (
            [call for call in trace.calls if call.name == called]
            for trace, called in ((traced.reference, name), (port, partner))
        )
        if ours and theirs and (rule := rule_for(ours[0], theirs[0], traced.pair.rules)):
            for left, right in zip(ours, theirs, strict=False):
                yield RuledLayers(left, right, rule), left, right


def _lesson(paired: Assignment, traced: Traced) -> Lesson:
    taught: list[Teaching] = []
    for layers, ours, theirs in _calls(paired, traced, traced.port):
        pair = layer_pair(layers, traced)
        feed, give = patterns.to_port(ours.input, pair.input_axes), patterns.to_port(ours.output, pair.output_axes)
        taught.append(layers.rule.window.teaching(feed, give, (ours, theirs)))
    return tuple(taught)


def _arrives(group: Group, paired: Assignment, traced: Traced, taught: Trace) -> bool:
    """Whether all that a group reaches is given what the reference gives its own."""
    reached = {name: paired[name] for name in group.places if name in paired}
    compared = 0
    for layers, ours, theirs in _calls(reached, traced, taught):
        pair = layer_pair(layers, traced)
        moved = patterns.to_port(ours.input, pair.input_axes)
        if not _are_equal(*layers.rule.window.inputs(moved, theirs.input, (ours, theirs))):
            return False
        compared += 1
    for number, pattern in enumerate(traced.pair.outputs.values()):
        if f"output {number}" in group.places:
            given = taught.outputs[number]
            if not _are_equal(patterns.to_port(traced.reference.outputs[number], pattern, given.shape), given):
                return False
            compared += 1
    return compared > 0


def _are_equal(ours: np.ndarray, theirs: np.ndarray) -> bool:
    ours, theirs = np.squeeze(ours), np.squeeze(theirs)
    if ours.shape != theirs.shape:
        return False
    known = ~np.isnan(ours) if ours.dtype.kind == "f" else np.ones(ours.shape, bool)
    ours, theirs = ours[known], theirs[known]
    scale = float(np.abs(ours).max(initial=0))
    return bool(np.abs(ours.astype(np.float64) - theirs).max(initial=0) <= _AGREES * scale)
