"""In what order layers lie side by side in one of the port's, by proof."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations

import numpy as np

from porting.errors import JoinOrderError, PairError
from porting.plans.flow import layer_sources, output_sources
from porting.plans.partners.proving import AGREES, MOST_TRIED, Group, arrival_error, lesson_for
from porting.plans.transfers import Traced
from porting.traces import LayerCall, Trace


def check_order(traced: Traced, paired: Mapping[str, str]) -> None:
    """Find out whether what lies behind each joined layer gets what it must in the order in which they are joined.

    Raises
    ------
    JoinOrderError
        With the right orders, where they are others.
    PairError
        If no order is right.
    """
    joined = {call.name: call for call in traced.reference.layers() if "weight_0" in call.weights}
    groups = {name: Group((), frozenset(_targets(name, traced.reference))) for name in joined}
    right: dict[str, tuple[int, ...]] = {}
    least = dict.fromkeys(joined, np.inf)
    for number in range(MOST_TRIED):
        orders = {name: order for name, call in joined.items() if (order := _order(call, number))}
        if not orders or traced.teach is None:
            break
        taught = traced.teach(lesson_for(dict(paired), replace(traced, reference=_reordered(traced.reference, orders))))
        for name, order in orders.items():
            error = arrival_error(groups[name], dict(paired), traced, taught)
            if error < least[name]:
                least[name], right[name] = error, order
    if undecided := [name for name, error in least.items() if error > AGREES]:
        raise PairError(f"Nothing decides in what order {', '.join(undecided)} lie side by side in the port.")
    if any(list(order) != sorted(order) for order in right.values()):
        raise JoinOrderError(tuple(_in_order(name, order) for name, order in right.items()))


def _in_order(name: str, order: tuple[int, ...]) -> str:
    before, _, words = name.removesuffix(")").rpartition("(")
    parts = words.split()
    return f"{before}({' '.join(parts[at] for at in order)})"


def _order(call: LayerCall, number: int) -> tuple[int, ...]:
    """One of the orders of a joined layer's parts, by its number; nothing where there are not so many."""
    count = sum(word.startswith("weight_") for word in call.weights)
    return next((order for at, order in enumerate(permutations(range(count))) if at == number), ())


def _targets(name: str, trace: Trace) -> list[str]:
    layers = [reached for reached, sources in layer_sources(trace).items() if name in sources]
    return layers + [f"output {number}" for number, sources in enumerate(output_sources(trace)) if name in sources]


def _reordered(trace: Trace, orders: Mapping[str, tuple[int, ...]]) -> Trace:
    def output(call: LayerCall) -> np.ndarray:
        parts = np.split(call.output, len(orders[call.name]), axis=-1)
        return np.concatenate([parts[at] for at in orders[call.name]], axis=-1)

    return replace(
        trace,
        calls=tuple(replace(call, output=output(call)) if call.name in orders else call for call in trace.calls),
    )
