"""Everything that is encoded and decoded to compare two models, in this process or in one of another backend."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from finta.coding.coders import Coder, open_coder
from finta.coding.rows import ranges_of
from finta.coding.tasks import encode_range
from finta.errors import FintaError, ModelError
from finta.filtering.atlases import encode_atlas
from porting.jobs.processes.backends import LAST_LINES, MISTAKE
from porting.proof.runs import OnStep
from tractography.errors import TractographyError
from tractography.files.tractograms import Skips, open_filled
from tractography.filtering.assignment import ReferenceCodes

BATCH_SIZE = 128
"""Streamlines computed at once: bundles are small, and what a batch lacks is computed for nothing."""

_COMMAND = "import sys; sys.path[:] = {path!r}; from finta.deciding.coding import main; main(*sys.argv[1:])"


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """What a model makes of an atlas, of tractograms and of latent draws.

    Attributes
    ----------
    framework : str
    reference : ReferenceCodes
    codes : ndarray, (streamline, latent)
        Of every streamline of every file, NaN where it cannot be encoded.
    decoded : ndarray, (draw, point, coordinate), RAS+ mm
    """

    framework: str
    reference: ReferenceCodes
    codes: np.ndarray
    decoded: np.ndarray


def encode_all(
    atlas: Path, files: Sequence[Path], coder: Coder, on_step: OnStep, skips: Skips | None = None
) -> tuple[ReferenceCodes, list[np.ndarray]]:
    """Encode an atlas in both orders of its points, and files in ranges; each file's codes, (streamline, latent).

    What cannot be encoded is counted in `skips`; a file's codes are NaN there.

    Raises
    ------
    TractogramError, FilteringError
        If a file cannot be used.
    """
    skips = skips or Skips()
    reference = encode_atlas(atlas, coder, skips, on_step)
    return reference, [_encode(path, coder, on_step, skips) for path in files]


def _encode(path: Path, coder: Coder, on_step: OnStep, skips: Skips) -> np.ndarray:
    with open_filled(path) as tractogram:
        codes = np.empty((tractogram.count, coder.latent_size), np.float32)
        for held in ranges_of(tractogram.count):
            on_step(f"encoding {path.name}", held.first, tractogram.count)
            codes[held.first : held.stop] = encode_range(tractogram, coder, held)
    skips.add(path, int((~np.isfinite(codes).all(axis=1)).sum()))
    return codes


def code_on_backend(model: Path, backend: str, atlas: Path, files: Sequence[Path], draws: np.ndarray) -> Coded:
    """Encode and decode with a port in a process of its own, since Keras chooses its backend once a process.

    Parameters
    ----------
    model : Path
    backend : str
    atlas, files
        As `encode_all` takes them.
    draws : ndarray, (draw, latent), float32

    Raises
    ------
    ModelError
        If the process refuses the model, or ends otherwise.
    """
    with TemporaryDirectory() as folder:
        job, written = Path(folder) / "job.npz", Path(folder) / "coded.npz"
        np.savez(job, draws=draws, paths=np.array([str(path.resolve()) for path in (model, atlas, *files)]))
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", _COMMAND.format(path=sys.path), str(job), str(written)],
            env=os.environ | {"KERAS_BACKEND": backend},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode or not written.is_file():
            raise ModelError(_why_it_ended(model, backend, done))
        with np.load(written) as held:
            reference = ReferenceCodes(tuple(held["bundles"].tolist()), held["reference_codes"], held["labels"])
            return Coded(str(held["framework"]), reference, held["codes"], held["decoded"])


def _why_it_ended(model: Path, backend: str, done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    if done.returncode == MISTAKE:
        return f"{model} on {backend}: {json.loads(lines[-1])}"
    names = {number.value: number.name for number in signal.Signals}
    how = f"with exit status {done.returncode}" if done.returncode >= 0 else f"by {names.get(-done.returncode)}"
    ended = [f"{model} cannot be run on {backend}, its process ended {how}:", *lines[-LAST_LINES:]]
    return "\n".join([*ended, f"Check that {backend} is installed, or leave it out: --backend."])


def main(job: str, output: str) -> None:
    """Do what `code_on_backend` wants; a user's mistake is a line of JSON, and exit status 2."""
    with np.load(job) as held:
        model, atlas, *files = map(Path, held["paths"].tolist())
        draws = held["draws"]
    try:
        coder = open_coder(model, BATCH_SIZE)
        reference, codes = encode_all(atlas, files, coder, lambda *_: None)
        decoded = coder.decode(draws)
    except (FintaError, TractographyError) as error:
        sys.stderr.write(f"\n{json.dumps(str(error))}\n")
        sys.exit(MISTAKE)
    np.savez(
        output,
        framework=coder.framework,
        bundles=np.array(reference.bundles),
        reference_codes=reference.codes,
        labels=reference.labels,
        codes=np.concatenate(codes),
        decoded=decoded,
    )
