"""Put several files in place as one: whoever looks sees the old files or the new ones, also after a crash.

Files are written into a hidden folder beside their destination. One rename of that folder commits them; then they move
into place one by one. Whoever finds a committed folder, because a crash left it, finishes the moves first.
"""

import os
import shutil
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from porting.errors import OutputError, reason_of

_WRITING, _COMMITTED, _SUPERSEDED = "writing", "committed", "superseded"


class Staging:
    """A hidden folder to write into; nothing of it is seen until `commit`."""

    def __init__(self, stem: Path, superseded: Sequence[str]) -> None:
        self._destination, self._superseded = stem, superseded
        self._folder = _hidden(stem, f"{_WRITING}-{os.getpid()}")
        self.stem = self._folder / stem.name

    def commit(self) -> tuple[Path, ...]:
        """Move what was written into place; superseded files that were not written anew are removed."""
        written = sorted(path.name for path in self._folder.iterdir())
        for name in written:
            _flush(self._folder / name)
        stem = self._destination
        superseded = set(self._superseded).difference(written)
        with _signals_held():
            (self._folder / _SUPERSEDED).write_text("\n".join(superseded))
            os.rename(self._folder, _hidden(stem, _COMMITTED))
            finish_moves(stem)
        return tuple(stem.parent / name for name in written)


@contextmanager
def staging(stem: Path, superseded: Sequence[str] = ()) -> Iterator[Staging]:
    """Give a place to write files into that are called `stem` and a suffix; without a commit nothing is left of it.

    Parameters
    ----------
    stem : Path
        Where the files go, without their suffixes.
    superseded : sequence of str
        Names of older files of the set, which a commit removes if it does not replace them.

    Raises
    ------
    OutputError
        If the folder, or the disk, does not take the files.
    """
    finish_moves(stem)
    folder = _hidden(stem, f"{_WRITING}-{os.getpid()}")
    new_folders = [parent for parent in stem.parents if not parent.exists()]
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(stem)
        folder.mkdir()
        yield Staging(stem, superseded)
    except OSError as error:
        raise OutputError(
            f"Cannot write {stem}: {reason_of(error)}. Nothing was changed; choose another --output or make room."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for parent in new_folders:
            with suppress(OSError):  # it holds what was committed
                parent.rmdir()


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a place to write one file to, of the same ending; it takes the place of `path`, or nothing is left of it."""
    place = path.resolve()
    draft = place.with_name(f".{_WRITING}-{os.getpid()}.{place.name}")
    try:
        yield draft
        _flush(draft)
        os.replace(draft, place)
    finally:
        draft.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text as a whole or not at all; into what is no file, a pipe or a terminal, directly.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text)
            return
        with written_whole(path) as draft:
            draft.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"Cannot write the report to {path}: {error.strerror}.") from error


@contextmanager
def library_writes() -> Iterator[None]:
    """Tell every library's failure to write as the OSError that it is: h5py, torch and safetensors raise their own."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        if type(error).__name__ not in ("RuntimeError", "SafetensorError"):
            raise
        raise OSError(reason_of(error)) from error


def check_free(paths: Iterable[Path], force: bool) -> None:
    """Refuse to replace files of one folder without `force`.

    Raises
    ------
    OutputError
        If any of them exists, or is a folder.
    """
    existing = [path for path in paths if path.exists()]
    if folders := [path.name for path in existing if path.is_dir()]:
        raise OutputError(f"{existing[0].parent} holds folders called {', '.join(folders)}. Choose another --output.")
    if existing and not force:
        names = ", ".join(path.name for path in existing)
        raise OutputError(
            f"{existing[0].parent} already holds {names}. Replace with --force, or choose another --output."
        )


def finish_moves(stem: Path) -> bool:
    """Finish moving committed files into place, where an earlier process was killed while it did.

    Returns
    -------
    bool
        Whether there was something to move.

    Raises
    ------
    OutputError
        If the folder does not let them.
    """
    if not (committed := _hidden(stem, _COMMITTED)).is_dir():
        return False
    try:
        _move(committed, stem.parent)
    except OSError as error:
        raise OutputError(f"Cannot move {committed} into place: {error.strerror}.") from error
    return True


def _move(committed: Path, folder: Path) -> None:
    if (superseded := committed / _SUPERSEDED).exists():
        for name in superseded.read_text().splitlines():
            (folder / name).unlink(missing_ok=True)
        superseded.unlink()
    for path in sorted(committed.iterdir(), reverse=True):  # the certificate last, so that a mixture is never certified
        with suppress(FileNotFoundError):  # another process is finishing the same moves
            os.replace(path, folder / path.name)
    with suppress(FileNotFoundError):
        committed.rmdir()


def _remove_stale(stem: Path) -> None:
    """Remove what killed processes left half-written."""
    for folder in stem.parent.glob(f".{stem.name}.{_WRITING}-*"):
        if not _is_running(int(folder.name.rpartition("-")[2])):
            shutil.rmtree(folder, ignore_errors=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _hidden(stem: Path, state: str) -> Path:
    return stem.with_name(f".{stem.name}.{state}")


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


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
