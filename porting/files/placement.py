"""Where files may go, and single files that appear as a whole or not at all; `staging` does the same for several."""

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from porting.errors import OutputError, reason_of


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a place to write one file to, of the same ending; it takes the place of `path`, or nothing is left of it."""
    place = path.resolve()
    draft = place.with_name(f".writing-{secrets.token_hex(8)}.{place.name}")
    try:
        yield draft
        flush(draft)
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
    places = list(paths)
    for path in places:
        check_name(path)
    existing = [path for path in places if path.exists()]
    if folders := [path.name for path in existing if path.is_dir()]:
        raise OutputError(f"{existing[0].parent} holds folders called {', '.join(folders)}. Choose another --output.")
    if existing and not force:
        names = ", ".join(path.name for path in existing)
        raise OutputError(
            f"{existing[0].parent} already holds {names}. Replace with --force, or choose another --output."
        )


def check_name(path: Path) -> None:
    """Refuse a name that no file system takes, with room for what stands before and behind it while it is written.

    Raises
    ------
    OutputError
        If it holds NUL or is too long.
    """
    if "\0" in str(path):
        raise OutputError("A path cannot hold the character NUL. Choose another --output.")
    if len(os.fsencode(path)) > _LONGEST_PATH or any(len(os.fsencode(part)) > 255 for part in path.parent.parts):
        raise OutputError(f"{str(path)[:40]}... is longer than a path can be. Choose a shorter --output.")
    if len(os.fsencode(path.name)) > _LONGEST_NAME:
        raise OutputError(f"{path.name[:40]}... is longer than {_LONGEST_NAME} bytes. Choose a shorter --output.")


_LONGEST_NAME, _LONGEST_PATH = 200, 3800


def check_apart(outputs: Iterable[Path], inputs: Iterable[Path | None]) -> None:
    """Refuse, before any work, to write where something is read, or two things into one place.

    Raises
    ------
    OutputError
        If an input is, or lies in, what is to be written, or two outputs are one place.
    """
    written: dict[Path, Path] = {}
    for place in outputs:
        check_name(place)
        if place.resolve() in written:
            raise OutputError(f"{place} is to be written twice. Give each output a place of its own.")
        written[place.resolve()] = place
    for given in filter(None, inputs):
        for resolved, place in written.items():
            same = place.exists() and given.exists() and place.samefile(given)
            if same or given.resolve().is_relative_to(resolved):
                raise OutputError(f"{given} would be replaced by {place}. Choose another place to write to.")


def flush(path: Path) -> None:
    """Wait until a file's bytes are on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
