"""A folder of results that appears when all is in it, takes another's place, and can be gone on with after a crash."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from finta.coding.drafts import check_begun, draft_of, refusal_told
from porting.errors import OutputError
from porting.files.placement import check_apart

ASSIGNMENTS = "assignments.h5"
"""Name of the file of every streamline's label and distance; by it a folder is known that may be replaced."""


def check_folder(output: Path, inputs: Iterable[Path | None], *, force: bool, resume: bool) -> None:
    """Find out before any work whether a folder can be written, or gone on with.

    What it was to replace comes back where a process was killed as it put the new one in its place.

    Raises
    ------
    OutputError
        If it exists and may not be replaced, since `force` is not given, it holds no results, or an input lies in it;
        if there is nothing to go on with, or something that `resume` would go on with.
    """
    if (old := _replaced(output)).exists() and not output.exists():
        os.rename(old, output)
    if output.exists() and not force:
        raise OutputError(f"{output} exists. Replace it with --force, or choose another --output.")
    check_begun(output, resume=resume)
    if output.exists() and not (output / ASSIGNMENTS).is_file():
        raise OutputError(f"{output} holds no results that could be replaced. Choose another --output.")
    check_apart([output], inputs)


@contextmanager
def folder_written(output: Path) -> Iterator[Path]:
    """Give a folder to write to, which is called `output` when all is in it; what is left of it can be gone on with.

    Raises
    ------
    OutputError
        If there is no room.
    """
    folder, old = draft_of(output), _replaced(output)
    try:
        with refusal_told(output, lambda: any(folder.glob("*"))):
            folder.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(old, ignore_errors=True)
            yield folder
            if output.exists():
                os.rename(output, old)
            os.rename(folder, output)
            shutil.rmtree(old, ignore_errors=True)
    finally:
        with suppress(OSError):  # it holds what can be gone on with
            folder.rmdir()


def _replaced(output: Path) -> Path:
    return output.with_name(f".{output.name}.replaced")
