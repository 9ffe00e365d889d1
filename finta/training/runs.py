"""A run: its steps, its validations, what it keeps, and why it ends; in one process or in several that agree."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from finta.devices import Devices
from finta.errors import TrainingError
from finta.recipe import Recipe
from finta.steps import Step
from finta.training.configurations import Configuration
from finta.training.feeding import feeds_of
from finta.training.monitoring import Monitor
from finta.training.run_folders import Position, RunFolder
from finta.training.signals import Stop
from finta.training.trainers import Trainer, build_trainer, name_framework
from finta.training.validation import Validation, validate
from porting.errors import PortingError
from tractography.batches.batches import write_batches
from tractography.batches.feeds import Batch, BatchFeed
from tractography.batches.sources import BatchSource
from tractography.errors import TractographyError

ENDS = ("", "stopped early", "SIGINT", "SIGTERM")
"""Why a run ends before its last step; where processes differ the last of these holds for all."""

SKIPPED = 50
"""Steps in succession that mixed_float16 may skip; it halves the loss's scale at each, from 2^15 to below 2^-34."""

_COMPUTING = ("latent_size", "precision", "compiled", "validation_steps")
"""Settings of a run that its numbers depend on."""

Result = TypeVar("Result")

OnStep = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, of how much."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a run starts from instead of new weights.

    Attributes
    ----------
    path : Path
        A model in the framework's format.
    with_optimiser : bool
        Whether its optimiser goes on, too: at the step of the recipe that it has come to.
    """

    path: Path
    with_optimiser: bool = False


@dataclass(frozen=True, slots=True)
class Training:
    """How a run ended.

    Attributes
    ----------
    position : Position
    end : str
        "finished", "stopped early", or the name of the signal that stopped it.
    best : Path or None
        The model of lowest validation loss; None before the first validation.
    speaks : bool
        Whether it is for this process to tell; of several the first does.
    """

    position: Position
    end: str
    best: Path | None
    speaks: bool = True


@dataclass(slots=True)
class Run:
    """All that a run works with."""

    configuration: Configuration
    trainer: Trainer
    training: BatchFeed
    validation: BatchFeed
    folder: RunFolder
    about: dict[str, Any]
    devices: Devices
    skipped: int = 0

    @classmethod
    def prepare(
        cls, configuration: Configuration, source: BatchSource, folder: RunFolder, framework: str, devices: Devices
    ) -> "Run":
        """Make all that a run needs."""
        _check_shares(configuration.recipe, devices.count)
        try:
            training, validation = feeds_of(configuration, source)
            trainer = build_trainer(configuration, source.point_count, len(training), framework)
        except TractographyError:
            raise
        except ValueError as error:
            raise TrainingError(f"This recipe cannot be trained: {error}.") from error
        settings = configuration.as_json()
        computing = {name: settings["run"][name] for name in _COMPUTING}
        about = {"recipe": settings["recipe"], "run": computing, "batches": source.digest}
        about["framework"] = name_framework(framework)
        return cls(configuration, trainer, training, validation, folder, about, devices)

    @property
    def total(self) -> int:
        """Steps of the whole training."""
        return self.configuration.recipe.epochs * len(self.training)

    @property
    def _is_summed(self) -> bool:
        return self.configuration.recipe.reduction == "sum"

    def begin(self, start: Start | None) -> Position:
        """Start in an empty folder."""
        position = Position(step=self._load(start)) if start else Position()
        self._together(lambda: self.folder.start(self._about(start)))
        self._keep(position)
        return position

    def _about(self, start: Start | None) -> dict[str, Any]:
        """What a run is of; where it started from is compared only if it is given again."""
        return self.about | ({"start": start.path.name} if start else {})

    def _load(self, start: Start) -> int:
        """Take over a model; the steps that lie behind it."""
        try:
            steps = self.trainer.load(start.path, with_optimiser=start.with_optimiser)
        except (ValueError, OSError, PortingError) as error:
            remedy = "porting convert makes one of a checkpoint, porting export the checkpoint of a .keras file"
            kind = f"this run starts from {self.trainer.suffix} files of its own sizes; {remedy}"
            raise TrainingError(f"{start.path} cannot be started from: {str(error).rstrip('.')}.\n({kind}.)") from error
        if steps >= self.total:
            raise TrainingError(
                f"{start.path} has taken {steps:,} steps, the recipe has {self.total:,}. Give more epochs."
            )
        return steps

    def go_back(self, start: Start | None) -> Position:
        """Go on with what the folder holds; all processes with the same."""
        position, state = self._together(lambda: self.folder.go_on(self._about(start)))
        if self.devices.greatest(position.step) != -self.devices.greatest(-position.step):
            raise TrainingError(
                f"The processes read different states of {self.folder.path}: its disk does not show all the same. "
                "Try again when it does."
            )
        try:
            self.trainer.load_state(state)
        except ValueError as error:
            raise TrainingError(f"{self.folder.path} holds a state of another model or optimiser: {error}.") from error
        return position

    def watch(self, position: Position) -> Monitor:
        """Open the run's events."""
        folder, step, is_writer = self.folder.tensorboard, position.step, self.devices.is_first
        return self._together(lambda: Monitor(folder, step, is_writer=is_writer))

    def go_on(self, position: Position, monitor: Monitor, stop: Stop, on_step: OnStep) -> Training:
        """Take all steps that are left."""
        kept, end = position, self._end(position, stop)
        if position.is_validation_due and not end:
            position = self._validate(position, monitor, stop, on_step)
            end = self._end(position, stop)
        left = () if end else self.training.batches(position.step, self.total, workers=self.configuration.run.workers)
        for batch in left:
            position = self._take_step(position, batch, monitor)
            on_step(f"epoch {batch.step // len(self.training) + 1}", position.step, self.total)
            if position.is_validation_due:
                position = self._validate(position, monitor, stop, on_step)
            end = self._end(position, stop)
            if end or position.step - kept.step >= self.configuration.run.checkpoint_every:
                self._keep(position)
                kept = position
            if end:
                break
        if position != kept:
            self._keep(position)
        best = self.folder.path / f"best{self.trainer.suffix}"
        return Training(position, end or "finished", best if best.is_file() else None, self.devices.is_first)

    def _take_step(self, position: Position, batch: Batch, monitor: Monitor) -> Position:
        figures = self.trainer.step(batch.streamlines)
        self._check_finite(batch, figures)
        self._check_skipped(figures)
        step = batch.step + 1
        count = len(batch.streamlines) if self._is_summed else 1
        self._together(lambda: monitor.take_step(step, figures, count))
        epoch, left = divmod(step, len(self.training))
        is_due = not left and epoch % self.configuration.run.validate_every == 0
        return replace(position, step=step, is_validation_due=is_due)

    def _end(self, position: Position, stop: Stop) -> str:
        """Why the run is to end here, in all processes; empty if it is not."""
        patience = self.configuration.run.patience
        is_early = patience is not None and position.epochs_since_best >= patience
        asked = stop.signal or ("stopped early" if is_early else "")
        return ENDS[self.devices.greatest(ENDS.index(asked))]

    def _keep(self, position: Position) -> None:
        state = self.trainer.state()
        self._together(lambda: self.folder.keep(position, state))

    def _together(self, act: Callable[[], Result]) -> Result:
        """Read or write; where a process cannot, none goes on."""
        result, failure = None, None
        try:
            result = act()
        except Exception as error:
            failure = error
        if self.devices.greatest(failure is not None):
            raise failure or TrainingError("Another process could not read or write the run; its message says why.")
        return cast(Result, result)

    def _validate(self, position: Position, monitor: Monitor, stop: Stop, on_step: OnStep) -> Position:
        """The position behind the validation, or the same where it was stopped."""

        def is_stopped(number: int) -> bool:
            on_step("validating", number, len(self.validation))
            return bool(self._end(position, stop))

        found = validate(self.trainer, self.validation, is_summed=self._is_summed, is_stopped=is_stopped)
        if found is None:
            return position
        if not np.isfinite([*found.losses.values(), found.latent_codes.sum()]).all():
            raise TrainingError(
                f"The model of step {position.step} gives no finite losses on the thres split; the last state "
                f"before it is under {self.folder.path}. Lower the learning rate or clip gradients (clip_norm)."
            )
        after = position.validated(position.step // len(self.training), found.losses["total"])
        self._together(lambda: self._report(after, found, monitor))
        return after

    def _report(self, position: Position, found: Validation, monitor: Monitor) -> None:
        monitor.validate(position.step, found, self.configuration.run.pictured)
        epoch, loss = position.best_epoch, position.best_loss
        if not position.epochs_since_best:
            self.folder.place(f"best{self.trainer.suffix}", lambda path: self.trainer.save(path, epoch, loss))

    def _check_skipped(self, figures: Step) -> None:
        self.skipped = self.skipped + 1 if figures.is_skipped else 0
        if self.skipped >= SKIPPED:
            raise TrainingError(
                f"{SKIPPED} steps in succession were skipped: their gradients are not finite in mixed_float16 at any "
                "scale of the loss.\nTrain with precision mixed_bfloat16 or float32."
            )

    def _check_finite(self, batch: Batch, figures: Step) -> None:
        is_finite = np.isfinite(list(figures.losses.values())).all()
        if is_finite and (np.isfinite(figures.gradient_norm) or figures.is_skipped):
            return
        path = self.folder.place(
            "not_finite.h5", lambda path: write_batches(path, {"train": {f"step_{batch.step}": batch.streamlines}})
        )
        losses = ", ".join(f"{name} {value}" for name, value in figures.losses.items())
        raise TrainingError(
            f"Step {batch.step + 1} is not finite: {losses}, gradient norm {figures.gradient_norm}.\n"
            f"Its batch is kept in {path}, the last state before it under {self.folder.path}.\n"
            "Lower the learning rate or clip gradients (clip_norm)."
        )


def _check_shares(recipe: Recipe, count: int) -> None:
    """Refuse batches of which each device would have to compute all."""
    groups = recipe.latent.groups if recipe.latent else 1
    if recipe.batch_size % (groups * count):
        raise TrainingError(
            f"batch_size={recipe.batch_size} cannot be shared by {count} devices: make it a multiple of "
            f"{groups * count}, or show the run fewer devices (CUDA_VISIBLE_DEVICES)."
        )
