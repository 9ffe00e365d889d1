"""How well streamlines were filtered, where the truth is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tractography.filtering.assignment import NO_BUNDLE, Assignment
from tractography.filtering.thresholds import Roc


@dataclass(frozen=True, slots=True)
class Scores:
    """How well one yes-or-no question was answered; a share of nothing is NaN.

    Attributes
    ----------
    support : int
        Streamlines for which yes is right.
    accuracy, balanced_accuracy : float
        Shares of right answers, overall and averaged over right yes and right no.
    sensitivity, specificity : float
        Shares of right answers where yes is right, and where no is.
    precision : float
        Share of the yes that are right.
    f1 : float
        Harmonic mean of precision and sensitivity.
    auc : float
        How often a streamline for which yes is right scores better than one for which it is wrong.
    """

    support: int
    accuracy: float
    sensitivity: float
    precision: float
    specificity: float
    balanced_accuracy: float
    f1: float
    auc: float

    @classmethod
    def of(cls, truth: np.ndarray, answers: np.ndarray, distances: np.ndarray) -> "Scores":
        """Score answers, (streamline,) bool, that were given by how near each was."""
        yes, no = int(truth.sum()), int((~truth).sum())
        right_yes, right_no = int((truth & answers).sum()), int((~truth & ~answers).sum())
        sensitivity, specificity = _share(right_yes, yes), _share(right_no, no)
        area = Roc.of(distances[truth], distances[~truth]).area()
        return cls(
            support=yes,
            accuracy=_share(right_yes + right_no, yes + no),
            sensitivity=sensitivity,
            precision=_share(right_yes, int(answers.sum())),
            specificity=specificity,
            balanced_accuracy=(sensitivity + specificity) / 2,
            f1=_share(2 * right_yes, yes + int(answers.sum())),
            auc=float("nan") if area is None else area,
        )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Filtering against the truth.

    Attributes
    ----------
    accuracy : float
        Share of streamlines whose outcome is right: its own bundle, or removed if it is implausible.
    balanced_accuracy, f1 : float
        The same, averaged over the bundles and the implausible.
    plausible : Scores
        Of the question whether a streamline is plausible, whatever its bundle.
    bundles : tuple of (str, Scores)
        Of the question whether a streamline is of this bundle.
    confusion : ndarray, (true, found), int
        Counts; the last row and column are of the implausible and the removed.
    """

    accuracy: float
    balanced_accuracy: float
    f1: float
    plausible: Scores
    bundles: tuple[tuple[str, Scores], ...]
    confusion: np.ndarray


def evaluate(labels: np.ndarray, assignment: Assignment, thresholds: np.ndarray, bundles: Sequence[str]) -> Evaluation:
    """Compare assignments with true labels, (streamline,): an index into `bundles` or `NO_BUNDLE`.

    A streamline scores by its distance relative to its bundle's threshold, (bundle,): what is kept is at most 1.
    """
    found = np.where(assignment.kept(thresholds), assignment.labels, NO_BUNDLE)
    known = assignment.labels != NO_BUNDLE
    limits = np.maximum(thresholds[assignment.labels], np.finfo(float).tiny)
    relative = np.divide(assignment.distances, limits, out=np.full(len(labels), np.inf), where=known)
    of_each = [
        (name, Scores.of(labels == number, found == number, np.where(assignment.labels == number, relative, np.inf)))
        for number, name in enumerate(bundles)
    ]
    removed = Scores.of(labels == NO_BUNDLE, found == NO_BUNDLE, -relative)
    outcomes = [scores for _, scores in (*of_each, ("", removed)) if scores.support]
    return Evaluation(
        accuracy=float(np.mean(found == labels)),
        balanced_accuracy=float(np.mean([scores.sensitivity for scores in outcomes])),
        f1=float(np.mean([scores.f1 for scores in outcomes])),
        plausible=Scores.of(labels != NO_BUNDLE, found != NO_BUNDLE, relative),
        bundles=tuple(of_each),
        confusion=_confusion(labels, found, len(bundles)),
    )


def _confusion(labels: np.ndarray, found: np.ndarray, count: int) -> np.ndarray:
    size = count + 1
    pairs = (labels % size) * size + found % size
    return np.bincount(pairs, minlength=size * size).reshape(size, size)
