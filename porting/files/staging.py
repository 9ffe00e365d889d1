"""Put several files in place as one: whoever looks sees the old files or the new ones, also after a crash.

Files are written into a hidden folder beside their destination. One rename of that folder commits them; then they move
into place one by one. Whoever finds a committed folder, because a crash left it, finishes the moves first. A committed
folder may have come with somebody's files: it moves, and its list removes, nothing but plain files of its own stem.
"""

import glob
import os
import re
import secrets
import shutil
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from porting.errors import OutputError, reason_of
from porting.files.placement import check_name, flush

if TYPE_CHECKING:
    from filelock import FileLock

_WRITING, _COMMITTED, _SUPERSEDED, _LOCK = "writing", "committed", "superseded", "lock"
_TOKEN = re.compile("[0-9a-f]{16}")
_PATIENCE = 60
"""Seconds to wait for another process that is moving files of the same stem."""


@dataclass(frozen=True, slots=True)
class OwnNames:
    """A set of files that have names of their own, and go into the folder of the stem.

    Attributes
    ----------
    mark : Path, optional
        A file that goes as the set comes into place.
    last : str, optional
        The file that is there only when all others are.
    """

    mark: Path | None = None
    last: str | None = None


class Staging:
    """A hidden folder to write into; nothing of it is seen until `commit`."""

    def __init__(self, folder: Path, stem: Path, superseded: Sequence[str], own_names: OwnNames | None) -> None:
        self._folder, self._destination = folder, stem
        self._superseded, self._own_names = superseded, own_names
        self.stem = folder / stem.name

    def commit(self) -> tuple[Path, ...]:
        """Move what was written into place; superseded files that were not written anew are removed."""
        written = sorted(path.name for path in self._folder.iterdir() if path.name != _LOCK)
        for name in written:
            flush(self._folder / name)
        stem = self._destination
        superseded = set(self._superseded).difference(written)
        with _signals_held(), _alone(stem):
            _move(stem, self._own_names)
            (self._folder / _SUPERSEDED).write_text("\n".join(superseded))
            (self._folder / _LOCK).unlink()
            os.rename(self._folder, _hidden(stem, _COMMITTED))
            _move(stem, self._own_names)
        return tuple(stem.parent / name for name in written)


@contextmanager
def staging(stem: Path, superseded: Sequence[str] = (), *, own_names: OwnNames | None = None) -> Iterator[Staging]:
    """Give a place to write files into that are called `stem` and a suffix; without a commit nothing is left of it.

    Parameters
    ----------
    stem : Path
        Where the files go, without their suffixes.
    superseded : sequence of str
        Names of older files of the set, which a commit removes if it does not replace them.
    own_names : OwnNames, optional
        Of a set whose files are not called `stem` and a suffix.

    Raises
    ------
    OutputError
        If the folder, or the disk, does not take the files, or a file of another stem is to be removed.
    """
    check_name(stem)
    if foreign := [name for name in superseded if not _is_of_stem(name, stem)]:
        raise OutputError(f"{', '.join(foreign)}: no file of {stem}, so it is not removed. Look at its certificate.")
    new_folders = [parent for parent in stem.parents if not parent.exists()]
    folder = _hidden(stem, f"{_WRITING}-{secrets.token_hex(8)}")
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        with _begun(folder, stem, own_names):
            yield Staging(folder, stem, superseded, own_names)
    except OSError as error:
        raise OutputError(
            f"Cannot write {stem}: {reason_of(error)}. Nothing was changed; choose another --output or make room."
        ) from error
    finally:
        for parent in new_folders:
            with suppress(OSError):  # it holds what was committed
                parent.rmdir()


@contextmanager
def _begun(folder: Path, stem: Path, own_names: OwnNames | None) -> Iterator[None]:
    """Make a folder to write into; its lock says to whoever looks, on whatever host, that it is being written."""
    with _alone(stem):
        _move(stem, own_names)
        _remove_stale(stem)
        folder.mkdir()
        lock = _lock(folder / _LOCK)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def finish_moves(stem: Path, *, own_names: OwnNames | None = None) -> bool:
    """Finish moving committed files into place, where an earlier process was killed while it did.

    `own_names` is what `staging` was given.

    Returns
    -------
    bool
        Whether there was something to move.

    Raises
    ------
    OutputError
        If the folder does not let them, or what is committed is not of this stem: nothing is then moved or removed.
    """
    if not os.path.exists(committed := _hidden(stem, _COMMITTED)):  # False as well where its name would be too long
        return False
    try:
        with _alone(stem):
            return _move(stem, own_names)
    except OSError as error:
        raise OutputError(f"Cannot move {committed} into place: {reason_of(error)}.") from error


