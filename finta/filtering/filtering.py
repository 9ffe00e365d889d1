"""Sort a tractogram into bundles, and what is implausible, by the latent codes of an atlas."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from finta.coding.coders import Coder, open_coder
from finta.coding.drafts import hash_whole
from finta.coding.encoding import identity
from finta.coding.result_folders import check_folder, folder_written
from finta.coding.tasks import Lookup
from finta.coding.transport import Scheduler
from finta.filtering.atlases import encode_atlas, find_bundles, read_classes
from finta.filtering.filtered import Filtered, Settings, summarise
from finta.filtering.sorting import COLUMNS, IMPLAUSIBLE, Sorting, numbered
from finta.requirements import check_cluster, check_comparing, check_readers
from porting.errors import OutputError, reason_of
from porting.proof.runs import OnStep
from tractography.errors import FilteringError, TractogramError
from tractography.files.formats import SUFFIXES, format_of
from tractography.files.headers import Header
from tractography.files.pieces import TractogramFile
from tractography.files.references import header_of
from tractography.files.tractograms import Skips, open_filled, resample
from tractography.filtering.boxes import check_space
from tractography.filtering.neighbours import ApproximateNeighbours
from tractography.filtering.thresholds import read_thresholds
from tractography.writing.writers import open_writer


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
    scheduler: str | Scheduler | None = None,
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
        A tractogram or NIfTI image whose space TRK and TRX files have, where the input is TCK; and where the voxels of
        the input lie, if it is a TRK file that does not say so.
    force : bool
        Replace an existing folder.
    resume : bool
        Go on with what an earlier process left.
    scheduler : str or Scheduler, optional
        Address of a Dask cluster that encodes and compares.
    on_step : callable

    Raises
    ------
    TractogramError, FilteringError, ModelError, OutputError, ClusterError
        If a file or the cluster cannot be used.
    """
    check_readers()
    check_comparing(settings.approximate)
    check_cluster(scheduler)
    output = output.resolve()  # what a link points to is replaced, and not the link
    inputs = (tractogram, model, settings.atlas, settings.thresholds, settings.classes, reference)
    check_folder(output, inputs, force=force, resume=resume)
    coder, skips = open_coder(model), Skips()
    space = header_of(reference) if reference else None
    with open_filled(tractogram, space) as file:
        suffix = suffix or format_of(tractogram)
        header = space or file.header
        _check_writable(file, suffix, header)
        codes = encode_atlas(settings.atlas, coder, skips, on_step)
        if codes.box and settings.same_space:
            check_space(file, codes.box)
        if IMPLAUSIBLE in codes.bundles:
            raise FilteringError(f"{settings.atlas} holds a bundle called {IMPLAUSIBLE}. Give it another name.")
        thresholds = read_thresholds(settings.thresholds, codes.bundles, settings.point)
        classes = read_classes(settings.classes, codes.bundles)
        sorting = Sorting(file, coder, Lookup(codes, settings.neighbours, settings.approximate), thresholds)
        about = _identity(file, coder, settings)
        with folder_written(output) as folder, sorting.open_rows(folder, about) as rows:
            sorting.assign(rows, scheduler, on_step)
            found = sorting.write(folder, rows, suffix, header, on_step)
            on_step("drawing", 0, None)
            sampled = _encode_sample(found.sample.streamlines, coder)
            measured = settings.approximate and len(sampled) > 0
            recall = ApproximateNeighbours(codes.codes).recall(sampled) if measured else None
            numbers = tuple(classes[name] for name in codes.bundles)
            filtered = Filtered(
                output, model, coder.framework, codes.bundles, numbers, thresholds, found, recall, skips
            )
            summarise(folder, filtered, tractogram, settings, sampled)
            rows.finish(bundles=list(codes.bundles), thresholds=thresholds, columns=COLUMNS)
    return filtered


def _encode_sample(streamlines: list[np.ndarray], coder: Coder) -> np.ndarray:
    if not streamlines:
        return np.empty((0, coder.latent_size), np.float32)
    return coder.encode(resample(streamlines, coder.point_count))


def _identity(file: TractogramFile, coder: Coder, settings: Settings) -> dict[str, Any]:
    """What labels and distances depend on, to tell whether a folder that was begun can be gone on with."""
    bundles = {name: hash_whole(path) for name, path in find_bundles(settings.atlas).items()}
    digest = hashlib.sha256(json.dumps(bundles).encode()).hexdigest()
    return {
        **identity(file, coder),
        "atlas": f"{len(bundles)} bundles, files with SHA-256 {digest}",
        "neighbours": settings.neighbours,
        "approximate": settings.approximate,
    }


def _check_writable(file: TractogramFile, suffix: str, header: Header) -> None:
    """Find out before hours of work what could not be written behind them: write the last streamline, of any points.

    Raises
    ------
    TractogramError
        If the format has no room for its data or its number, or needs a space that is not known.
    OutputError
        If there is no room for temporary files.
    """
    if suffix not in SUFFIXES:
        raise TractogramError(f"{suffix} is no format of tractograms: choose one of {', '.join(SUFFIXES)}.")
    if suffix != ".tck" and not header.has_space:
        raise TractogramError(
            f"{file.path} says nothing of the image space that {suffix} files need. Give a NIfTI image or a TRK file "
            "with --reference, or write TCK."
        )
    last = numbered(file.read(file.count - 1, file.count), file.count - 1)
    name = f"last{suffix}"
    try:
        with TemporaryDirectory() as folder, open_writer(Path(folder, name), header) as writer:
            writer.append(replace(last, points=np.zeros_like(last.points)))
    except TractogramError as error:
        reason = str(error).partition(f"{name}: ")[2] or str(error)
        raise TractogramError(f"{file.path} cannot be sorted into {suffix} files: {reason}") from error
    except OSError as error:
        raise OutputError(f"Cannot write a temporary file: {reason_of(error)}. Make room, or set TMPDIR.") from error
