"""From tractograms to latent codes and back, of any number of streamlines."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from finta.clusters import compute
from finta.coders import Coder, open_coder
from finta.errors import OutputError
from finta.requirements import check_cluster, check_readers
from finta.rows import Range, RowFile, ranges_of
from finta.tasks import Encode, encode_range
from porting.placement import library_writes, written_whole
from porting.runs import OnStep
from tractography.errors import TractogramError
from tractography.headers import header_of
from tractography.pieces import TractogramFile, open_tractogram, read_header
from tractography.streamlines import Streamlines
from tractography.writers import open_writer

LATENT_CODES = "latent_codes"
"""The array of an encoded tractogram: (streamline, latent), float32; NaN where a streamline could not be encoded."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """What came of an encoding.

    Attributes
    ----------
    path : Path
    count : int
        Streamlines.
    skipped : int
        How many of them have no code: fewer than two points, no length, or coordinates that are not finite.
    """

    path: Path
    count: int
    skipped: int


def encode_tractogram(
    tractogram: Path,
    model: Path,
    output: Path,
    *,
    force: bool = False,
    resume: bool = False,
    scheduler: str | None = None,
    on_step: OnStep = lambda doing, done, total: None,
) -> Encoded:
    """Encode every streamline of a tractogram; a row each, in their order.

    Parameters
    ----------
    tractogram, model : Path
    output : Path
        An HDF5 file with the array ``latent_codes``, (streamline, latent), float32.
    force : bool
        Replace an existing file.
    resume : bool
        Go on with what an earlier process left.
    scheduler : str, optional
        Address of a Dask cluster that computes; its workers must see the files under the same names.
    on_step : callable

    Raises
    ------
    TractogramError, ModelError, OutputError, ClusterError
        If a file or the cluster cannot be used.
    """
    check_readers(tractogram)
    check_cluster(scheduler)
    check_free(output, force)
    check_no_folder(output)
    coder = open_coder(model)
    with open_filled(tractogram) as file:
        columns = {LATENT_CODES: (np.float32, (coder.latent_size,))}
        with RowFile(output, columns, file.count, identity(file, coder), resume=resume) as rows:
            fill(rows, file.count, Encode(file, model.absolute()), scheduler, f"encoding {tractogram.name}", on_step)
            skipped = sum(int((~np.isfinite(held[LATENT_CODES]).all(axis=1)).sum()) for _, held in rows.pieces())
            rows.finish(skipped=skipped)
        return Encoded(output, file.count, skipped)


def fill(rows: RowFile, count: int, task: Any, scheduler: str | None, doing: str, on_step: OnStep) -> None:
    """Compute the ranges that are missing in a file of rows."""
    missing = rows.missing()
    done = count - sum(held.stop - held.first for held in missing)
    on_step(doing, done, count)
    for held, computed in compute(task, missing, scheduler):
        rows.put(held, computed)
        done += held.stop - held.first
        on_step(doing, done, count)


def open_filled(path: Path) -> TractogramFile:
    """Open a tractogram that must hold streamlines.

    Raises
    ------
    TractogramError
        If it cannot be used, or holds none.
    """
    file = open_tractogram(path)
    if not file.count:
        raise TractogramError(f"{path} holds no streamlines.")
    return file


def identity(file: TractogramFile, coder: Coder) -> dict[str, Any]:
    """What latent codes depend on, to tell whether a file that was begun can be gone on with."""
    with coder.path.open("rb") as model:
        digest = hashlib.file_digest(model, "sha256").hexdigest()
    about = file.path.stat()
    return {
        "tractogram": f"{file.path.name}, {about.st_size} bytes, changed {about.st_mtime_ns}",
        "streamlines": file.count,
        "model": f"{coder.path.name}, SHA-256 {digest}",
        "framework": coder.framework,
    }


def check_free(output: Path, force: bool) -> None:
    """Refuse to replace a file or folder without `force`.

    Raises
    ------
    OutputError
        If it exists.
    """
    if output.exists() and not force:
        raise OutputError(f"{output} exists. Replace it with --force, or choose another --output.")


def check_no_folder(output: Path) -> None:
    """Refuse to write a file where a folder is.

    Raises
    ------
    OutputError
        If there is one.
    """
    if output.is_dir():
        raise OutputError(f"{output} is a folder. Choose another --output.")


@dataclass(frozen=True, slots=True)
class Reconstructed:
    """What came of a reconstruction.

    Attributes
    ----------
    path : Path
    count : int
        Streamlines written.
    skipped : int
        Streamlines that could not be encoded, and are not among them.
    distance : float or None
        Mean distance between a streamline's points and their reconstruction, mm; None from latent codes.
    """

    path: Path
    count: int
    skipped: int
    distance: float | None


def reconstruct(
    source: Path,
    model: Path,
    output: Path,
    *,
    reference: Path | None = None,
    force: bool = False,
    on_step: OnStep = lambda doing, done, total: None,
) -> Reconstructed:
    """Encode and decode a tractogram, or decode latent codes, into a tractogram.

    Parameters
    ----------
    source : Path
        A tractogram, or the HDF5 file that `encode_tractogram` wrote.
    model : Path
    output : Path
        A tractogram; data of each streamline are kept, those of points are not: the points are others.
    reference : Path, optional
        A tractogram or NIfTI image that gives latent codes their header.
    force : bool
        Replace an existing file.
    on_step : callable

    Raises
    ------
    TractogramError, ModelError, OutputError
        If a file cannot be used.
    """
    check_readers(source, output)
    check_free(output, force)
    check_no_folder(output)
    coder = open_coder(model)
    is_encoded = source.suffix in (".h5", ".hdf5")
    pieces = _decode_file(source, coder) if is_encoded else _reconstruct_file(source, coder)
    if is_encoded and reference is None:
        raise TractogramError(f"{source} holds latent codes, which have no header. Give one with --reference FILE.")
    header = header_of(reference) if reference else read_header(source)
    count = skipped = 0
    total = 0.0
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        with library_writes(), written_whole(output) as draft, open_writer(draft, header) as writer:
            for held, streamlines, missing, distance in pieces:
                writer.append(streamlines)
                count, skipped, total = count + len(streamlines), skipped + missing, total + distance
                on_step(f"reconstructing {source.name}", held.stop, None)
    except OSError as error:
        raise OutputError(f"Cannot write {output}: {error.strerror or error}. Make room, or choose another.") from error
    return Reconstructed(output, count, skipped, None if is_encoded or not count else total / count)


_Piece = tuple[Range, Streamlines, int, float]
"""A range, what was decoded of it, how many of it could not be, and the sum of the distances to the originals."""


def _reconstruct_file(source: Path, coder: Coder) -> Iterator[_Piece]:
    with open_filled(source) as file:
        for held in ranges_of(file.count):
            codes = encode_range(file, coder, held)
            encoded: Any = np.isfinite(codes).all(axis=1)
            originals = file.read(held.first, held.stop).select(encoded)
            decoded = coder.decode(codes[encoded])
            apart = np.linalg.norm(decoded - originals.resampled(coder.point_count), axis=-1).mean(axis=-1)
            yield held, _as_streamlines(decoded, originals.per_streamline), int((~encoded).sum()), float(apart.sum())


def _decode_file(source: Path, coder: Coder) -> Iterator[_Piece]:
    try:
        file = h5py.File(source, "r")
    except OSError as error:
        raise TractogramError(f"{source} cannot be read: {error}. Encode the tractogram again.") from error
    with file:
        held_codes: Any = file.get(LATENT_CODES)
        if held_codes is None or held_codes.shape[1:] != (coder.latent_size,):
            raise TractogramError(
                f"{source} holds no {LATENT_CODES}, (streamline, {coder.latent_size}). Write it by finta encode."
            )
        for held in ranges_of(len(held_codes)):
            codes: np.ndarray = held_codes[held.first : held.stop]
            encoded = np.isfinite(codes).all(axis=1)
            yield held, _as_streamlines(coder.decode(codes[encoded]), {}), int((~encoded).sum()), 0.0


def _as_streamlines(resampled: np.ndarray, per_streamline: Mapping[str, np.ndarray]) -> Streamlines:
    lengths = np.full(len(resampled), resampled.shape[1], np.int64)
    return Streamlines(resampled.reshape(-1, 3), lengths, {}, per_streamline)
