"""Whether two implementations of one encoder decide alike, and whether rounding explains where they do not."""

from dataclasses import dataclass

import numpy as np

from tractography.agreement.decisions import EPSILON, Decided, distance_rounding, norms
from tractography.agreement.neighbourhoods import distance_allowances, reordering

WORST = 10
"""Codes that are listed of those that differ by more than rounding."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The greatest difference of some figures.

    Attributes
    ----------
    absolute : float
    relative : float
        To the greatest of the reference's figures.
    units : float
        In units of float32 rounding: `EPSILON` times the norms of the codes that a figure comes from.
    """

    absolute: float
    relative: float
    units: float


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One decision that differs.

    Attributes
    ----------
    row : int
        The streamline; of a threshold, its bundle; of a filter, the draw; of an atlas code, its row.
    what : str
        ``label``, ``kept``, ``threshold``, ``code``, ``atlas code`` or ``filter``.
    reference, port : str
        Both decisions.
    margin : float
        In latent distance, unless there is a unit. Of a label, the gap between reference codes that changed places; of
        kept or removed, the distance to the threshold; both on the side where it is greater, for a reference on the
        very edge explains nothing. Of a threshold, the difference of the known distance that differs most for its
        rounding. Of a code, its distance to the other. Of a filter, how far apart the two streamlines' points are: what
        it decides by, and its limit, stand with the decisions.
    rounding : float
        The margin that rounding explains.
    unit : str
        Of margin and rounding, where they are no latent distance.
    """

    row: int
    what: str
    reference: str
    port: str
    margin: float
    rounding: float
    unit: str = ""

    @property
    def is_explained(self) -> bool:
        """Whether rounding explains it."""
        return self.margin <= self.rounding


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two implementations decide alike.

    Attributes
    ----------
    known, streamlines : int
        Streamlines that thresholds come from, and others.
    labels, kept : tuple of int
        How many of either agree.
    thresholds : int
        How many are apart by no more than rounding.
    beyond : int
        Streamlines whose distances are further apart than rounding explains, whether or not a decision differs.
    differences : dict
        Name -> Difference: codes, distances, thresholds.
    codes : int
        Codes of the atlas and of streamlines that are further apart than rounding explains: what one side's seeds and
        thresholds are to the other. A shift of them all changes no distance.
    disagreements : tuple of Disagreement
        All that differ of labels, of kept and of thresholds; of either's codes the `WORST` that rounding does not
        explain.
    """

    known: int
    streamlines: int
    labels: tuple[int, int]
    kept: tuple[int, int]
    thresholds: int
    beyond: int
    codes: int
    differences: dict[str, Difference]
    disagreements: tuple[Disagreement, ...]


def compare(reference: Decided, port: Decided, relative: float) -> Agreement:
    """Compare two implementations' decisions about the same streamlines.

    Parameters
    ----------
    reference, port : Decided
    relative : float
        As `distance_rounding` takes it.
    """
    labels, kept, known = reference.found.labels == port.found.labels, reference.kept == port.kept, reference.known
    allowances = distance_allowances(reference, port, relative)
    by_label = [_label_disagreement(reference, port, row, relative) for row in np.flatnonzero(~labels).tolist()]
    allowed, moved = _compare_thresholds(reference, port, by_label, allowances, relative)
    by_margin = [
        _kept_disagreement(reference, port, row, allowances, allowed) for row in np.flatnonzero(labels & ~kept).tolist()
    ]
    apart = _apart(reference, port)
    of_atlas = _beyond_rounding("atlas code", reference.reference.codes, port.reference.codes, relative)
    of_streamlines = _beyond_rounding("code", reference.codes, port.codes, relative)
    return Agreement(
        known=known,
        streamlines=len(labels) - known,
        labels=(int(labels[:known].sum()), int(labels[known:].sum())),
        kept=(int(kept[:known].sum()), int(kept[known:].sum())),
        thresholds=len(reference.thresholds) - len(moved),
        beyond=int((~(apart <= allowances)).sum()),
        codes=len(of_atlas) + len(of_streamlines),
        differences=_differences(reference, port, apart),
        disagreements=(
            *moved,
            *by_label,
            *by_margin,
            *of_atlas[:WORST],
            *of_streamlines[:WORST],
        ),
    )


def _label_disagreement(reference: Decided, port: Decided, row: int, relative: float) -> Disagreement:
    """The gap between neighbours that changed places."""
    margin, rounding = reordering(reference, port, row, relative)
    return Disagreement(row, "label", reference.outcome(row), port.outcome(row), margin, rounding)


def _kept_disagreement(
    reference: Decided, port: Decided, row: int, allowances: np.ndarray, allowed: np.ndarray
) -> Disagreement:
    """The distance from the threshold, which has a rounding, too, on the side where it is greater."""
    label = reference.found.labels[row]
    margin = max(abs(side.found.distances[row] - side.thresholds[label]) for side in (reference, port))
    rounding = allowances[row] + allowed[label]
    return Disagreement(row, "kept", reference.outcome(row), port.outcome(row), float(margin), float(rounding))


