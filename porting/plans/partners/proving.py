"""Which of several layers is which, by proof: taught the reference's outputs, the right one passes on what it must."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, permutations, product, takewhile
from operator import itemgetter

import numpy as np

from porting.errors import PortingError
from porting.plans.partners.colours import Graph
from porting.plans.transfers import RuledLayers, Traced, layer_pair
from porting.rules import patterns
from porting.rules.directions import Recurrence, run_apart
from porting.rules.table import rule_for
from porting.rules.unit_axes import with_axes_of
from porting.traces import LayerCall, Lesson, Teaching, Trace

MOST_TRIED = 24
"""Assignments to try of layers that reach one place: all of four layers."""

AGREES = 1e-3
"""Relative error of what arrives where the best assignment is right: float32 at its worst."""

_IS_ROUNDING = 2e-6
"""Relative error below which no other assignment is tried: of weights that are small, another one may be close."""

Assignment = dict[str, str]
"""Layer of the reference -> layer of the port."""


Member = tuple[tuple[str, ...], tuple[str, ...]]
"""Layers of the reference, and as many of the port's, any of which may be each other's partners."""


@dataclass(frozen=True, slots=True)
class Group:
    """Layers that may be each other's partners, and where their outputs arrive together."""

    members: tuple[Member, ...]
    places: frozenset[str]

    def count(self) -> int:
        """How many assignments there are, where weights and biases of the same layers go together."""
        apart = {_owners(ours): len(ours) for ours, _ in self.members}
        return math.prod(map(math.factorial, apart.values()))

    def assignments(self) -> Iterator[Assignment]:
        """The order in which they ran first, or in which they usually lie; then others, if they are few."""
        choices = (list(islice(_assigned(held), MOST_TRIED)) for held in self._together())
        for parts in islice(product(*choices), MOST_TRIED):
            yield {name: partner for part in parts for name, partner in part.items()}

    def _together(self) -> list[list[Member]]:
        """Members whose names say on both sides that they are in one order: the weights and biases of some layers."""
        found: dict[tuple[tuple[str, ...], ...], list[Member]] = {}
        for member in self.members:
            found.setdefault(tuple(map(_parallel, member)), []).append(member)
        return list(found.values())


def _owners(names: Sequence[str]) -> tuple[str, ...]:
    """The layers that tensors are of; layers' own names."""
    parts = [name.rpartition(".") for name in names]
    return tuple(path if word in {"weight", "bias"} else path + dot + word for path, dot, word in parts)


_USUALLY = ({"q", "query", "wq", "queries"}, {"k", "key", "wk", "keys"}, {"v", "value", "wv", "values"})
"""Words of names of layers that lie side by side, in the order in which they do nearly everywhere."""


def _as_usual(names: Sequence[str]) -> Sequence[str]:
    """Names in the usual order of what they say, where each says something else; else as they are."""
    said = [[at for at, words in enumerate(_USUALLY) if words & set(re.split(r"[._/]+", name))] for name in names]
    if any(len(places) != 1 for places in said) or len({places[0] for places in said}) < len(names):
        return names
    return [name for _, name in sorted(zip(said, names, strict=True))]


def _assigned(members: Sequence[Member]) -> Iterator[Assignment]:
    """The assignments of members that are in one order."""
    usual = _as_usual(members[0][1])
    places = [members[0][1].index(name) for name in usual]
    for order in permutations(places):
        yield {ours[at]: theirs[place] for ours, theirs in members for at, place in enumerate(order)}


def _parallel(names: Sequence[str]) -> tuple[str, ...]:
    """What tells names apart, without what all begin and end with: ``wq wk`` and ``bq bk`` say the same."""
    rest = [name[_alike(names) :] for name in names]
    after = _alike([name[::-1] for name in rest])
    return tuple(name[: len(name) - after] for name in rest)


def _alike(names: Sequence[str]) -> int:
    """How many letters all names begin with."""
    return sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False)))


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
    """A group's assignments as they are tried, and those that were, with the error of what arrives."""

    group: Group
    others: Iterator[tuple[int, Assignment]]
    now: Assignment = field(default_factory=dict)
    misfits: int = 0
    tried: list[tuple[float, Assignment]] = field(default_factory=list)
    ruled_out: int = 0

    def take_next(self) -> bool:
        """Go on to the next assignment, if there is one."""
        following = next(self.others, None)
        self.misfits, self.now = following or (0, {})
        return following is not None

    @property
    def least(self) -> float:
        """The least error."""
        return min((error for error, _ in self.tried), default=math.inf)

    @property
    def best(self) -> Assignment:
        """The first assignment that has it."""
        return next((tried for error, tried in self.tried if error == self.least), {})

    def is_hopeless(self) -> bool:
        """Whether all assignments were tried, could be compared, and none is right."""
        could_all = bool(self.tried) and all(error < math.inf for error, _ in self.tried)
        return self.least > AGREES and could_all and len(self.tried) + self.ruled_out == self.group.count()

    def is_sure(self) -> bool:
        """Whether what arrives differs by rounding alone."""
        return self.least <= _IS_ROUNDING


