"""How streamlines are to be sorted into bundles, what came of it, and how that is told."""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from finta.filtering.sorting import IMPLAUSIBLE, Sorted
from finta.pages.charts import draw_bundles, draw_kept_and_removed
from finta.pages.pictures import draw_latent_codes
from finta.pages.summaries import write_summary
from tractography.files.tractograms import Skips
from tractography.filtering.thresholds import POINTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SCHEMA = "finta-filtering/1"
"""Name and version of ``finta/schemas/finta-filtering.schema.json``."""

_TOLD = 5
"""Bundles that are named where nothing was kept."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How streamlines are sorted.

    Attributes
    ----------
    atlas : Path
        Folder of a tractogram for each bundle.
    thresholds : Path
        Greatest latent distance of each bundle.
    point : str
        The point of the ROC that they are taken at.
    classes : Path, optional
        The published file of classes.
    neighbours : int
        How many reference codes decide.
    approximate : bool
        Whether they are looked up in an approximate index.
    same_space : bool
        Refuse a tractogram of which most lies elsewhere than the atlas.
    """

    atlas: Path
    thresholds: Path
    point: str = POINTS[0]
    classes: Path | None = None
    neighbours: int = 1
    approximate: bool = False
    same_space: bool = True


@dataclass(frozen=True, slots=True)
class Filtered:
    """What came of a filtering.

    Attributes
    ----------
    path : Path
        The folder.
    model : Path
    framework : str
        What encoded.
    bundles : tuple of str
    classes : tuple of int
        The bundles' classes.
    thresholds : ndarray, (bundle,)
        Latent distances.
    sorted : Sorted
        What went where.
    recall : float or None
        Share of nearest neighbours that an approximate index finds.
    atlas_skips : Skips
        What of the atlas could not be encoded.
    """

    path: Path
    model: Path
    framework: str
    bundles: tuple[str, ...]
    classes: tuple[int, ...]
    thresholds: np.ndarray
    sorted: Sorted
    recall: float | None
    atlas_skips: Skips

    def table(self) -> list[dict[str, Any]]:
        """A row for each bundle."""
        found = self.sorted
        columns = (self.bundles, self.classes, self.thresholds, found.nearest, found.kept, found.least, found.distances)
        return [
            {
                "bundle": name,
                "class": number,
                "nearest": int(nearest),
                "kept": int(kept),
                "threshold": float(threshold),
                "least distance": float(least) if nearest else float("nan"),
                "mean distance": float(distance),
            }
            for name, number, threshold, nearest, kept, least, distance in zip(*columns, strict=True)
        ]

    def notes(self) -> list[str]:
        """What to know where nothing was kept: how near the nearest streamlines are, and what would be near enough."""
        found = self.sorted
        if found.kept.any():
            return []
        near = sorted((row for row in self.table() if row["nearest"]), key=_times_too_far)
        if not near:
            return ["Nothing was kept: no streamline could be encoded."]
        told = "; ".join(
            f"{row['bundle']} {row['least distance']:.4g}, its threshold {row['threshold']:.4g}" for row in near[:_TOLD]
        )
        return [
            f"Nothing was kept. Least latent distances to the bundles: {told}. "
            "Check that the thresholds are of this model and atlas."
        ]


def _times_too_far(row: dict[str, Any]) -> float:
    return row["least distance"] / max(row["threshold"], np.finfo(float).tiny)


def summarise(folder: Path, filtered: Filtered, tractogram: Path, settings: Settings, codes: np.ndarray) -> None:
    """Write what was found as a page, as JSON and as pictures; `codes`, (streamline, latent), are the sample's."""
    facts = _facts(filtered, tractogram, settings)
    tables = {"bundles": filtered.table()}
    title = f"{tractogram.name}, filtered"
    write_summary(folder, SCHEMA, title, facts, tables, _pictures(filtered, codes), filtered.notes())


def _facts(filtered: Filtered, tractogram: Path, settings: Settings) -> dict[str, Any]:
    found = filtered.sorted
    facts = {
        "streamlines": found.count,
        "kept": int(found.kept.sum()),
        "removed": found.removed,
        "skipped": found.skipped,
        "bundles": len(filtered.bundles),
        "tractogram": str(tractogram),
        "atlas": str(settings.atlas),
        "thresholds": f"{settings.thresholds}, {settings.point}",
        "reference codes that decide": settings.neighbours,
        "model": f"{filtered.model}, {filtered.framework}",
        "streamlines of the atlas that could not be encoded": filtered.atlas_skips.counts or "none",
    }
    return facts if filtered.recall is None else {**facts, "recall of the approximate index": filtered.recall}


def _pictures(filtered: Filtered, codes: np.ndarray) -> "dict[str, Figure]":
    """Pictures of the sample, which say so; bundles have the table's numbers."""
    found, sample = filtered.sorted, filtered.sorted.sample
    held: dict[str, list[np.ndarray]] = {name: [] for name in (*filtered.bundles, IMPLAUSIBLE)}
    names = [(*filtered.bundles, IMPLAUSIBLE)[label] for label in sample.labels]  # NO_BUNDLE, -1, finds the last
    for name, line in zip(names, sample.streamlines, strict=True):
        held[name].append(line)
    removed = held.pop(IMPLAUSIBLE)
    kept, numbers = int(found.kept.sum()), dict(zip(filtered.bundles, filtered.classes, strict=True))
    together = list(chain.from_iterable(held.values()))
    pictures = {"kept and removed": draw_kept_and_removed(together, removed, (kept, found.removed))}
    if by_bundle := {name: lines for name, lines in held.items() if lines}:
        pictures["bundles in space"] = draw_bundles(by_bundle, numbers, kept)
    if len(codes) > 2:
        pictures["latent codes"] = draw_latent_codes(codes, names, numbers, kept + found.removed)
    return pictures
