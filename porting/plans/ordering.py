"""In what order layers lie side by side in one of the port's, and whether by turns, by proof."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice, permutations

import numpy as np

from porting.errors import JoinOrderError, PairError
from porting.plans.flow import layer_sources, output_sources
from porting.plans.partners.proving import AGREES, MOST_TRIED, Group, arrival_error, lesson_for
from porting.plans.transfers import Traced
from porting.traces import LayerCall, Trace

Layout = tuple[tuple[int, ...], int]
"""In what order parts lie side by side, and how often they take turns."""


@dataclass(slots=True)
class _Joined:
    """A joined layer, the layouts that are left to try, and the closest of those that were."""

    call: LayerCall
    group: Group
    left: Iterator[Layout]
    now: Layout | None = None
    best: Layout = ((), 1)
    errors: list[float] = field(default_factory=list)

    def take_next(self) -> bool:
        """Go on to the next layout, if one is left and none was right."""
        self.now = None if self.is_proven() else next(self.left, None)
        return self.now is not None

    def judge(self, error: float) -> None:
        """Keep the layout that was tried if none before it was better."""
        assert self.now
        if error < min(self.errors, default=np.inf):
            self.best = self.now
        self.errors.append(error)

    def is_proven(self) -> bool:
        """Whether what lies behind gets what it must."""
        return min(self.errors, default=np.inf) <= AGREES

    def is_hopeless(self) -> bool:
        """Whether every layout was tried and could be compared, and none is right."""
        are_all = math.factorial(_count(self.call)) <= MOST_TRIED and next(self.left, None) is None
        return are_all and bool(self.errors) and max(self.errors) < np.inf and not self.is_proven()


def check_order(traced: Traced, paired: Mapping[str, str]) -> tuple[str, ...]:
    """Find out whether what lies behind each joined layer gets what it must as they are joined.

    Returns
    -------
    tuple of str
        What is to be told of those that nothing lies behind that agrees, in whatever order: there the models part.

    Raises
    ------
    JoinOrderError
        With the right orders, where they are others.
    PairError
        If nothing can be compared.
    """
    joined = [_of(call, traced.reference) for call in traced.reference.layers() if "weight_0" in call.weights]
    while traced.teach and (trying := [held for held in joined if held.take_next()]):
        layouts = {held.call.name: held.now for held in trying if held.now}
        taught = traced.teach(lesson_for(dict(paired), replace(traced, reference=_laid_out(traced.reference, layouts))))
        for held in trying:
            held.judge(arrival_error(held.group, dict(paired), traced, taught))
    if undecided := [held.call.name for held in joined if not (held.is_proven() or held.is_hopeless())]:
        raise PairError(f"Nothing decides in what order {', '.join(undecided)} lie side by side in the port.")
    right = {held.call.name: held.best for held in joined if held.is_proven()}
    if any(list(order) != sorted(order) or times > 1 for order, times in right.values()):
        raise JoinOrderError(tuple(_named(held.call.name, *right.get(held.call.name, held.best)) for held in joined))
    return tuple(f"in no order do the models agree behind {held.call.name}" for held in joined if held.is_hopeless())


def _of(call: LayerCall, trace: Trace) -> _Joined:
    layouts = _layouts(_count(call), call.output.shape[-1])
    return _Joined(call, Group((), frozenset(reached_by(call.name, trace))), layouts)


def _count(call: LayerCall) -> int:
    """How many layers are joined in one."""
    return sum(word.startswith("weight_") for word in call.weights)


def _layouts(count: int, units: int) -> Iterator[Layout]:
    """All orders of few parts, one after the other; then those by turns."""
    own = units // count
    for times in [1, *(times for times in range(2, own + 1) if own % times == 0)][:MOST_TRIED]:
        yield from ((order, times) for order in islice(permutations(range(count)), MOST_TRIED))


def _named(name: str, order: tuple[int, ...], times: int) -> str:
    before, _, words = name.removesuffix(")").rpartition("(")
    parts = words.split()
    by_turns = f" for each of {times}" if times > 1 else ""
    return f"{before}({' '.join(parts[at] for at in order)}{by_turns})"


def reached_by(name: str, trace: Trace) -> list[str]:
    """The layers, and outputs, that a layer reaches."""
    layers = [reached for reached, sources in layer_sources(trace).items() if name in sources]
    return layers + [f"output {number}" for number, sources in enumerate(output_sources(trace)) if name in sources]


def _laid_out(trace: Trace, layouts: Mapping[str, Layout]) -> Trace:
    """The trace with what joined layers return in other layouts than one part after the other."""

    def output(call: LayerCall) -> np.ndarray:
        order, times = layouts[call.name]
        folded = call.output.reshape(*call.output.shape[:-1], len(order), times, -1)
        return np.moveaxis(folded[..., list(order), :, :], -3, -2).reshape(call.output.shape)

    return replace(
        trace,
        calls=tuple(replace(call, output=output(call)) if call.name in layouts else call for call in trace.calls),
    )
