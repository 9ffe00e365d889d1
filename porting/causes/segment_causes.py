"""Why what arrives at a layer is another tensor: what lies between two layers, run as the port may have it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, count
from typing import Any

import numpy as np
import torch

from porting.causes.catalogue.fits import FITS
from porting.causes.catalogue.function_hypotheses import ADDITIONS, FUNCTION_ROWS
from porting.causes.catalogue.steps import STEP_ROWS
from porting.causes.trials import EXPLAINED, Trial, Witness, applied, distinct, left_over, trial_of
from porting.causes.catalogue.variants import FunctionCall
from porting.proof.suspects import Suspect
from porting.records.parity import Cause, partners
from porting.records.runs import ReferenceRun
from porting.reference import functions as torch_functions
from porting.reference import runs as torch_runs
from porting.rules import patterns
from porting.rules.windows import Convolution, padding_variants
from porting.traces import LayerCall, Trace

MOST_ROWS = 4
"""Samples that hypotheses are tried on."""

MOST_PAIRS = 1000
"""Pairs of hypotheses to try where none explains a divergence alone."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of what the reference computes between layers, and the words for it.

    Attributes
    ----------
    changes : Mapping
        The number of a function event, or the name of a source whose output is changed, "" for the input -> the change.
    """

    name: str
    detail: str
    remedy: str
    changes: Mapping[int | str, Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Segment:
    """What lies between a suspect and its sources, as the reference runs it."""

    witness: Witness
    suspect: Suspect
    trial: Trial
    reference: Trace

    @property
    def end(self) -> int:
        """The number of the call at which the segment ends; outputs count on behind the calls."""
        return self.suspect.number + (0 if self.suspect.pair else len(self.reference.calls))

    @property
    def sources(self) -> tuple[str, ...]:
        """Calls whose outputs reach the suspect."""
        return self.reference.sources[self.end]

    @property
    def names(self) -> list[str]:
        """All calls of the reference."""
        return self.reference.call_names()

    def events(self) -> list[tuple[int, FunctionCall]]:
        """Every function call of the segment."""
        first = min((self.names.index(name) + 1 for name in self.sources if name), default=0)
        first = 0 if "" in self.sources else first
        last = min(self.end, len(self.names))
        events: list[tuple[int, FunctionCall]] = []
        counter = count()

        def record(watch: Any, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Any:
            number, result = next(counter), function(*arguments, **keywords)
            if first <= len(watch.abouts) <= last and isinstance(result, torch.Tensor):
                name = torch_functions.called_name(function)
                events.append((number, FunctionCall(name, function, arguments, keywords, result.clone())))
            return result

        self._run(record, self.trial)
        return events

    def _run(self, editor: Any, trial: Trial) -> np.ndarray:
        """What arrives at the suspect, in the port's axis order, as the taps see it."""
        arrived = torch_runs.arriving(self.witness.model, trial.inputs, trial.lesson, self.end, editor)
        if self.suspect.pair is None:
            pattern = list(self.witness.pair.outputs.values())[self.suspect.number]
            return patterns.to_port(arrived, pattern, self.trial.found.shape)
        return self.seen(patterns.to_port(arrived, self.suspect.pair.input_axes))

    def seen(self, arrived: np.ndarray) -> np.ndarray:
        """What of an arriving tensor the layer sees."""
        assert self.suspect.pair is not None
        calls = self.calls()
        return self.suspect.pair.rule.window.inputs(arrived, calls[1].input, calls)[0]

    def calls(self) -> tuple[LayerCall, LayerCall]:
        """The reference's call and the port's."""
        return next(
            (ours, theirs)
            for number, ours, theirs, _ in partners(self.reference, self.suspect.port, self.suspect.plan)
            if number == self.suspect.number
        )

    def predict(self, edits: Sequence[Edit]) -> np.ndarray:
        """What would arrive if the port did as the edits say."""
        by_place = {place: change for edit in edits for place, change in edit.changes.items()}
        counter = count()

        def edit(watch: Any, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Any:
            change = by_place.get(next(counter))
            return change(function, arguments, keywords) if change else function(*arguments, **keywords)

        lesson = tuple(
            replace(taught, give=applied(by_place[name], taught.give)) if name in by_place else taught
            for name, taught in zip(self.names, self.trial.lesson, strict=True)
        )
        inputs = [applied(by_place[""], array) if "" in by_place else array for array in self.trial.inputs]
        return self._run(edit, replace(self.trial, inputs=inputs, lesson=lesson))

    def left_by(self, edits: Sequence[Edit]) -> float:
        """Relative error that edits leave; infinite where they cannot be run."""
        try:
            return left_over(self.predict(edits), self.trial.found)
        except Exception:  # a hypothesis need not fit the shapes
            return np.inf


def _fewer(trial: Trial) -> Trial:
    """The same on a few samples, where every array has one row a sample."""
    samples = len(trial.found)
    arrays = [array for taught in trial.lesson for array in (taught.feed, taught.give)]
    if samples <= MOST_ROWS or any(len(array) != samples for array in (*arrays, *trial.inputs)):
        return trial
    rows = np.unique(np.linspace(0, samples - 1, MOST_ROWS).astype(int))
    lesson = tuple(replace(taught, feed=taught.feed[rows], give=taught.give[rows]) for taught in trial.lesson)
    return Trial([array[rows] for array in trial.inputs], lesson, trial.found[rows])


def segment_causes(witness: Witness, suspect: Suspect, reference: ReferenceRun) -> Iterator[Cause]:
    """The most specific rows first: a function run otherwise, then a step besides, then a fit, then two at once."""
    segment = Segment(witness, suspect, _fewer(trial_of(witness, suspect, reference)), reference.trace)
    events = segment.events()
    functions, steps = list(_function_edits(events)), list(_step_edits(segment, events))
    baseline = segment.predict(())
    for candidates in (functions, steps):
        found = [_cause(edit, left) for edit in candidates if (left := segment.left_by([edit])) <= EXPLAINED]
        if found:
            yield from distinct(found)
            return
    if found := list(_padding_causes(segment)) + list(_fit_causes(segment, baseline, events)):
        yield from distinct(found)
        return
    yield from _pair_causes(segment, functions, steps)


def _cause(edit: Edit, left: float) -> Cause:
    return Cause(edit.name, edit.detail, edit.remedy, left)


def _function_edits(events: Sequence[Any]) -> Iterator[Edit]:
    """Each row's variants of each function, then of all functions alike at once."""
    alike: dict[tuple[str, str, str], dict[int | str, Callable[..., Any]]] = {}
    for number, call in events:
        for row in FUNCTION_ROWS:
            for detail, change in row.variants(call) if call.name in row.functions else ():
                alike.setdefault((row.name, detail, row.remedy), {})[number] = change
                yield Edit(row.name, detail, row.remedy, {number: change})
    for (name, detail, remedy), changes in alike.items():
        if len(changes) > 1:
            yield Edit(name, f"{detail}, {len(changes)} times", remedy, changes)


def _step_edits(segment: Segment, events: Sequence[Any]) -> Iterator[Edit]:
    """Steps right behind each source, and behind each function of the segment."""
    gives = dict(zip(segment.names, (taught.give for taught in segment.trial.lesson), strict=True))
    points: list[tuple[int | str, str, Any]] = [
        (name, name or "the input", torch.as_tensor(gives[name] if name else segment.trial.inputs[0]))
        for name in segment.sources
    ]
    points += [(number, call.name, call.result) for number, call in events]
    yield from _exchanged(gives, segment.sources)
    for place, where, tensor in points:
        for row in STEP_ROWS if tensor.is_floating_point() else ():
            for detail, step in row.variants(tensor):
                yield Edit(row.name, f"{detail}, behind {where}", row.remedy, {place: _behind(place, step)})


def _exchanged(gives: Mapping[str, np.ndarray], sources: Sequence[str]) -> Iterator[Edit]:
    """Two sources in each other's place, as where their layers are paired wrongly."""
    for first, second in combinations([name for name in sources if name], 2):
        if gives[first].shape == gives[second].shape:
            ours, theirs = (torch.tensor(gives[name]) for name in (first, second))
            changes: dict[int | str, Callable[..., Any]] = {
                first: lambda _, other=theirs: other,
                second: lambda _, other=ours: other,
            }
            remedy = "pair the layers rightly, matches={...}, or exchange them in the port"
            yield Edit("operands in another order", f"{first} and {second} exchanged", remedy, changes)


def _behind(place: int | str, step: Callable[..., Any]) -> Callable[..., Any]:
    if isinstance(place, str):
        return step
    return lambda function, arguments, keywords: step(function(*arguments, **keywords))


def _padding_causes(segment: Segment) -> Iterator[Cause]:
    """The padding of a convolution itself, where the reference's pads inside."""
    suspect = segment.suspect
    if suspect.pair is None or not isinstance(suspect.pair.rule.window, Convolution):
        return
    ours, _ = segment.calls()
    trial = segment.trial
    raw = torch_runs.arriving(segment.witness.model, trial.inputs, trial.lesson, segment.end)
    arrived = patterns.to_port(raw, suspect.pair.input_axes)
    for detail, seen in padding_variants(arrived, ours.settings):
        if (left := left_over(seen, segment.trial.found)) <= EXPLAINED:
            remedy = "pad in a layer of its own, as the reference does, and convolve without padding"
            yield Cause("padding of another kind", detail, remedy, left)


def _fit_causes(segment: Segment, baseline: np.ndarray, events: Sequence[Any]) -> Iterator[Cause]:
    """What fits what arrives; or, where a sum arrives, one of the two that the reference adds."""
    found = segment.trial.found
    if baseline.shape != found.shape or baseline.dtype.kind != "f":
        return
    for reference, port, where in ((baseline, found, ""), *_branches(segment, baseline, events)):
        for fit in FITS:
            if (fitted := fit(reference, port)) and fitted.left <= 100 * EXPLAINED:
                is_scale = fitted.name == "input scaled" and "" not in segment.sources
                name = "scale missing" if is_scale else fitted.name
                yield Cause(name, fitted.detail + where, fitted.remedy, fitted.left)
                return


def _branches(
    segment: Segment, baseline: np.ndarray, events: Sequence[Any]
) -> Iterator[tuple[np.ndarray, np.ndarray, str]]:
    """Each operand of an addition that arrives as it is, and what the port made of it if the other one is right."""
    if not events or events[-1][1].name not in ADDITIONS or segment.suspect.pair is None:
        return
    operands = [operand for operand in events[-1][1].arguments[:2] if hasattr(operand, "numpy")]
    moved = [patterns.to_port(operand.numpy(), segment.suspect.pair.input_axes) for operand in operands]
    if len(moved) == 2 and all(operand.shape == baseline.shape for operand in moved):
        for number in (0, 1):
            words = f", in the {('first', 'second')[number]} of the two that the reference adds"
            yield moved[number], segment.trial.found - moved[1 - number], words


def _pair_causes(segment: Segment, functions: Sequence[Edit], steps: Sequence[Edit]) -> Iterator[Cause]:
    """Two faults in one segment."""
    tried = 0
    for first, second in combinations([*functions, *steps], 2):
        if first.changes.keys() & second.changes.keys():
            continue
        if (tried := tried + 1) > MOST_PAIRS:
            return
        if (left := segment.left_by([first, second])) <= EXPLAINED:
            details = f"{first.detail}; and {second.name}: {second.detail}"
            yield Cause(f"{first.name} and {second.name}", details, f"{first.remedy}; {second.remedy}", left)
            return
