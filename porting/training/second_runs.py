"""The reference trained a second time, from weights one ULP higher: how far rounding alone takes its parameters."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np

from porting.errors import first_line
from porting.plans.parts import divided
from porting.plans.plan import TransferPlan
from porting.records.deviations import apart
from porting.reference import side as torch_side
from porting.reference.randomness import generator
from porting.training.verdict import LIMITS


class SecondRun:
    """A twin of a reference that takes the same steps on the same batches, and draws the same random numbers.

    Parameters
    ----------
    model : torch.nn.Module
        The reference before its first step; it is copied, and left as it is.
    train : callable
        Makes a trainer of the copy.

    Attributes
    ----------
    model : torch.nn.Module
        The copy.
    why_none : str
        Why the reference cannot be measured against itself; empty as long as it can.
    """

    def __init__(self, model: Any, train: Callable[[Any], Any]) -> None:
        self.why_none = ""
        self._furthest: dict[str, float] = {}
        self._is_first = True
        self.model: Any = None
        self._trainer: Any = None
        try:
            self.model = deepcopy(model)
            torch_side.one_ulp_higher(self.model)
            self._trainer = train(self.model)
        except Exception as error:  # models and trainers raise what they like
            self.why_none = f"the reference cannot be built a second time: {first_line(error)}"

    def step(self, batch: np.ndarray, drawing_from: Any, losses: Mapping[str, float]) -> None:
        """Take the step that the reference has taken, whose losses are given."""
        if self.why_none:
            return
        try:
            with generator.drawing_from(drawing_from):
                again = self._trainer.step(batch).losses["total"]
        except Exception as error:
            self.why_none = f"the reference cannot be trained a second time: {first_line(error)}"
            return
        found, is_first = apart(losses["total"], again), self._is_first
        self._is_first = False
        if is_first and not found <= LIMITS["loss"]:
            self.why_none = (
                f"the reference does not repeat itself: weights one ULP higher change its first loss by {found:.0e}"
            )

    def furthest(self, ours: Mapping[str, np.ndarray], plan: TransferPlan) -> Mapping[str, float]:
        """How far each of the reference's tensors has been from its twin's so far; nothing where there is no twin."""
        if self.why_none:
            return {}
        again = divided(torch_side.arrays(self.model), plan.tensors)
        for name, array in ours.items():
            found = apart(array, again[name])
            self._furthest[name] = max(self._furthest.get(name, 0.0), found)
        if endless := [name for name, found in self._furthest.items() if not np.isfinite(found)]:
            self.why_none = f"the reference's second run cannot be compared in {endless[0]}"
            return {}
        return self._furthest
