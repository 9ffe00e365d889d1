"""Why what arrives at a layer is another tensor: what lies between two layers, run as the port may have it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice, product

import numpy as np
import torch

from porting.causes.catalogue.fits import FITS, IN_SEGMENTS
from porting.causes.catalogue.function_hypotheses import ADDITIONS, FUNCTION_ROWS
from porting.causes.catalogue.steps import NUMBER_ROWS, STEP_ROWS
from porting.causes.heads import masked_behind, other_heads, rotated
from porting.causes.means import masked_means
from porting.causes.numbers import added_factors, other_numbers
from porting.causes.reordering import left_out_in_part, reordered
from porting.causes.replay import Place
from porting.causes.segments import Change, Edit, Segment
from porting.causes.states import other_states
from porting.causes.tables import added_table, other_tables
from porting.causes.trials import Witness, distinct, left_over, trial_of
from porting.causes.wiring import exchanged_sources, fed_otherwise, fed_within, from_elsewhere
from porting.proof.suspects import Suspect, constants_limits
from porting.records.findings import kind_of
from porting.records.parity import Cause
from porting.records.runs import ReferenceRun
from porting.rules import patterns
from porting.rules.windows import Convolution, padding_variants, torch_padding
from porting.traces import LayerCall

MOST_PAIRS = 5000
"""Pairs of hypotheses to try where none explains a divergence alone."""

_MOST_KNOWN = 4


def segment_causes(witness: Witness, suspect: Suspect, reference: ReferenceRun) -> Iterator[Cause]:
    """The most specific rows first: a function run otherwise, then a step besides, then a fit, then two at once.

    What is a cause elsewhere comes before all of them.
    """
    whole = trial_of(witness, suspect, reference)
    segment = Segment(witness, suspect, whole, reference.trace)
    segment.of_constants = constants_limits(reference)[segment.end]
    functions = [
        *_function_edits(segment),
        *masked_means(segment),
        *other_states(segment),
        *other_heads(segment),
        *masked_behind(segment),
    ]
    elsewhere, steps = list(from_elsewhere(segment, reference)), list(_step_edits(segment))
    others = [*other_tables(segment.replay), *reordered(segment)]
    known = [
        edit for edit in (*functions, *elsewhere, *others, *steps) if kind_of(edit.name, edit.detail) in witness.named
    ]
    if again := next((edit for edit in known if segment.left_by([edit]) <= segment.enough), None):
        yield _found(segment, again, segment.left_by([again]))
        return
    searches: tuple[Callable[[], Iterable[Cause]], ...] = (
        lambda: _rewired(segment, reference, functions),
        lambda: _most_telling(segment, functions),
        lambda: distinct(list(_explaining(segment, elsewhere))),
        lambda: distinct(list(_explaining(segment, list(fed_within(segment, reference))))),
        lambda: _behind_functions(segment, known, functions),
        lambda: _first_explaining(segment, others),
        lambda: distinct(list(_explaining(segment, steps))),
        lambda: distinct([*added_table(segment)] or [*_padding_causes(segment)] or [*_fit_causes(segment)]),
        lambda: [_found(segment, edit, segment.left_by([edit])) for edit in islice(added_factors(segment), 1)],
        lambda: left_out_in_part(segment),
        lambda: fed_otherwise(segment, reference, by_own=True),
        lambda: _pair_causes(segment, chain(product(known[:_MOST_KNOWN], steps), _few_pairs([*functions, *steps]))),
    )
    yield from next((found for search in searches if (found := list(search()))), [])


def _most_telling(segment: Segment, functions: Sequence[Edit]) -> Iterator[Cause]:
    """Functions that explain; of several those that explain all samples, and of activations what is left out."""
    found = list(distinct(list(_explaining(segment, functions))))
    if len(found) > 1:
        every, known = replace(segment, on_all_samples=True), {(cause.name, cause.detail) for cause in found}
        again = [edit for edit in functions if (edit.name, edit.detail) in known]
        found = [edit.as_cause(left) for edit in again if (left := every.left_by([edit])) <= every.enough] or found
    if all(cause.name.startswith("activation") for cause in found):
        found = [cause for cause in found if cause.name == "activation missing"] or found
    yield from distinct(found)


def _rewired(segment: Segment, reference: ReferenceRun, functions: Sequence[Edit]) -> Iterator[Cause]:
    """What another layer gives, if that explains, and nothing that is left out does."""
    if found := list(fed_otherwise(segment, reference, by_own=False)):
        missing = [edit for edit in functions if edit.name.endswith("missing")]
        yield from distinct(list(_explaining(segment, missing)) or found)


def _behind_functions(segment: Segment, known: Sequence[Edit], functions: Sequence[Edit]) -> Iterator[Cause]:
    """The roundest of the numbers that functions may be given; or a cause from elsewhere, and another function."""
    if numbers := min(other_numbers(segment), key=lambda edit: len(edit.detail), default=None):
        yield _found(segment, numbers, segment.left_by([numbers]))
    else:
        yield from _pair_causes(segment, product(known[:_MOST_KNOWN], functions))


def _first_explaining(segment: Segment, candidates: Sequence[Edit]) -> Iterator[Cause]:
    """The first that explains."""
    yield from islice(_explaining(segment, candidates), 1)


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


def _function_edits(segment: Segment) -> Iterator[Edit]:
    """Each row's variants of each function, then of all functions alike at once."""
    alike: dict[tuple[str, str], tuple[dict[Place, Change], dict[str, None]]] = {}
    for number, call in reversed(segment.calls_made):  # what lies earlier often reaches an earlier layer, shows there
        for row in FUNCTION_ROWS:
            for detail, change in row.variants(call) if call.name in row.functions else ():
                remedy = row.remedy_for(call)
                changes, remedies = alike.setdefault((row.name, detail), ({}, {}))
                changes[number], remedies[remedy] = change, None
                yield Edit(row.name, detail, remedy, {number: change})
    for (name, detail), (changes, remedies) in alike.items():
        if len(changes) > 1:
            yield Edit(name, f"{detail}, {len(changes)} times", "; ".join(remedies), changes)


