"""Sort a tractogram into bundles, and what is implausible, by the latent codes of an atlas."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finta.atlases import Skips, encode_atlas, read_classes
from finta.coders import open_coder
from finta.encoding import check_free, open_filled
from finta.rows import folder_written
from finta.sorting import IMPLAUSIBLE, Sorted, Sorting
from finta.tasks import Lookup
from tractography.errors import FilteringError
from tractography.neighbours import ApproximateNeighbours
from tractography.thresholds import POINTS, read_thresholds

OnStep = Callable[[str, int, int | None], None]


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
    """

    atlas: Path
    thresholds: Path
    point: str = POINTS[0]
    classes: Path | None = None
    neighbours: int = 1
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class Filtered:
    """What came of a filtering.

    Attributes
    ----------
    path : Path
        The folder.
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
    framework: str
    bundles: tuple[str, ...]
    classes: tuple[int, ...]
    thresholds: np.ndarray
    sorted: Sorted
    recall: float | None
    atlas_skips: Skips


def filter_tractogram(
    tractogram: Path,
    model: Path,
    output: Path,
    settings: Settings,
    *,
    suffix: str | None = None,
    force: bool = False,
    resume: bool = False,
    scheduler: str | None = None,
    on_step: OnStep = lambda doing, done, total: None,
) -> Filtered:
    """Write a tractogram for each bundle, one of the implausible streamlines, and every streamline's label.

    Streamlines are those of the input, not resampled, with all their data, and their number in it as ``ids``.

    Parameters
    ----------
    tractogram, model : Path
    output : Path
        The folder; it appears when everything is in it.
    settings : Settings
    suffix : str, optional
        ``.trk``, ``.tck`` or ``.trx``; the input's if not given.
    force : bool
        Replace an existing folder.
    resume : bool
        Go on with what an earlier process left.
    scheduler : str, optional
        Address of a Dask cluster that encodes and compares.
    on_step : callable

    Raises
    ------
    TractogramError, FilteringError, ModelError, OutputError, ClusterError
        If a file or the cluster cannot be used.
    """
    check_free(output, force)
    coder, skips = open_coder(model), Skips()
    with open_filled(tractogram) as file:
        codes = encode_atlas(settings.atlas, coder, skips, on_step)
        if IMPLAUSIBLE in codes.bundles:
            raise FilteringError(f"{settings.atlas} holds a bundle called {IMPLAUSIBLE}. Give it another name.")
        thresholds = read_thresholds(settings.thresholds, codes.bundles, settings.point)
        classes = read_classes(settings.classes, codes.bundles)
        lookup = Lookup(codes, settings.neighbours, settings.approximate)
        sorting = Sorting(file, coder, lookup, thresholds, suffix or tractogram.suffix)
        with folder_written(output, resume=resume) as folder:
            rows = sorting.assign(folder, resume, scheduler, on_step)
            found = sorting.write(folder, rows, on_step)
            rows.finish(bundles=list(codes.bundles), thresholds=thresholds)
    return Filtered(
        output,
        coder.framework,
        codes.bundles,
        tuple(classes[name] for name in codes.bundles),
        thresholds,
        found,
        ApproximateNeighbours(codes.codes).recall(codes.codes) if settings.approximate else None,
        skips,
    )
