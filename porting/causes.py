"""Name the cause of a divergence: try the catalogue's hypotheses on the reference's own tensors, in float64.

What explains the port's tensor down to rounding is a cause; several that do are an ambiguity. The most specific rows
come first: a function that the port runs otherwise, then a step that it has besides, then a fit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import patterns, torch_functions, torch_runs, torch_side
from porting.comparison import Suspect
from porting.fits import FITS, shifted_interior
from porting.judgement import Explain, weights_back
from porting.pairs import ModelPair
from porting.parity import FLOAT64_LIMIT, Cause, PairedActivation, partners
from porting.runs import reference_inputs
from porting.traces import LayerCall, Lesson, Trace, lesson_of
from porting.verdict import PortRun, ReferenceRun
from porting.windows import Convolution, padding_variants

if TYPE_CHECKING:
    import torch

EXPLAINED = 10 * FLOAT64_LIMIT
"""Relative error that a hypothesis may leave: other ways to compute the same round a little differently."""

MOST_ROWS = 4
"""Samples that hypotheses about what lies between layers are tried on."""

MOST_PAIRS = 1000
"""Pairs of hypotheses to try where none explains a divergence alone."""


def explainer(pair: ModelPair, reference_model: Callable[[], Any]) -> Explain:
    """Give a function that names the causes of a suspect; the reference is built when the first one is found."""
    witness = _Witness(pair, reference_model)

    def explain(suspect: Suspect, reference: ReferenceRun, port: PortRun) -> tuple[Cause, ...]:
        try:
            return tried(suspect, reference, port)
        except Exception:  # naming a cause must never cost the verdict
            return ()

    def tried(suspect: Suspect, reference: ReferenceRun, port: PortRun) -> tuple[Cause, ...]:
        if suspect.divergence.seen_on == "float32":
            return tuple(_coarse_causes(witness, suspect, reference))
        if suspect.divergence.where == "inside":
            return tuple(_inside_causes(witness, suspect, reference, port))
        return tuple(_between_causes(witness, suspect, reference))

    return explain


@dataclass
class _Witness:
    """The reference model in float64, at hand when it is needed."""

    pair: ModelPair
    build: Callable[[], Any]

    @cached_property
    def model(self) -> "torch.nn.Module":
        return torch_side.in_precision(self.build(), "float64")


@dataclass(frozen=True, slots=True)
class _Setting:
    """Inputs and lesson under which hypotheses about a suspect are tried, and the port's tensor to be explained."""

    inputs: Sequence[np.ndarray]
    lesson: Lesson
    found: np.ndarray


def _setting(witness: _Witness, suspect: Suspect, reference: ReferenceRun) -> _Setting:
    if suspect.divergence.seen_on == "synthetic activations":
        inputs = reference_inputs(witness.pair, reference.synthetic_probe)
        return _Setting(inputs, reference.synthetic, suspect.found)
    inputs, lesson = reference_inputs(witness.pair, reference.probe), lesson_of(reference.trace)
    return _Setting(inputs, lesson, suspect.found)


def _fewer(setting: _Setting) -> _Setting:
    """The same on a few samples, where every array has one row a sample."""
    count = len(setting.found)
    arrays = [array for taught in setting.lesson for array in (taught.feed, taught.give)]
    if count <= MOST_ROWS or any(len(array) != count for array in (*arrays, *setting.inputs)):
        return setting
    rows = np.unique(np.linspace(0, count - 1, MOST_ROWS).astype(int))
    lesson = tuple(replace(taught, feed=taught.feed[rows], give=taught.give[rows]) for taught in setting.lesson)
    return _Setting([array[rows] for array in setting.inputs], lesson, setting.found[rows])


def _error(predicted: np.ndarray, found: np.ndarray) -> float:
    return PairedActivation(predicted, found, "... -> ...").deviation().relative_error


# Between layers


