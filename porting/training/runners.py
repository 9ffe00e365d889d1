"""Both models of a pair and what trains them, taking the same steps in one precision."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from porting.jobs.optimisers import optimiser_states
from porting.pairs.finding import build_port, resolve
from porting.pairs.pair import ModelPair
from porting.plans.parts import divided
from porting.plans.plan import TransferPlan
from porting.port import side as keras_side
from porting.proof.inputs import draw_for
from porting.proof.runs import load_reference, plan_of, trace_port, trace_with_sources
from porting.proof.transfer import move_weights
from porting.records.deviations import apart
from porting.reference import side as torch_side
from porting.reference.files import read_checkpoint
from porting.reference.randomness import generator
from porting.training.second_runs import SecondRun
from porting.training.verdict import Distance


class TrainingStep(Protocol):
    """What a trainer's step returns; floats are of before its update."""

    losses: Mapping[str, float]
    learning_rate: float
    momentum: float
    gradient_norm: float
    gradients: Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class TrainedPort:
    """A port, what trains it, and how its variables pair with the reference's tensors."""

    model: Any
    trainer: Any
    plan: TransferPlan


@dataclass(frozen=True, slots=True)
class Runner:
    """Both models in one precision.

    In float64 there are two more: a second port, which takes each step from the reference's state, and the reference
    from weights one ULP higher.
    """

    dtype: str
    model: Any
    trainer: Any
    port: TrainedPort
    alone: TrainedPort | None
    second: SecondRun | None

    @classmethod
    def prepare(cls, pair: ModelPair, checkpoint: str | os.PathLike, settings: Any, dtype: str) -> "Runner":
        """Build the models from a checkpoint's weights."""
        assert pair.training
        model, sizes, source = load_reference(pair, read_checkpoint(checkpoint))
        probe = draw_for(pair, sizes, None, 1, model)
        trace = trace_with_sources(pair, model, probe)
        torch_side.in_precision(model, dtype)
        train, train_port = resolve(pair.training.reference), resolve(pair.training.port)
        is_wide = dtype == "float64"
        second = SecondRun(model, lambda twin: train(twin, settings)) if is_wide else None
        with keras_side.precision(dtype):
            ports = []
            for _ in range(2 if is_wide else 1):
                with keras_side.uninitialised():
                    port = build_port(pair, sizes)
                plan = plan_of(pair, trace, trace_port(pair, port, probe.arrays), port, probe.arrays)
                move_weights(plan, source.state_dict, port)
                ports.append(TrainedPort(port, train_port(port, settings), plan))
        return cls(dtype, model, train(model, settings), ports[0], ports[1] if is_wide else None, second)

    def step(self, batch: np.ndarray) -> tuple[TrainingStep, TrainingStep, TrainingStep | None]:
        """One step of the reference, of the port, and of the port that goes on from the reference's state."""
        with keras_side.precision(self.dtype):
            if self.alone:
                move_weights(self.alone.plan, torch_side.arrays(self.model), self.alone.model)
                self.alone.trainer.load_optimiser_state(
                    optimiser_states.to_port(self.trainer.optimiser_state(), self.alone.plan)
                )
            alone = self.alone.trainer.step(batch, with_gradients=True) if self.alone else None
            drawing_from = generator.state()
            ours = self.trainer.step(batch, with_gradients=True)
            if self.second:
                self.second.step(batch, drawing_from, ours.losses)
            return ours, self.port.trainer.step(batch), alone

    def parameter_errors(self, port: TrainedPort) -> Iterator[tuple[str, float]]:
        """How far each parameter of a port is from the reference's."""
        for name, ours, theirs in self.parameters(port):
            yield name, apart(ours, theirs)

    def state_errors(self, port: TrainedPort) -> Iterator[tuple[str, float]]:
        """How far what a port's optimiser carries to the next step is from the reference's."""
        ours = optimiser_states.to_port(self.trainer.optimiser_state(), port.plan)
        theirs = port.trainer.optimiser_state()
        yield "steps taken", apart(ours.steps_taken, theirs.steps_taken)
        for slot, held in ours.slots.items():
            for name, value in held.items():
                yield f"{slot} of {name}", apart(value, theirs.slots[slot][name])

    def distances(self) -> Iterator[Distance]:
        """How far the port's whole trajectory is from the reference's in each parameter, and that from its twin's."""
        found = list(self.parameters(self.port))
        ours = {name: array for name, array, _ in found}
        itself = self.second.furthest(ours, self.port.plan) if self.second else {}
        for name, array, theirs in found:
            yield Distance(name, apart(array, theirs), itself.get(name))

    def parameters(self, port: TrainedPort) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Each tensor of the reference that moves, and what a port has in its place."""
        ours, theirs = divided(torch_side.arrays(self.model), port.plan.tensors), keras_side.arrays(port.model)
        for transfer in port.plan.transfers:
            for name, array in transfer.to_reference(theirs[transfer.port]):
                yield name, ours[name], array