def _step_edits(segment: Segment) -> Iterator[Edit]:
    """Steps right behind each source, and behind each function of the segment."""
    points: list[tuple[Place, str, torch.Tensor]] = [
        (name, name or "the input", torch.as_tensor(segment.gives[name] if name else segment.trial.inputs[0]))
        for name in segment.sources
    ]
    points += [(number, call.name, call.result) for number, call in reversed(segment.events)]
    yield from exchanged_sources(segment)
    yield from rotated(segment)
    for place, where, tensor in points:
        for row in STEP_ROWS if tensor.is_floating_point() else NUMBER_ROWS:
            for detail, step in row.variants(tensor):
                yield Edit(row.name, f"{detail}, behind {where}", row.remedy, {place: _behind(place, step)})


def _behind(place: Place, step: Change) -> Change:
    if not isinstance(place, int):
        return step
    return lambda function, arguments, keywords: step(function(*arguments, **keywords))


def _padding_causes(segment: Segment) -> Iterator[Cause]:
    """The padding of a convolution itself, where the reference's pads inside."""
    suspect = segment.suspect
    if suspect.pair is None or not isinstance(suspect.pair.rule.window, Convolution):
        return
    ours, theirs = segment.calls
    for detail, seen in padding_variants(segment.arriving(), segment.calls):
        if (left := left_over(seen, segment.trial.found)) <= segment.enough:
            yield Cause("padding of another kind", detail, _padding_remedy(ours, theirs), left)


def _padding_remedy(ours: LayerCall, theirs: LayerCall) -> str:
    """The reference's padding in a layer of its own; what is cut behind as much as it was padded is causal."""
    ends, mode = torch_padding(ours.settings), ours.settings["padding_mode"]
    if len(ends) == 1 and ours.output.shape[-1] > theirs.output.shape[-2]:
        return f'give {theirs.name} padding="causal"'
    if not any(map(any, ends)):
        return f'give {theirs.name} padding="valid"'
    if mode == "zeros":
        written = ends[0] if len(ends) == 1 else tuple(ends)
        return f'ZeroPadding{len(ends)}D({written}) before {theirs.name}, and padding="valid" in it'
    mode = {"replicate": "edge", "circular": "wrap"}.get(mode, mode)
    return f'ops.pad(x, {((0, 0), *ends, (0, 0))}, "{mode}") before {theirs.name}, and padding="valid" in it'


def _fit_causes(segment: Segment) -> Iterator[Cause]:
    """What fits what arrives; or, where a sum arrives, one of the two that the reference adds."""
    found, baseline = segment.trial.found, segment.baseline
    if baseline.shape != found.shape or baseline.dtype.kind != "f":
        return
    if not found.any():
        where = " and ".join(name or "the input" for name in segment.sources)
        yield Cause("zeros instead", f"zeros where the reference hands on {where}", f"hand on {where} there", 0.0)
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
            name = " and ".join(dict.fromkeys((first.name, second.name)))
            yield Cause(name, details, f"{first.remedy}; {second.remedy}", left)
            return


def _few_pairs(edits: Sequence[Edit]) -> Iterator[tuple[Edit, Edit]]:
    """Pairs by the sum of both places in the catalogue: its most specific rows come first."""
    total = 0
    for both in range(1, 2 * len(edits) - 2):
        for first in range(max(0, both - len(edits) + 1), (both + 1) // 2):
            yield edits[first], edits[both - first]
            if (total := total + 1) >= 2 * MOST_PAIRS:
                return
