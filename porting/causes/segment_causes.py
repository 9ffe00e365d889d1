"""Why what arrives at a layer is another tensor: what lies between two layers, run as the port may have it."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, combinations, product

import numpy as np
import torch

from porting.causes.catalogue.fits import FITS, IN_SEGMENTS
from porting.causes.catalogue.function_hypotheses import ADDITIONS, FUNCTION_ROWS
from porting.causes.catalogue.steps import NUMBER_ROWS, STEP_ROWS
from porting.causes.catalogue.variants import FunctionCall, first_argument
from porting.causes.numbers import other_numbers
from porting.causes.replay import Place
from porting.causes.rotations import rotated
from porting.causes.segments import Change, Edit, Segment
from porting.causes.states import other_states
from porting.causes.trials import Witness, distinct, left_over, trial_of
from porting.proof.suspects import Suspect
from porting.records.findings import kind_of
from porting.records.parity import Cause
from porting.records.runs import ReferenceRun
from porting.rules import patterns
from porting.rules.windows import Convolution, padding_variants

MOST_PAIRS = 5000
"""Pairs of hypotheses to try where none explains a divergence alone."""

_MOST_KNOWN = 4
_LAST_ADDITIONS = 3
"""Additions before a suspect that may take their operand from elsewhere: the others end other segments, too."""

_NEAR = 8
"""Layer calls before a suspect whose tensors a residual connection may have been taken from instead."""


def segment_causes(witness: Witness, suspect: Suspect, reference: ReferenceRun) -> Iterator[Cause]:
    """The most specific rows first: a function run otherwise, then a step besides, then a fit, then two at once.

    What is a cause elsewhere comes before all of them.
    """
    whole = trial_of(witness, suspect, reference)
    segment = Segment(witness, suspect, whole, reference.trace)
    functions = [
        *_function_edits(segment.events),
        *_masked_means(segment),
        *other_states(segment),
        *_elsewhere(segment, reference),
    ]
    steps = list(_step_edits(segment))
    known = [edit for edit in (*functions, *steps) if kind_of(edit.name, edit.detail) in witness.named]
    if again := next((edit for edit in known if segment.left_by([edit]) <= segment.enough), None):
        yield _found(segment, again, segment.left_by([again]))
        return
    for candidates in (functions, steps):
        if found := list(_explaining(segment, candidates)):
            yield from distinct(found)
            return
        if candidates is functions and (found := list(_behind_functions(segment, known, functions))):
            yield from found
            return
    if found := list(_padding_causes(segment)) or list(_fit_causes(segment)):
        yield from distinct(found)
        return
    edits = [*functions, *steps]
    yield from _pair_causes(segment, chain(product(known[:_MOST_KNOWN], steps), _few_pairs(edits)))


def _behind_functions(segment: Segment, known: Sequence[Edit], functions: Sequence[Edit]) -> Iterator[Cause]:
    """One of the numbers that functions are given; or a cause that is known from elsewhere, and another function."""
    if numbers := next((edit for edit in other_numbers(segment)), None):
        yield _found(segment, numbers, segment.left_by([numbers]))
    else:
        yield from _pair_causes(segment, product(known[:_MOST_KNOWN], functions))


def _explaining(segment: Segment, candidates: Sequence[Edit]) -> Iterator[Cause]:
    """Those that explain."""
    between = f"hypotheses before {segment.suspect.divergence.reference}"
    for edit in segment.witness.patience.through(candidates, between):
        if (left := segment.left_by([edit])) <= segment.enough:
            yield _found(segment, edit, left)


def _found(segment: Segment, edit: Edit, left: float) -> Cause:
    """An edit that explains, remembered for the segments that it reaches, too."""
    segment.witness.elsewhere |= {edit.origin} if edit.origin else set()
    return edit.as_cause(left)


def _function_edits(events: Sequence[tuple[int, FunctionCall]]) -> Iterator[Edit]:
    """Each row's variants of each function, then of all functions alike at once."""
    alike: dict[tuple[str, str, str], dict[Place, Change]] = {}
    for number, call in reversed(events):  # what lies earlier often reaches an earlier layer, and shows there
        for row in FUNCTION_ROWS:
            for detail, change in row.variants(call) if call.name in row.functions else ():
                remedy = row.remedy_for(call)
                alike.setdefault((row.name, detail, remedy), {})[number] = change
                yield Edit(row.name, detail, remedy, {number: change})
    for (name, detail, remedy), changes in alike.items():
        if len(changes) > 1:
            yield Edit(name, f"{detail}, {len(changes)} times", remedy, changes)


