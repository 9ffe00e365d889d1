"""Prove that a port trains as its reference does: both take the same steps, and every quantity is compared at each."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from porting.errors import PairError, ProbeError
from porting.jobs import optimiser_states
from porting.jobs.conversion import move_weights
from porting.pairs import ModelPair, build_port, draw_probe, find_pair, resolve
from porting.plans.plan import TransferPlan
from porting.port import runs as keras_runs
from porting.port import side as keras_side
from porting.proof.runs import OnStep, load_reference, plan_of, silent, trace_with_sources
from porting.records import parity
from porting.reference import side as torch_side
from porting.reference.files import read_checkpoint
from porting.rules import patterns
from porting.statuses import Status

PARAMETER_LIMIT = 1e-9
"""Largest relative error of a parameter that float64 rounding explains after some hundred steps."""

LIMITS = {"schedule": 1e-12, "loss": 1e-9, "gradient": 1e-7, "optimiser": PARAMETER_LIMIT, "state": PARAMETER_LIMIT}
"""Largest relative error of each quantity, in the order in which a step computes them: the first is the cause."""

FLOAT32_LIMIT = 64.0
"""How many times as far from the float64 trajectory as the reference's own the port's float32 trajectory may end. Adam
divides each gradient by its size, so that those which cancel are steps of nothing but rounding: two float32 programs
may be several times apart, while TF32 or half precision is a thousand times."""


class TrainingStep(Protocol):
    """What a trainer's step returns; floats are of before its update."""

    losses: Mapping[str, float]
    learning_rate: float
    momentum: float
    gradient_norm: float
    gradients: Mapping[str, np.ndarray]


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


def verify_training(
    checkpoint: str | os.PathLike,
    batches: str | os.PathLike,
    *,
    pair: str | ModelPair,
    recipe: str = "",
    steps: int = 200,
    batch_size: int | None = None,
    on_step: OnStep = silent,
) -> TrajectoryReport:
    """Let both models take the same steps from the same weights, and compare them at each.

    Parameters
    ----------
    checkpoint : path
        The PyTorch checkpoint with the weights to start from.
    batches : path
        What to train on.
    pair : str or ModelPair
        With a `TrainingPair`.
    recipe : str
        One of the pair's recipes; its first if empty.
    steps : int
    batch_size : int, optional
        Samples in a batch, where the recipe's own would take long.
    on_step : callable
        Told what is being done.

    Raises
    ------
    InputError
        If the checkpoint, the batches or the pair cannot be used.
    PlanError
        If the two models cannot be paired.
    """
    torch_side.prepare()
    keras_side.prepare()
    pair = find_pair(pair)
    if pair.training is None:
        raise PairError(f"Pair {pair.name} does not say how it is trained: give its ModelPair a TrainingPair.")
    chosen = recipe or pair.training.recipes[0]
    if chosen not in pair.training.recipes:
        raise PairError(f"Pair {pair.name} has no recipe {chosen}: choose among {', '.join(pair.training.recipes)}.")
    settings = resolve(pair.training.recipe)(chosen, steps, batch_size)
    on_step("reading the checkpoint and the batches")
    feed = resolve(pair.training.batches)(Path(batches), settings)
    reason = keras_side.why_no_float64()
    runners = [_Runner.prepare(pair, checkpoint, settings, dtype) for dtype in ("float64", "float32")[bool(reason) :]]
    found = []
    for number, batch in enumerate(islice(feed, steps), start=1):
        found.append(_compare(number, batch, *runners))
        on_step(f"training by the recipe {chosen} in both frameworks", number, steps)
    if len(found) < steps:
        raise ProbeError(f"{batches} holds batches for {len(found)} steps, {steps} were asked for.")
    versions = {**torch_side.versions(), **keras_side.versions()}
    return TrajectoryReport(pair.name, chosen, Path(batches).name, tuple(found), reason, versions)


@dataclass(frozen=True, slots=True)
class _Port:
    """A port, what trains it, and how its variables pair with the reference's tensors."""

    model: Any
    trainer: Any
    plan: TransferPlan


