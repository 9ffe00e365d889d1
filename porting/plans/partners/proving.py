"""Which of several layers is which, by proof: taught the reference's outputs, the right one passes on what it must."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, permutations, product

import numpy as np

from porting.errors import PortingError
from porting.plans.partners.colours import Graph
from porting.plans.transfers import RuledLayers, Traced, layer_pair
from porting.rules import patterns
from porting.rules.table import rule_for
from porting.traces import LayerCall, Lesson, Teaching, Trace

MOST_TRIED = 24
"""Assignments to try of layers that reach one place: all of four layers."""

AGREES = 1e-3
"""Relative error of what arrives where the best assignment is right: float32 at its worst."""

_IS_ROUNDING = 2e-6
"""Relative error below which no other assignment is tried: of weights that are small, another one may be close."""

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


@dataclass(slots=True)
class _Attempts:
    """A group's assignments as they are tried, and the best of those that were."""

    group: Group
    others: Iterator[Assignment]
    now: Assignment = field(default_factory=dict)
    best: Assignment = field(default_factory=dict)
    least: float = math.inf

    def take_next(self) -> bool:
        """Go on to the next assignment, if there is one."""
        following = next(self.others, None)
        self.now = following or {}
        return following is not None

    def judge(self, error: float) -> None:
        """Keep the assignment that was tried if none before it was better."""
        if error < self.least:
            self.least, self.best = error, self.now

    def is_sure(self) -> bool:
        """Whether what arrives differs by rounding alone."""
        return self.least <= _IS_ROUNDING


def proven(
    groups: Sequence[Group], decided: Assignment, traced: Traced, teach: Callable[[Lesson], Trace]
) -> Assignment:
    """For each group the assignment under which what arrives behind it is closest to the reference's, if it agrees.

    All groups try their next assignment in one run: only what they give out arrives.
    """
    found: Assignment = {}
    waiting = [_Attempts(group, group.assignments()) for group in groups]
    while tried := [attempts for attempts in waiting if attempts.take_next()]:
        together = {**decided, **found}
        for attempts in tried:
            together |= attempts.now
        try:
            taught = teach(lesson_for(together, traced))
        except PortingError:
            break
        for attempts in tried:
            attempts.judge(arrival_error(attempts.group, {**decided, **found, **attempts.now}, traced, taught))
        found |= {name: partner for attempts in tried if attempts.is_sure() for name, partner in attempts.best.items()}
        waiting = [attempts for attempts in tried if not attempts.is_sure()]
    for attempts in waiting:
        found |= attempts.best if attempts.least <= AGREES else {}
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


def lesson_for(paired: Assignment, traced: Traced) -> Lesson:
    """What the port's layers are to return if they are paired so: what their partners do."""
    taught: list[Teaching] = []
    for layers, ours, theirs in _calls(paired, traced, traced.port):
        pair = layer_pair(layers, traced)
        feed, give = patterns.to_port(ours.input, pair.input_axes), patterns.to_port(ours.output, pair.output_axes)
        taught.append(layers.rule.window.teaching(feed, give, (ours, theirs)))
    return tuple(taught)


def arrival_error(group: Group, paired: Assignment, traced: Traced, taught: Trace) -> float:
    """The greatest relative error of what arrives at all that a group reaches; infinite where nothing is compared."""
    reached = {name: paired[name] for name in group.places if name in paired}
    errors = []
    for layers, ours, theirs in _calls(reached, traced, taught):
        pair = layer_pair(layers, traced)
        moved = patterns.to_port(ours.input, pair.input_axes)
        errors.append(_relative_error(*layers.rule.window.inputs(moved, theirs.input, (ours, theirs))))
    for number, pattern in enumerate(traced.pair.outputs.values()):
        if f"output {number}" in group.places:
            given = taught.outputs[number]
            errors.append(
                _relative_error(patterns.to_port(traced.reference.outputs[number], pattern, given.shape), given)
            )
    return max(errors, default=math.inf)


def _relative_error(ours: np.ndarray, theirs: np.ndarray) -> float:
    ours, theirs = np.squeeze(ours), np.squeeze(theirs)
    if ours.shape != theirs.shape:
        return math.inf
    known = ~np.isnan(ours) if ours.dtype.kind == "f" else np.ones(ours.shape, bool)
    ours, theirs = ours[known], theirs[known]
    scale = float(np.abs(ours).max(initial=0))
    error = float(np.abs(ours.astype(np.float64) - theirs).max(initial=0))
    return error / scale if scale else math.inf if error else 0.0
