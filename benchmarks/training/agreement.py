"""Whether Keras learns what PyTorch does: ``python -m benchmarks.training.agreement --picture FILE [--batches FILE]``.

The simple recipe of FINTA (constant learning rate, Adam with L2, summed squared errors) in float32 on DIPY's bundles:
subjects 1-3 train, 5 is the test. For each seed PyTorch draws the initial weights, which move into Keras by the pair's
plan; then all take the same steps on the same batches. How far points of the test subject are from their
reconstruction is measured every epoch.

The yardstick is PyTorch against itself: another training in PyTorch, whose initial weights are each one ULP higher.
What that does to the test error no port can undercut: float32 training amplifies rounding. Whether Keras is further
from PyTorch than PyTorch from itself is asked of two-sample tests over the seeds, one-sided (Mann and Whitney's,
Kolmogorov and Smirnov's), of the absolute differences behind the last epoch and of their means over all. That these
can tell a difference is shown by a fourth training with a fault: the decay is decoupled, AdamW's in the place of
Adam's.

The recipe's batches of 1000 exceed the 450 training streamlines: they would make one step an epoch, hence the smaller
--batch-size; hence also fewer epochs, of more steps, than the recipe's 100. A seed of FINTA's autoencoder takes 500 s
on two busy cores; ``--model small --points 64`` takes an autoencoder of five layers, whose ten seeds take minutes.
Keras runs on TensorFlow unless KERAS_BACKEND says otherwise.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ground.courses import AGAIN, FAULT, KERAS, TORCH, Course, compared, draw
from benchmarks.ground.machine import name_machine, prepare_frameworks
from finta.batches.building import build_batches
from finta.demo import SPLITS
from finta.pair import FINTA
from finta.recipe import SIMPLE, Recipe
from finta.training.feeding import sampling_of
from porting.commands.progress import steps
from porting.jobs.optimisers.states import OptimiserState
from porting.pairs.pair import ModelPair
from porting.port import runs as keras_runs
from porting.proof.inputs import draw_for
from porting.proof.runs import OnStep, plan_of, trace_with_sources
from porting.proof.transfer import move_weights
from porting.reference import side as torch_side
from tractography.batches.feeds import BatchFeed
from tractography.batches.sampling import Ordered
from tractography.batches.sources import BatchSource
from tractography.files.dipy_bundles import extract_minimal_bundles

SIGNIFICANCE = 0.05


def models_of(name: str, point_count: int) -> tuple[ModelPair, Callable[[], Any], Callable[[], Any]]:
    """The pair, and what builds an untrained reference and its port."""
    if name == "small":
        from parity_tests.porting.training.small_pair import SMALL, SmallReference, build_port

        return SMALL, SmallReference, build_port
    from keras_model.autoencoder import build_autoencoder
    from reference_torch.autoencoder import Autoencoder

    sizes = {"latent_size": 32, "point_count": point_count}
    return FINTA, partial(Autoencoder, **sizes), partial(build_autoencoder, **sizes)


class Port:
    """The Keras trainer, compiled once for all seeds, and the plan by which initial weights move into it."""

    def __init__(self, recipe: Recipe, name: str, point_count: int) -> None:
        from keras_model.training.trainer import Trainer

        pair, self.build_reference, build_port = models_of(name, point_count)
        reference = self.build_reference()
        probe = draw_for(pair, {"point_count": point_count}, None, 1, reference)
        trace = trace_with_sources(pair, reference, probe)
        self.autoencoder = build_port()
        ported = keras_runs.trace(self.autoencoder, probe.arrays)
        self.plan = plan_of(pair, trace, ported, self.autoencoder, probe.arrays)
        self.trainer = Trainer(self.autoencoder, recipe)

    def restart(self, model: Any) -> Any:
        """The trainer with a PyTorch model's weights, before its first step."""
        weights = {name: array.copy() for name, array in torch_side.arrays(model).items()}
        move_weights(self.plan, weights, self.autoencoder)
        self.trainer.load_optimiser_state(OptimiserState(0, {}))
        return self.trainer


def start(port: Port, recipe: Recipe) -> dict[str, Any]:
    """The four trainers, from the initial weights of the recipe's seed."""
    import torch

    from reference_torch.trainer import Trainer

    torch.manual_seed(recipe.seed)
    model = port.build_reference()
    higher, same = deepcopy(model), deepcopy(model)
    with torch.no_grad():
        for weight in higher.parameters():
            weight.copy_(torch.nextafter(weight, torch.full_like(weight, torch.inf)))
    decoupled = replace(recipe, optimiser=replace(recipe.optimiser, decoupled=True))
    keras_trainer, trainer = port.restart(model), Trainer(model, recipe)
    return {TORCH: trainer, KERAS: keras_trainer, AGAIN: Trainer(higher, recipe), FAULT: Trainer(same, decoupled)}


