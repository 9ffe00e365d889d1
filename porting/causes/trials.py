"""What hypotheses are tried on: the reference's own tensors, and the port's tensor that they are to explain."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.pairs import ModelPair
from porting.proof.runs import reference_inputs
from porting.proof.suspects import Suspect
from porting.records.parity import FLOAT64_LIMIT, Cause, PairedActivation
from porting.records.runs import ReferenceRun
from porting.reference import side as torch_side
from porting.traces import Lesson, lesson_of

if TYPE_CHECKING:
    import torch

EXPLAINED = 10 * FLOAT64_LIMIT
"""Relative error that a hypothesis may leave: other ways to compute the same round a little differently."""


@dataclass
class Witness:
    """The reference model in float64, at hand when it is needed."""

    pair: ModelPair
    build: Callable[[], Any]

    @cached_property
    def model(self) -> "torch.nn.Module":
        """The reference, built once."""
        return torch_side.in_precision(self.build(), "float64")


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
        if cause.name not in best or cause.error < best[cause.name].error:
            best[cause.name] = cause
    yield from best.values()
