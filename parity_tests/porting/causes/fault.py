"""A port with a fault in it, as people make them, and what the verifier must say: where it is, and why.

A fault is planted in one of three ways: other layers in the graph, other weights in the right graph, or another plan.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import torch

from finta import shipped
from finta.pair import FINTA
from parity_tests.porting.causes.words import CAUSES
from parity_tests.porting.zoo import pairs as zoo
from parity_tests.porting.zoo.weights import randomise
from porting import ModelPair, ParityReport, convert, verify
from porting.pairs.finding import build_reference, resolve
from porting.records.parity import Divergence

PAIRS = {pair.name: pair for pair in (FINTA, replace(FINTA, name="finta trained"), *zoo.PAIRS)}
SIZES = {"finta": {"latent_size": 4, "point_count": 64}}
"""What references are built with where their own sizes are too large for many runs."""

Change = Callable[..., Any]
"""(right layer, its inputs) -> the outputs of what stands in its place."""

Spoil = Callable[[Any, Mapping[str, Any]], None]
"""(layer with its right weights, all layers by name) -> nothing; assigns others."""


@dataclass(frozen=True)
class Finding:
    """What the verifier must say of one place; no cause where there is no word for it."""

    where: str
    reference: str
    causes: frozenset[str]

    def causes_given(self, divergences: Iterable[Divergence]) -> list[str]:
        """The causes that a verdict names here."""
        here = [found for found in divergences if place_of(found) == (self.where, self.reference)]
        return [cause.name for found in here[:1] for cause in found.causes]

    def is_named(self, divergences: Iterable[Divergence]) -> bool:
        """Whether a right cause is among them; where there is no word for the fault nothing need be."""
        return not self.causes or not self.causes.isdisjoint(self.causes_given(divergences))

    def is_misnamed(self, divergences: Iterable[Divergence]) -> bool:
        """Whether there is one cause, and a wrong one: several are an honest doubt."""
        given = self.causes_given(divergences)
        return len(given) == 1 and given[0] not in self.causes


def place_of(divergence: Divergence) -> tuple[str, str]:
    """Where a verdict sees a fault; one inside a layer is the same in all its calls."""
    if divergence.where == "inside":
        return "inside", divergence.reference.partition(" (call ")[0]
    return divergence.where, divergence.reference


@dataclass(frozen=True)
class Fault:
    """One fault, or several at once.

    Attributes
    ----------
    pair : str
        Whose port it is planted in.
    expected : tuple of Finding
        Empty where the fault shows only in training.
    changes : Mapping
        Port layer -> what stands in its place.
    weights : Mapping
        Port layer -> what is done to its weights.
    axes : Mapping
        Patterns that somebody might write into the pair.
    matches : Mapping, optional
        Those that somebody might write instead of the pair's.
    port : callable, optional
        Builds the whole port where `changes` cannot tell.
    """

    pair: str
    expected: tuple[Finding, ...]
    changes: Mapping[str, Change] = field(default_factory=dict)
    weights: Mapping[str, Spoil] = field(default_factory=dict)
    axes: Mapping[str, str] = field(default_factory=dict)
    matches: Mapping[str, str] | None = None
    port: Callable[..., keras.Model] | None = None

    def __post_init__(self) -> None:
        unknown = {cause for finding in self.expected for cause in finding.causes} - CAUSES
        if unknown:
            raise ValueError(f"the verifier has no word for {unknown}")

    def is_located(self, divergences: Iterable[Divergence]) -> bool:
        """Whether a verdict sees all that is wrong, and nothing else."""
        places = {(finding.where, finding.reference) for finding in self.expected}
        return {place_of(divergence) for divergence in divergences} == places

    @property
    def kind(self) -> str:
        """How it was planted, and whether it can be seen outside training."""
        if not self.expected:
            return "shows only in training"
        return "wrong weights" if self.weights else "wrong graph" if self.changes or self.port else "wrong plan"

    def model_pair(self, scale: float = 1.0) -> ModelPair:
        """The pair as the fault's author would have written it, with a probe of that scale."""
        pair = zoo.scaled(PAIRS[self.pair], scale)
        if self.changes or self.port:
            pair = replace(pair, port=partial(rebuilt, self.port or pair.port, self.changes))
        matches = pair.matches if self.matches is None else self.matches
        return replace(pair, axes={**pair.axes, **self.axes}, matches=matches)

    def judge(self, checkpoint: Path, folder: Path, scale: float = 1.0) -> ParityReport:
        """Convert a checkpoint with the fault in it, and verify what was written."""
        pair = self.model_pair(scale)
        report = convert(checkpoint, folder / "port", pair=pair, keep_failed=True, force=True).report
        if not self.weights:
            return report
        model = keras.saving.load_model(folder / "port.keras", compile=False)
        named = {layer.name: layer for layer in model._flatten_layers()}
        for name, spoil in self.weights.items():
            spoil(named[name], named)
        model.save(folder / "spoiled.keras")
        return verify(folder / "spoiled.keras", checkpoint, pair=pair)


def rebuilt(factory: Any, changes: Mapping[str, Change], **sizes: Any) -> Any:
    """Build a right model and lay it out again with some layers changed, at any depth."""
    model, unused = resolve(factory)(**sizes), set(changes)

    def call(layer, *inputs, **keywords):
        if isinstance(layer, keras.Model):
            return keras.models.clone_model(layer, call_function=call)(*inputs)
        unused.discard(layer.name)
        return changes[layer.name](layer, *inputs) if layer.name in changes else layer(*inputs, **keywords)

    if not changes:
        return model
    changed = keras.models.clone_model(model, call_function=call)
    if unused:
        raise ValueError(f"{model.name} has no layers {unused}")
    return changed


def write_checkpoint(name: str, folder: Path, seed: int = 0) -> Path:
    """Write weights for the reference of a pair, as if trained; the shipped ones where they are trained."""
    if name == "finta trained":
        return shipped.TORCH_CHECKPOINT
    name = name.removesuffix(", folded")
    reference = randomise(build_reference(PAIRS[name], SIZES.get(name, {})), seed)
    torch.save({"state_dict": reference.state_dict()}, path := folder / f"{name}_{seed}.pt")
    return path


def inside(reference: str, *causes: str) -> Finding:
    return Finding("inside", reference, frozenset(causes))


def between(reference: str, *causes: str) -> Finding:
    return Finding("between", reference, frozenset(causes))


def planted(pair: str, expected: Finding | tuple[Finding, ...], **how: Any) -> Fault:
    return Fault(pair, expected if isinstance(expected, tuple) else (expected,), **how)


def graph(pair: str, expected: Finding | tuple[Finding, ...], **changes: Change) -> Fault:
    return planted(pair, expected, changes=changes)


def weights(pair: str, expected: Finding | tuple[Finding, ...], **spoils: Spoil) -> Fault:
    return planted(pair, expected, weights=spoils)


def plan(pair: str, expected: Finding, **axes: str) -> Fault:
    """Axes by the reference's tensors, with two underscores for a dot."""
    return planted(pair, expected, axes={name.replace("__", "."): pattern for name, pattern in axes.items()})
