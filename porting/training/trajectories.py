"""Prove that a port trains as its reference does: both take the same steps, and every quantity is compared at each."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from porting.errors import InputError, PairError, ProbeError
from porting.jobs.preparation import check_inputs, found_pair, load_frameworks
from porting.pairs.finding import resolve
from porting.pairs.pair import ModelPair
from porting.plans.parts import divided
from porting.plans.plan import TransferPlan
from porting.port import side as keras_side
from porting.proof.runs import OnStep, silent
from porting.records.deviations import apart, relative
from porting.reference import side as torch_side
from porting.rules import patterns
from porting.training.runners import Runner, TrainingStep
from porting.training.verdict import Distance, Quantity, StepParity, TrajectoryReport


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
    check_inputs(Path(checkpoint), None)
    if not Path(batches).is_file():
        raise InputError(f"No batches at {batches}.")
    pair = found_pair(pair)
    if pair.training is None:
        raise PairError(f"Pair {pair.name} does not say how it is trained: give its ModelPair a TrainingPair.")
    chosen = recipe or pair.training.recipes[0]
    if chosen not in pair.training.recipes:
        raise PairError(f"Pair {pair.name} has no recipe {chosen}: choose among {', '.join(pair.training.recipes)}.")
    load_frameworks(on_step)
    settings = resolve(pair.training.recipe)(chosen, steps, batch_size)
    on_step("reading the checkpoint and the batches")
    feed = resolve(pair.training.batches)(Path(batches), settings)
    reason = keras_side.why_no_float64()
    runners = [Runner.prepare(pair, checkpoint, settings, dtype) for dtype in ("float64", "float32")[bool(reason) :]]
    found = []
    for number, batch in enumerate(islice(feed, steps), start=1):
        found.append(_compare(number, batch, *runners))
        on_step(f"training by the recipe {chosen} in both frameworks", number, steps)
    if len(found) < steps:
        raise ProbeError(f"{batches} holds batches for {len(found)} steps, {steps} were asked for.")
    versions = {**torch_side.versions(), **keras_side.versions()}
    second = runners[0].second
    why_not_itself = second.why_none if second else reason
    return TrajectoryReport(pair.name, chosen, Path(batches).name, tuple(found), reason, why_not_itself, versions)


def _gradient_errors(ours: TrainingStep, theirs: TrainingStep, plan: TransferPlan) -> Iterator[tuple[str, float]]:
    """Each gradient's greatest difference, relative to the greatest of its layer: some are nothing but rounding."""
    gradients = divided(ours.gradients, plan.tensors)
    for layers in plan.pairs:
        taken = [transfer for transfer in layers.transfers if transfer.port in theirs.gradients]
        names = [name for transfer in taken for name in transfer.references]
        scale = max((float(np.abs(gradients[name]).max()) for name in names), default=0.0)
        for transfer in taken:
            moved = patterns.gradient_to_reference(theirs.gradients[transfer.port], transfer.pattern)
            for name, array in transfer.parts(moved):
                yield name, relative(float(np.abs(array - gradients[name]).max()), scale)


def _compare(number: int, batch: np.ndarray, runner: Runner, narrow: Runner | None = None) -> StepParity:
    """Take a step in each precision, and compare."""
    ours, theirs, alone = runner.step(batch)
    scalars = {name: (getattr(ours, name), getattr(theirs, name)) for name in ("learning_rate", "momentum")}
    quantities = {"schedule": _worst((name, apart(*both)) for name, both in scalars.items())}
    if alone and runner.alone:
        quantities |= {
            "loss": _worst((name, apart(value, alone.losses[name])) for name, value in ours.losses.items()),
            "gradient": _worst(_gradient_errors(ours, alone, runner.alone.plan)),
            "optimiser": _worst(runner.parameter_errors(runner.alone)),
            "state": _worst(runner.state_errors(runner.alone)),
        }
    ratio = None
    if narrow:
        narrow.step(batch)
        ratio = _float32_ratio(runner, narrow)
    distances = tuple(runner.distances())
    return StepParity(
        step=number,
        losses=(ours.losses["total"], theirs.losses["total"]),
        gradient_norm=(ours.gradient_norm, theirs.gradient_norm),
        quantities=quantities,
        trajectory=_worst((held.name, held.port) for held in distances),
        itself=_itself(distances),
        nearest_limit=max(distances, key=lambda held: np.nan_to_num(held.share, nan=np.inf)),
        float32_ratio=ratio,
        **scalars,
    )


def _itself(distances: Sequence[Distance]) -> Quantity | None:
    """The furthest that the reference has been from itself, where that is known."""
    known = [(held.name, held.itself) for held in distances if held.itself is not None]
    return _worst(known) if known else None


def _worst(errors: Iterable[tuple[str, float]]) -> Quantity:
    name, error = max(errors, key=lambda held: np.nan_to_num(held[1], nan=np.inf), default=("", 0.0))
    return Quantity(error, name)


def _float32_ratio(wide: Runner, narrow: Runner) -> float:
    """Root mean square distances of all parameters from the reference's in float64, the port's by the reference's."""
    truth = {name: ours for name, ours, _ in wide.parameters(wide.port)}
    squares = np.zeros(2)
    for name, *both in narrow.parameters(narrow.port):
        squares += [np.sum(np.square(array.astype(np.float64) - truth[name])) for array in both]
    return relative(float(np.sqrt(squares[1])), float(np.sqrt(squares[0])))
