"""The folder of a training run: its configuration, its states to go on from, its best model, its events.

``configuration.json`` says what is trained on what; ``states/step-N.safetensors`` holds everything that the steps
behind N depend on; ``best.keras`` or ``best.pt`` is the model of lowest validation loss; ``tensorboard/`` is to watch.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from finta.errors import TrainingError
from finta.training.configurations import differences
from porting.errors import reason_of
from porting.files.bounds import parse_json, read_json
from porting.files.placement import library_writes, written_whole
from porting.files.schemas import ANYTHING, COUNT, FLAG, Each, Kind, check_schema, is_number
from porting.files.tensor_files import read_header

KEPT = 2
"""States that are kept: should the newest be damaged, there is another."""

_CONFIGURATION, _STATES = "configuration.json", "states"


@dataclass(frozen=True, slots=True)
class Position:
    """How far a run has come.

    Attributes
    ----------
    step : int
        Steps taken.
    best_loss : float
        Lowest validation loss per streamline so far.
    best_epoch : int
        The epoch that it is of; 0 before the first validation.
    epochs_since_best : int
        Validations since then.
    is_validation_due : bool
        Whether the run was stopped in the validation behind this step, which is then to be done anew.
    """

    step: int = 0
    best_loss: float = float("inf")
    best_epoch: int = 0
    epochs_since_best: int = 0
    is_validation_due: bool = False

    def validated(self, epoch: int, loss: float) -> "Position":
        """The position behind a validation."""
        if loss < self.best_loss:
            return replace(self, best_loss=loss, best_epoch=epoch, epochs_since_best=0, is_validation_due=False)
        return replace(self, epochs_since_best=self.epochs_since_best + 1, is_validation_due=False)


_POSITION = {
    "step": COUNT,
    "best_loss": Kind("a number", lambda value: is_number(value) or value == float("inf")),
    "best_epoch": COUNT,
    "epochs_since_best": COUNT,
    "is_validation_due": FLAG,
}


def _position(text: str) -> Position:
    """Read a position.

    Raises
    ------
    ValueError
        If it is none.
    """
    held = parse_json(text)
    check_schema(held, _POSITION)
    return Position(**{name: held[name] for name in _POSITION})


class RunFolder:
    """A run's files. Each appears whole or not at all, and the last good state is only removed behind a newer one.

    Parameters
    ----------
    path : Path
    is_writer : bool
        Whether this process writes; of several that train together one does, and the others read.
    """

    def __init__(self, path: Path, *, is_writer: bool = True) -> None:
        self.path = path
        self.is_writer = is_writer
        self.tensorboard = path / "tensorboard"
        self._states = path / _STATES

    def start(self, about: Mapping[str, Any]) -> None:
        """Begin a run.

        Raises
        ------
        TrainingError
            If the folder holds a run, or cannot be written to.
        """
        if not self.is_writer:
            return
        if (self.path / _CONFIGURATION).exists():
            raise TrainingError(f"{self.path} holds a run. Go on with --resume, or choose another --output.")
        with self._writing():
            self._states.mkdir(parents=True, exist_ok=True)
        self.place(_CONFIGURATION, lambda path: path.write_text(json.dumps(about, indent=1) + "\n"))

    def go_on(self, about: Mapping[str, Any]) -> tuple[Position, dict[str, np.ndarray]]:
        """Read the newest state of a run that was begun alike in all that `about` holds, of JSON's types.

        Raises
        ------
        TrainingError
            If there is no run, none of its states can be read, or it was begun otherwise.
        """
        path = self.path / _CONFIGURATION
        if not path.is_file():
            raise TrainingError(f"{self.path} holds no run to go on with. Start one without --resume.")
        try:
            begun = read_json(path)
            check_schema(begun, Each(ANYTHING))
        except (OSError, ValueError) as error:
            raise TrainingError(f"{path} is damaged: {error}. Start again with another --output.") from error
        if found := list(differences({name: begun.get(name) for name in about}, about)):
            facts = "\n".join(f"  {line}" for line in found)
            raise TrainingError(
                f"{self.path} was begun otherwise:\n{facts}\nGive what it was begun with, or another --output."
            )
        return self._newest()

    def _newest(self) -> tuple[Position, dict[str, np.ndarray]]:
        damaged = []
        for path in sorted(self._states.glob("step-*.safetensors"), reverse=True):
            try:
                held = read_header(path)
                return _position(held.metadata.get("position", "")), held.read()
            except (OSError, ValueError) as error:
                damaged.append(f"{path.name}: {error}")
        facts = "; ".join(damaged) or "it stopped before its first checkpoint"
        raise TrainingError(f"{self.path} holds no state to go on from: {facts}. Start again with another --output.")

    def keep(self, position: Position, state: Mapping[str, np.ndarray]) -> None:
        """Write a state, and remove old ones.

        Raises
        ------
        TrainingError
            If it cannot be written; the states before it stay.
        """
        if not self.is_writer:
            return
        from safetensors.numpy import save

        named = {name: np.asarray(array, order="C") for name, array in state.items()}
        content = save(named, {"position": json.dumps(asdict(position))})
        self.place(f"{_STATES}/step-{position.step:09}.safetensors", lambda path: path.write_bytes(content))
        for old in sorted(self._states.glob("step-*.safetensors"))[:-KEPT]:
            with self._writing():
                old.unlink(missing_ok=True)

    def place(self, name: str, write: Callable[[Path], Any]) -> Path:
        """Write a file of the run by a function that is told where to; it replaces the one before.

        Raises
        ------
        TrainingError
            If it cannot be written; the one before stays.
        """
        path = self.path / name
        if not self.is_writer:
            return path
        with self._writing(), written_whole(path) as draft:
            write(draft)
        return path

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with library_writes():
                yield
        except OSError as error:
            raise TrainingError(
                f"Cannot write to {self.path}: {reason_of(error)}. What was kept before is whole: make room, "
                "then go on with --resume."
            ) from error
