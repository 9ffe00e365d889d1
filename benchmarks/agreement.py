"""Whether Keras learns what PyTorch learns: ``python -m benchmarks.agreement --picture FILE [--batches FILE]``.

The simple recipe of FINTA (constant learning rate, Adam with L2, summed squared errors) in float32 on DIPY's bundles:
subjects 1-3 train, 5 is the test. For each seed PyTorch draws the initial weights, which move into Keras by the pair's
plan; then both take the same steps on the same batches. How far points of the test subject are from their
reconstruction is measured every few epochs.

The yardstick is PyTorch against itself: a third training, in PyTorch too, whose initial weights are each one ULP
higher. What that does to the test error no port can undercut: float32 training amplifies rounding.

The recipe's batches of 1000 exceed the 450 training streamlines: they would make one step an epoch, hence the smaller
--batch-size; hence also fewer epochs, of more steps, than the recipe's 100: thirty took 500 s a seed on
two cores that other work kept busy as well.
Keras runs on TensorFlow unless KERAS_BACKEND says otherwise.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.ground.machine import name_machine, prepare_frameworks
from finta.batches.building import build_batches
from finta.demo import SPLITS
from finta.pair import FINTA
from finta.recipe import SIMPLE, Recipe
from finta.training.feeding import sampling_of
from porting.commands.progress import steps
from porting.jobs.filling import move_weights
from porting.jobs.optimisers.states import OptimiserState
from porting.pairs.finding import draw_probe
from porting.port import runs as keras_runs
from porting.proof.runs import OnStep, plan_of, trace_with_sources
from porting.reference import side as torch_side
from tractography.batches.feeds import BatchFeed
from tractography.batches.sampling import Ordered
from tractography.batches.sources import BatchSource
from tractography.files.dipy_bundles import extract_minimal_bundles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GOAL = 1.0
"""Largest difference of the test errors, in %."""

TORCH, KERAS, AGAIN = "PyTorch", "Keras", "PyTorch again, initial weights 1 ULP higher"


@dataclass(frozen=True, slots=True)
class Course:
    """The test errors of one seed's trainings.

    Attributes
    ----------
    seed : int
    epochs : list of int
        After which the errors were measured.
    errors : dict
        Training -> mean distance between a point and its reconstruction at each of `epochs`, mm.
    """

    seed: int
    epochs: list[int] = field(default_factory=list)
    errors: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in (TORCH, KERAS, AGAIN)})

    def difference(self, name: str) -> np.ndarray:
        """By how much a training's errors differ from PyTorch's, in %."""
        return (np.array(self.errors[name]) / self.errors[TORCH] - 1) * 100

    def best_difference(self, name: str) -> float:
        """The same of the lowest errors, whenever they were reached."""
        return (min(self.errors[name]) / min(self.errors[TORCH]) - 1) * 100


class Port:
    """The Keras trainer, compiled once for all seeds, and the plan by which initial weights move into it."""

    def __init__(self, recipe: Recipe, point_count: int) -> None:
        from keras_model.autoencoder import build_autoencoder
        from keras_model.training.trainer import Trainer
        from reference_torch.autoencoder import Autoencoder

        sizes = {"latent_size": 32, "point_count": point_count}
        probe = draw_probe(FINTA, sizes, None, 1)
        trace = trace_with_sources(FINTA, Autoencoder(**sizes), probe)
        self.autoencoder = build_autoencoder(**sizes)
        ported = keras_runs.trace(self.autoencoder, probe.arrays)
        self.plan = plan_of(FINTA, trace, ported, self.autoencoder, probe.arrays)
        self.trainer = Trainer(self.autoencoder, recipe)

    def restart(self, model: Any) -> Any:
        """The trainer with a PyTorch model's weights, before its first step."""
        weights = {name: array.copy() for name, array in torch_side.arrays(model).items()}
        move_weights(self.plan, weights, self.autoencoder)
        self.trainer.load_optimiser_state(OptimiserState(0, {}))
        return self.trainer


def start(port: Port, recipe: Recipe, point_count: int) -> dict[str, Any]:
    """The three trainers, from the initial weights of the recipe's seed."""
    import torch

    from reference_torch.trainer import build_trainer

    reference, again = (build_trainer(recipe, point_count=point_count) for _ in range(2))
    with torch.no_grad():
        for parameter in again.model.parameters():
            parameter.copy_(torch.nextafter(parameter, torch.full_like(parameter, torch.inf)))
    return {TORCH: reference, KERAS: port.restart(reference.model), AGAIN: again}


