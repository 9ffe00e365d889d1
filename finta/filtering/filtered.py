"""How streamlines are to be sorted into bundles, what came of it, and how that is told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finta.filtering.atlases import Skips
from finta.filtering.sorting import IMPLAUSIBLE, Sorted
from finta.pages.charts import draw_bundles, draw_kept_and_removed
from finta.pages.pictures import draw_latent_codes
from finta.pages.summaries import write_summary
from tractography.filtering.assignment import NO_BUNDLE
from tractography.filtering.thresholds import POINTS


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
        columns = (self.bundles, self.classes, self.thresholds, self.sorted.nearest, self.sorted.kept)
        return [
            {
                "bundle": name,
                "class": number,
                "nearest": int(nearest),
                "kept": int(kept),
                "threshold": float(threshold),
                "mean distance": float(distance),
            }
            for name, number, threshold, nearest, kept, distance in zip(*columns, self.sorted.distances, strict=True)
        ]


def summarise(folder: Path, filtered: Filtered, tractogram: Path, settings: Settings, codes: np.ndarray) -> None:
    """Write what was found as a page, as JSON and as pictures; `codes`, (streamline, latent), are the sample's."""
    found, sample = filtered.sorted, filtered.sorted.sample
    facts = {
        "streamlines": found.count,
        "kept": int(found.kept.sum()),
        "removed": found.count - found.skipped - int(found.kept.sum()),
        "skipped": found.skipped,
        "bundles": len(filtered.bundles),
        "tractogram": str(tractogram),
        "atlas": str(settings.atlas),
        "thresholds": f"{settings.thresholds}, {settings.point}",
        "reference codes that decide": settings.neighbours,
        "model": f"{filtered.model}, {filtered.framework}",
        "streamlines of the atlas that could not be encoded": filtered.atlas_skips.counts or "none",
    }
    if filtered.recall is not None:
        facts["recall of the approximate index"] = filtered.recall
    names = np.array([*filtered.bundles, IMPLAUSIBLE])[sample.labels]
    kept = [line for line, label in zip(sample.streamlines, sample.labels, strict=True) if label != NO_BUNDLE]
    removed = [line for line, label in zip(sample.streamlines, sample.labels, strict=True) if label == NO_BUNDLE]
    by_bundle = {
        name: [line for line, its in zip(sample.streamlines, names, strict=True) if its == name]
        for name in filtered.bundles
        if name in set(names)
    }
    pictures = {"kept and removed": draw_kept_and_removed(kept, removed)}
    if by_bundle:
        pictures["bundles"] = draw_bundles(by_bundle)
    if len(codes) > 2:
        pictures["latent codes"] = draw_latent_codes(codes, names.tolist())
    write_summary(folder, f"{tractogram.name}, filtered", facts, {"bundles": filtered.table()}, pictures)