def _compare_thresholds(
    reference: Decided, port: Decided, by_label: list[Disagreement], allowances: np.ndarray, relative: float
) -> tuple[np.ndarray, list[Disagreement]]:
    """The rounding of each bundle's threshold, and the thresholds that are further apart.

    A threshold is one of the known distances, by its rank, and moves no further than the one that moves most. Where two
    of them change places, it may come to stand at another, far away: rounding explains that as long as it explains the
    difference of every known distance.
    """
    allowed, moved, sizes = np.zeros(len(reference.thresholds)), [], reference.sizes
    for number in range(len(allowed)):
        rows = np.flatnonzero(reference.found.labels[: reference.known] == number)
        allowed[number] = np.max(distance_rounding(relative, sizes[rows]), initial=0.0)
        values = reference.thresholds[number], port.thresholds[number]
        if abs(values[0] - values[1]) <= allowed[number]:
            continue
        margin, rounding = _worst_known(reference, port, rows, number, by_label, allowances)
        before, now = (f"threshold {value:.9g}" for value in values)
        moved.append(Disagreement(number, "threshold", before, now, margin, rounding))
        if moved[-1].is_explained:
            allowed[number] = abs(values[0] - values[1])
    return allowed, moved


def _worst_known(
    reference: Decided,
    port: Decided,
    rows: np.ndarray,
    bundle: int,
    by_label: list[Disagreement],
    allowances: np.ndarray,
) -> tuple[float, float]:
    """Difference and rounding of the known streamline, of a bundle's, that rounding explains least."""
    alike = rows[reference.found.labels[rows] == port.found.labels[rows]]
    apart = np.abs(reference.found.distances[alike] - port.found.distances[alike])
    pairs = list(zip(apart.tolist(), allowances[alike].tolist(), strict=True))
    pairs += [
        (held.margin, held.rounding)
        for held in by_label
        if held.row < reference.known and bundle in (reference.found.labels[held.row], port.found.labels[held.row])
    ]
    margin, rounding = max(pairs, key=lambda pair: pair[0] / max(pair[1], np.finfo(float).tiny), default=(np.inf, 0.0))
    return float(margin), float(rounding)


def _beyond_rounding(what: str, codes: np.ndarray, others: np.ndarray, relative: float) -> list[Disagreement]:
    """Codes, (row, latent), that are further apart than rounding explains; those that exceed it most first."""
    apart, allowed = np.nan_to_num(norms(codes.astype(np.float64) - others), nan=np.inf), relative * norms(codes)
    beyond = np.flatnonzero(apart > allowed)
    excess = apart[beyond] / np.maximum(allowed[beyond], np.finfo(float).tiny)
    worst = beyond[np.argsort(-excess, kind="stable")].tolist()
    return [Disagreement(row, what, "", "", float(apart[row]), float(allowed[row])) for row in worst]


def _apart(reference: Decided, port: Decided) -> np.ndarray:
    """Differences of distances, (streamline,); 0 where neither side has one, infinite where one has."""
    both = np.isfinite(reference.found.distances) & np.isfinite(port.found.distances)
    apart = np.where(reference.found.labels == port.found.labels, 0.0, np.inf)
    apart[both] = np.abs(reference.found.distances[both] - port.found.distances[both])
    return apart


def _differences(reference: Decided, port: Decided, apart: np.ndarray) -> dict[str, Difference]:
    codes, others = (
        np.concatenate([side.reference.codes, side.codes]).astype(np.float64) for side in (reference, port)
    )
    usable = np.isfinite(codes).all(axis=1)
    codes, others = codes[usable], np.nan_to_num(others[usable], nan=np.inf)
    moved = np.abs(reference.thresholds - port.thresholds)
    known_labels, sizes = reference.found.labels[: reference.known], reference.sizes
    threshold_sizes = np.array(
        [sizes[: reference.known][known_labels == number].max(initial=0.0) for number in range(len(moved))]
    )
    distances = reference.found.distances[np.isfinite(reference.found.distances)]
    return {
        "codes": _difference(np.abs(codes - others), np.abs(codes), norms(codes - others), norms(codes)),
        "distances": _difference(apart, distances, apart, sizes),
        "thresholds": _difference(moved, reference.thresholds, moved, threshold_sizes),
    }


def _difference(apart: np.ndarray, values: np.ndarray, row_apart: np.ndarray, sizes: np.ndarray) -> Difference:
    greatest, scale = float(apart.max(initial=0.0)), float(values.max(initial=0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        units = np.where(row_apart > 0, row_apart / (EPSILON * sizes), 0.0)
    return Difference(greatest, greatest / scale if scale else greatest, float(units.max(initial=0.0)))
