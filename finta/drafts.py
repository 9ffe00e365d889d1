"""What a file or folder is until it is finished: its name, who works on it, and what it was begun with."""

import fcntl
import hashlib
import json
import os
from pathlib import Path

from porting.errors import OutputError


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
    before, now = json.loads(begun), json.loads(wanted)
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    differences = "\n".join(f"  {name}: {before.get(name)!r}, now {now.get(name)!r}" for name in names)
    raise OutputError(
        f"{path} was begun otherwise:\n{differences}\n"
        f"Give what it was begun with, or remove {draft_of(path)} to start again."
    )


def locked(path: Path) -> int:
    """Open a file for this process alone: its descriptor, to be closed.

    Raises
    ------
    OutputError
        If another process has it.
    """
    lock = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise OutputError(f"Another process is writing {path}. Let it end, or choose another --output.") from error
    return lock


def digest_of(path: Path) -> str:
    """SHA-256 of a file, by which it is known again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