def proven(
    groups: Sequence[Group], decided: Assignment, traced: Traced, teach: Callable[[Lesson], Trace]
) -> tuple[Assignment, Assignment]:
    """For each group the assignment under which what arrives behind it is closest to the reference's, if it agrees.

    And the first one of groups that have none that agrees, though all were tried: the models part behind them, and
    which one comes closest is another with every probe. All groups try their next assignment in one run: only what
    they give out arrives. Assignments under which layers return what the port's do in size come first; with others
    the port may not run.
    """
    found: Assignment = {}
    supposed = replace(traced, supposes_turned=True)
    waiting = [_Attempts(group, iter(_fitting_first(group.assignments(), supposed))) for group in groups]
    while tried := [attempts for attempts in waiting if attempts.take_next()]:
        together = {**decided, **found}
        for attempts in tried:
            together |= attempts.now
        try:
            taught = teach(lesson_for(together, supposed))
        except PortingError:
            if not any(attempts.misfits for attempts in tried):
                break
            for attempts in tried:
                attempts.ruled_out += bool(attempts.misfits)
            continue
        for attempts in tried:
            paired = {**decided, **found, **attempts.now}
            attempts.tried.append((arrival_error(attempts.group, paired, supposed, taught), attempts.now))
        found |= {name: partner for attempts in tried if attempts.is_sure() for name, partner in attempts.best.items()}
        waiting = [attempts for attempts in waiting if not attempts.is_sure()]
    for attempts in waiting:
        found |= attempts.best if attempts.least <= AGREES else {}
    hopeless = (attempts.tried[0][1] for attempts in waiting if attempts.is_hopeless())
    return found, {name: partner for first in hopeless for name, partner in first.items()}


def _fitting_first(assignments: Iterable[Assignment], traced: Traced) -> list[tuple[int, Assignment]]:
    """How many layers of each assignment would return what the port's do not in size, and the assignment."""
    known: dict[tuple[str, str], bool] = {}

    def is_misfit(both: tuple[str, str]) -> bool:
        if both not in known:
            lesson = lesson_for(dict([both]), traced)
            shapes = {call.name: call.output.shape[1:] for call in reversed(traced.port.calls)}
            known[both] = any(not held.window and held.give.shape[1:] != shapes[held.name] for held in lesson[:1])
        return known[both]

    counted = [(sum(map(is_misfit, assignment.items())), assignment) for assignment in assignments]
    return sorted(counted, key=itemgetter(0))


def _calls(paired: Assignment, traced: Traced, port: Trace) -> Iterator[tuple[RuledLayers, LayerCall, LayerCall]]:
    """Both models' calls of each pair of layers, call by call; the second one of `port`."""
    for name, partner in paired.items():
        ours, theirs = (
            [call for call in trace.calls if call.name == called]
            for trace, called in ((traced.reference, name), (port, partner))
        )
        if ours and theirs and (rule := rule_for(ours[0], theirs[0], traced.pair.rules)):
            if traced.supposes_turned and isinstance(rule.window, Recurrence):
                rule = replace(rule, window=Recurrence(run_apart(ours[0], theirs[0])))
            for left, right in zip(ours, theirs, strict=False):
                yield RuledLayers(left, right, rule), left, right


def lesson_for(paired: Assignment, traced: Traced) -> Lesson:
    """What the port's layers are to return if they are paired so: what their partners do."""
    taught: list[Teaching] = []
    for layers, ours, theirs in _calls(paired, traced, traced.port):
        pair = layer_pair(layers, traced)
        feed = with_axes_of(patterns.to_port(ours.input, pair.input_axes), theirs.input.shape)
        give = layers.rule.window.returned(patterns.to_port(ours.output, pair.output_axes), (ours, theirs))
        taught.append(layers.rule.window.teaching(feed, give, (ours, theirs)))
    return tuple(taught)


def arrival_error(group: Group, paired: Assignment, traced: Traced, taught: Trace) -> float:
    """The greatest relative error of what arrives at all that a group reaches; infinite where nothing is compared."""
    reached = {name: paired[name] for name in group.places if name in paired}
    errors = []
    for layers, ours, theirs in _calls(reached, traced, taught):
        pair = layer_pair(layers, traced)
        moved = with_axes_of(patterns.to_port(ours.input, pair.input_axes), theirs.input.shape)
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
