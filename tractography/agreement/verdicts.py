"""Whether two decoders' streamlines of the same draws pass the same filters, and whether rounding explains if not."""

from dataclasses import dataclass

import numpy as np

from tractography.agreement.comparison import Disagreement
from tractography.agreement.decisions import norms
from tractography.generating.anatomy import (
    FEWEST_POINTS,
    FILTERS,
    FRACTION,
    KEPT,
    Anatomy,
    cut_to_mask,
    fraction_inside,
    keep_plausible,
    orientation_angles,
    spans,
    streamline_lengths,
)

UNITS = {"cut": "points", "inside": "of 1", "orientation": "degrees", "length": "mm"}
"""Of what each filter decides by: points inside the mask from the first to the last, the fraction inside it ..."""


@dataclass(frozen=True, slots=True, eq=False)
class FilteredDraws:
    """What the filters make of one decoder's streamlines.

    Attributes
    ----------
    decoded : ndarray, (draw, point, coordinate), RAS+ mm
    anatomy : Anatomy
    verdicts : ndarray, (draw,), int8
        As `tractography.generating.anatomy.Plausible` has them.
    """

    decoded: np.ndarray
    anatomy: Anatomy
    verdicts: np.ndarray

    def counts(self) -> dict[str, int]:
        """How many draws are kept, and how many each filter has removed."""
        numbers = np.bincount(self.verdicts, minlength=KEPT + 1).tolist()
        return {"kept": numbers[KEPT], **dict(zip(FILTERS, numbers, strict=False))}

    def seen_by(self, filter_: str, draw: int) -> np.ndarray:
        """The streamline as a filter sees it: uncut, or cut to the mask and resampled; (point, coordinate)."""
        line = self.decoded[draw]
        if filter_ == "cut" or not self.anatomy.mask:
            return line
        return cut_to_mask(line[None], self.anatomy.mask)[0][0]

    def quantity(self, filter_: str, draw: int) -> float:
        """What a filter decides by."""
        line = self.seen_by(filter_, draw)
        match filter_:
            case "cut" if self.anatomy.mask:
                return float(spans(self.anatomy.mask.contains(line)[None])[1][0])
            case "inside" if self.anatomy.mask:
                return float(fraction_inside(line[None], self.anatomy.mask)[0])
            case "orientation" if self.anatomy.peaks:
                return float(orientation_angles(line[None], self.anatomy.peaks)[0])
        return float(streamline_lengths(line[None])[0])

    def limit(self, filter_: str, value: float) -> float:
        """What a filter compares a value with; of two lengths the nearer one."""
        if filter_ == "length":
            return min(self.anatomy.lengths, key=lambda length: abs(length - value))
        return {"cut": FEWEST_POINTS, "inside": FRACTION, "orientation": self.anatomy.max_angle}[filter_]


def filter_draws(decoded: np.ndarray, anatomy: Anatomy) -> FilteredDraws:
    """Apply the filters of sampling to decoded draws, (draw, point, coordinate) in RAS+ mm."""
    return FilteredDraws(decoded, anatomy, keep_plausible(decoded, anatomy).verdicts)


@dataclass(frozen=True, slots=True)
class FilterAgreement:
    """How far two decoders' draws fare alike.

    Attributes
    ----------
    agree : int
        Draws that either keep, or remove by the same filter.
    reference, port : dict
        How many draws are kept, and how many each filter removes.
    disagreements : tuple of Disagreement
    """

    agree: int
    reference: dict[str, int]
    port: dict[str, int]
    disagreements: tuple[Disagreement, ...]


def compare_filtered(reference: FilteredDraws, port: FilteredDraws, rounding: float) -> FilterAgreement:
    """Compare the verdicts on each draw.

    The first filter that one side passes and the other does not is the one that decides. The filters are the same on
    both sides: what they decide otherwise is rounding's where the two streamlines' points are no further apart than
    rounding brings them.

    Parameters
    ----------
    reference, port : FilteredDraws
        Of the same draws.
    rounding : float
        How far apart rounding brings points, in mm.
    """
    differ = np.flatnonzero(reference.verdicts != port.verdicts).tolist()
    return FilterAgreement(
        len(reference.verdicts) - len(differ),
        reference.counts(),
        port.counts(),
        tuple(_disagreement(reference, port, draw, rounding) for draw in differ),
    )


def _disagreement(reference: FilteredDraws, port: FilteredDraws, draw: int, rounding: float) -> Disagreement:
    filter_ = FILTERS[min(reference.verdicts[draw], port.verdicts[draw])]
    first, second = (_fate(side, filter_, draw) for side in (reference, port))
    apart = norms(port.decoded[draw].astype(np.float64) - reference.decoded[draw]).max()
    explained = rounding if np.isfinite(rounding) else 0.0  # infinite where the reference itself is not finite
    return Disagreement(draw, "filter", first, second, float(np.nan_to_num(apart, nan=np.inf)), explained, "mm")


def _fate(side: FilteredDraws, filter_: str, draw: int) -> str:
    """What became of a draw, and what the filter decided by."""
    verdict = side.verdicts[draw]
    fate = "kept" if verdict == KEPT else f"removed by {FILTERS[verdict]}"
    if filter_ == "finite":
        return fate
    value = side.quantity(filter_, draw)
    return f"{fate}: {filter_} {value:.9g} {UNITS[filter_]}, limit {side.limit(filter_, value):g}"
