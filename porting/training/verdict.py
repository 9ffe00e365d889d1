"""Records of a training in two frameworks: each step's figures, their limits, and the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from porting.statuses import Status

PARAMETER_LIMIT = 1e-9
"""Largest relative error of a parameter that float64 rounding explains after some hundred steps."""

LIMITS = {"schedule": 1e-12, "loss": 1e-9, "gradient": 1e-7, "optimiser": PARAMETER_LIMIT, "state": PARAMETER_LIMIT}
"""Largest relative error of each quantity, in the order in which a step computes them: the first is the cause."""

FLOAT32_LIMIT = 64.0
"""How many times as far from the float64 trajectory as the reference's own the port's float32 trajectory may end. Adam
divides each gradient by its size, so that those which cancel are steps of nothing but rounding: two float32 programs
may be several times apart, while TF32 or half precision is a thousand times."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity at one step: the relative error, and of what."""

    error: float
    name: str


@dataclass(frozen=True, slots=True)
class StepParity:
    """One step of both models in float64, and how far their float32 trajectories have come apart.

    Attributes
    ----------
    step : int
        Counted from 1.
    losses : tuple of float
        The reference's total loss and the port's.
    learning_rate, momentum, gradient_norm : tuple of float
        The reference's and the port's.
    quantities : Mapping
        "schedule", "loss", "gradient", "optimiser", "state" -> the greatest error of that kind. All but the schedule's
        are of the step alone, taken from the reference's own state; the optimiser's is that of the parameters behind
        it, the state's that of what the optimiser carries on.
    trajectory : Quantity
        The greatest error of a parameter behind this step and all before it.
    float32_ratio : float or None
        Distance of the port's float32 parameters from the reference's float64 ones, as a multiple of the reference's.
    """

    step: int
    losses: tuple[float, float]
    learning_rate: tuple[float, float]
    momentum: tuple[float, float]
    gradient_norm: tuple[float, float]
    quantities: Mapping[str, Quantity]
    trajectory: Quantity
    float32_ratio: float | None = None

    def first_cause(self) -> str:
        """The first quantity beyond its limit, in the order of a step; empty where there is none."""
        return next((name for name, held in self.quantities.items() if not held.error <= LIMITS[name]), "")


@dataclass(frozen=True, slots=True)
class TrajectoryReport:
    """The verdict on a training, and the steps that it rests on.

    Attributes
    ----------
    pair, recipe : str
    steps : tuple of StepParity
        In float64; in float32 where the backend knows no float64, and nothing is claimed then.
    why_no_float64 : str
    versions : Mapping
    """

    pair: str
    recipe: str
    batches: str
    steps: tuple[StepParity, ...]
    why_no_float64: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def first_divergence(self) -> StepParity | None:
        """The first step at which a quantity is beyond its limit."""
        return next((step for step in self.steps if step.first_cause()), None)

    @property
    def amplified(self) -> StepParity | None:
        """The first step behind which parameters are further apart than rounding explains, if all steps agree alone.

        Training amplifies rounding there: where nothing but L2 moves a weight that is nearly zero, each step of Adam
        multiplies it by about learning rate x L2 x (1 - beta1) / epsilon.
        """
        if self.first_divergence:
            return None
        return next((step for step in self.steps if not step.trajectory.error <= PARAMETER_LIMIT), None)

    @property
    def verdict(self) -> Status:
        """FAIL if a step differs, PASS if all agree, NOT CHECKED where there is no float64 to tell.

        Where training amplifies rounding, float32 trajectories part like those of any two machines; else the port's
        is to end no further from float64 than a few times the reference's own.
        """
        if self.first_divergence:
            return Status.FAIL
        if self.why_no_float64:
            return Status.NOT_CHECKED
        ratio = self.steps[-1].float32_ratio
        is_coarse = ratio is not None and not ratio <= FLOAT32_LIMIT and self.amplified is None
        return Status.FAIL if is_coarse else Status.PASS
