"""How tractograms are called: the suffix tells the format, in any case; TRK and TCK may be packed by gzip."""

import os
from collections.abc import Sequence
from pathlib import Path

from tractography.errors import TractogramError

SUFFIXES = (".trk", ".tck", ".trx")
PACKED = ".gz"
ENDINGS = (*SUFFIXES, ".trk.gz", ".tck.gz")


def format_of(path: str | os.PathLike) -> str:
    """Tell the format of a tractogram by its name: one of `SUFFIXES`, or nothing where it is none."""
    ending = _ending_of(Path(path).name)
    return ending.lower().removesuffix(PACKED)


def name_of(path: str | os.PathLike) -> str:
    """Give a file's name without what tells its format: the bundle that is in it."""
    path = Path(path)
    ending = _ending_of(path.name)
    return path.name.removesuffix(ending) if ending else path.stem


def is_packed(path: str | os.PathLike) -> bool:
    """Tell whether a tractogram's name says that gzip packed it."""
    return _ending_of(Path(path).name).lower().endswith(PACKED)


def _ending_of(name: str) -> str:
    ending = next((ending for ending in ENDINGS if name.lower().endswith(ending)), "")
    return name[len(name) - len(ending) :]


def find_tractograms(paths: Sequence[str | os.PathLike]) -> list[Path]:
    """List the tractograms among files and, at any depth, in folders; sorted within each folder.

    A folder called ``NAME.trx`` is a tractogram itself. In folders, hidden files are left aside.

    Raises
    ------
    TractogramError
        If a path does not exist, is no tractogram, or is a folder without one.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        inside = [path] if _is_whole(path) or not path.is_dir() else _inside(path)
        if not inside:
            raise TractogramError(f"No tractogram in {path}: {_why_none(path)}")
        found += inside
    for path in found:
        if not format_of(path) and path.exists():
            raise TractogramError(f"{path} is no tractogram: its name must end in {', '.join(ENDINGS)}.")
        if not _is_whole(path):
            raise TractogramError(f"No tractogram at {path}: no such file.")
    return found


def _is_whole(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and format_of(path) == ".trx")


def _inside(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.rglob("*") if format_of(path) and not path.name.startswith(".") and _is_whole(path)
    )


def _why_none(folder: Path) -> str:
    if (folder / "header.json").is_file() and any(folder.glob("positions.*")):
        return f"it is an unpacked TRX file. Call it {folder.name}.trx."
    return f"there is no file ending in {', '.join(ENDINGS)}."
