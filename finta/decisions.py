"""Parity of decisions: filter, and decode draws, with the PyTorch reference and with its port, and compare."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finta.atlases import Skips, find_bundles, find_labelled, read_resampled
from finta.coders import Coder, open_coder
from finta.coding import BATCH_SIZE, Coded, code_on_backend, encode_all
from finta.errors import ModelError
from porting.parity import RATIO_LIMIT
from porting.runs import OnStep
from tractography.agreement import Agreement, Disagreement, compare
from tractography.decisions import decide
from tractography.densities import fit_density
from tractography.errors import FilteringError
from tractography.filtering import ReferenceCodes
from tractography.seeds import generator_for
from tractography.tractograms import find_tractograms

SAMPLED = 256
"""Streamlines, and draws, that the reference's own rounding is measured on."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """How far apart float32 rounding may bring the reference and a port.

    The reference computes a sample in float64, too. The port may round `RATIO_LIMIT` times as coarsely as the
    reference's worst of them, on the other side of the truth: 1 + `RATIO_LIMIT` times that error lies between both.

    Attributes
    ----------
    codes : float
        As a share of a code's norm.
    decoded : float
        Between points, in mm.
    """

    codes: float
    decoded: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A port's decisions on one backend beside the reference's.

    Attributes
    ----------
    backend : str
    framework : str
        What computed, as the process says itself.
    agreement : Agreement
    decoded : float
        Greatest distance between points decoded from the same draw, in mm.
    failures : tuple of str
        What rounding does not explain.
    """

    backend: str
    framework: str
    agreement: Agreement
    decoded: float
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parity:
    """A port's decisions beside the reference's.

    Attributes
    ----------
    checkpoint, port : Path
    bundles : tuple of str
    files : tuple of Path
        Those that thresholds come from first.
    counts : tuple of int
        Streamlines of each.
    drawn_from : str
        The bundle whose density the draws come from.
    draws : int
    rounding : Rounding
    compared : tuple of Compared
        For each backend.
    """

    checkpoint: Path
    port: Path
    bundles: tuple[str, ...]
    files: tuple[Path, ...]
    counts: tuple[int, ...]
    drawn_from: str
    draws: int
    rounding: Rounding
    compared: tuple[Compared, ...]

    @property
    def has_passed(self) -> bool:
        """Whether rounding explains every difference on every backend."""
        return not any(held.failures for held in self.compared)

    def place(self, held: Disagreement) -> str:
        """Where a decision differs: file and row, or the bundle."""
        if held.what == "threshold":
            return self.bundles[held.row]
        ends = np.cumsum(self.counts)
        number = int(np.searchsorted(ends, held.row, "right"))
        return f"{self.files[number]} row {held.row - int(ends[number]) + self.counts[number]}"


def verify_decisions(
    checkpoint: Path,
    port: Path,
    tractograms: Sequence[Path],
    atlas: Path,
    bundles: Path,
    implausible: Path | None = None,
    *,
    backends: Sequence[str],
    draws: int,
    seed: int = 0,
    on_step: OnStep = lambda *_: None,
) -> Parity:
    """Run filtering and the decoding of draws with the reference, and with a port on several backends.

    Parameters
    ----------
    checkpoint, port : Path
        The PyTorch checkpoint, and its conversion.
    tractograms : sequence of Path
        What is filtered; files, or folders of them.
    atlas, bundles, implausible : Path
        As `finta.thresholding.judge` takes them; the thresholds are at equal error.
    backends : sequence of str
    draws : int
        Latent codes drawn from the density of the bundle with the most atlas codes, bandwidth by Silverman's rule.
    seed : int
        Of the draws.
    on_step : callable

    Raises
    ------
    TractogramError, FilteringError, ModelError, GenerationError
        If a file or a backend cannot be used.
    """
    for path, suffixes in ((checkpoint, _REFERENCES), (port, _PORTS)):
        if not path.is_file() or path.suffix not in suffixes:
            raise ModelError(f"{path} is no file that ends in {', '.join(suffixes)}. Give CHECKPOINT, then PORT.")
    labelled = find_labelled(bundles, implausible, tuple(find_bundles(atlas)))
    files = [*(path for _, path in labelled), *find_tractograms(tractograms)]
    coder = open_coder(checkpoint, BATCH_SIZE)
    reference, codes = encode_all(atlas, files, coder, on_step)
    counts = tuple(map(len, codes))
    labels = np.repeat([label for label, _ in labelled], counts[: len(labelled)])
    drawn_from, drawn = _draw(reference, draws, seed)
    on_step("measuring the reference's rounding", 0, None)
    rounding = measure_rounding(coder, _sample([path for _, path in labelled], coder.point_count), drawn[:SAMPLED])
    truth = Coded(coder.framework, reference, np.concatenate(codes), coder.decode(drawn))
    compared = []
    for number, backend in enumerate(backends):
        on_step(f"the port on {backend}", number, len(backends))
        coded = code_on_backend(port, backend, atlas, files, drawn)
        compared.append(compare_coded(backend, truth, coded, labels, rounding))
    names = reference.bundles
    return Parity(checkpoint, port, names, tuple(files), counts, drawn_from, draws, rounding, tuple(compared))