def _masked_means(segment: Segment) -> Iterator[Edit]:
    """A plain mean where the reference leaves steps out, or the other way round."""
    made = {id(call.result): (number, call) for number, call in segment.events}
    for number, call in segment.events:
        if call.name in ("div", "truediv", "true_divide") and len(call.arguments) > 1:
            _, sum_ = made.get(id(call.arguments[0]), (0, None))
            at, product = made.get(id(sum_.arguments[0]), (0, None)) if sum_ and sum_.name == "sum" else (0, None)
            if sum_ and product and product.name in ("mul", "multiply", "imul"):
                length = product.result.numel() // max(sum_.result.numel(), 1)
                changes: dict[Place, Change] = {at: _first_alone, number: partial(_divided, length)}
                detail = f"a plain mean over {length} steps where the reference leaves masked ones out"
                yield Edit("masked steps counted", detail, _MASKED_MEAN, changes)
        if call.name == "mean":
            averaged = first_argument(call.arguments, call.keywords)
            for which, array in enumerate(segment.trial.inputs, start=1):
                if array.shape == averaged.shape[:2] and not (array != 0).all():
                    detail = f"steps where input {which} is zero are left out of the mean"
                    remedy = f"take the plain mean over all {array.shape[1]} steps"
                    yield Edit(
                        "mean over a mask", detail, remedy, {number: partial(_mean_of, torch.as_tensor(array != 0))}
                    )


_MASKED_MEAN = "multiply by the mask, sum over the steps, and divide by the mask's own sum"


def _first_alone(function, arguments, keywords):
    return next(value for value in arguments if value.is_floating_point() and value.ndim == max(map(_ndim, arguments)))


def _ndim(value) -> int:
    return value.ndim if isinstance(value, torch.Tensor) else 0


def _divided(length: int, function, arguments, keywords):
    return arguments[0] / length


def _mean_of(mask: torch.Tensor, function, arguments, keywords):
    shares = mask.to(arguments[0].dtype)[..., None]
    summed = (arguments[0] * shares).sum(dim=1, keepdim=bool(keywords.get("keepdim")))
    return summed / shares.sum(dim=1, keepdim=bool(keywords.get("keepdim")))


def _elsewhere(segment: Segment, reference: ReferenceRun) -> Iterator[Edit]:
    """A residual connection around a layer instead of behind it, or the other way round."""
    additions = [(number, call) for number, call in segment.events if call.name in ADDITIONS]
    if not additions:
        return
    is_synthetic = segment.suspect.divergence.seen_on == "synthetic activations"
    calls = (reference.synthetic_trace if is_synthetic else reference.trace).calls
    near = range(max(0, segment.end - _NEAR), min(segment.end, len(calls)))
    late = [number for number, _ in additions[: -1 - _LAST_ADDITIONS : -1]]
    tried = product(late, (0, 1), near, (True, False))
    for number, operand, at, is_output in dict.fromkeys([*segment.witness.elsewhere, *tried]):
        call = dict(additions).get(number)
        array = segment.whole.lesson[at].give if is_output else calls[at].input
        if call and len(array) == len(segment.whole.found) and array[segment.rows].shape == call.result.shape:
            what = f"{'the output of' if is_output else 'what arrives at'} {segment.names[at]}"
            yield Edit(
                "residual connection from elsewhere",
                f"{what} is added, where the reference adds another tensor",
                f"add {_origin(segment, call, operand)} instead of {what}",
                {number: _with_operand(operand, torch.as_tensor(array[segment.rows]))},
                (number, operand, at, is_output),
            )


def _origin(segment: Segment, call: FunctionCall, operand: int) -> str:
    """What the reference adds, by the layer that gives it where it is one's output as it is."""
    value = call.arguments[operand] if len(call.arguments) > operand else None
    for name in segment.sources:
        give = segment.gives.get(name)
        if isinstance(value, torch.Tensor) and give is not None and np.array_equal(give, value.numpy()):
            return f"the output of {name}"
    return "what the reference adds there"


def _with_operand(number: int, other: torch.Tensor) -> Change:
    def change(function, arguments, keywords):
        exchanged = list(arguments)
        exchanged[number] = other.to(arguments[number].dtype)
        return exchanged[0] + exchanged[1]

    return change


