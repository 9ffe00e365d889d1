"""Parity of decisions: filter, and decode and filter draws, with the PyTorch reference and with its port."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from finta.coding.coders import open_coder
from finta.deciding.coding import BATCH_SIZE, Coded, code_on_backend, encode_all
from finta.deciding.rounding import Rounding, measure_rounding, millimetres
from finta.errors import ModelError
from finta.filtering.atlases import find_bundles, find_labelled
from porting.proof.runs import OnStep
from porting.wording import counted
from tractography.agreement.comparison import Agreement, Disagreement, compare
from tractography.agreement.decisions import decide
from tractography.agreement.verdicts import FilterAgreement, compare_filtered, filter_draws
from tractography.errors import FilteringError
from tractography.files.formats import find_tractograms
from tractography.files.tractograms import Skips, read_resampled
from tractography.filtering.assignment import ReferenceCodes
from tractography.filtering.thresholds import POINTS
from tractography.generating.anatomy import Anatomy
from tractography.generating.densities import fit_density
from tractography.generating.seeds import generator_for

SAMPLED = 256
"""Streamlines, and draws, that the reference's own rounding is measured on."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What both sides decide by.

    Attributes
    ----------
    neighbours : int
        How many reference codes decide about a streamline.
    point : str
        Where on the ROC the thresholds are: one of `tractography.filtering.thresholds.POINTS`.
    anatomy : Anatomy
        What decoded draws are checked against.
    """

    neighbours: int = 1
    point: str = POINTS[0]
    anatomy: Anatomy = field(default_factory=Anatomy)


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
    filters : FilterAgreement
        On the same draws.
    failures : tuple of str
        What rounding does not explain.
    """

    backend: str
    framework: str
    agreement: Agreement
    decoded: float
    filters: FilterAgreement
    failures: tuple[str, ...]

    @property
    def disagreements(self) -> tuple[Disagreement, ...]:
        """All, of filtering and of sampling."""
        return (*self.agreement.disagreements, *self.filters.disagreements)


@dataclass(frozen=True, slots=True)
class Parity:
    """A port's decisions beside the reference's.

    Attributes
    ----------
    checkpoint, port : Path
    bundles : tuple of str
    atlas_labels : ndarray, (code,), int
        The bundle of each of the atlas' codes.
    files : tuple of Path
        Those that thresholds come from first.
    counts : tuple of int
        Streamlines of each.
    skips : Skips
        What of them and of the atlas could not be encoded.
    drawn_from : str
        The bundle whose density the draws come from.
    draws : int
    rules : Rules
    rounding : Rounding
    compared : tuple of Compared
        For each backend.
    """

    checkpoint: Path
    port: Path
    bundles: tuple[str, ...]
    atlas_labels: np.ndarray
    files: tuple[Path, ...]
    counts: tuple[int, ...]
    skips: Skips
    drawn_from: str
    draws: int
    rules: Rules
    rounding: Rounding
    compared: tuple[Compared, ...]

    @property
    def has_passed(self) -> bool:
        """Whether rounding explains every difference on every backend."""
        return not any(held.failures for held in self.compared)

    def place(self, held: Disagreement) -> str:
        """Where a decision differs: file and row, or the bundle, or the draw."""
        if held.what == "threshold":
            return self.bundles[held.row]
        if held.what == "atlas code":
            return f"code {held.row} of the atlas, in {self.bundles[self.atlas_labels[held.row]]}"
        if held.what == "filter":
            return f"draw {held.row} of {self.drawn_from}"
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
    rules: Rules | None = None,
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
        As `finta.filtering.thresholding.judge` takes them.
    backends : sequence of str
    draws : int
        Latent codes drawn from the density of the bundle with the most atlas codes, bandwidth by Silverman's rule.
    seed : int
        Of the draws.
    rules : Rules, optional
    on_step : callable

    Raises
    ------
    TractogramError, FilteringError, ModelError, GenerationError
        If a file or a backend cannot be used.
    """
    for path, suffixes in ((checkpoint, _REFERENCES), (port, _PORTS)):
        if not path.is_file() or path.suffix not in suffixes:
            raise ModelError(f"{path} is no file that ends in {', '.join(suffixes)}. Give CHECKPOINT, then PORT.")
    rules = rules or Rules()
    labelled = find_labelled(bundles, implausible, tuple(find_bundles(atlas)))
    files = [*(path for _, path in labelled), *find_tractograms(tractograms)]
    coder = open_coder(checkpoint, BATCH_SIZE)
    skips = Skips()
    reference, codes = encode_all(atlas, files, coder, on_step, skips)
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
        compared.append(compare_coded(backend, truth, coded, labels, rounding, rules))
    return Parity(
        checkpoint=checkpoint,
        port=port,
        bundles=reference.bundles,
        atlas_labels=reference.labels,
        files=tuple(files),
        counts=counts,
        skips=skips,
        drawn_from=drawn_from,
        draws=draws,
        rules=rules,
        rounding=rounding,
        compared=tuple(compared),
    )


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
    none = np.empty((0, point_count, 3), np.float32)
    found = np.concatenate([none, *(piece[:most] for piece in pieces if piece is not None)])
    if not len(found):
        raise FilteringError(f"{files[0].parent} holds no streamlines that can be encoded.")
    return found


def compare_coded(
    backend: str, reference: Coded, port: Coded, labels: np.ndarray, rounding: Rounding, rules: Rules
) -> Compared:
    """Decide by either's codes and about either's draws, and compare.

    Parameters
    ----------
    backend : str
    reference, port : Coded
    labels : ndarray, (known,), int
        As `tractography.agreement.decisions.decide` takes them.
    rounding : Rounding
    rules : Rules

    Raises
    ------
    FilteringError
        If more neighbours are wanted than there are reference codes.
    """
    both = (reference, port)
    decided = [decide(held.reference, held.codes, labels, rules.neighbours, rules.point) for held in both]
    agreement = compare(decided[0], decided[1], rounding.codes)
    filtered = [filter_draws(held.decoded, rules.anatomy) for held in both]
    filters = compare_filtered(filtered[0], filtered[1], rounding.decoded)
    decoded = millimetres(reference.decoded, port.decoded)
    failures = tuple(_failures(agreement, filters, decoded, rounding))
    return Compared(backend, port.framework, agreement, decoded, filters, failures)


def _failures(agreement: Agreement, filters: FilterAgreement, decoded: float, rounding: Rounding) -> Iterator[str]:
    beyond = sum(not held.is_explained for held in agreement.disagreements if not held.what.endswith("code"))
    if beyond:
        yield f"{counted(beyond, 'decision')} beyond what rounding explains"
    if agreement.beyond:
        yield f"{counted(agreement.beyond, 'distance')} beyond what rounding explains"
    if agreement.codes:
        yield f"{counted(agreement.codes, 'latent code')} beyond what rounding explains"
    if not decoded <= rounding.decoded < np.inf:
        yield f"the same draws are decoded {decoded:.3g} mm apart, where rounding explains {rounding.decoded:.3g}"
    if beyond := sum(not held.is_explained for held in filters.disagreements):
        yield f"{counted(beyond, 'draw')} through other filters by more than rounding explains"