_REFERENCES, _PORTS = (".pt", ".pth", ".ckpt"), (".keras", ".safetensors")


def _draw(reference: ReferenceCodes, count: int, seed: int) -> tuple[str, np.ndarray]:
    """The bundle of the most codes, and draws from its density, (draw, latent), float32."""
    number = int(np.bincount(reference.labels).argmax())
    name = reference.bundles[number]
    density = fit_density(reference.codes[reference.labels == number], "silverman")
    return name, density.draw(count, generator_for(seed, name, 0)).astype(np.float32)


def _sample(files: Sequence[Path], point_count: int) -> np.ndarray:
    """Some streamlines of each file, (streamline, point, coordinate)."""
    most = -(-SAMPLED // len(files))
    pieces = (next(iter(read_resampled(path, point_count, Skips())), None) for path in files)
    found = np.concatenate([piece[:most] for piece in pieces if piece is not None])
    if not len(found):
        raise FilteringError(f"{files[0].parent} holds no streamlines that can be encoded.")
    return found


def measure_rounding(coder: Coder, streamlines: np.ndarray, draws: np.ndarray) -> Rounding:
    """Compare the reference in float32 with itself in float64.

    Parameters
    ----------
    coder : Coder
        The reference.
    streamlines : ndarray, (streamline, point, coordinate)
    draws : ndarray, (draw, latent)
    """
    import torch

    from finta.pair import FINTA
    from porting.runs import load_reference
    from porting.torch_files import read_checkpoint

    model: Any = load_reference(FINTA, read_checkpoint(coder.path))[0].eval().double()
    with torch.inference_mode():
        codes = model.encode(torch.from_numpy(streamlines.astype(np.float64)).transpose(1, 2)).numpy()
        decoded = model.decode(torch.from_numpy(draws.astype(np.float64))).transpose(1, 2).numpy()
    apart = np.linalg.norm(coder.encode(streamlines) - codes, axis=1) / np.linalg.norm(codes, axis=1)
    factor = 1 + RATIO_LIMIT
    return Rounding(factor * float(apart.max()), factor * _millimetres(coder.decode(draws), decoded))


def _millimetres(decoded: np.ndarray, others: np.ndarray) -> float:
    apart = np.linalg.norm(np.asarray(decoded, np.float64) - others, axis=-1)
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))


def compare_coded(backend: str, reference: Coded, port: Coded, labels: np.ndarray, rounding: Rounding) -> Compared:
    """Decide by either's codes, and compare.

    Parameters
    ----------
    backend : str
    reference, port : Coded
    labels : ndarray, (known,), int
        As `tractography.decisions.decide` takes them.
    rounding : Rounding
    """
    sides = [decide(held.reference, held.codes, labels) for held in (reference, port)]
    agreement = compare(sides[0], sides[1], rounding.codes)
    decoded = _millimetres(reference.decoded, port.decoded)
    return Compared(backend, port.framework, agreement, decoded, tuple(_failures(agreement, decoded, rounding)))


def _failures(agreement: Agreement, decoded: float, rounding: Rounding) -> Iterator[str]:
    beyond = sum(not held.is_explained for held in agreement.disagreements if held.what != "code")
    if beyond:
        yield f"{beyond:,} decisions differ by more than rounding explains"
    if agreement.codes:
        yield f"{agreement.codes:,} latent codes differ by more than rounding explains"
    if not decoded <= rounding.decoded:
        yield f"the same draws are decoded {decoded:.3g} mm apart, where rounding explains {rounding.decoded:.3g}"