def _step_edits(segment: Segment) -> Iterator[Edit]:
    """Steps right behind each source, and behind each function of the segment."""
    points: list[tuple[Place, str, torch.Tensor]] = [
        (name, name or "the input", torch.as_tensor(segment.gives[name] if name else segment.trial.inputs[0]))
        for name in segment.sources
    ]
    points += [(number, call.name, call.result) for number, call in reversed(segment.events)]
    yield from _exchanged(segment)
    yield from rotated(segment)
    for place, where, tensor in points:
        for row in STEP_ROWS if tensor.is_floating_point() else NUMBER_ROWS:
            for detail, step in row.variants(tensor):
                yield Edit(row.name, f"{detail}, behind {where}", row.remedy, {place: _behind(place, step)})


def _exchanged(segment: Segment) -> Iterator[Edit]:
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


def _behind(place: Place, step: Change) -> Change:
    if not isinstance(place, int):
        return step
    return lambda function, arguments, keywords: step(function(*arguments, **keywords))


def _padding_causes(segment: Segment) -> Iterator[Cause]:
    """The padding of a convolution itself, where the reference's pads inside."""
    suspect = segment.suspect
    if suspect.pair is None or not isinstance(suspect.pair.rule.window, Convolution):
        return
    ours, _ = segment.calls
    for detail, seen in padding_variants(segment.arriving(), ours.settings):
        if (left := left_over(seen, segment.trial.found)) <= segment.enough:
            remedy = "pad in a layer of its own, as the reference does, and convolve without padding"
            yield Cause("padding of another kind", detail, remedy, left)


def _fit_causes(segment: Segment) -> Iterator[Cause]:
    """What fits what arrives; or, where a sum arrives, one of the two that the reference adds."""
    found, baseline = segment.trial.found, segment.baseline
    if baseline.shape != found.shape or baseline.dtype.kind != "f":
        return
    for reference, port, where in ((baseline, found, ""), *_branches(segment)):
        for fit in (*FITS, *IN_SEGMENTS):
            if (fitted := fit(reference, port)) and fitted.left <= 100 * segment.enough:
                is_scale = fitted.name == "input scaled" and "" not in segment.sources
                name = "scale missing" if is_scale else fitted.name
                yield Cause(name, fitted.detail + where, fitted.remedy, fitted.left)
                return


def _branches(segment: Segment) -> Iterator[tuple[np.ndarray, np.ndarray, str]]:
    """Each operand of an addition that arrives as it is, and what the port made of it if the other one is right."""
    events = segment.events
    if not events or events[-1][1].name not in ADDITIONS or segment.suspect.pair is None:
        return
    operands = [operand for operand in events[-1][1].arguments[:2] if isinstance(operand, torch.Tensor)]
    moved = [patterns.to_port(operand.numpy(), segment.suspect.pair.input_axes) for operand in operands]
    if len(moved) == 2 and all(operand.shape == segment.baseline.shape for operand in moved):
        for number in (0, 1):
            words = f", in the {('first', 'second')[number]} of the two that the reference adds"
            yield moved[number], segment.trial.found - moved[1 - number], words


def _pair_causes(segment: Segment, pairs: Iterable[tuple[Edit, Edit]]) -> Iterator[Cause]:
    """Two faults in one segment; those come first of which one is known from elsewhere."""
    couples = [(first, second) for first, second in pairs if not first.changes.keys() & second.changes.keys()][
        :MOST_PAIRS
    ]
    place = segment.suspect.divergence
    what = f"pairs of hypotheses between {place.before or 'the input'} and {place.reference}"
    for first, second in segment.witness.patience.through(couples, what):
        if (left := segment.left_by([first, second])) <= segment.enough:
            details = f"{first.detail}; and {second.name}: {second.detail}"
            yield Cause(f"{first.name} and {second.name}", details, f"{first.remedy}; {second.remedy}", left)
            return


def _few_pairs(edits: Sequence[Edit]) -> Iterator[tuple[Edit, Edit]]:
    """Pairs by the sum of both places in the catalogue: its most specific rows come first."""
    total = 0
    for both in range(1, 2 * len(edits) - 2):
        for first in range(max(0, both - len(edits) + 1), (both + 1) // 2):
            yield edits[first], edits[both - first]
            if (total := total + 1) >= 2 * MOST_PAIRS:
                return
