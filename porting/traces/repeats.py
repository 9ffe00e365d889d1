"""Calls of a layer that repeat an earlier one: a branch that a model runs twice on the same tensor."""

from collections import Counter

import numpy as np

from porting.traces import LayerCall, Trace


def repeated_calls(trace: Trace) -> dict[int, int]:
    """Number of each call that the same reaches as an earlier call of its layer, with the same values -> that one's."""
    if not trace.sources:
        return {}
    counts = Counter(call.name for call in trace.calls)
    first: dict[tuple, list[int]] = {}
    found: dict[int, int] = {}
    places = {name: number for number, name in enumerate(trace.call_names())}
    for number, call in enumerate(trace.calls):
        if counts[call.name] > 1:
            sources = frozenset(found.get(places[name], places[name]) for name in trace.sources[number] if name)
            inputs = trace.inputs_reaching[number] if trace.inputs_reaching else ()
            known = first.setdefault((call.name, sources, inputs), [])
            same = next((other for other in known if _is_the_same(trace.calls[other], call)), None)
            if same is None:
                known.append(number)
            else:
                found[number] = same
    return found


def _is_the_same(one: LayerCall, other: LayerCall) -> bool:
    both = ((one.input, other.input), (one.output, other.output))
    return all(first.size and np.array_equal(first, second) for first, second in both)
