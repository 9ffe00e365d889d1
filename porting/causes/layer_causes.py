"""Why a layer that gets the right input gives another output: its tensors, its settings, its arithmetic."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from porting.calls import with_attributes
from porting.causes.fits import shifted_interior
from porting.causes.layer_hypotheses import LAYER_ROWS, LayerContext, LayerVariant
from porting.causes.trials import EXPLAINED, Trial, Witness, applied, distinct, left_over, trial_of
from porting.causes.weight_hypotheses import WEIGHT_ROWS, WeightContext
from porting.plans.parts import divided
from porting.proof.judgement import parts_back
from porting.proof.suspects import Suspect
from porting.records.parity import Cause
from porting.records.runs import PortRun, ReferenceRun
from porting.reference import runs as torch_runs
from porting.rules import patterns
from porting.traces import LayerCall


def layer_causes(witness: Witness, suspect: Suspect, reference: ReferenceRun, port: PortRun) -> Iterator[Cause]:
    """Where wrong tensors come from; where they do not explain the output, which rows of the catalogue do."""
    layer = Layer(witness, suspect, trial_of(witness, suspect, reference), reference)
    changed = layer.changed_tensors(port)
    if changed:
        yield from layer.weight_causes(changed)
        if layer.left_by(LayerVariant("the port's own weights", changed)) <= EXPLAINED:
            return
    found = []
    for row in LAYER_ROWS:
        for variant in row.variants(layer.context()):
            left = layer.left_by(replace(variant, tensors={**changed, **variant.tensors}))
            if left <= EXPLAINED:
                found.append(Cause(row.name, variant.detail, row.remedy, left))
    yield from distinct(found) if found else layer.shifted()


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of the reference that can be run as the port may have it."""

    witness: Witness
    suspect: Suspect
    trial: Trial
    reference: ReferenceRun

    def call(self) -> LayerCall:
        """The reference's call."""
        return self.reference.trace.calls[self.suspect.number]

    def partner(self) -> LayerCall:
        """The port's first call of the layer's partner."""
        assert self.suspect.pair is not None
        return next(call for call in self.suspect.port.calls if call.name == self.suspect.pair.port)

    def state(self) -> dict[str, Any]:
        """All floating tensors of the reference."""
        named = self.witness.model.state_dict().items()
        return {name: tensor for name, tensor in named if tensor.is_floating_point()}

    def context(self) -> Any:
        """What the rows of the catalogue need to know."""
        state = self.state()
        tensors = divided(state, self.call().weights.values())
        return LayerContext(self.call(), tensors, self.partner().settings)

    def changed_tensors(self, port: PortRun) -> dict[str, Any]:
        """The port's values, in the reference's axis order, of the layer's tensors that are not the checkpoint's."""
        assert self.suspect.pair is not None
        state, only = self.state(), replace(port.narrow.plan, pairs=self._narrow_pairs(port))
        values = {name: torch.tensor(np.array(array)).double() for name, array in parts_back(only, port.fetch)}
        state = divided(state, values)
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
        baseline, found = self.output(LayerVariant("", {})), self.trial.found
        if baseline.shape == found.shape and (fit := shifted_interior(baseline, found)):
            yield Cause(fit.name, fit.detail, fit.remedy, fit.left)

    def left_by(self, variant: LayerVariant) -> float:
        """Relative error that a variant leaves; infinite where it cannot be run."""
        try:
            return left_over(self.output(variant), self.trial.found)
        except Exception:  # a hypothesis need not fit the shapes
            return np.inf

    def output(self, variant: LayerVariant) -> np.ndarray:
        """The layer's output as the variant has it, in the port's axis order as far as it is compared."""
        assert self.suspect.pair is not None
        number = self.suspect.number
        taught = self.trial.lesson[number]
        fed = replace(taught, feed=applied(variant.before, taught.feed)) if variant.before else taught
        lesson = (*self.trial.lesson[:number], fed, *self.trial.lesson[number + 1 :])
        with _changed_model(self.witness.model, self.call().name, variant):
            trace = torch_runs.teach(self.witness.model, self.trial.inputs, lesson, alone={number})
        output = trace.calls[number].output
        output = applied(variant.behind, output) if variant.behind else output
        moved, window = patterns.to_port(output, self.suspect.pair.output_axes), self.suspect.pair.rule.window
        return window.outputs(moved, self.trial.found, (self.call(), self.partner()))[0]


@contextmanager
def _changed_model(model: torch.nn.Module, layer: str, variant: LayerVariant) -> Iterator[None]:
    """A layer's tensors, attributes and mode as a variant has them, and back."""
    state, modules = model.state_dict(), dict(model.named_modules())
    before = {name: state[name].clone() for name in state if name in variant.tensors or variant.training}
    module = modules.get(layer)
    values = {name: value.clone() for name, value in variant.tensors.items()}  # they may be views of the state itself
    try:
        for name, value in values.items():
            state[name].copy_(value)
        if variant.training and module is not None:
            module.train = partial(_stay_in_training, module)  # type: ignore[method-assign]
        with with_attributes(module, variant.attributes):
            yield
    finally:
        if module is not None:
            vars(module).pop("train", None)
        for name, value in before.items():
            state[name].copy_(value)


def _stay_in_training(module: Any, mode: bool = True) -> Any:
    module.training = True
    return module


def rounding_causes(witness: Witness, suspect: Suspect, reference: ReferenceRun) -> Iterator[Cause]:
    """Which coarser arithmetic explains most of a float32 error: what is left must be far below what it was."""
    layer = Layer(witness, suspect, trial_of(witness, suspect, reference), reference)
    baseline = layer.left_by(LayerVariant("", {}))
    for name, remedy, rounded in _ARITHMETICS:
        tensors = {tensor_name: rounded(tensor) for tensor_name, tensor in layer.context().tensors.items()}
        variant = replace(LayerVariant("weights and input rounded before they are multiplied", tensors), before=rounded)
        if (left := layer.left_by(variant)) <= baseline / 4:
            yield Cause(name, variant.detail, remedy, left)


def _to_tf32(tensor: torch.Tensor) -> torch.Tensor:
    """Round to 10 bits of mantissa."""
    bits = tensor.float().contiguous().view(torch.int32)
    return ((bits + 0x1000) & ~0x1FFF).view(torch.float32).double()


def _through(dtype: str, tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to(getattr(torch, dtype)).double()


_ARITHMETICS = (
    ("computed in TF32", "turn TF32 off: --no-tf32", _to_tf32),
    ("computed in float16", "use the dtype policy float32", partial(_through, "float16")),
    ("computed in bfloat16", "use the dtype policy float32", partial(_through, "bfloat16")),
)
