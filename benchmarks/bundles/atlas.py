"""A labelled atlas dealt out for measurements: what is known, what thresholds are set by, what is judged.

Bundles are dealt out streamline by streamline: half are the reference (and what the model was trained on), a quarter
sets the thresholds, a quarter is judged. Bundles of fewer than `FEWEST` streamlines are left out; every tenth of the
rest is `foreign`: in no reference, so that its streamlines are to be removed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tractography.batches.batches import SEED
from tractography.files.formats import find_tractograms
from tractography.files.references import header_of
from tractography.files.streamlines import Streamlines
from tractography.files.tractograms import read_streamlines, resample
from tractography.writing.writers import open_writer

FEWEST = 12
PARTS, SHARES = ("reference", "thresholds", "test"), (0.5, 0.25, 0.25)
FOREIGN_EVERY = 10
POINTS = 256


@dataclass(frozen=True, slots=True)
class Part:
    """Streamlines of one part.

    Attributes
    ----------
    bundles : Mapping
        Name -> streamlines, (streamline, point, coordinate), float32, RAS+ mm.
    implausible : Mapping
        How they came about -> streamlines.
    """

    bundles: Mapping[str, np.ndarray]
    implausible: Mapping[str, np.ndarray]

    def together(self) -> tuple[np.ndarray, np.ndarray]:
        """All streamlines, and the bundle of each by its place in the sorted names; -1 for the implausible."""
        names = sorted(self.bundles)
        arrays = [*(self.bundles[name] for name in names), *self.implausible.values()]
        labels = [*range(len(names)), *[-1] * len(self.implausible)]
        return np.concatenate(arrays), np.repeat(labels, [len(array) for array in arrays])


def deal_out(folder: Path) -> dict[str, dict[str, list[np.ndarray]]]:
    """Part -> bundle -> streamlines of their own points; each bundle's order is drawn once, as `finta batches` does."""
    generator = np.random.default_rng(SEED)
    parts: dict[str, dict[str, list[np.ndarray]]] = {part: {} for part in PARTS}
    for path in find_tractograms([folder]):
        streamlines = read_streamlines(path)
        if len(streamlines) < FEWEST:
            continue
        order = generator.permutation(len(streamlines))
        cuts = np.round(np.cumsum(SHARES)[:-1] * len(streamlines)).astype(int)
        for part, rows in zip(PARTS, np.split(order, cuts), strict=True):
            parts[part][path.stem] = [streamlines[row] for row in np.sort(rows)]
    return parts


def write_parts(folder: Path, parts: Mapping[str, Mapping[str, list[np.ndarray]]], reference: Path) -> None:
    """Write ``PART/BUNDLE.trk``, in the image space of a reference tractogram."""
    header = header_of(reference)
    for part, bundles in parts.items():
        (folder / part).mkdir(parents=True, exist_ok=True)
        for name, streamlines in bundles.items():
            lengths = np.array([len(streamline) for streamline in streamlines])
            with open_writer(folder / part / f"{name}.trk", header) as writer:
                writer.append(Streamlines(np.concatenate(streamlines), lengths))


def prepare(parts: Mapping[str, Mapping[str, list[np.ndarray]]]) -> dict[str, Part]:
    """Resample, set foreign bundles aside and synthesise implausible streamlines, each part from its own."""
    prepared = {}
    for number, (part, bundles) in enumerate(parts.items()):
        resampled = {name: resample(held, POINTS) for name, held in bundles.items()}
        foreign = sorted(resampled)[FOREIGN_EVERY // 2 :: FOREIGN_EVERY]
        known = {name: held for name, held in resampled.items() if name not in foreign}
        implausible = {} if part == "reference" else synthesise(known, np.random.default_rng([SEED, number]))
        if part != "reference":
            implausible["other bundles"] = np.concatenate([resampled[name] for name in foreign])
        prepared[part] = Part(known, implausible)
    return prepared


def synthesise(bundles: Mapping[str, np.ndarray], generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Make implausible streamlines of plausible ones, (streamline, point, coordinate), in four ways.

    - *false connection*: its first half goes on as the second half of another bundle's, moved to where the first ends;
    - *turning back*: it stops half way and goes back, 3 mm beside its way;
    - *wandering*: a random walk that returns (a Brownian bridge) is added, of 15 mm standard deviation in the middle;
    - *misplaced*: turned about its middle by 60 to 120 degrees about a random axis and moved by 20 mm.
    """
    names = sorted(bundles)
    lines = np.concatenate([bundles[name] for name in names])
    labels = np.repeat(np.arange(len(names)), [len(bundles[name]) for name in names])
    count = len(lines) // 4
    chosen = generator.permutation(len(lines))[: 4 * count].reshape(4, count)
    made = {
        "false connection": _connect(lines, labels, chosen[0], generator),
        "turning back": _turn_back(lines[chosen[1]], generator),
        "wandering": _wander(lines[chosen[2]], generator),
        "misplaced": _misplace(lines[chosen[3]], generator),
    }
    return {way: resample(list(streamlines), POINTS) for way, streamlines in made.items()}


def _connect(lines: np.ndarray, labels: np.ndarray, rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    half = POINTS // 2
    partners = generator.integers(len(lines), size=len(rows))
    while (alike := labels[partners] == labels[rows]).any():
        partners[alike] = generator.integers(len(lines), size=alike.sum())
    first, second = lines[rows, :half], lines[partners, half:]
    return np.concatenate([first, second - second[:, :1] + first[:, -1:]], axis=1)


def _turn_back(lines: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    half = lines[:, : POINTS // 2]
    beside = generator.normal(size=(len(lines), 1, 3))
    beside *= 3 / np.linalg.norm(beside, axis=-1, keepdims=True)
    return np.concatenate([half, half[:, ::-1] + beside], axis=1).astype(np.float32)


def _wander(lines: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    steps = generator.normal(size=lines.shape)
    walk = np.cumsum(steps, axis=1)
    along = np.linspace(0, 1, lines.shape[1])[:, None]
    bridge = walk - walk[:, :1] - along * (walk[:, -1:] - walk[:, :1])
    return (lines + bridge * (15 / bridge[:, lines.shape[1] // 2].std())).astype(np.float32)


def _misplace(lines: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    def directions() -> np.ndarray:
        drawn = generator.normal(size=(len(lines), 3))
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    angles = np.deg2rad(generator.uniform(60, 120, len(lines)))[:, None]
    turned = Rotation.from_rotvec(angles * directions()).as_matrix()
    middle = lines.mean(axis=1, keepdims=True)
    moved = np.einsum("sij,spj->spi", turned, lines - middle) + middle + 20 * directions()[:, None]
    return moved.astype(np.float32)
