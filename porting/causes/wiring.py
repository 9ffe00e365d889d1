"""Layers that are connected otherwise: operands from elsewhere, sources exchanged, a layer fed what another gives."""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, islice, product
from typing import Any

import numpy as np
import torch

from porting.causes.catalogue.function_hypotheses import ADDITIONS
from porting.causes.catalogue.variants import FunctionCall
from porting.causes.replay import Place
from porting.causes.segments import Change, Edit, Segment, instead
from porting.causes.trials import left_over
from porting.records.parity import Cause
from porting.records.runs import ReferenceRun
from porting.traces import LayerCall

_LAST_ADDITIONS = 3
"""Additions before a suspect that may take their operand from elsewhere: the others end other segments, too."""

_MOST_IN_THREES = 10
"""Tensors of which all sums of three are tried."""

_BYTES_OF_SUMS = 2**29
"""Memory that sums may take; those of large tensors are not all tried."""

_NEAR = 8
"""Layer calls before a suspect whose tensors may have been taken instead."""


def from_elsewhere(segment: Segment, reference: ReferenceRun) -> Iterator[Edit]:
    """A residual connection around a layer instead of behind it, or the other way round."""
    additions = [(number, call) for number, call in segment.events if call.name in ADDITIONS]
    if not additions:
        return
    calls, near = _calls(segment, reference), _near(segment, reference)
    late = [number for number, _ in additions[: -1 - _LAST_ADDITIONS : -1]]
    tried = product(late, (0, 1), near, (True, False))
    for number, operand, at, is_output in dict.fromkeys([*segment.witness.elsewhere, *tried]):
        call = dict(additions).get(number)
        array = segment.whole.lesson[at].give if is_output else calls[at].input
        if call and len(array) == len(segment.whole.found) and array[segment.rows].shape == call.result.shape:
            what = _tensor_words(segment, at, is_output)
            yield Edit(
                "residual connection from elsewhere",
                f"{what} is added, where the reference adds another tensor",
                f"add {_origin(segment, call, operand)} instead of {what}",
                {number: _with_operand(operand, torch.as_tensor(array[segment.rows]))},
                (number, operand, at, is_output),
            )


def _calls(segment: Segment, reference: ReferenceRun) -> Sequence[LayerCall]:
    is_synthetic = segment.suspect.divergence.seen_on == "synthetic activations"
    return (reference.synthetic_trace if is_synthetic else reference.trace).calls


def _near(segment: Segment, reference: ReferenceRun) -> range:
    return range(max(0, segment.end - _NEAR), min(segment.end, len(_calls(segment, reference))))


def _tensor_words(segment: Segment, at: int, is_output: bool) -> str:
    return f"{'the output of' if is_output else 'what arrives at'} {segment.names[at]}"


def _origin(segment: Segment, call: FunctionCall, operand: int) -> str:
    """What the reference adds."""
    return (
        segment.words_for(call.arguments[operand]) if len(call.arguments) > operand else "what the reference adds there"
    )


def _with_operand(number: int, other: torch.Tensor) -> Change:
    def change(function: Callable[..., Any], arguments: tuple, keywords: Any) -> Any:
        exchanged = list(arguments)
        exchanged[number] = other.to(arguments[number].dtype)
        return exchanged[0] + exchanged[1]

    return change


def exchanged_sources(segment: Segment) -> Iterator[Edit]:
    """Two sources, or two inputs of the model, in each other's place."""
    given: list[tuple[Place, str, np.ndarray]] = [(name, name, segment.gives[name]) for name in segment.sources if name]
    if "" in segment.sources:
        inputs = enumerate(segment.trial.inputs)
        given += [(("input", number), f"input {number + 1}", array) for number, array in inputs]
    for (first, one, ours), (second, other, theirs) in combinations(given, 2):
        if ours.shape == theirs.shape and ours.dtype == theirs.dtype:
            changes: dict[Place, Change] = {first: _constant(theirs), second: _constant(ours)}
            is_inputs = isinstance(first, tuple) and isinstance(second, tuple)
            name = "inputs exchanged" if is_inputs else "operands in another order"
            remedy = f"exchange {one} and {other} in the port"
            remedy += "" if is_inputs else ", or pair their layers the other way round by matches={...}"
            yield Edit(name, f"{one} and {other} exchanged", remedy, changes)


