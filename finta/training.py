"""Train the autoencoder by a recipe in either framework: watched, kept, stopped and gone on with."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from finta.configurations import Configuration
from finta.errors import TrainingError
from finta.monitoring import Monitor
from finta.recipe import Contrastive, Recipe, Triplet
from finta.run_folders import Position, RunFolder
from finta.steps import Evaluation, Step
from finta.validation import validate
from porting.errors import first_line
from tractography import sampling
from tractography.batches import write_batches
from tractography.errors import TractographyError
from tractography.feeds import Batch, BatchFeed
from tractography.sources import BatchSource

FRAMEWORKS = ("keras", "torch")

OnStep = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, of how much."""


class Trainer(Protocol):
    """What either framework's trainer can do; see `keras_model.trainer`."""

    suffix: str

    def step(self, streamlines: np.ndarray, *, with_gradients: bool = False) -> Step:
        """Take a step on a batch of streamlines, (streamline, point, coordinate) in RAS+ mm."""
        ...

    def evaluate(self, streamlines: np.ndarray) -> Evaluation:
        """Reconstruct streamlines without learning from them."""
        ...

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the next steps depend on."""
        ...

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Go on from a state; ValueError if it is another model's."""
        ...

    def load(self, path: Path, *, with_optimiser: bool) -> int:
        """Take over a saved model's weights, and on demand what its optimiser carries; ValueError if it is another's.

        Returns the steps that the optimiser has taken.
        """
        ...

    def save(self, path: Path, epoch: int, lowest_loss: float) -> None:
        """Write the model."""
        ...


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
    """

    position: Position
    end: str
    best: Path | None


def train(
    configuration: Configuration,
    batches: Path,
    output: Path,
    *,
    framework: str = "keras",
    resume: bool = False,
    start: Start | None = None,
    on_step: OnStep = lambda doing, done, total: None,
) -> Training:
    """Train an autoencoder, from PyTorch's default initialisation unless told otherwise; keep what validates best.

    Parameters
    ----------
    configuration : Configuration
    batches : Path
        With splits ``train`` and ``thres``.
    output : Path
        The run's folder.
    framework : str
        ``keras`` on the backend in use, or ``torch``: the reference.
    resume : bool
        Go on from the newest state in the folder.
    start : Start, optional
        Start from a model: a converted checkpoint, or in torch the checkpoint itself.
    on_step : callable

    Raises
    ------
    BatchError
        If the batches cannot be used.
    TrainingError
        If the run cannot be started or gone on with, its loss is no longer finite, or its files cannot be written.
    """
    with BatchSource(batches) as source:
        run = _Run.prepare(configuration, source, RunFolder(output), framework)
        position = run.go_back() if resume else run.begin(start)
        with Monitor(run.folder.tensorboard, position.step) as monitor, _held_signals() as stop:
            return run.go_on(position, monitor, stop, on_step)


def sampling_of(recipe: Recipe) -> sampling.Sampling:
    """How a recipe draws its batches."""
    size, flip = recipe.batch_size, recipe.flip_probability
    if isinstance(recipe.latent, Contrastive):
        return sampling.Contrastive(size // recipe.latent.groups, flip)
    if isinstance(recipe.latent, Triplet):
        return sampling.Triplet(size // recipe.latent.groups, flip)
    return sampling.Balanced(size, flip) if recipe.steps_per_epoch else sampling.Shuffled(size, flip)


def feeds_of(configuration: Configuration, source: BatchSource) -> tuple[BatchFeed, BatchFeed]:
    """The batches to train on, and those to validate on: drawn alike, without flips, or the whole split in order."""
    recipe = configuration.recipe
    training = BatchFeed(source, "train", sampling_of(recipe), seed=recipe.seed, steps_per_epoch=recipe.steps_per_epoch)
    if recipe.latent is None:
        return training, BatchFeed(source, "thres", sampling.Ordered(recipe.batch_size))
    alike = sampling_of(replace(recipe, flip_probability=0.0))
    steps = configuration.run.validation_steps or 10
    return training, BatchFeed(source, "thres", alike, seed=recipe.seed, steps_per_epoch=steps)


def build_trainer(configuration: Configuration, point_count: int, steps_per_epoch: int, framework: str) -> Trainer:
    """Build an autoencoder with its trainer, initialised from the recipe's seed."""
    recipe = replace(configuration.recipe, steps_per_epoch=steps_per_epoch)
    sizes = {"latent_size": configuration.run.latent_size, "point_count": point_count}
    if framework == "torch":
        from reference_torch import trainer as torch_trainer

        return torch_trainer.build_trainer(recipe, precision=configuration.run.precision, **sizes)
    from keras_model import trainer as keras_trainer

    return keras_trainer.build_trainer(recipe, precision=configuration.run.precision, **sizes)


