"""How far rounding takes a training: ``python -m benchmarks.training.yardstick [--seeds 20]``.

``porting verify-training`` allows the port's trajectory some times the distance that PyTorch has been from itself,
trained again from weights one ULP higher. How many times is measured here, on right ports: a small autoencoder of
streamlines, in float64, from the initial weights of each seed, by two recipes that amplify rounding. Of each parameter
behind each step it is the port's distance from the reference, in furthest distances of the reference from itself so
far; as a limit of 1e-9 holds in any case, those beyond it count. Where distances grow, a sample at the edge of a ReLU
falls on one side in one training and on the other in the next, and they jump: hence a horizon, a distance of PyTorch
from itself beyond which trajectories tell nothing.

What chance alone makes of it is told by PyTorch in the port's place, from weights two ULP higher.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ground.machine import name_machine, prepare_frameworks
from finta.recipe import SIMPLE, Constant, Recipe
from finta.training.trajectory import read_training_batches
from parity_tests.streamlines import write_walks
from porting.commands.progress import steps
from porting.jobs.optimisers.states import OptimiserState
from porting.port import side as keras_side
from porting.proof.inputs import draw_for
from porting.proof.runs import OnStep, plan_of, trace_port, trace_with_sources
from porting.proof.transfer import move_weights
from porting.records.deviations import apart
from porting.reference import side as torch_side
from porting.training.runners import Runner, TrainedPort
from porting.training.second_runs import SecondRun
from porting.training.verdict import HORIZON, MOST_STRAYS, PARAMETER_LIMIT

HORIZONS = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, np.inf)


@dataclass(slots=True)
class Course:
    """What one seed's trainings gave.

    Attributes
    ----------
    port, itself : list of float
        Greatest distance of any parameter behind each step: the port's from the reference, and the reference's from
        itself so far.
    ports, chances : list of float
        Greatest multiple of a parameter's distance from itself behind each step, of those beyond the strict limit: the
        port's distance, and that of PyTorch from weights two ULP higher.
    """

    port: list[float] = field(default_factory=list)
    itself: list[float] = field(default_factory=list)
    ports: list[float] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)

    def greatest(self, which: str, horizon: float) -> float:
        """The greatest of the multiples as long as the reference is within a horizon of itself."""
        found = zip(self.itself, getattr(self, which), strict=True)
        return max((multiple for itself, multiple in found if itself <= horizon), default=0.0)


def multiple(distance: float, itself: float) -> float:
    """How many times as far; 0 for what is within the strict limit."""
    return distance / itself if distance > PARAMETER_LIMIT else 0.0


class Trainings:
    """The port, compiled once for all seeds, and the reference that it is measured against."""

    def __init__(self, recipe: Recipe) -> None:
        from keras_model.training.trainer import Trainer
        from parity_tests.porting.training.small_pair import SMALL, SmallReference, build_port

        self.reference, self.recipe = SmallReference, recipe
        model = SmallReference()
        probe = draw_for(SMALL, {}, None, 1, model)
        trace = trace_with_sources(SMALL, model, probe)
        with keras_side.precision("float64"):
            port = build_port()
            plan = plan_of(SMALL, trace, trace_port(SMALL, port, probe.arrays), port, probe.arrays)
            self.port = TrainedPort(port, Trainer(port, recipe), plan)

    def start(self, seed: int) -> tuple[Runner, SecondRun]:
        """Everything from the initial weights of a seed, and PyTorch from weights two ULP higher."""
        import torch

        from reference_torch.trainer import Trainer

        def train(model: Any) -> Any:
            return Trainer(model, self.recipe)

        torch.manual_seed(seed)
        model = torch_side.in_precision(self.reference(), "float64")
        higher = deepcopy(model)
        torch_side.one_ulp_higher(higher)
        with keras_side.precision("float64"):
            weights = {name: array.copy() for name, array in torch_side.arrays(model).items()}
            move_weights(self.port.plan, weights, self.port.model)
            self.port.trainer.load_optimiser_state(OptimiserState(0, {}))
        runner = Runner("float64", model, train(model), self.port, None, SecondRun(model, train))
        return runner, SecondRun(higher, train)

    def course(self, seed: int, batches: Iterator[np.ndarray]) -> Course:
        """Train from a seed's weights, and compare behind each step."""
        from porting.reference.randomness import generator

        runner, third = self.start(seed)
        found = Course()
        for batch in batches:
            drawing_from = generator.state()
            ours, *_ = runner.step(batch)
            third.step(batch, drawing_from, ours.losses)
            distances = [(held.name, held.port, held.itself or 0.0) for held in runner.distances()]
            model, others = torch_side.arrays(runner.model), torch_side.arrays(third.model)
            found.port.append(max(port for _, port, _ in distances))
            found.itself.append(max(itself for *_, itself in distances))
            found.ports.append(max(multiple(port, itself) for _, port, itself in distances))
            found.chances.append(
                max(multiple(apart(model[name], others[name]), itself) for name, _, itself in distances)
            )
        return found


def recipes() -> Iterator[tuple[str, Recipe]]:
    """Two that amplify rounding: slowly, and by a factor of a thousand in ten steps."""
    for label, betas, count in (("Adam", (0.9, 0.999), 400), ("Adam without memory", (0.0, 0.5), 60)):
        optimiser = replace(SIMPLE.optimiser, betas=betas)
        recipe = replace(SIMPLE, optimiser=optimiser, schedule=Constant(0.05), batch_size=8, epochs=1)
        yield f"{label}, betas {betas}, {count} steps", replace(recipe, steps_per_epoch=count)


def run(recipe: Recipe, batches: Path, seeds: int, on_step: OnStep) -> Iterator[Course]:
    """Train from every seed's weights, and print what each gave."""
    on_step("building the models")
    trainings = Trainings(recipe)
    for seed in range(seeds):
        on_step("training in both frameworks", seed, seeds)
        held = trainings.course(seed, iter(read_training_batches(batches, replace(recipe, seed=seed))))
        within = [held.greatest(which, HORIZON) for which in ("ports", "chances")]
        steps_within = sum(itself <= HORIZON for itself in held.itself)
        shown = " | ".join(f"{greatest:.1f}" for greatest in within)
        print(f"| {seed} | {held.port[-1]:.1e} | {held.itself[-1]:.1e} | {steps_within} | {shown} |", flush=True)
        yield held


def conclude(courses: list[Course]) -> None:
    """Print the greatest multiples of all seeds, for each horizon."""
    print(f"\n| greatest multiple within a horizon of | {' | '.join(f'{horizon:.0e}' for horizon in HORIZONS)} |")
    print("|---" * (len(HORIZONS) + 1) + "|")
    for which in ("ports", "chances"):
        found = [max(held.greatest(which, horizon) for held in courses) for horizon in HORIZONS]
        print(f"| {which} | {' | '.join(f'{greatest:.1f}' for greatest in found)} |")
    print(f"allowed: {MOST_STRAYS:g}, within a horizon of {HORIZON:.0e}")


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    frameworks = prepare_frameworks()
    print(f"{name_machine()}; {frameworks}")
    with tempfile.TemporaryDirectory() as folder, steps() as on_step:
        path = write_walks(Path(folder) / "walks.h5")
        for label, recipe in recipes():
            started = time.monotonic()
            print(f"\n{label}: both distances behind the last step, steps within the horizon, greatest multiples\n")
            print("| seed | port | itself | steps | port's multiple | chance's |\n|---|---|---|---|---|---|")
            conclude(list(run(recipe, path, options.seeds, on_step)))
            print(f"{options.seeds} seeds: {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