def _constant(array: np.ndarray) -> Change:
    tensor = torch.tensor(array)
    return lambda _: tensor.clone()


def fed_otherwise(segment: Segment, reference: ReferenceRun, *, by_own: bool) -> Iterator[Cause]:
    """What another layer gives or is given, or a sum of such, where the reference sends something else.

    A norm before a branch instead of behind it changes so what each layer of the block is given. The segment's own
    sources are only taken for others with `by_own`: what lies behind them may as well be left out.
    """
    for theirs, tensor in (_candidates if by_own else _others)(segment, reference).items():
        array = segment.as_arriving(tensor)
        if array is None or array.shape != segment.trial.found.shape:
            continue
        if (left := left_over(array, segment.trial.found)) <= segment.enough:
            fed = segment.suspect.divergence.port or segment.suspect.divergence.reference
            ours = segment.words_for(segment.replay.arrived) if segment.replay else "what the reference does"
            detail = f"{fed} gets {theirs}, where the reference gives it {ours}"
            yield Cause(_OTHERWISE, detail, f"give {fed} {ours}", left)
            return


_OTHERWISE = "connected otherwise"


def fed_within(segment: Segment, reference: ReferenceRun) -> Iterator[Edit]:
    """What another layer gives in the place of what a function does, with all functions behind it as they are."""
    candidates = _others(segment, reference)
    late = [(number, call) for number, call in reversed(segment.events) if call.result.is_floating_point()][:_NEAR]
    for number, call in late:
        for theirs, tensor in candidates.items():
            if tensor.shape == call.result.shape:
                ours = segment.words_for(call.result)
                detail = f"{theirs} goes on where the reference goes on with {ours}"
                yield Edit(_OTHERWISE, detail, f"go on with {ours} instead of {theirs}", {number: instead(tensor)})


def _others(segment: Segment, reference: ReferenceRun) -> dict[str, torch.Tensor]:
    """The candidates without what the segment's own sources give."""
    own = {f"the output of {name}" for name in segment.sources}
    return {words: tensor for words, tensor in _candidates(segment, reference).items() if words not in own}


def _candidates(segment: Segment, reference: ReferenceRun) -> dict[str, torch.Tensor]:
    """What layers near a suspect give, before or behind it, sums of two or three of them, then what arrives there."""
    calls = _calls(segment, reference)
    near = sorted(range(len(calls)), key=lambda at: (abs(segment.end - at), at))[: 2 * _NEAR]
    given = dict(_given(segment, [(at, segment.whole.lesson[at].give, True) for at in near]))
    arriving = _given(segment, [(at, calls[at].input, False) for at in near if at != segment.end])
    several = (
        held
        for count, most in ((2, len(given)), (3, _MOST_IN_THREES))
        for held in combinations(list(given.items())[:most], count)
        if len({tensor.shape for _, tensor in held}) == 1
    )
    largest = max((tensor.nbytes for tensor in given.values()), default=1)
    sums = {
        f"the sum of {' and '.join(words for words, _ in held)}": torch.stack([tensor for _, tensor in held]).sum(0)
        for held in islice(several, _BYTES_OF_SUMS // max(largest, 1))
    }
    return {**given, **sums, **dict(arriving)}


def _given(segment: Segment, near: Sequence[tuple[int, np.ndarray, bool]]) -> Iterator[tuple[str, torch.Tensor]]:
    for at, array, is_output in near:
        if array.dtype.kind == "f" and len(array) == len(segment.whole.found):
            yield _tensor_words(segment, at, is_output), torch.as_tensor(np.array(array[segment.rows]))
