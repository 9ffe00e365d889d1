"""What a file or folder is until it is finished: its name, who works on it, and what it was begun with."""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from porting.errors import OutputError, reason_of
from porting.evidence.certificates import hash_file
from porting.files.bounds import parse_json
from porting.files.schemas import ANYTHING, Each, check_schema


def draft_of(path: Path) -> Path:
    """The name that a file or folder has until it is finished."""
    return path.with_name(f".{path.name}.unfinished")


def check_begun(path: Path, *, resume: bool) -> None:
    """Find out whether there is a draft, and should be.

    Raises
    ------
    OutputError
        If there is nothing to go on with, or something that `resume` would go on with.
    """
    draft = draft_of(path)
    if resume and not draft.exists():
        raise OutputError(f"Nothing was left of {path} to go on with. Start without --resume.")
    if draft.exists() and not resume:
        raise OutputError(f"{path} was begun and not finished. Go on with --resume, or remove {draft} to start again.")


def check_begun_alike(path: Path, begun: str, wanted: str) -> None:
    """Compare what a draft was begun with to what it is to be gone on with, both as JSON objects.

    Raises
    ------
    OutputError
        If they differ; it names what differs.
    """
    if begun == wanted:
        return
    try:
        before, now = parse_json(begun), json.loads(wanted)
        check_schema(before, Each(ANYTHING))
    except ValueError as error:
        raise OutputError(f"{draft_of(path)} is damaged: {error}. Remove it to start again.") from error
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    differences = "\n".join(f"  {name}: {before.get(name)!r}, now {now.get(name)!r}" for name in names)
    raise OutputError(
        f"{path} was begun otherwise:\n{differences}\n"
        f"Give what it was begun with, or remove {draft_of(path)} to start again."
    )


def locked(file: Path, path: Path) -> int:
    """Open the file by which a process works on `path` alone: its descriptor, to be closed.

    Raises
    ------
    OutputError
        If another process has it.
    """
    lock = os.open(file, os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise OutputError(f"Another process is writing {path}. Let it end, or choose another --output.") from error
    return lock


@contextmanager
def refusal_told(path: Path, is_kept: Callable[[], bool]) -> Iterator[None]:
    """Say of a disk that does not take `path` what the reason is, and whether what is computed is kept.

    Raises
    ------
    OutputError
        In the place of an OSError, or of an error that one is behind.
    """
    try:
        yield
    except (OSError, OutputError) as error:
        if not (failure := _failure(error)):
            raise
        kept = "What is computed is kept: make room, then go on with --resume."
        remedy = kept if is_kept() else "Make room, or choose another --output."
        raise OutputError(f"Cannot write {path}: {reason_of(failure)}. {remedy}") from error


def _failure(error: BaseException | None) -> OSError | None:
    """The system's refusal to write behind an error; that another process has a file is none."""
    while error and not isinstance(error, OSError):
        error = error.__cause__
    return None if isinstance(error, BlockingIOError) else error


def identity_of(path: Path) -> str:
    """Name a file and its SHA-256, to tell whether what was begun with it can be gone on with."""
    return f"{path.name}, SHA-256 {hash_whole(path)}"


def hash_whole(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder, with their names: a TRX file may be one."""
    if not path.is_dir():
        return hash_file(path)
    held = {file.relative_to(path).as_posix(): hash_file(file) for file in path.rglob("*") if file.is_file()}
    return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()
