"""Whether Keras learns what PyTorch learns: ``python -m benchmarks.agreement --picture FILE [--batches FILE]``.

The simple recipe of FINTA (constant learning rate, Adam with L2, summed squared errors) in float32 on DIPY's bundles:
subjects 1-3 train, 5 is the test. For each seed PyTorch draws the initial weights, which move into Keras by the pair's
plan; then all take the same steps on the same batches. How far points of the test subject are from their
reconstruction is measured every epoch.

The yardstick is PyTorch against itself: another training in PyTorch, whose initial weights are each one ULP higher.
What that does to the test error no port can undercut: float32 training amplifies rounding. Whether Keras is further
from PyTorch than PyTorch from itself is asked of two-sample tests over the seeds (Mann and Whitney's, Kolmogorov and
Smirnov's), of the absolute differences behind the last epoch and of their means over all. That these can tell a
difference is shown by a fourth training with a fault: the decay is decoupled, AdamW's in the place of Adam's.

The recipe's batches of 1000 exceed the 450 training streamlines: they would make one step an epoch, hence the smaller
--batch-size. Fewer --points than 256 and fewer --epochs than the recipe's 100 are what finishes on two cores.
Keras runs on TensorFlow unless KERAS_BACKEND says otherwise.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import ks_2samp, mannwhitneyu

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

SIGNIFICANCE = 0.05

TORCH, KERAS = "PyTorch", "Keras"
AGAIN = "PyTorch again, initial weights 1 ULP higher"
FAULT = "PyTorch with a fault: decay decoupled"


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
    errors: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in (TORCH, KERAS, AGAIN, FAULT)})

    def difference(self, name: str) -> np.ndarray:
        """By how much a training's errors differ from PyTorch's, in %."""
        return (np.array(self.errors[name]) / self.errors[TORCH] - 1) * 100


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
    """The four trainers, from the initial weights of the recipe's seed."""
    import torch

    from reference_torch.trainer import build_trainer

    decoupled = replace(recipe, optimiser=replace(recipe.optimiser, decoupled=True))
    reference, again, fault = (build_trainer(held, point_count=point_count) for held in (recipe, recipe, decoupled))
    with torch.no_grad():
        for parameter in again.model.parameters():
            parameter.copy_(torch.nextafter(parameter, torch.full_like(parameter, torch.inf)))
    return {TORCH: reference, KERAS: port.restart(reference.model), AGAIN: again, FAULT: fault}


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


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether a training is further from PyTorch than PyTorch is from itself, over all seeds.

    Attributes
    ----------
    label : str
        When the test errors were taken.
    ours, itself : ndarray
        Absolute differences from PyTorch's test error, one for each seed, in %.
    p_values : dict
        Test -> probability that samples of one distribution come so far apart.
    """

    label: str
    ours: np.ndarray
    itself: np.ndarray
    p_values: dict[str, float]


def compared(courses: Sequence[Course], name: str) -> list[Comparison]:
    """A training's differences beside PyTorch's from itself: behind the last epoch, and means over all."""
    found = []
    for label, take in (
        ("last epoch", lambda apart: apart[-1]),
        ("mean of all epochs", lambda apart: apart[1:].mean()),
    ):
        ours, itself = (np.array([take(np.abs(held.difference(which))) for held in courses]) for which in (name, AGAIN))
        found.append(
            Comparison(
                label, ours, itself, {"U": mannwhitneyu(ours, itself).pvalue, "KS": ks_2samp(ours, itself).pvalue}
            )
        )
    return found


def report(courses: list[Course]) -> None:
    """Print each seed's test errors and their differences, what the tests say of them, and the seeds' spread."""
    print(f"\n| seed | PyTorch | Keras | difference | {AGAIN} | fault |\n|---|---|---|---|---|---|")
    for course in courses:
        errors = " | ".join(f"{course.errors[name][-1]:.2f} mm" for name in (TORCH, KERAS))
        differences = " | ".join(f"{course.difference(name)[-1]:+.2f} %" for name in (KERAS, AGAIN, FAULT))
        print(f"| {course.seed} | {errors} | {differences} |")
    print("\n| absolute difference | | median | range | itself | range | p, Mann-Whitney | p, Kolmogorov-Smirnov |")
    print("|---|---|---|---|---|---|---|---|")
    for name in (KERAS, FAULT):
        for held in compared(courses, name):
            shown = " | ".join(
                f"{np.median(of):.2f} % | {of.min():.2f} - {of.max():.2f} %" for of in (held.ours, held.itself)
            )
            print(f"| {held.label} | {name} | {shown} | {held.p_values['U']:.2g} | {held.p_values['KS']:.2g} |")
    conclude(courses)


def conclude(courses: list[Course]) -> None:
    """Print what follows, and what to hold the differences against."""
    for name in (KERAS, FAULT):
        found = [p for held in compared(courses, name) for p in held.p_values.values()]
        limit = SIGNIFICANCE / len(found)
        told = "told apart from PyTorch against itself" if min(found) < limit else "not told apart from it"
        print(f"{name}: lowest p {min(found):.2g} of {len(found)} (Bonferroni's limit {limit:.2g}): {told}")
    final = [course.errors[TORCH][-1] for course in courses]
    print(f"between seeds, in PyTorch: {min(final):.2f} to {max(final):.2f} mm")


STYLES: dict[str, dict[str, Any]] = {
    TORCH: {"color": "#f4b183", "linewidth": 4, "solid_capstyle": "round"},
    AGAIN: {"color": "#7f8c99", "linewidth": 1.3, "linestyle": ":"},
    KERAS: {"color": "#1f3b73", "linewidth": 1.1, "linestyle": (0, (4, 1.6))},
    FAULT: {"color": "#b5483a", "linewidth": 1.1},
}
"""Wide and pale below, thin and dark above: lines that coincide are all seen."""


def draw(courses: list[Course], path: Path, caption: str) -> None:
    """Draw the test errors and how far they differ against the epochs, and the last differences seed by seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), layout="constrained", facecolor="white")
    errors, differences, last = figure.subplots(1, 3, width_ratios=(1, 1.15, 0.85))
    _draw_errors(courses, errors)
    _draw_differences(courses, differences)
    _draw_last(courses, last)
    for axes in (errors, differences, last):
        axes.grid(color="#e6e9ed", linewidth=0.7, axis="y")
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"does Keras learn what PyTorch learns? {len(courses)} seeds: {caption}", fontsize=11)
    lines = [errors.plot([], [], label=name, **style)[0] for name, style in STYLES.items()]
    figure.legend(handles=lines, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    figure.savefig(path, dpi=110)


def _draw_errors(courses: list[Course], axes: "Axes") -> None:
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    for name in (TORCH, AGAIN, KERAS):
        for course in courses:
            axes.plot(course.epochs, course.errors[name], **STYLES[name])
    axes.set(xlabel="epoch", ylabel="test error (mm)", yscale="log", title="a line for each seed")
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    low, high = axes.get_ylim()
    axes.set_yticks([tick for tick in (5, 10, 15, 20, 30, 40, 50) if low <= tick <= high])


def _draw_differences(courses: list[Course], axes: "Axes") -> None:
    """Each seed's absolute difference, thin, and the median of all, thick."""
    epochs = courses[0].epochs[1:]
    for name in (AGAIN, KERAS, FAULT):
        apart = np.array([np.abs(course.difference(name))[1:] for course in courses])
        style = STYLES[name]
        axes.plot(epochs, apart.T, color=style["color"], linewidth=0.5, alpha=0.4)
        axes.plot(epochs, np.median(apart, axis=0), **(style | {"linewidth": 2.4}))
    axes.set(xlabel="epoch", ylabel="difference from PyTorch (%)", yscale="log", title="each seed, and the median")


def _draw_last(courses: list[Course], axes: "Axes") -> None:
    """The absolute differences behind the last epoch, a dot for each seed, with what the tests say."""
    columns = {KERAS: "Keras", AGAIN: "PyTorch\nitself", FAULT: "fault"}
    for at, name in enumerate(columns):
        apart = np.array([abs(course.difference(name)[-1]) for course in courses])
        beside = at + np.linspace(-0.22, 0.22, len(apart))
        axes.plot(beside, np.sort(apart), "o", color=STYLES[name]["color"], markersize=4.5)
        axes.plot([at - 0.3, at + 0.3], [np.median(apart)] * 2, color=STYLES[name]["color"], linewidth=2)
    for at, name in ((0, KERAS), (2, FAULT)):
        value = compared(courses, name)[0].p_values["U"]
        axes.annotate(
            f"p {value:.2g}", (at, 1.0), xycoords=("data", "axes fraction"), ha="center", va="top", fontsize=9
        )
    axes.set_xticks(range(len(columns)), list(columns.values()))
    axes.set(yscale="log", title="behind the last epoch")
    axes.margins(y=0.15)


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
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=30)
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
    print(f"{recipe}, {options.seeds} seeds: {seconds:.0f} s, {seconds / options.seeds:.0f} s a seed")
    report(courses)
    if options.picture:
        draw(courses, options.picture, recipe)


if __name__ == "__main__":
    main()
