"""Sort a tractogram into bundles, and what is implausible, by the latent codes of an atlas."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finta.atlases import Skips, encode_atlas, read_classes
from finta.charts import draw_bundles, draw_kept_and_removed
from finta.coders import Coder, open_coder
from finta.encoding import check_free, open_filled
from finta.pictures import draw_latent_codes
from finta.requirements import check_cluster, check_comparing, check_readers
from finta.rows import check_folder, folder_written
from finta.sorting import IMPLAUSIBLE, Sorted, Sorting
from finta.summaries import write_summary
from finta.tasks import Lookup
from porting.runs import OnStep
from tractography.boxes import check_space
from tractography.errors import FilteringError, TractogramError
from tractography.filtering import NO_BUNDLE
from tractography.headers import Header, header_of
from tractography.neighbours import ApproximateNeighbours
from tractography.pieces import TractogramFile
from tractography.thresholds import POINTS, read_thresholds
from tractography.tractograms import SUFFIXES, resample

EXACT_IN_TRK = 1 << 24
"""Integers up to which float32 holds every one."""


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


def filter_tractogram(
    tractogram: Path,
    model: Path,
    output: Path,
    settings: Settings,
    *,
    suffix: str | None = None,
    reference: Path | None = None,
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
    reference : Path, optional
        A tractogram or NIfTI image whose space TRK and TRX files have, where the input is TCK.
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
    check_readers(tractogram, Path(f"any{suffix or ''}"))
    check_comparing(settings.approximate)
    check_cluster(scheduler)
    check_free(output, force)
    check_folder(output, resume=resume)
    coder, skips = open_coder(model), Skips()
    with open_filled(tractogram) as file:
        suffix = suffix or tractogram.suffix
        header = header_of(reference) if reference else file.header
        _check_format(file, suffix, header)
        codes = encode_atlas(settings.atlas, coder, skips, on_step)
        if codes.box and settings.same_space:
            check_space(file, codes.box)
        if IMPLAUSIBLE in codes.bundles:
            raise FilteringError(f"{settings.atlas} holds a bundle called {IMPLAUSIBLE}. Give it another name.")
        thresholds = read_thresholds(settings.thresholds, codes.bundles, settings.point)
        classes = read_classes(settings.classes, codes.bundles)
        sorting = Sorting(file, coder, Lookup(codes, settings.neighbours, settings.approximate), thresholds)
        with folder_written(output, resume=resume) as folder, sorting.open_rows(folder) as rows:
            sorting.assign(rows, scheduler, on_step)
            found = sorting.write(folder, rows, suffix, header, on_step)
            on_step("drawing", 0, None)
            sampled = _encode_sample(found.sample.streamlines, coder)
            measured = settings.approximate and len(sampled) > 0
            recall = ApproximateNeighbours(codes.codes).recall(sampled) if measured else None
            numbers = tuple(classes[name] for name in codes.bundles)
            filtered = Filtered(output, coder.framework, codes.bundles, numbers, thresholds, found, recall, skips)
            summarise(folder, filtered, tractogram, coder, sampled)
            rows.finish(bundles=list(codes.bundles), thresholds=thresholds)
    return filtered


def _encode_sample(streamlines: list[np.ndarray], coder: Coder) -> np.ndarray:
    if not streamlines:
        return np.empty((0, coder.latent_size), np.float32)
    return coder.encode(resample(streamlines, coder.point_count))


def summarise(folder: Path, filtered: Filtered, tractogram: Path, coder: Coder, codes: np.ndarray) -> None:
    """Write what was found as a page, as JSON and as pictures; `codes`, (streamline, latent), are the sample's."""
    found, sample = filtered.sorted, filtered.sorted.sample
    facts = {
        "streamlines": found.count,
        "kept": int(found.kept.sum()),
        "removed": found.count - found.skipped - int(found.kept.sum()),
        "skipped": found.skipped,
        "bundles": len(filtered.bundles),
        "tractogram": str(tractogram),
        "model": f"{coder.path}, {coder.framework}",
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


def _check_format(file: TractogramFile, suffix: str, header: Header) -> None:
    """Find out before hours of work what cannot be written behind them."""
    if suffix not in SUFFIXES:
        raise TractogramError(f"{suffix} is no format of tractograms: choose one of {', '.join(SUFFIXES)}.")
    if suffix != ".tck" and not header.has_space:
        raise TractogramError(
            f"{file.path} says nothing of the image space that {suffix} files need. Give a NIfTI image or a TRK file "
            "with --reference, or write TCK."
        )
    if suffix == ".trk" and file.count > EXACT_IN_TRK:
        raise TractogramError(
            f"{file.path} holds {file.count:,} streamlines, and TRK keeps their numbers exactly up to "
            f"{EXACT_IN_TRK:,} only. Write TRX: --format trx."
        )
