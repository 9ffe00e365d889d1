"""The greatest latent distance at which a streamline is kept, for each bundle, from streamlines whose bundle is known.

The rule of FINTA: Legarreta et al., 2021, doi 10.1016/j.media.2021.102126.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tractography.errors import FilteringError
from tractography.filtering.assignment import Assignment

POINTS = ("equal_error", "youden", "best_accuracy")
"""Points of the ROC that a threshold can be taken at."""


@dataclass(frozen=True, slots=True)
class Roc:
    """Rates behind every possible threshold of one bundle, from the least to the greatest.

    Attributes
    ----------
    distances : ndarray, (threshold,)
        Every distance that occurs.
    true_positive_rates, false_positive_rates : ndarray, (threshold,)
        Shares of the bundle's own streamlines and of others that are kept.
    positives, negatives : int
        How many there are.
    """

    distances: np.ndarray
    true_positive_rates: np.ndarray
    false_positive_rates: np.ndarray
    positives: int
    negatives: int

    @classmethod
    def of(cls, own: np.ndarray, others: np.ndarray) -> "Roc":
        """The ROC of the bundle's own streamlines and of others nearest to it, (streamline,) distances each."""
        distances = np.unique(np.concatenate([own, others]))
        kept, wrong = (np.searchsorted(np.sort(held), distances, "right") / max(len(held), 1) for held in (own, others))
        return cls(distances, kept, wrong, len(own), len(others))

    def point(self, name: str) -> float:
        """A threshold: where both kinds of error are equally frequent, by Youden's index, or of the best accuracy.

        Of several equally good ones it is the middle one. Without others every own streamline is kept, and without
        own ones nothing.
        """
        if not self.positives or not self.negatives:
            return float(self.distances[-1]) if self.positives else 0.0
        kept, wrong = self.true_positive_rates, self.false_positive_rates
        losses = {
            "equal_error": np.abs(kept - (1 - wrong)),
            "youden": wrong - kept,
            "best_accuracy": self.negatives * wrong - self.positives * kept,
        }[name]
        best = np.flatnonzero(losses <= losses.min() + 1e-12)
        return float(self.distances[best[len(best) // 2]])

    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """False-positive and true-positive rates from where nothing is kept, (1 + threshold,) each and ascending."""
        wrong, kept = (
            np.concatenate([[0.0], rates]) for rates in (self.false_positive_rates, self.true_positive_rates)
        )
        return wrong, kept

    def rates_at(self, distance: float) -> tuple[float, float]:
        """False-positive and true-positive rate where what is as near as a distance is kept."""
        place = int(np.searchsorted(self.distances, distance, "right"))
        wrong, kept = self.curve()
        return float(wrong[place]), float(kept[place])

    def area(self) -> float | None:
        """Area under the curve: how often an own streamline is nearer than another; None where it is not defined."""
        if not self.positives or not self.negatives:
            return None
        wrong, kept = self.curve()
        return float(np.trapezoid(kept, wrong))


@dataclass(frozen=True, slots=True)
class Threshold:
    """What one bundle's ROC says.

    Attributes
    ----------
    equal_error, youden, best_accuracy : float
        Latent distances.
    area : float or None
        Under the ROC.
    positives, negatives : int
        Streamlines of the bundle, and others, that were nearest to it.
    """

    equal_error: float
    youden: float
    best_accuracy: float
    area: float | None
    positives: int
    negatives: int


def derive_rocs(assignment: Assignment, labels: np.ndarray, bundles: Sequence[str]) -> dict[str, Roc]:
    """The ROC of each bundle, over the streamlines that are nearest to it.

    Parameters
    ----------
    assignment : Assignment
    labels : ndarray, (streamline,), int
        The true bundle of each; `filtering.NO_BUNDLE` for an implausible one.
    bundles : sequence of str
    """
    rocs = {}
    for number, name in enumerate(bundles):
        nearest = assignment.labels == number
        own = nearest & (labels == number)
        rocs[name] = Roc.of(assignment.distances[own], assignment.distances[nearest & ~own])
    return rocs


def summarise(roc: Roc) -> Threshold:
    """All that is stored of a ROC."""
    points = {name: roc.point(name) for name in POINTS}
    return Threshold(**points, area=roc.area(), positives=roc.positives, negatives=roc.negatives)


def read_thresholds(path: str | os.PathLike, bundles: Sequence[str], point: str = POINTS[0]) -> np.ndarray:
    """Read thresholds: ``{bundle: distance}`` as published, or ``{bundle: {equal_error: ..., youden: ...}}``.

    Parameters
    ----------
    path : path
    bundles : sequence of str
        Those of the atlas.
    point : str
        One of `POINTS`; a published file has the first only.

    Returns
    -------
    ndarray, (bundle,)

    Raises
    ------
    FilteringError
        If the file cannot be read, a bundle has no threshold or a threshold no bundle, or one is no distance.
    """
    held = read_flat(path)
    _check_names(Path(path), set(held), set(bundles))
    thresholds = []
    for name in bundles:
        value = held[name].get(point) if isinstance(held[name], Mapping) else held[name] if point == POINTS[0] else None
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < np.inf:
            remedy = f"All points are in {Path(path).stem}.roc.json" if value is None else "Derive the thresholds again"
            raise FilteringError(f"{path}: {name} has no distance for {point}: {value!r}. {remedy}.")
        thresholds.append(float(value))
    return np.array(thresholds)


def read_flat(path: str | os.PathLike) -> dict:
    """Read a JSON object, ``{bundle: value}``.

    Raises
    ------
    FilteringError
        If it cannot be read or is something else.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            held = json.loads(file.read(_LONGEST))
    except RecursionError as error:
        raise FilteringError(f"{path} cannot be read: it is nested too deeply.") from error
    except (OSError, ValueError) as error:
        raise FilteringError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    if not isinstance(held, dict) or not held:
        raise FilteringError(f"{path} must be a JSON object, {{bundle: value}}.")
    return held


_LONGEST = 1 << 24
"""Characters of such a file that are read."""


def _check_names(path: Path, held: set[str], wanted: set[str]) -> None:
    if held != wanted:
        facts = [
            f"  {what}: {', '.join(sorted(names))}"
            for what, names in (("in the atlas, without threshold", wanted - held), ("not in the atlas", held - wanted))
            if names
        ]
        raise FilteringError(
            "\n".join([f"{path} and the atlas name different bundles.", *facts])
            + "\nGive the atlas that the thresholds were derived with, or derive them again: finta thresholds."
        )


def as_json(thresholds: Mapping[str, Threshold]) -> str:
    """Everything that is stored, as a text that `read_thresholds` reads."""
    return json.dumps({name: asdict(held) for name, held in thresholds.items()}, indent=1) + "\n"
