"""What hypotheses are tried on: the reference's own tensors, and the port's tensor that they are to explain."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.causes.patience import Patience
from porting.pairs.pair import ModelPair
from porting.proof.runs import reference_inputs
from porting.proof.suspects import Suspect
from porting.records.parity import FLOAT32_ULP, FLOAT64_LIMIT, Cause, Divergence, PairedActivation
from porting.records.runs import ReferenceRun
from porting.reference import side as torch_side
from porting.traces import Lesson, lesson_of

if TYPE_CHECKING:
    import torch

_EXPLAINED = 10 * FLOAT64_LIMIT
"""Relative error that a hypothesis may leave: other ways to compute the same round a little differently."""

_EXPLAINED_IN_FLOAT32 = 100 * FLOAT32_ULP
"""The same of what the port computes in float32."""


def explained_of(divergence: Divergence) -> float:
    """Relative error that a hypothesis about a divergence may leave as rounding."""
    return _EXPLAINED_IN_FLOAT32 if divergence.seen_on == "float32" else _EXPLAINED


@dataclass
class Witness:
    """What the causes of a verdict's divergences are searched with.

    Attributes
    ----------
    pair : ModelPair
    build : callable
        Builds the reference with its weights.
    read : callable
        Reads the checkpoint's tensors.
    patience : Patience
    elsewhere : set of tuple
        Operands that the port takes from elsewhere, as `segments.Edit` has them.
    named : set of (name, detail)
        The kinds of causes found so far: what is wrong in one place is often wrong in others.
    """

    pair: ModelPair
    build: Callable[[], Any]
    read: Callable[[], Mapping[str, np.ndarray]] = dict
    patience: Patience = field(default_factory=Patience)
    named: set[tuple[str, str]] = field(default_factory=set)
    elsewhere: set[tuple[int, int, int, bool]] = field(default_factory=set)

    @cached_property
    def checkpoint(self) -> Mapping[str, np.ndarray]:
        """Every tensor as the checkpoint has it, also those that Keras holds only as their sum."""
        return self.read()

    @cached_property
    def model(self) -> "torch.nn.Module":
        """The reference, built once."""
        return torch_side.in_precision(self.build(), "float64")


MOST_ROWS = 4
"""Samples that hypotheses are tried on."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Inputs and lesson under which hypotheses about a suspect are tried, and the port's tensor to be explained."""

    inputs: Sequence[np.ndarray]
    lesson: Lesson
    found: np.ndarray


def trial_of(witness: Witness, suspect: Suspect, reference: ReferenceRun) -> Trial:
    """The trial of a suspect, on the activations that it was seen on."""
    if suspect.divergence.seen_on == "synthetic activations":
        inputs = reference_inputs(witness.pair, reference.synthetic_probe)
        return Trial(inputs, reference.synthetic, suspect.found)
    inputs, lesson = reference_inputs(witness.pair, reference.probe), lesson_of(reference.trace)
    return Trial(inputs, lesson, suspect.found)


def fewer(trial: Trial, predicted: np.ndarray) -> tuple[Trial, np.ndarray]:
    """The same on a few samples, the worst among them, where every array has one row a sample; and their numbers."""
    samples, rows = len(trial.found), np.arange(len(trial.found))
    arrays = [array for taught in trial.lesson for array in (taught.feed, taught.give)]
    if samples <= MOST_ROWS or any(len(array) != samples for array in (*arrays, *trial.inputs)):
        return trial, rows
    rows = np.linspace(0, samples - 1, MOST_ROWS).astype(int)
    if predicted.shape == trial.found.shape:
        apart = np.abs(predicted - trial.found).reshape(samples, -1).max(axis=1, initial=0.0)
        rows[0] = int(np.argmax(np.nan_to_num(apart, nan=np.inf)))
    rows = np.unique(rows)
    lesson = tuple(replace(taught, feed=taught.feed[rows], give=taught.give[rows]) for taught in trial.lesson)
    return Trial([array[rows] for array in trial.inputs], lesson, trial.found[rows]), rows


def left_over(predicted: np.ndarray, found: np.ndarray) -> float:
    """Relative error between what a hypothesis predicts and what the port gave."""
    return PairedActivation(predicted, found, "... -> ...").deviation().relative_error


def applied(step: Callable[..., Any], array: np.ndarray) -> np.ndarray:
    """A step of torch on an array, in float64."""
    import torch

    floating = torch.as_tensor(array).double() if array.dtype.kind == "f" else torch.as_tensor(array)
    return step(floating).numpy()


def distinct(causes: Sequence[Cause]) -> Iterator[Cause]:
    """One cause of each name: the one that leaves least."""
    best: dict[str, Cause] = {}
    for cause in causes:
        if cause.name not in best or _rest(cause) < _rest(best[cause.name]):
            best[cause.name] = cause
    yield from best.values()


def _rest(cause: Cause) -> float:
    return np.inf if cause.error is None else cause.error
