"""What an optimiser carries from step to step, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class OptimiserState:
    """What an optimiser carries from step to step.

    Attributes
    ----------
    steps_taken : int
    slots : Mapping
        PyTorch's name of a quantity that is kept for each parameter (exp_avg, exp_avg_sq, momentum_buffer) ->
        parameter -> its value.
    settings : Mapping
        What PyTorch keeps in a group of parameters: lr, betas, eps, weight_decay; of no use where a recipe says them.
    """

    steps_taken: int
    slots: Mapping[str, Mapping[str, np.ndarray]]
    settings: Mapping[str, Any] = field(default_factory=dict)