@dataclass(frozen=True, slots=True)
class _Runner:
    """Both models in one precision; in float64 a second port, which takes each step from the reference's state."""

    dtype: str
    model: Any
    trainer: Any
    port: _Port
    alone: _Port | None

    @classmethod
    def prepare(cls, pair: ModelPair, checkpoint: str | os.PathLike, settings: Any, dtype: str) -> "_Runner":
        """Build the models from a checkpoint's weights."""
        assert pair.training
        model, sizes, source = load_reference(pair, read_checkpoint(checkpoint))
        probe = draw_probe(pair, sizes, None, 1)
        trace = trace_with_sources(pair, model, probe)
        torch_side.in_precision(model, dtype)
        train, train_port = resolve(pair.training.reference), resolve(pair.training.port)
        with keras_side.precision(dtype):
            ports = []
            for _ in range(2 if dtype == "float64" else 1):
                with keras_side.uninitialised():
                    port = build_port(pair, sizes)
                plan = plan_of(pair, trace, keras_runs.trace(port, probe.arrays), port, probe.arrays)
                move_weights(plan, source.state_dict, port)
                ports.append(_Port(port, train_port(port, settings), plan))
        return cls(dtype, model, train(model, settings), ports[0], ports[1] if len(ports) > 1 else None)

    def step(self, batch: np.ndarray) -> tuple[TrainingStep, TrainingStep, TrainingStep | None]:
        """One step of the reference, of the port, and of the port that goes on from the reference's state."""
        with keras_side.precision(self.dtype):
            if self.alone:
                move_weights(self.alone.plan, torch_side.arrays(self.model), self.alone.model)
                self.alone.trainer.load_optimiser_state(
                    optimiser_states.to_port(self.trainer.optimiser_state(), self.alone.plan)
                )
            alone = self.alone.trainer.step(batch, with_gradients=True) if self.alone else None
            ours = self.trainer.step(batch, with_gradients=True)
            return ours, self.port.trainer.step(batch), alone

    def parameter_errors(self, port: _Port) -> Iterator[tuple[str, float]]:
        """How far each parameter of a port is from the reference's."""
        for name, ours, theirs in self.parameters(port):
            yield name, _apart(ours, theirs)

    def state_errors(self, port: _Port) -> Iterator[tuple[str, float]]:
        """How far what a port's optimiser carries to the next step is from the reference's."""
        ours = optimiser_states.to_port(self.trainer.optimiser_state(), port.plan)
        theirs = port.trainer.optimiser_state()
        yield "steps taken", _apart(ours.steps_taken, theirs.steps_taken)
        for slot, held in ours.slots.items():
            for name, value in held.items():
                yield f"{slot} of {name}", _apart(value, theirs.slots[slot][name])

    def parameters(self, port: _Port) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Each tensor of the reference that moves, and what a port has in its place."""
        ours, theirs = torch_side.arrays(self.model), keras_side.arrays(port.model)
        for transfer in port.plan.transfers:
            for name, array in transfer.to_reference(theirs[transfer.port]):
                yield name, ours[name], array


def _gradient_errors(ours: TrainingStep, theirs: TrainingStep, plan: TransferPlan) -> Iterator[tuple[str, float]]:
    """Each gradient's greatest difference, relative to the greatest of its layer: some are nothing but rounding."""
    for layers in plan.pairs:
        taken = [transfer for transfer in layers.transfers if transfer.port in theirs.gradients]
        names = [name for transfer in taken for name in transfer.references]
        scale = max((float(np.abs(ours.gradients[name]).max()) for name in names), default=0.0)
        for transfer in taken:
            moved = patterns.gradient_to_reference(theirs.gradients[transfer.port], transfer.pattern)
            for name, array in transfer.parts(moved):
                yield name, parity.relative(float(np.abs(array - ours.gradients[name]).max()), scale)


def _compare(number: int, batch: np.ndarray, runner: _Runner, narrow: _Runner | None = None) -> StepParity:
    """Take a step in each precision, and compare."""
    ours, theirs, alone = runner.step(batch)
    scalars = {name: (getattr(ours, name), getattr(theirs, name)) for name in ("learning_rate", "momentum")}
    quantities = {"schedule": _worst((name, _apart(*both)) for name, both in scalars.items())}
    if alone and runner.alone:
        quantities |= {
            "loss": _worst((name, _apart(value, alone.losses[name])) for name, value in ours.losses.items()),
            "gradient": _worst(_gradient_errors(ours, alone, runner.alone.plan)),
            "optimiser": _worst(runner.parameter_errors(runner.alone)),
            "state": _worst(runner.state_errors(runner.alone)),
        }
    ratio = None
    if narrow:
        narrow.step(batch)
        ratio = _float32_ratio(runner, narrow)
    return StepParity(
        step=number,
        losses=(ours.losses["total"], theirs.losses["total"]),
        gradient_norm=(ours.gradient_norm, theirs.gradient_norm),
        quantities=quantities,
        trajectory=_worst(runner.parameter_errors(runner.port)),
        float32_ratio=ratio,
        **scalars,
    )


def _apart(ours: Any, theirs: Any) -> float:
    """Greatest difference, relative to the reference's greatest value."""
    reference = np.asarray(ours, np.float64)
    return parity.relative(float(np.abs(np.asarray(theirs) - reference).max()), float(np.abs(reference).max()))


def _worst(errors: Iterable[tuple[str, float]]) -> Quantity:
    name, error = max(errors, key=lambda held: np.nan_to_num(held[1], nan=np.inf), default=("", 0.0))
    return Quantity(error, name)


def _float32_ratio(wide: _Runner, narrow: _Runner) -> float:
    """Root mean square distances of all parameters from the reference's in float64, the port's by the reference's."""
    truth = {name: ours for name, ours, _ in wide.parameters(wide.port)}
    squares = np.zeros(2)
    for name, *both in narrow.parameters(narrow.port):
        squares += [np.sum(np.square(array.astype(np.float64) - truth[name])) for array in both]
    return parity.relative(float(np.sqrt(squares[1])), float(np.sqrt(squares[0])))
