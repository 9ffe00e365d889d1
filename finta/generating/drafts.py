"""What bundles a run has finished, kept in a hidden folder until all are written, so that it can be gone on with."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from finta.coding.drafts import check_begun, check_begun_alike, draft_of, locked, refusal_told
from porting.errors import OutputError
from porting.files.array_files import check_array_file
from porting.files.bounds import UNREADABLE, parse_json
from porting.files.placement import written_whole
from porting.files.staging import OwnNames, finish_moves
from tractography.errors import GenerationError
from tractography.generating.generated import Generated, Round

_BEGUN = "begun.json"
"""What the run was begun with; a folder without it is what a finished run was about to remove."""

_PREFIX = "bundle-"


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A bundle that streamlines were generated of.

    Attributes
    ----------
    generated : Generated
    pictured : ndarray, (streamline, point, coordinate), RAS+ mm
        Some of the streamlines that the seeds are of, for its picture.
    skipped : int
        Streamlines of the input that could not be encoded.
    """

    generated: Generated
    pictured: np.ndarray
    skipped: int


def place_of(output: Path) -> Path:
    """By this name a run's files go into a folder together; the folder may hold others."""
    return output / "generated"


def own_names(output: Path) -> OwnNames:
    """How a run's files come into place: its mark goes first, the summary comes last, so that where it is, all are."""
    return OwnNames(draft_of(place_of(output)) / _BEGUN, last="summary.json")


def check_draft(output: Path, *, resume: bool) -> None:
    """Find out whether something was begun in a folder, and should be, after what was killed at its end is ended.

    Raises
    ------
    OutputError
        If there is nothing to go on with, or something that `resume` would go on with.
    """
    is_finished = finish_moves(place_of(output), own_names=own_names(output))
    draft = draft_of(place_of(output))
    if draft.is_dir() and not (draft / _BEGUN).exists():
        shutil.rmtree(draft, ignore_errors=True)
    if resume and is_finished:
        raise OutputError(f"{output} is complete: the run was cut off as its files came into place, and now they have.")
    check_begun(place_of(output), resume=resume)


@contextmanager
def drafts(output: Path, about: Mapping[str, Any], *, resume: bool) -> Iterator["Drafts"]:
    """Begin a run, or go on with it if it was begun with the same; what is finished is kept if it is cut off.

    Raises
    ------
    OutputError
        If it was begun otherwise, another process is at it, or there is no room.
    """
    place, text = place_of(output), json.dumps(about, sort_keys=True, indent=1)
    draft = draft_of(place)
    new = [folder for folder in draft.parents if not folder.exists()]
    with ExitStack() as ending:
        ending.callback(_remove_empty, new)
        with refusal_told(place, lambda: resume):
            if not resume:
                _begin(draft, text)
            lock = locked(draft / _BEGUN, place)
            ending.callback(os.close, lock)
        check_begun_alike(place, (draft / _BEGUN).read_text(encoding="utf-8"), text)
        held = Drafts(place, lock)
        ending.callback(held.leave)
        try:
            yield held
        except GenerationError:
            held.remove()  # with the same bundles and settings it would end so again
            raise


def _begin(draft: Path, text: str) -> None:
    fresh = draft.with_name(f"{draft.name}-{secrets.token_hex(8)}")
    try:
        fresh.mkdir(parents=True)
        with written_whole(fresh / _BEGUN) as file:
            file.write_text(text, encoding="utf-8")
        os.rename(fresh, draft)  # of two processes that begin at once one fails
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):  # it holds what was written, or can be gone on with
            folder.rmdir()


class Drafts:
    """Finished bundles, a file each."""

    def __init__(self, place: Path, lock: int) -> None:
        self._place, self._folder, self._lock = place, draft_of(place), lock

    def _path(self, bundle: str) -> Path:
        return self._folder / f"{_PREFIX}{bundle}.npz"

    def __contains__(self, bundle: str) -> bool:
        return self._path(bundle).is_file()

    def has_any(self) -> bool:
        """Whether a bundle is finished."""
        return any(self._folder.glob(f"{_PREFIX}*"))

    def put(self, held: Finished) -> None:
        """Keep a bundle.

        Raises
        ------
        OutputError
            If the disk does not take it.
        """
        made = {field.name: getattr(held.generated, field.name) for field in fields(held.generated)}
        arrays: dict[str, Any] = {name: value for name, value in made.items() if isinstance(value, np.ndarray)}
        others = {name: value for name, value in made.items() if name not in arrays}
        others["rounds"] = [asdict(past) for past in held.generated.rounds]
        about = json.dumps({"generated": others, "skipped": held.skipped})
        with refusal_told(self._place, self.has_any), written_whole(self._path(held.generated.bundle)) as draft:
            np.savez(draft, **arrays, pictured=held.pictured, about=about)

    def get(self, bundle: str) -> Finished:
        """Give a bundle that was kept.

        Raises
        ------
        OutputError
            If its file is damaged.
        """
        path = self._path(bundle)
        try:
            check_array_file(path)
            with path.open("rb") as opened, np.load(opened) as file:
                return _finished({name: file[name] for name in file.files})
        except UNREADABLE as error:
            raise OutputError(f"{path} is damaged. Remove it: then {bundle} is generated anew.") from error

    def leave(self) -> None:
        """Remove the folder where nothing is finished, or all is in place; not one that another process has begun."""
        begun = self._folder / _BEGUN
        if not begun.exists() or (os.path.samestat(os.fstat(self._lock), begun.stat()) and not self.has_any()):
            self.remove()

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _finished(arrays: dict[str, Any]) -> Finished:
    """A bundle as `Drafts.put` keeps it."""
    about, pictured = parse_json(str(arrays.pop("about"))), arrays.pop("pictured")
    others = about["generated"]
    others["rounds"] = tuple(Round(**past) for past in others["rounds"])
    others["notes"] = tuple(others["notes"])
    return Finished(Generated(**arrays, **others), pictured, about["skipped"])
