"""Train the autoencoder by a recipe in either framework: watched, kept, stopped and gone on with."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from finta.configurations import Configuration
from finta.devices import ONE, Devices
from finta.errors import TrainingError
from finta.monitoring import Monitor
from finta.recipe import Contrastive, Recipe, Triplet
from finta.run_folders import Position, RunFolder
from finta.steps import Evaluation, Step
from finta.validation import Validation, validate
from porting.errors import first_line
from tractography import sampling
from tractography.batches import write_batches
from tractography.errors import TractographyError
from tractography.feeds import Batch, BatchFeed
from tractography.sources import BatchSource

FRAMEWORKS = ("keras", "torch")
ENDS = ("", "stopped early", "SIGINT", "SIGTERM")
"""Why a run ends before its last step; where processes differ the last of these holds for all."""
SKIPPED = 50
"""Steps in succession that mixed_float16 may skip; it halves the loss's scale at each, from 2^15 to below 2^-34."""

_COMPUTING = ("latent_size", "precision", "compiled", "validation_steps")
"""Settings of a run that its numbers depend on."""

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
    speaks : bool
        Whether it is for this process to tell; of several the first does.
    """

    position: Position
    end: str
    best: Path | None
    speaks: bool = True


def train(
    configuration: Configuration,
    batches: Path,
    output: Path,
    *,
    framework: str = "keras",
    resume: bool = False,
    start: Start | None = None,
    distributed: bool = False,
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
    distributed : bool
        Train on all devices, and with all processes that were started for it: see `keras_model.devices`.
    on_step : callable

    Raises
    ------
    BatchError
        If the batches cannot be used.
    TrainingError
        If the run cannot be started or gone on with, its loss is no longer finite, or its files cannot be written.
    """
    precision = configuration.run.precision
    with _in_force(framework, precision, distributed) as devices, BatchSource(batches) as source:
        folder = RunFolder(output, is_writer=devices.is_first)
        run = _Run.prepare(configuration, source, folder, framework, devices)
        position = run.go_back() if resume else run.begin(start)
        events = Monitor(folder.tensorboard, position.step, is_writer=devices.is_first)
        with events as monitor, _held_signals() as stop:
            return run.go_on(position, monitor, stop, on_step)


@contextmanager
def _in_force(framework: str, precision: str, distributed: bool) -> Iterator[Devices]:
    """Have in force what a model must be built under: the devices, and 64 bits where they are asked for."""
    if framework == "torch":
        if distributed:
            raise TrainingError("The torch reference trains on one device. Leave out --distributed, or --framework.")
        yield ONE
        return
    from keras_model.devices import all_devices
    from porting import keras_side

    with ExitStack() as stack:
        devices = ONE
        if distributed:
            try:
                devices = stack.enter_context(all_devices())
            except ValueError as error:
                raise TrainingError(f"Cannot train on all devices: {error}.") from error
        if precision == "float64":
            stack.enter_context(keras_side.precision(precision))
        yield devices


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
    recipe, run = replace(configuration.recipe, steps_per_epoch=steps_per_epoch), configuration.run
    how: Any = {"latent_size": run.latent_size, "point_count": point_count, "precision": run.precision}
    if framework == "torch":
        from reference_torch import trainer as torch_trainer

        return torch_trainer.build_trainer(recipe, **how)
    from keras_model import trainer as keras_trainer

    return keras_trainer.build_trainer(recipe, compiled=run.compiled, **how)


@dataclass(slots=True)
class _Run:
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
    ) -> "_Run":
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
        about["framework"] = _framework(framework)
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
        history = {"start": start.path.name} if start else {}
        self._together(lambda: self.folder.start(self.about, history))
        self._keep(position)
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

    def _end(self, position: Position, stop: "_Stop") -> str:
        """Why the run is to end here, in all processes; empty if it is not."""
        patience = self.configuration.run.patience
        is_early = patience is not None and position.epochs_since_best >= patience
        asked = stop.signal or ("stopped early" if is_early else "")
        return ENDS[self.devices.greatest(ENDS.index(asked))]

    def _keep(self, position: Position) -> None:
        state = self.trainer.state()
        self._together(lambda: self.folder.keep(position, state))

    def _together(self, write: Callable[[], Any]) -> None:
        """Write, in the process that does; where it cannot, no process goes on."""
        failure = None
        try:
            write()
        except TrainingError as error:
            failure = error
        if self.devices.greatest(failure is not None):
            raise failure or TrainingError("The process that writes the run could not; its message says why.")

    def _validate(self, position: Position, monitor: Monitor, stop: "_Stop", on_step: OnStep) -> Position:
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