def compare(port: Port, source: BatchSource, recipe: Recipe, every: int, on_step: OnStep) -> Course:
    """Train on the same batches in turn, and measure the test errors before the first epoch and every few epochs."""
    feed = BatchFeed(source, "train", sampling_of(recipe), seed=recipe.seed)
    test = BatchFeed(source, "test", Ordered(1000)).batch(0).streamlines
    trainers = start(port, recipe)
    course, total = Course(recipe.seed), recipe.epochs * len(feed)

    def measure(epoch: int) -> None:
        course.epochs.append(epoch)
        for name, trainer in trainers.items():
            course.errors[name].append(float(trainer.evaluate(test).distances.mean()))

    measure(0)
    for batch in feed.batches(0, total):
        for trainer in trainers.values():
            trainer.step(batch.streamlines)
        done = batch.step + 1
        on_step(f"seed {recipe.seed}: training in both frameworks", done, total)
        epoch, is_within = divmod(done, len(feed))
        if not is_within and (epoch % every == 0 or done == total):
            measure(epoch)
    return course


def report(courses: list[Course]) -> None:
    """Print each seed's test errors and their differences, what the tests say of them, and the seeds' spread."""
    print(f"\n| seed | PyTorch | Keras | difference | {AGAIN} | fault |\n|---|---|---|---|---|---|")
    for course in courses:
        errors = " | ".join(f"{course.errors[name][-1]:.2f} mm" for name in (TORCH, KERAS))
        differences = " | ".join(f"{course.difference(name)[-1]:+.1e} %" for name in (KERAS, AGAIN, FAULT))
        print(f"| {course.seed} | {errors} | {differences} |")
    print("\n| absolute difference | | median | range | itself | range | p, Mann-Whitney | p, Kolmogorov-Smirnov |")
    print("|---|---|---|---|---|---|---|---|")
    for name in (KERAS, FAULT):
        for held in compared(courses, name):
            shown = " | ".join(
                f"{np.median(of):.1e} % | {of.min():.1e} - {of.max():.1e} %" for of in (held.ours, held.itself)
            )
            print(f"| {held.label} | {name} | {shown} | {held.p_values['U']:.2g} | {held.p_values['KS']:.2g} |")
    conclude(courses)


def conclude(courses: list[Course]) -> None:
    """Print what follows, and what to hold the differences against."""
    for name in (KERAS, FAULT):
        found = [p for held in compared(courses, name) for p in held.p_values.values()]
        limit = SIGNIFICANCE / len(found)
        told = "further than PyTorch from itself" if min(found) < limit else "no further than PyTorch from itself"
        print(f"{name}: lowest p {min(found):.2g} of {len(found)} (Bonferroni's limit {limit:.2g}): {told}")
    final = [course.errors[TORCH][-1] for course in courses]
    print(f"between seeds, in PyTorch: {min(final):.2f} to {max(final):.2f} mm")


@contextmanager
def batches_of(given: Path | None, points: int) -> Iterator[Path]:
    """A file of batches: the one given, or DIPY's bundles in a folder that is deleted."""
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        extract_minimal_bundles(Path(folder) / "bundles")
        bundles, path = Path(folder) / "bundles", Path(folder) / "batches.h5"
        yield build_batches([bundles], path, splits=SPLITS, point_count=points).path


def run(options: argparse.Namespace, on_step: OnStep) -> list[Course]:
    """Train every seed."""
    recipe = replace(SIMPLE, batch_size=options.batch_size, epochs=options.epochs)
    on_step("building the batches")
    with batches_of(options.batches, options.points) as path, BatchSource(path) as source:
        on_step("building the models")
        port = Port(recipe, options.model, source.point_count)
        courses = []
        for seed in range(options.seeds):
            courses.append(compare(port, source, replace(recipe, seed=seed), options.every, on_step))
            if options.json:
                options.json.write_text(json.dumps([asdict(course) for course in courses], indent=1) + "\n")
    return courses


def main() -> None:
    """Train, print, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, help="a .png, .svg or .pdf to draw")
    parser.add_argument("--json", type=Path, help="where to write every error, seed by seed")
    parser.add_argument("--batches", type=Path, help="with splits train and test; DIPY's bundles if not given")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--model", choices=("finta", "small"), default="finta", help="small: 5 layers, 64 points")
    parser.add_argument("--points", type=int, default=256, help="of a streamline, where --batches are not given")
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--every", type=int, default=1, help="epochs from one measurement to the next")
    options = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # two frameworks in turn: neither's threads are to spin
    frameworks = prepare_frameworks()
    print(f"{name_machine()}; {frameworks}")
    started = time.monotonic()
    with steps() as on_step:
        courses = run(options, on_step)
    seconds = time.monotonic() - started
    points = "" if options.batches else f"{options.points} points, "
    recipe = f"simple recipe, {points}batches of {options.batch_size}, {options.epochs} epochs, float32"
    recipe = f"{options.model} autoencoder, {recipe}"
    print(f"{recipe}, {options.seeds} seeds: {seconds:.0f} s, {seconds / options.seeds:.0f} s a seed")
    report(courses)
    if options.picture:
        draw(courses, options.picture, recipe)


if __name__ == "__main__":
    main()
