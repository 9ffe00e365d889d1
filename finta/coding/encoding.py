"""From tractograms to latent codes, of any number of streamlines."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finta.coding.clusters import compute
from finta.coding.coders import Coder, open_coder
from finta.coding.rows import RowFile
from finta.coding.tasks import Encode
from finta.coding.transport import Scheduler
from finta.errors import ClusterError
from finta.requirements import check_cluster, check_readers
from porting.files.placement import check_apart, check_free
from porting.proof.runs import OnStep
from porting.wording import counted
from tractography.files.pieces import TractogramFile
from tractography.files.references import header_of
from tractography.files.tractograms import open_filled

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
    reference: Path | None = None,
    force: bool = False,
    resume: bool = False,
    scheduler: str | Scheduler | None = None,
    on_step: OnStep = lambda doing, done, total: None,
) -> Encoded:
    """Encode every streamline of a tractogram; a row each, in their order.

    Parameters
    ----------
    tractogram, model : Path
    output : Path
        An HDF5 file with the array ``latent_codes``, (streamline, latent), float32.
    reference : Path, optional
        A tractogram or NIfTI image that says where the voxels of a TRK file lie that does not.
    force : bool
        Replace an existing file.
    resume : bool
        Go on with what an earlier process left.
    scheduler : str or Scheduler, optional
        Address of a Dask cluster that computes; its workers must see the files under the same names.
    on_step : callable

    Raises
    ------
    TractogramError, ModelError, OutputError, ClusterError
        If a file or the cluster cannot be used.
    """
    check_readers()
    check_cluster(scheduler)
    check_free([output], force)
    check_apart([output], [tractogram, model, reference])
    coder = open_coder(model)
    with open_filled(tractogram, header_of(reference) if reference else None) as file:
        columns = {LATENT_CODES: (np.float32, (coder.latent_size,))}
        with RowFile(output, columns, file.count, identity(file, coder), resume=resume) as rows:
            fill(rows, file.count, Encode(file, model.absolute()), scheduler, f"encoding {tractogram.name}", on_step)
            skipped = sum(int((~np.isfinite(held[LATENT_CODES]).all(axis=1)).sum()) for _, held in rows.pieces())
            rows.finish(skipped=skipped)
        return Encoded(output, file.count, skipped)


def fill(rows: RowFile, count: int, task: Any, scheduler: str | Scheduler | None, doing: str, on_step: OnStep) -> None:
    """Compute the ranges that are missing in a file of rows."""
    missing = rows.missing()
    done = count - sum(held.stop - held.first for held in missing)
    on_step(doing, done, count)
    for held, computed in compute(task, missing, scheduler):
        rows.put(held, computed)
        done += held.stop - held.first
        on_step(doing, done, count)
    if left := len(rows.missing()):
        raise ClusterError(f"{counted(left, 'range')} of {rows.path} were not computed. Go on with --resume.")


def identity(file: TractogramFile, coder: Coder) -> dict[str, Any]:
    """What latent codes depend on, to tell whether a file that was begun can be gone on with."""
    about = file.path.stat()
    return {
        "tractogram": f"{file.path.name}, {about.st_size} bytes, changed {about.st_mtime_ns}",
        "streamlines": file.count,
        "space": None if file.header.affine is None else np.asarray(file.header.affine, float).tolist(),
        **coder.identity(),
    }