@dataclass(frozen=True, slots=True)
class _Edit:
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
class _Segment:
    """What lies between a suspect and its sources, as the reference runs it."""

    witness: _Witness
    suspect: Suspect
    setting: _Setting
    reference: Trace

    @property
    def sources(self) -> tuple[str, ...]:
        """Calls whose outputs reach the suspect."""
        return self.reference.sources[self.suspect.number + (0 if self.suspect.pair else len(self.reference.calls))]

    @property
    def names(self) -> list[str]:
        """All calls of the reference."""
        return self.reference.call_names()

    def events(self) -> "list[Any]":
        """Every function call of the segment."""
        from porting.hypotheses import FunctionCall

        first = min((self.names.index(name) + 1 for name in self.sources if name), default=0)
        first = 0 if "" in self.sources else first
        last = self.suspect.number if self.suspect.pair else len(self.names)
        events: list[tuple[int, FunctionCall]] = []
        counter = iter(range(10**9))

        def record(watch: Any, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Any:
            import torch

            number, result = next(counter), function(*arguments, **keywords)
            if first <= len(watch.abouts) <= last and isinstance(result, torch.Tensor):
                name = torch_functions.called_name(function)
                events.append((number, FunctionCall(name, function, arguments, keywords, result.clone())))
            return result

        self._run(record, self.setting)
        return events

    def _run(self, editor: Any, setting: _Setting) -> np.ndarray:
        """What arrives at the suspect, in the port's axis order, as the taps see it."""
        number = self.suspect.number + (0 if self.suspect.pair else len(self.names))
        arrived = torch_runs.arriving(self.witness.model, setting.inputs, setting.lesson, number, editor)
        if self.suspect.pair is None:
            pattern = list(self.witness.pair.outputs.values())[self.suspect.number]
            return patterns.to_port(arrived, pattern, self.setting.found.shape)
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

    def predict(self, edits: Sequence[_Edit]) -> np.ndarray:
        """What would arrive if the port did as the edits say."""
        by_place = {place: change for edit in edits for place, change in edit.changes.items()}
        counter = iter(range(10**9))

        def edit(watch: Any, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Any:
            change = by_place.get(next(counter))
            return change(function, arguments, keywords) if change else function(*arguments, **keywords)

        lesson = tuple(
            replace(taught, give=_applied(by_place[name], taught.give)) if name in by_place else taught
            for name, taught in zip(self.names, self.setting.lesson, strict=True)
        )
        inputs = [_applied(by_place[""], array) if "" in by_place else array for array in self.setting.inputs]
        return self._run(edit, replace(self.setting, inputs=inputs, lesson=lesson))

    def left_by(self, edits: Sequence[_Edit]) -> float:
        """Relative error that edits leave; infinite where they cannot be run."""
        try:
            return _error(self.predict(edits), self.setting.found)
        except Exception:  # a hypothesis need not fit the shapes
            return np.inf


def _applied(step: Callable[..., Any], array: np.ndarray) -> np.ndarray:
    import torch

    floating = torch.as_tensor(array).double() if array.dtype.kind == "f" else torch.as_tensor(array)
    return step(floating).numpy()


def _between_causes(witness: _Witness, suspect: Suspect, reference: ReferenceRun) -> Iterator[Cause]:
    segment = _Segment(witness, suspect, _fewer(_setting(witness, suspect, reference)), reference.trace)
    events = segment.events()
    functions, steps = list(_function_edits(events)), list(_step_edits(segment, events))
    baseline = segment.predict(())
    for candidates in (functions, steps):
        found = [_cause(edit, left) for edit in candidates if (left := segment.left_by([edit])) <= EXPLAINED]
        if found:
            yield from _distinct(found)
            return
    if found := list(_padding_causes(segment)) + list(_fit_causes(segment, baseline, events)):
        yield from _distinct(found)
        return
    yield from _pair_causes(segment, functions, steps)


def _cause(edit: _Edit, left: float) -> Cause:
    return Cause(edit.name, edit.detail, edit.remedy, left)


def _distinct(causes: Sequence[Cause]) -> Iterator[Cause]:
    """One cause of each name: the one that leaves least."""
    best: dict[str, Cause] = {}
    for cause in causes:
        if cause.name not in best or cause.error < best[cause.name].error:
            best[cause.name] = cause
    yield from best.values()


def _function_edits(events: Sequence[Any]) -> Iterator[_Edit]:
    """Each row's variants of each function, then of all functions alike at once."""
    from porting.hypotheses import FUNCTION_ROWS

    alike: dict[tuple[str, str, str], dict[int | str, Callable[..., Any]]] = {}
    for number, call in events:
        for row in FUNCTION_ROWS:
            for detail, change in row.variants(call) if call.name in row.functions else ():
                alike.setdefault((row.name, detail, row.remedy), {})[number] = change
                yield _Edit(row.name, detail, row.remedy, {number: change})
    for (name, detail, remedy), changes in alike.items():
        if len(changes) > 1:
            yield _Edit(name, f"{detail}, {len(changes)} times", remedy, changes)


def _step_edits(segment: _Segment, events: Sequence[Any]) -> Iterator[_Edit]:
    """Steps right behind each source, and behind each function of the segment."""
    import torch

    from porting.hypotheses import STEP_ROWS

    gives = dict(zip(segment.names, (taught.give for taught in segment.setting.lesson), strict=True))
    points: list[tuple[int | str, str, Any]] = [
        (name, name or "the input", torch.as_tensor(gives[name] if name else segment.setting.inputs[0]))
        for name in segment.sources
    ]
    points += [(number, call.name, call.result) for number, call in events]
    yield from _exchanged(gives, segment.sources)
    for place, where, tensor in points:
        for row in STEP_ROWS if tensor.is_floating_point() else ():
            for detail, step in row.variants(tensor):
                yield _Edit(row.name, f"{detail}, behind {where}", row.remedy, {place: _behind(place, step)})


def _exchanged(gives: Mapping[str, np.ndarray], sources: Sequence[str]) -> Iterator[_Edit]:
    """Two sources in each other's place, as where their layers are paired wrongly."""
    import torch

    for first, second in combinations([name for name in sources if name], 2):
        if gives[first].shape == gives[second].shape:
            ours, theirs = (torch.tensor(gives[name]) for name in (first, second))
            changes: dict[int | str, Callable[..., Any]] = {
                first: lambda _, other=theirs: other,
                second: lambda _, other=ours: other,
            }
            remedy = "pair the layers rightly, matches={...}, or exchange them in the port"
            yield _Edit("operands in another order", f"{first} and {second} exchanged", remedy, changes)


def _behind(place: int | str, step: Callable[..., Any]) -> Callable[..., Any]:
    if isinstance(place, str):
        return step
    return lambda function, arguments, keywords: step(function(*arguments, **keywords))


def _padding_causes(segment: _Segment) -> Iterator[Cause]:
    """The padding of a convolution itself, where the reference's pads inside."""
    suspect = segment.suspect
    if suspect.pair is None or not isinstance(suspect.pair.rule.window, Convolution):
        return
    ours, _ = segment.calls()
    arrived = patterns.to_port(_arrived(segment), suspect.pair.input_axes)
    for detail, seen in padding_variants(arrived, ours.settings):
        if (left := _error(seen, segment.setting.found)) <= EXPLAINED:
            remedy = "pad in a layer of its own, as the reference does, and convolve without padding"
            yield Cause("padding of another kind", detail, remedy, left)


def _arrived(segment: _Segment) -> np.ndarray:
    def run(watch: Any, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Any:
        return function(*arguments, **keywords)

    setting = segment.setting
    return torch_runs.arriving(segment.witness.model, setting.inputs, setting.lesson, segment.suspect.number, run)


def _fit_causes(segment: _Segment, baseline: np.ndarray, events: Sequence[Any]) -> Iterator[Cause]:
    """What fits what arrives; or, where a sum arrives, one of the two that the reference adds."""
    found = segment.setting.found
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
    segment: _Segment, baseline: np.ndarray, events: Sequence[Any]
) -> Iterator[tuple[np.ndarray, np.ndarray, str]]:
    """Each operand of an addition that arrives as it is, and what the port made of it if the other one is right."""
    from porting.hypotheses import ADDITIONS

    if not events or events[-1][1].name not in ADDITIONS or segment.suspect.pair is None:
        return
    operands = [operand for operand in events[-1][1].arguments[:2] if hasattr(operand, "numpy")]
    moved = [patterns.to_port(operand.numpy(), segment.suspect.pair.input_axes) for operand in operands]
    if len(moved) == 2 and all(operand.shape == baseline.shape for operand in moved):
        for number in (0, 1):
            words = f", in the {('first', 'second')[number]} of the two that the reference adds"
            yield moved[number], segment.setting.found - moved[1 - number], words


def _pair_causes(segment: _Segment, functions: Sequence[_Edit], steps: Sequence[_Edit]) -> Iterator[Cause]:
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


# Inside a layer


def _inside_causes(witness: _Witness, suspect: Suspect, reference: ReferenceRun, port: PortRun) -> Iterator[Cause]:
    layer = _Layer(witness, suspect, _setting(witness, suspect, reference), reference)
    changed = layer.changed_tensors(port)
    if changed:
        yield from layer.weight_causes(changed)
        if layer.left_by(_variant("the port's own weights", changed)) <= EXPLAINED:
            return
    from porting.hypotheses import LAYER_ROWS

    found = []
    for row in LAYER_ROWS:
        for variant in row.variants(layer.context()):
            left = layer.left_by(replace(variant, tensors={**changed, **variant.tensors}))
            if left <= EXPLAINED:
                found.append(Cause(row.name, variant.detail, row.remedy, left))
    yield from _distinct(found) if found else layer.shifted()


def _variant(detail: str, tensors: Mapping[str, Any]) -> Any:
    from porting.hypotheses import LayerVariant

    return LayerVariant(detail, tensors)


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer of the reference that can be run as the port may have it."""

    witness: _Witness
    suspect: Suspect
    setting: _Setting
    reference: ReferenceRun

    def call(self) -> LayerCall:
        """The reference's call."""
        return self.reference.trace.calls[self.suspect.number]

    def state(self) -> dict[str, Any]:
        """All floating tensors of the reference."""
        named = self.witness.model.state_dict().items()
        return {name: tensor for name, tensor in named if tensor.is_floating_point()}

    def context(self) -> Any:
        """What the rows of the catalogue need to know."""
        from porting.hypotheses import LayerContext

        state = self.state()
        tensors = {name: state[name] for name in self.call().weights.values() if name in state}
        assert self.suspect.pair is not None
        theirs = next(call for call in self.suspect.port.calls if call.name == self.suspect.pair.port)
        return LayerContext(self.call(), tensors, theirs.settings)

    def changed_tensors(self, port: PortRun) -> dict[str, Any]:
        """The port's values, in the reference's axis order, of the layer's tensors that are not the checkpoint's."""
        import torch

        assert self.suspect.pair is not None
        state, only = self.state(), replace(port.narrow.plan, pairs=self._narrow_pairs(port))
        values = {name: torch.tensor(np.array(array)).double() for name, array in weights_back(only, port.fetch)}
        return {name: value for name, value in values.items() if name in state and not torch.equal(value, state[name])}

    def _narrow_pairs(self, port: PortRun) -> tuple[Any, ...]:
        assert self.suspect.pair is not None
        return tuple(pair for pair in port.narrow.plan.pairs if pair.reference == self.suspect.pair.reference)

    def weight_causes(self, changed: Mapping[str, Any]) -> Iterator[Cause]:
        """Where each tensor that is not the checkpoint's comes from; initial values of one make the others' so, too."""
        found = [self._weight_cause(name, value) for name, value in changed.items()]
        initial = next((cause for cause in found if cause.name == "left at its initialisation"), None)
        if initial and len(found) > 1:
            details = "; ".join(cause.detail for cause in found)
            yield replace(initial, detail=details)
            return
        by_name: dict[str, Cause] = {}
        for cause in found:
            known = by_name.get(cause.name)
            by_name[cause.name] = replace(known, detail=f"{known.detail}; {cause.detail}") if known else cause
        yield from by_name.values()

    def _weight_cause(self, name: str, value: Any) -> Cause:
        from porting.hypotheses import WEIGHT_ROWS, WeightContext

        state = self.state()
        word = next(word for word, full in self.call().weights.items() if full == name)
        siblings = {other: state[other] for other in self.call().weights.values() if other in state and other != name}
        others = {other: tensor for other, tensor in state.items() if other != name}
        context = WeightContext(name, self.call().kind, word, state[name], value, siblings, others)
        for row in WEIGHT_ROWS:
            if detail := row.says(context):
                return Cause(row.name, f"{name}: {detail}", row.remedy, 0.0)
        return Cause(
            "weights of unknown origin", f"{name} is not the checkpoint's", "assign the checkpoint's values", 0.0
        )

    def shifted(self) -> Iterator[Cause]:
        """The output one point off, with anything at the ends."""
        baseline, found = self.output(_variant("", {})), self.setting.found
        if baseline.shape == found.shape and (fit := shifted_interior(baseline, found)):
            yield Cause(fit.name, fit.detail, fit.remedy, fit.left)

    def left_by(self, variant: Any) -> float:
        """Relative error that a variant leaves; infinite where it cannot be run."""
        try:
            return _error(self.output(variant), self.setting.found)
        except Exception:  # a hypothesis need not fit the shapes
            return np.inf

    def output(self, variant: Any) -> np.ndarray:
        """The layer's output as the variant has it, in the port's axis order as far as it is compared."""
        assert self.suspect.pair is not None
        number = self.suspect.number
        taught = self.setting.lesson[number]
        fed = replace(taught, feed=_applied(variant.before, taught.feed)) if variant.before else taught
        lesson = (*self.setting.lesson[:number], fed, *self.setting.lesson[number + 1 :])
        with _changed_model(self.witness.model, self.call().name, variant):
            trace = torch_runs.teach(self.witness.model, self.setting.inputs, lesson, alone={number})
        output = trace.calls[number].output
        output = _applied(variant.behind, output) if variant.behind else output
        return patterns.to_port(output, self.suspect.pair.output_axes)


@contextmanager
def _changed_model(model: "torch.nn.Module", layer: str, variant: Any) -> Iterator[None]:
    """A layer's tensors, attributes and mode as a variant has them, and back."""
    state, modules = model.state_dict(), dict(model.named_modules())
    before = {name: state[name].clone() for name in state if name in variant.tensors or variant.training}
    module = modules.get(layer)
    attributes = {name: getattr(module, name) for name in variant.attributes}
    values = {name: value.clone() for name, value in variant.tensors.items()}  # they may be views of the state itself
    try:
        for name, value in values.items():
            state[name].copy_(value)
        for name, value in variant.attributes.items():
            setattr(module, name, value)
        if variant.training and module is not None:
            module.train = partial(_stay_in_training, module)  # type: ignore[method-assign]
        yield
    finally:
        if module is not None:
            vars(module).pop("train", None)
        for name, value in attributes.items():
            setattr(module, name, value)
        for name, value in before.items():
            state[name].copy_(value)


def _stay_in_training(module: Any, mode: bool = True) -> Any:
    module.training = True
    return module


# Rounding


def _coarse_causes(witness: _Witness, suspect: Suspect, reference: ReferenceRun) -> Iterator[Cause]:
    """Which coarser arithmetic explains most of a float32 error: what is left must be far below what it was."""
    layer = _Layer(witness, suspect, _setting(witness, suspect, reference), reference)
    baseline = layer.left_by(_variant("", {}))
    for name, remedy, rounded in _ARITHMETICS:
        tensors = {tensor_name: rounded(tensor) for tensor_name, tensor in layer.context().tensors.items()}
        variant = replace(_variant("weights and input rounded before they are multiplied", tensors), before=rounded)
        if (left := layer.left_by(variant)) <= baseline / 4:
            yield Cause(name, variant.detail, remedy, left)


def _to_tf32(tensor: "torch.Tensor") -> "torch.Tensor":
    """Round to 10 bits of mantissa."""
    import torch

    bits = tensor.float().contiguous().view(torch.int32)
    return ((bits + 0x1000) & ~0x1FFF).view(torch.float32).double()


def _through(dtype: str, tensor: "torch.Tensor") -> "torch.Tensor":
    import torch

    return tensor.to(getattr(torch, dtype)).double()


_ARITHMETICS = (
    ("computed in TF32", "turn TF32 off: --no-tf32", _to_tf32),
    ("computed in float16", "use the dtype policy float32", partial(_through, "float16")),
    ("computed in bfloat16", "use the dtype policy float32", partial(_through, "bfloat16")),
)
