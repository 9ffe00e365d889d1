"""From latent codes, or from tractograms through them, to tractograms of what the model makes of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finta.coding.coders import Coder, open_coder
from finta.coding.drafts import refusal_told
from finta.coding.encoding import LATENT_CODES
from finta.coding.rows import Range, ranges_of
from finta.coding.tasks import encode_range
from finta.requirements import check_readers
from porting.errors import reason_of
from porting.files import hdf5
from porting.files.placement import check_apart, check_free, written_whole
from porting.proof.runs import OnStep
from tractography.batches.bounds import open_array
from tractography.errors import TractogramError
from tractography.files.headers import Header
from tractography.files.pieces import read_header
from tractography.files.references import header_of
from tractography.files.streamlines import Streamlines
from tractography.files.tractograms import open_filled
from tractography.writing.writers import open_writer


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


def reconstruct_tractogram(
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
        A tractogram or NIfTI image that gives latent codes their header, and TRK files that lack it their space.
    force : bool
        Replace an existing file.
    on_step : callable

    Raises
    ------
    TractogramError, ModelError, OutputError
        If a file cannot be used.
    """
    check_readers()
    check_free([output], force)
    check_apart([output], [source, model, reference])
    coder = open_coder(model)
    is_encoded = source.suffix in (".h5", ".hdf5")
    if is_encoded and reference is None:
        raise TractogramError(f"{source} holds latent codes, which have no header. Give one with --reference FILE.")
    space = header_of(reference) if reference else None
    pieces = _decode_file(source, coder) if is_encoded else _reconstruct_file(source, coder, space)
    header = space or read_header(source)
    count = skipped = 0
    total = 0.0
    with refusal_told(output, lambda: False):
        output.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(output) as draft, open_writer(draft, header) as writer:
            for held, streamlines, missing, distance in pieces:
                writer.append(streamlines)
                count, skipped, total = count + len(streamlines), skipped + missing, total + distance
                on_step(f"reconstructing {source.name}", held.stop, None)
    return Reconstructed(output, count, skipped, None if is_encoded or not count else total / count)


_Piece = tuple[Range, Streamlines, int, float]
"""A range, what was decoded of it, how many of it could not be, and the sum of the distances to the originals."""


def _reconstruct_file(source: Path, coder: Coder, space: Header | None) -> Iterator[_Piece]:
    with open_filled(source, space) as file:
        for held in ranges_of(file.count):
            codes = encode_range(file, coder, held)
            encoded: Any = np.isfinite(codes).all(axis=1)
            originals = file.read(held.first, held.stop).select(encoded)
            decoded = coder.decode(codes[encoded])
            apart = np.linalg.norm(decoded - originals.resampled(coder.point_count), axis=-1).mean(axis=-1)
            yield held, Streamlines.alike(decoded, originals.per_streamline), int((~encoded).sum()), float(apart.sum())


def _decode_file(source: Path, coder: Coder) -> Iterator[_Piece]:
    with _reading_told(source), hdf5.opened(source) as file:
        held_codes: Any = open_array(file, LATENT_CODES, 2, "f")
        if held_codes is None or held_codes.shape[1:] != (coder.latent_size,):
            raise TractogramError(
                f"{source} holds no {LATENT_CODES}, (streamline, {coder.latent_size}). Write it by finta encode."
            )
        for held in ranges_of(len(held_codes)):
            codes: np.ndarray = held_codes[held.first : held.stop]
            encoded = np.isfinite(codes).all(axis=1)
            yield held, Streamlines.alike(coder.decode(codes[encoded])), int((~encoded).sum()), 0.0


@contextmanager
def _reading_told(source: Path) -> Iterator[None]:
    try:
        yield
    except TractogramError:
        raise
    except ValueError as error:
        raise TractogramError(f"{source} cannot be read: {error}. Encode the tractogram again.") from error
    except OSError as error:
        raise TractogramError(f"{source} cannot be read: {reason_of(error)}. Encode the tractogram again.") from error