def _move(stem: Path, own_names: OwnNames | None) -> bool:
    """Move a committed folder's files into place; whether there was one."""
    if not (committed := _hidden(stem, _COMMITTED)).exists():
        return False
    listed = committed / _SUPERSEDED
    superseded = _read_list(listed) if listed.is_file() and not listed.is_symlink() else []
    _check_of_stem(committed, superseded, stem, any_name=own_names is not None)
    for name in superseded:
        (stem.parent / name).unlink(missing_ok=True)
    if own_names and own_names.mark:
        own_names.mark.unlink(missing_ok=True)
    listed.unlink(missing_ok=True)
    last = own_names.last if own_names else None
    if last and (committed / last).exists():
        (stem.parent / last).unlink(missing_ok=True)
    paths = sorted(committed.iterdir(), reverse=True)  # the certificate last, so that a mixture is never certified
    for path in sorted(paths, key=lambda path: path.name == last):
        os.replace(path, stem.parent / path.name)
    committed.rmdir()
    return True


def _read_list(path: Path) -> list[str]:
    """Names, a line each; what is no text is no name of a stem's file either."""
    with path.open("rb") as file:
        return file.read(_LONGEST_LIST).decode("utf-8", "backslashreplace").splitlines()


_LONGEST_LIST = 1 << 16


def _check_of_stem(committed: Path, superseded: Sequence[str], stem: Path, *, any_name: bool) -> None:
    """Nobody knows who made a folder that was found: only plain files of its stem are moved by it, or removed."""
    found = [] if committed.is_symlink() else sorted(committed.iterdir())
    plain = all(path.is_file() and not path.is_symlink() for path in found)
    names = [path.name for path in found if path.name != _SUPERSEDED]
    foreign = [name for name in superseded if not _is_of_stem(name, stem)]
    foreign += [] if any_name else [name for name in names if not _is_of_stem(name, stem)]
    foreign += [name for name in superseded if (stem.parent / name).is_dir()]
    if foreign or not plain or committed.is_symlink():
        what = f"names {', '.join(map(repr, foreign[:3]))}" if foreign else "holds links or folders"
        raise OutputError(
            f"Refused: {committed} {what}, which no unfinished conversion of {stem.name} does. Nothing was changed.\n"
            "Remove that folder if you did not write it."
        )


def _is_of_stem(name: str, stem: Path) -> bool:
    """Whether a name is a plain file's in the stem's folder, and the stem's or with a suffix behind it."""
    return name == Path(name).name and (name == stem.name or name.startswith(f"{stem.name}."))


def _remove_stale(stem: Path) -> None:
    """Remove what killed processes left half-written: those whose lock nobody holds."""
    from filelock import Timeout

    for folder in stem.parent.glob(f".{glob.escape(stem.name)}.{_WRITING}-*"):
        if not _TOKEN.fullmatch(folder.name.rpartition("-")[2]) or folder.is_symlink() or not folder.is_dir():
            continue
        with suppress(Timeout), _lock(folder / _LOCK).acquire(timeout=0):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(stem: Path) -> Iterator[None]:
    """Hold the lock under which folders of a stem are made, moved and removed, by one process of one host at a time."""
    from filelock import Timeout

    lock = _lock(_hidden(stem, _LOCK))
    try:
        lock.acquire(timeout=_PATIENCE)
    except Timeout as error:
        raise OutputError(f"Another process has been moving files of {stem} for {_PATIENCE} s. Try again.") from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)  # while it is held: whoever waits notices, and makes it anew
        lock.release()


def _lock(path: Path) -> "FileLock":
    from filelock import FileLock

    return FileLock(path, thread_local=False)


def _hidden(stem: Path, state: str) -> Path:
    return stem.with_name(f".{stem.name}.{state}")


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let Ctrl-C and a cluster's SIGTERM wait until the files are in place."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
