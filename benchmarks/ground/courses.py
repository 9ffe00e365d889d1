"""Test errors of trainings from the same weights, how far they differ over seeds, and their picture."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import ks_2samp, mannwhitneyu

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
        Test -> probability that samples of one distribution come so far apart, this training's further.
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
        p_values = {
            "U": float(mannwhitneyu(ours, itself, alternative="greater").pvalue),
            "KS": float(ks_2samp(ours, itself, alternative="less").pvalue),
        }
        found.append(Comparison(label, ours, itself, p_values))
    return found


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
