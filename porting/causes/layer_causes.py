"""Why a layer that gets the right input gives another output: its tensors, its settings, its arithmetic."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch

from porting import calls
from porting.causes.catalogue.fits import IN_LAYERS, shifted_interior
from porting.causes.catalogue.layer_hypotheses import LAYER_ROWS, LayerContext, LayerRow, LayerVariant
from porting.causes.catalogue.states import StartingFrom
from porting.causes.catalogue.weight_hypotheses import WEIGHT_ROWS, WeightContext
from porting.causes.trials import MOST_ROWS, Trial, Witness, distinct, explained_of, left_over, trial_of
from porting.plans.parts import divided, part, place_of, view_of, whole_name
from porting.plans.plan import Transfer
from porting.proof.suspects import Suspect
from porting.proof.transfer import parts_back
from porting.records.findings import kind_of
from porting.records.parity import Cause, partners
from porting.records.runs import PortRun, ReferenceRun
from porting.reference import runs as torch_runs
from porting.reference.side import array_of, precision_of, tensor_of
from porting.rules import patterns
from porting.rules.windows import crop_of_transposed
from porting.traces import LayerCall


def layer_causes(witness: Witness, suspect: Suspect, reference: ReferenceRun, port: PortRun) -> Iterator[Cause]:
    """Where wrong tensors come from; where they do not explain the output, which rows of the catalogue do."""
    layer = Layer(witness, suspect, trial_of(witness, suspect, reference), reference)
    changed = layer.changed_tensors(port)
    if changed:
        yield from layer.weight_causes(changed)
        if layer.left_by(LayerVariant("the port's own weights", changed)) <= layer.most:
            return
    candidates = [
        (row, replace(variant, tensors={**changed, **variant.tensors}))
        for row in LAYER_ROWS
        for variant in row.variants(layer.context())
    ]
    found = list(_explaining(layer, candidates))
    yield from distinct(found) if found else layer.fitted()


def _explaining(layer: "Layer", candidates: list[tuple[LayerRow, LayerVariant]]) -> Iterator[Cause]:
    """Those that explain; where a cause of another divergence is among them, that one alone."""
    named = layer.witness.named
    for row, variant in candidates:
        if kind_of(row.name, variant.detail) in named and (left := layer.left_by(variant)) <= layer.enough:
            yield Cause(row.name, variant.detail, row.remedy_for(layer.context()), left)
            return
    inside = f"hypotheses inside {layer.suspect.divergence.reference}"
    for row, variant in layer.witness.patience.through(candidates, inside):
        if (left := layer.left_by(variant)) <= layer.enough:
            yield Cause(row.name, variant.detail, row.remedy_for(layer.context()), left)


@dataclass
class Layer:
    """A layer of the reference that can be run, alone, as the port may have it."""

    witness: Witness
    suspect: Suspect
    trial: Trial
    reference: ReferenceRun

    @cached_property
    def call(self) -> LayerCall:
        """The reference's call."""
        return self.reference.trace.calls[self.suspect.number]

    @cached_property
    def partner(self) -> LayerCall:
        """The port's call of the layer's partner."""
        trace, suspect = self.reference.trace, self.suspect
        pairs = partners(trace, suspect.port, suspect.plan)
        return next(theirs for number, _, theirs, _ in pairs if number == suspect.number)

    @cached_property
    def state(self) -> dict[str, Any]:
        """All floating tensors of the reference."""
        named = self.witness.model.state_dict().items()
        return {name: tensor for name, tensor in named if tensor.is_floating_point()}

    @cached_property
    def run(self) -> Any:
        """The layer's call in the reference, with whatever else it is given there."""
        return torch_runs.layer_alone(self.witness.model, self.trial.inputs, self.trial.lesson, self.suspect.number)

    @cached_property
    def module(self) -> torch.nn.Module | None:
        """The layer itself, where it is not a function."""
        return dict(self.witness.model.named_modules()).get(self.call.name)

    def context(self) -> LayerContext:
        """What the rows of the catalogue need to know."""
        tensors = divided(self.state, self.call.weights.values())
        return LayerContext(self.call, tensors, self.partner)

    def changed_tensors(self, port: PortRun) -> dict[str, Any]:
        """The port's values, in the reference's axis order, of the layer's tensors that are not the checkpoint's."""
        assert self.suspect.pair is not None
        state, only = self.state, replace(port.narrow.plan, pairs=self._narrow_pairs(port))
        values = {name: torch.tensor(np.array(array)).double() for name, array in parts_back(only, port.fetch)}
        state = divided(state, values)
        alike = {
            name for transfer in only.transfers if _is_same_sum(transfer, values, state) for name in transfer.references
        }
        known = values.keys() & state.keys() - alike
        return {name: value for name, value in values.items() if name in known and not torch.equal(value, state[name])}

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
        state, own = self.state, self.call.weights
        word = next(word for word, full in own.items() if full == name)
        siblings = {other: tensor for other, tensor in divided(state, own.values()).items() if other != name}
        parts = {other: tensor for other, tensor in self._cut_alike(name).items() if other != name}
        others = {**{other: tensor for other, tensor in state.items() if other != name}, **parts}
        context = WeightContext(
            name, self.call.kind, word, part(state, name), value, siblings, others, self.witness.checkpoint
        )
        for row in WEIGHT_ROWS:
            if detail := row.says(context):
                return Cause(row.name, f"{name}: {detail}", row.remedy, 0.0)
        return Cause(
            "weights of unknown origin", f"{name} is not the checkpoint's", "assign the checkpoint's values", 0.0
        )

    def _cut_alike(self, name: str) -> dict[str, Any]:
        """All parts of the tensor that a part is of: another one may be in its place."""
        if not place_of(name):
            return {}
        every = [full for call in self.reference.trace.calls for full in call.weights.values()]
        return divided(self.state, [full for full in every if whole_name(full) == whole_name(name) and place_of(full)])

    def fitted(self) -> Iterator[Cause]:
        """The output one point off, with anything at the ends; or its channels in another order."""
        baseline, found = self.baseline, self.found
        for fit in IN_LAYERS if baseline.shape == found.shape else ():
            if (fitted := fit(baseline, found)) and fitted.left <= 100 * self.enough:
                cropped = self._cropped_as_ours() if fit is shifted_interior else ""
                yield Cause(fitted.name, fitted.detail, cropped or fitted.remedy, fitted.left)
                return

    def _cropped_as_ours(self) -> str:
        """What to crop of a transposed convolution without padding; empty where the layer is no such."""
        if "ConvTranspose" not in self.call.kind or self.partner.settings.get("padding", "valid") == "valid":
            return ""
        ends = crop_of_transposed(self.call)
        if any(min(at) < 0 for at in ends):
            return ""
        written = ends[0] if len(ends) == 1 else tuple(ends)
        return f'give {self.partner.name} padding="valid", and Cropping{len(ends)}D({written}) behind it'

    @cached_property
    def _rows(self) -> np.ndarray:
        """A few samples, the worst one among them; all of them where the layer does not treat each by itself."""
        feed, found = self.trial.lesson[self.suspect.number].feed, self.trial.found
        every = np.arange(len(found))
        whole = self._output(LayerVariant("", {}), every)
        if len(feed) != len(found) or len(found) <= MOST_ROWS or whole.shape != found.shape:
            return every
        apart = np.abs(whole - found).reshape(len(found), -1).max(axis=1, initial=0.0)
        rows = np.unique([int(np.argmax(np.nan_to_num(apart, nan=np.inf))), *every[:: -(-len(every) // 3)]])
        try:
            few = self._output(LayerVariant("", {}), rows)
        except RuntimeError:  # what else the layer is given, as the states it starts from, is of all samples
            return every
        return rows if few.shape == whole[rows].shape and np.allclose(few, whole[rows], 1e-9, 1e-12) else every

    @property
    def found(self) -> np.ndarray:
        """The port's output on those samples."""
        return self.trial.found[self._rows]

    @cached_property
    def baseline(self) -> np.ndarray:
        """The reference's output on them."""
        return self._output(LayerVariant("", {}), self._rows)

    @property
    def most(self) -> float:
        """Relative error that is rounding."""
        return explained_of(self.suspect.divergence)

    @cached_property
    def enough(self) -> float:
        """Relative error that a hypothesis may leave: rounding, and far below what it is to explain."""
        return min(self.most, left_over(self.baseline, self.found) / 10)

    def left_by(self, variant: LayerVariant) -> float:
        """Relative error that a variant leaves; infinite where it cannot be run."""
        rows = np.arange(len(self.trial.found)) if variant.training else self._rows
        try:
            return left_over(self._output(variant, rows), self.trial.found[rows])
        except Exception:  # a hypothesis need not fit the shapes
            return np.inf

    def _output(self, variant: LayerVariant, rows: np.ndarray) -> np.ndarray:
        """The layer's output as the variant has it, in the port's axis order as far as it is compared."""
        assert self.suspect.pair is not None
        feed = self.trial.lesson[self.suspect.number].feed
        given = tensor_of(feed[rows] if len(feed) == len(self.trial.found) else feed, precision_of(self.witness.model))
        with torch.no_grad(), self._changed(variant):
            fed = variant.before(given) if variant.before else given
            output = variant.instead(fed) if variant.instead else self._run(variant, fed)
            output = variant.behind(output) if variant.behind else output
            moved = patterns.to_port(array_of(output).copy(), self.suspect.pair.output_axes)
        window = self.suspect.pair.rule.window
        moved = window.returned(moved, (self.call, self.partner))
        return window.outputs(moved, self.trial.found[rows], (self.call, self.partner))[0]

    def _run(self, variant: LayerVariant, fed: torch.Tensor) -> torch.Tensor:
        with StartingFrom(variant.starts) if variant.starts else nullcontext():
            return calls.first(self.run(fed))

    @contextmanager
    def _changed(self, variant: LayerVariant) -> Iterator[None]:
        """The layer's tensors, attributes and mode as a variant has them, and back."""
        state, module = self.witness.model.state_dict(), self.module
        changed = {whole_name(name) for name in variant.tensors}
        before = {name: state[name].clone() for name in state if name in changed or variant.training}
        values = {name: value.clone() for name, value in variant.tensors.items()}  # they may be views of the state
        try:
            for name, value in values.items():
                held = view_of(state, name)
                held.copy_(value.reshape(held.shape))
            if variant.training and module is not None:
                module.train()
            with calls.with_attributes(module, variant.attributes):
                yield
        finally:
            if variant.training and module is not None:
                module.eval()
            for name, value in before.items():
                state[name].copy_(value)


def _is_same_sum(transfer: Transfer, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """Whether tensors that the port holds only as their sum are what they must be."""
    names = transfer.references
    if not transfer.is_sum or not ours.keys() >= set(names) <= theirs.keys():
        return False
    sums = [torch.stack([held[name] for name in names]).sum(0).float() for held in (ours, theirs)]
    return torch.equal(*sums)


def rounding_causes(witness: Witness, suspect: Suspect, reference: ReferenceRun) -> Iterator[Cause]:
    """Which coarser arithmetic explains most of a float32 error: what is left must be far below what it was."""
    layer = Layer(witness, suspect, trial_of(witness, suspect, reference), reference)
    baseline = layer.left_by(LayerVariant("", {}))
    if not np.isfinite(baseline):
        return
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
