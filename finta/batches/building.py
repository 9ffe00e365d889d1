"""Build HDF5 batches of labelled streamlines from tractogram files."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from porting.errors import reason_of
from porting.files.placement import check_apart
from tractography.batches.batches import SEED, SPLITS, BatchFile, write_batches
from tractography.errors import BatchError, TractogramError
from tractography.files.formats import find_tractograms, name_of
from tractography.files.references import header_of
from tractography.files.tractograms import WHY_SKIPPED, Skips, read_resampled

LABELS: Mapping[str, Callable[[Path], str]] = {
    "file": name_of,
    "folder": lambda path: path.resolve().parent.name,
}
"""Where a bundle's class comes from."""

DEFAULT_SPLITS = ("train=0.8", "thres=0.1", "test=0.1")


def build_batches(
    bundles: Sequence[str | os.PathLike],
    output: str | os.PathLike,
    *,
    splits: Sequence[str] = DEFAULT_SPLITS,
    point_count: int = 256,
    label: str = "file",
    reference: Path | None = None,
    skips: Skips | None = None,
    force: bool = False,
    on_file: Callable[[Path, int, int], None] = lambda path, number, count: None,
) -> BatchFile:
    """Read bundles, resample their streamlines and write them as batches.

    Parameters
    ----------
    bundles : sequence of path
        Tractograms, or folders that hold some at any depth; each is one class of streamlines.
    output : path
    splits : sequence of str
        One name for everything (``test``), shares that sum to 1 and are drawn in each class (``train=0.8``), or the
        files or folders that belong to a split, with wildcards (``train=sub_1,sub_2``).
    point_count : int
    label : str
        Whether the class is the ``file``'s or the ``folder``'s name.
    reference : Path, optional
        A tractogram or NIfTI image that says where the voxels of TRK files lie that do not.
    skips : Skips, optional
        Where streamlines are counted that cannot be resampled, and are left out.
    force : bool
        Replace an existing file.
    on_file : callable
        Told each file, its number and how many there are.

    Raises
    ------
    BatchError
        If the splits contradict each other or leave a bundle out, or the output exists.
    TractogramError
        If a tractogram cannot be used, or all of its streamlines were left out.
    """
    output = Path(output)
    if output.exists() and not force:
        raise BatchError(f"{output} exists. Replace it with --force, or choose another --output.")
    shares, patterns = parse_splits(splits)
    space, skips = header_of(reference) if reference else None, skips if skips is not None else Skips()
    paths = find_tractograms(bundles)
    check_apart([output], [*paths, Path(reference) if reference else None])
    gathered: dict[str, dict[str, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))
    for number, path in enumerate(paths, start=1):
        on_file(path, number, len(paths))
        streamlines = np.concatenate(list(read_resampled(path, point_count, skips, space)))
        if not len(streamlines):
            raise TractogramError(f"{path} holds no streamlines that can be resampled: {WHY_SKIPPED}. Leave it out.")
        name = LABELS[label](path)
        if shares:
            gathered[""][name].append(streamlines)
        else:
            gathered[_split_of(path, patterns)][name].append(streamlines)
    joined = {split: {name: np.concatenate(parts) for name, parts in held.items()} for split, held in gathered.items()}
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        return write_batches(output, _shared_out(joined[""], shares) if shares else joined)
    except OSError as error:
        raise BatchError(f"Cannot write {output}: {reason_of(error)}. Choose another --output or make room.") from error


def parse_splits(splits: Sequence[str]) -> tuple[dict[str, float], dict[str, list[str]]]:
    """Read ``--split`` options: shares per split, or patterns per split; one of the two is empty.

    Raises
    ------
    BatchError
        If a split is unknown, the two kinds are mixed, or shares do not sum to 1.
    """
    shares: dict[str, float] = {}
    patterns: dict[str, list[str]] = {}
    for option in splits:
        name, _, value = option.partition("=")
        if name not in SPLITS:
            raise BatchError(f"--split {option}: unknown split {name}, must be one of {', '.join(SPLITS)}.")
        try:
            shares[name] = float(value)
        except ValueError:
            patterns[name] = value.split(",") if value else ["*"]
    if shares and patterns:
        raise BatchError(f"--split {' '.join(splits)}: give shares or names, not both.")
    if shares and not (abs(sum(shares.values()) - 1) <= 1e-6 and min(shares.values()) >= 0):
        raise BatchError(f"--split {' '.join(splits)}: the shares sum to {sum(shares.values()):g}, must be 1.")
    return shares, patterns


def _split_of(path: Path, patterns: Mapping[str, Sequence[str]]) -> str:
    names = {*path.parts, path.stem, name_of(path)}
    matching = [
        split
        for split, wanted in patterns.items()
        if any(fnmatch(name, pattern) for name in names for pattern in wanted)
    ]
    if len(matching) != 1:
        fact = f"to {' and '.join(matching)}" if matching else "to no split"
        raise BatchError(f"{path} belongs {fact}. Name its file or folder in exactly one --split.")
    return matching[0]


def _shared_out(classes: Mapping[str, np.ndarray], shares: Mapping[str, float]) -> dict[str, dict[str, np.ndarray]]:
    """Deal each class' streamlines out to the splits by their shares, in an order drawn once."""
    generator = np.random.default_rng(SEED)
    splits: dict[str, dict[str, np.ndarray]] = {split: {} for split in shares}
    for name, streamlines in classes.items():
        order = generator.permutation(len(streamlines))
        cuts = np.round(np.cumsum(list(shares.values()))[:-1] * len(streamlines)).astype(int)
        for split, rows in zip(shares, np.split(order, cuts), strict=True):
            if len(rows):
                splits[split][name] = streamlines[np.sort(rows)]
    return splits