@dataclass(slots=True)
class _Run:
    """All that a run works with."""

    configuration: Configuration
    trainer: Trainer
    training: BatchFeed
    validation: BatchFeed
    folder: RunFolder
    about: dict[str, Any]

    @classmethod
    def prepare(cls, configuration: Configuration, source: BatchSource, folder: RunFolder, framework: str) -> "_Run":
        try:
            training, validation = feeds_of(configuration, source)
            trainer = build_trainer(configuration, source.point_count, len(training), framework)
        except TractographyError:
            raise
        except ValueError as error:
            raise TrainingError(f"This recipe cannot be trained: {error}.") from error
        settings = configuration.as_json()
        computing = {name: settings["run"][name] for name in ("latent_size", "precision", "validation_steps")}
        about = {"recipe": settings["recipe"], "run": computing, "batches": source.digest}
        about["framework"] = _framework(framework)
        return cls(configuration, trainer, training, validation, folder, about)

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
        self.folder.start(self.about, {"start": start.path.name} if start else {})
        self.folder.keep(position, self.trainer.state())
        return position

    def _load(self, start: Start) -> int:
        """Take over a model; the steps that lie behind it."""
        try:
            steps = self.trainer.load(start.path, with_optimiser=start.with_optimiser)
        except (ValueError, OSError) as error:
            remedy = "porting convert makes one of a checkpoint, porting export the checkpoint of a .keras file"
            kind = f"this run starts from {self.trainer.suffix} files of its own sizes; {remedy}"
            raise TrainingError(f"{start.path} cannot be started from: {first_line(error)}.\n({kind}.)") from error
        if steps >= self.total:
            raise TrainingError(
                f"{start.path} has taken {steps:,} steps, the recipe has {self.total:,}. Give more epochs."
            )
        return steps

    def go_back(self) -> Position:
        """Go on with what the folder holds."""
        position, state = self.folder.go_on(self.about)
        try:
            self.trainer.load_state(state)
        except ValueError as error:
            raise TrainingError(f"{self.folder.path} holds a state of another model or optimiser: {error}.") from error
        return position

    def go_on(self, position: Position, monitor: Monitor, stop: "_Stop", on_step: OnStep) -> Training:
        """Take all steps that are left."""
        settings, epoch_length = self.configuration.run, len(self.training)
        kept_at = position.step
        if self._is_early(position):
            return self._ended(position, "stopped early")
        for batch in self.training.batches(position.step, self.total, workers=settings.workers):
            figures = self.trainer.step(batch.streamlines)
            self._check_finite(batch, figures)
            position = replace(position, step=batch.step + 1)
            monitor.take_step(position.step, figures, len(batch.streamlines) if self._is_summed else 1)
            on_step(f"epoch {batch.step // epoch_length + 1}", position.step, self.total)
            epoch, left = divmod(position.step, epoch_length)
            if not left and epoch % settings.validate_every == 0:
                position = self._validate(position, epoch, monitor)
            is_early = self._is_early(position)
            if stop.signal or is_early or position.step - kept_at >= settings.checkpoint_every:
                self.folder.keep(position, self.trainer.state())
                kept_at = position.step
            if stop.signal or is_early:
                return self._ended(position, stop.signal or "stopped early")
        if position.step > kept_at:
            self.folder.keep(position, self.trainer.state())
        return self._ended(position, "finished")

    def _is_early(self, position: Position) -> bool:
        patience = self.configuration.run.patience
        return patience is not None and position.epochs_since_best >= patience

    def _validate(self, position: Position, epoch: int, monitor: Monitor) -> Position:
        found = validate(self.trainer, self.validation, is_summed=self._is_summed)
        if not np.isfinite([*found.losses.values(), found.latent_codes.sum()]).all():
            raise TrainingError(
                f"The model of step {position.step} gives no finite losses on the thres split; the last state "
                f"before it is under {self.folder.path}. Lower the learning rate or clip gradients (clip_norm)."
            )
        after = position.validated(epoch, found.losses["total"])
        monitor.validate(position.step, found, self.configuration.run.pictured)
        if after.best_epoch == epoch:
            self.folder.place(
                f"best{self.trainer.suffix}", lambda path: self.trainer.save(path, epoch, after.best_loss)
            )
        return after

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

    def _ended(self, position: Position, end: str) -> Training:
        best = self.folder.path / f"best{self.trainer.suffix}"
        return Training(position, end, best if best.is_file() else None)


def _framework(name: str) -> str:
    if name == "torch":
        return name
    import keras

    return f"keras on {keras.backend.backend()}"


@dataclass(slots=True)
class _Stop:
    """The signal that asks the run to stop; empty while there is none."""

    signal: str = ""


@contextmanager
def _held_signals() -> Iterator[_Stop]:
    """Let the step under way end before SIGTERM, which a cluster sends at its time limit, or SIGINT stops the run."""
    stop = _Stop()
    before: dict[int, Any] = {}

    def ask(number: int, frame: Any) -> None:
        stop.signal = signal.Signals(number).name
        signal.signal(number, before[number])  # who asks twice does not want to wait

    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