def compare(port: Port, source: BatchSource, recipe: Recipe, every: int, on_step: OnStep) -> Course:
    """Train on the same batches in turn, and measure the test errors before the first epoch and every few epochs."""
    feed = BatchFeed(source, "train", sampling_of(recipe), seed=recipe.seed)
    test = BatchFeed(source, "test", Ordered(1000)).batch(0).streamlines
    trainers = start(port, recipe, source.point_count)
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
    """Print each seed's test errors and their differences, and the seeds' spread."""
    print("\n| seed | error (mm) | PyTorch | Keras | difference (goal 1 %) | PyTorch against itself, 1 ULP apart |")
    print("|---|---|---|---|---|---|")
    for course in courses:
        ours, theirs = course.errors[TORCH], course.errors[KERAS]
        last = [course.difference(name)[-1] for name in (KERAS, AGAIN)]
        lowest = [course.best_difference(name) for name in (KERAS, AGAIN)]
        for label, pair, (difference, itself) in (
            ("last", (ours[-1], theirs[-1]), last),
            ("lowest", (min(ours), min(theirs)), lowest),
        ):
            print(
                f"| {course.seed} | {label} | {pair[0]:.3f} | {pair[1]:.3f} | {difference:+.2f} % | {itself:+.2f} % |"
            )
    conclude(courses)


def conclude(courses: list[Course]) -> None:
    """Print whether the goal was met, and what to hold the differences against."""
    worst = {name: max(abs(course.difference(name)[-1]) for course in courses) for name in (KERAS, AGAIN)}
    verdict = "met" if worst[KERAS] <= GOAL else "not met"
    print(f"\ngreatest difference of the last errors: {worst[KERAS]:.2f} %, goal {GOAL:g} %: {verdict}")
    print(f"PyTorch against itself: {worst[AGAIN]:.2f} %")
    means = {
        name: statistics.mean(np.abs(course.difference(name)).mean() for course in courses) for name in (KERAS, AGAIN)
    }
    print(f"mean over all epochs and seeds: {means[KERAS]:.2f} %, PyTorch against itself {means[AGAIN]:.2f} %")
    if len(courses) > 1:
        final = [course.errors[TORCH][-1] for course in courses]
        spread = (max(final) / min(final) - 1) * 100
        print(f"between seeds, in PyTorch: {min(final):.3f} to {max(final):.3f} mm, {spread:.1f} % apart")


STYLES: dict[str, dict[str, Any]] = {
    TORCH: {"color": "#f4b183", "linewidth": 5, "solid_capstyle": "round"},
    AGAIN: {"color": "#7f8c99", "linewidth": 1.6, "linestyle": ":"},
    KERAS: {"color": "#1f3b73", "linewidth": 1.4, "linestyle": (0, (4, 1.6))},
}
"""Wide and pale below, thin and dark above: lines that coincide are all seen."""


def draw(courses: list[Course], path: Path, caption: str) -> None:
    """Draw the test errors against the epochs, a column for each seed, and how far they differ below."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, ScalarFormatter

    figure = Figure(figsize=(10, 5.2), layout="constrained", facecolor="white")
    ratios = {"height_ratios": (1.7, 1)}
    grid = figure.subplots(2, len(courses), sharex=True, sharey="row", squeeze=False, gridspec_kw=ratios)
    for course, errors, differences in zip(courses, *grid, strict=True):
        _draw_course(course, errors, differences)
    figure.suptitle(
        f"mean distance of the test subject's points from their reconstruction\n{caption}; band below: goal",
        fontsize=11,
    )
    grid[0][0].set(ylabel="test error (mm)", yscale="log")
    grid[0][0].yaxis.set_major_formatter(ScalarFormatter())
    grid[0][0].set_yticks([5, 10, 20, 50], minor=False)
    grid[0][0].minorticks_off()
    grid[1][0].set(ylabel="against PyTorch (%)")
    grid[1][0].yaxis.set_major_locator(MaxNLocator(5))
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, dpi=110)


def _draw_course(course: Course, errors: "Axes", differences: "Axes") -> None:
    for name, style in STYLES.items():
        errors.plot(course.epochs, course.errors[name], label=name, **style)
        if name != TORCH:
            differences.plot(course.epochs, course.difference(name), **style)
    differences.axhspan(-GOAL, GOAL, color=STYLES[TORCH]["color"], alpha=0.5, linewidth=0)
    errors.set(title=f"seed {course.seed}")
    differences.set(xlabel="epoch")
    for axes in (errors, differences):
        axes.grid(color="#e6e9ed", linewidth=0.7)
        axes.spines[["top", "right"]].set_visible(False)


@contextmanager
def batches_of(given: Path | None) -> Iterator[Path]:
    """A file of batches: the one given, or DIPY's bundles in a folder that is deleted."""
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        extract_minimal_bundles(Path(folder) / "bundles")
        yield build_batches([Path(folder) / "bundles"], Path(folder) / "batches.h5", splits=SPLITS).path


def run(options: argparse.Namespace, on_step: OnStep) -> list[Course]:
    """Train every seed."""
    recipe = replace(SIMPLE, batch_size=options.batch_size, epochs=options.epochs)
    on_step("building the batches")
    with batches_of(options.batches) as path, BatchSource(path) as source:
        on_step("building the models")
        port = Port(recipe, source.point_count)
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
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30)
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
    recipe = f"simple recipe, batches of {options.batch_size}, {options.epochs} epochs, float32"
    print(f"{recipe}, {options.seeds} seeds: {seconds:.0f} s, {seconds / options.seeds:.0f} s a seed")
    report(courses)
    if options.picture:
        draw(courses, options.picture, recipe)


if __name__ == "__main__":
    main()
