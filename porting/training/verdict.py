"""Records of a training in two frameworks: each step's figures, their limits, and the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from porting.statuses import Status, overall

PARAMETER_LIMIT = 1e-9
"""Largest relative error of a parameter that float64 rounding explains after some hundred steps."""

LIMITS = {"schedule": 1e-12, "loss": 1e-9, "gradient": 1e-7, "optimiser": PARAMETER_LIMIT, "state": PARAMETER_LIMIT}
"""Largest relative error of each quantity, in the order in which a step computes them: the first is the cause."""

MOST_STRAYS = 2048.0
"""How many times as far from the reference as the reference from itself a parameter of a port's trajectory may be.

Measured on right ports of a small autoencoder by recipes that amplify rounding (`benchmarks/training/yardstick.py`):
the median of 20 seeds is 4 times, 17 of them up to 17, the others 68, 100 and 1,030. There PyTorch is lucky: from
weights two ULP higher it goes 351 times as far from itself as from one. A fault of 5e-13 a step is beyond it.
"""

HORIZON = 1e-6
"""Distance of the reference from itself beyond which whole trajectories tell nothing.

Beyond it samples at the edge of a ReLU fall on one side in one training and on the other in the next: multiples of
6,683 were measured, of a right port.
"""

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
class Distance:
    """How far apart whole trajectories are in one parameter, relative to the reference's greatest value.

    Attributes
    ----------
    name : str
    port : float
        The port's from the reference's, behind this step.
    itself : float or None
        The furthest that the reference, trained a second time from weights one ULP higher, has been from itself so far;
        None where it could not be.
    """

    name: str
    port: float
    itself: float | None

    @property
    def allowed(self) -> float:
        """How far the port's may be: some times as far as the reference's from itself, but at least a strict limit."""
        return max(PARAMETER_LIMIT, MOST_STRAYS * (self.itself or 0.0))

    @property
    def share(self) -> float:
        """How much of what is allowed the port's distance is: beyond 1 is too far."""
        return self.port / self.allowed


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
    itself : Quantity or None
        The same of the reference against itself, from weights one ULP higher: the greatest so far.
    nearest_limit : Distance
        Of the parameter that has the greatest share of what is allowed it.
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
    itself: Quantity | None
    nearest_limit: Distance
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
    why_not_itself : str
        Why the reference could not be trained a second time, or not to the end, to measure it against itself.
    versions : Mapping
    """

    pair: str
    recipe: str
    batches: str
    steps: tuple[StepParity, ...]
    why_no_float64: str = ""
    why_not_itself: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def first_divergence(self) -> StepParity | None:
        """The first step at which a quantity is beyond its limit."""
        return next((step for step in self.steps if step.first_cause()), None)

    @property
    def within_horizon(self) -> tuple[StepParity, ...]:
        """The first steps, behind which the reference is so near itself that whole trajectories tell something."""
        return tuple(takewhile(lambda step: step.itself is None or step.itself.error <= HORIZON, self.steps))

    @property
    def strayed(self) -> StepParity | None:
        """The first step behind which a parameter of the whole trajectory is further off than is allowed."""
        return next((step for step in self.within_horizon if not step.nearest_limit.share <= 1), None)

    @property
    def why_untold(self) -> str:
        """Why it cannot be told whether rounding explains how far the port strays; empty where that was measured."""
        return self.why_not_itself if self.strayed and self.strayed.nearest_limit.itself is None else ""

    @property
    def amplified(self) -> StepParity | None:
        """The first step behind which parameters are further apart than rounding explains, if all else agrees.

        Training amplifies rounding there: where nothing but L2 moves a weight that is nearly zero, each step of Adam
        multiplies it by about learning rate x L2 x (1 - beta1) / epsilon.
        """
        if self.first_divergence or self.strayed:
            return None
        return next((step for step in self.steps if not step.trajectory.error <= PARAMETER_LIMIT), None)

    @property
    def steps_verdict(self) -> Status:
        """FAIL if a step alone differs, NOT CHECKED where there is no float64 to tell."""
        if self.first_divergence:
            return Status.FAIL
        return Status.NOT_CHECKED if self.why_no_float64 else Status.PASS

    @property
    def trajectory_verdict(self) -> Status:
        """FAIL if the port strays further than the reference from itself; what is within a strict limit passes anyway.

        NOT CHECKED where there is no float64, and where it strays and the reference could not be trained twice so far.
        """
        if self.why_no_float64 or self.why_untold:
            return Status.NOT_CHECKED
        return Status.FAIL if self.strayed else Status.PASS

    @property
    def verdict(self) -> Status:
        """That of the steps and of the whole trajectory, and FAIL where the port computes in less than float32.

        Where training amplifies rounding, float32 trajectories part like those of any two machines; else the port's
        is to end no further from float64 than a few times the reference's own.
        """
        ratio = self.steps[-1].float32_ratio
        is_coarse = ratio is not None and not ratio <= FLOAT32_LIMIT and self.amplified is None
        found = overall((self.steps_verdict, self.trajectory_verdict))
        return Status.FAIL if found is Status.PASS and is_coarse else found
