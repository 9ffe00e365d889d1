"""Train the autoencoder by a recipe in either framework: watched, kept, stopped and gone on with."""

from pathlib import Path

from finta.training.configurations import Configuration
from finta.training.run_folders import RunFolder
from finta.training.runs import OnStep, Run, Start, Training
from finta.training.signals import held_signals
from finta.training.trainers import in_force
from tractography.batches.sources import BatchSource


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
        Train on all devices, and with all processes that were started for it: see `keras_model.training.devices`.
    on_step : callable

    Raises
    ------
    BatchError
        If the batches cannot be used.
    TrainingError
        If the run cannot be started or gone on with, its loss is no longer finite, or its files cannot be written.
    """
    precision = configuration.run.precision
    with in_force(framework, precision, distributed) as devices, BatchSource(batches) as source:
        folder = RunFolder(output, is_writer=devices.is_first)
        run = Run.prepare(configuration, source, folder, framework, devices)
        position = run.go_back(start) if resume else run.begin(start)
        with run.watch(position) as monitor, held_signals() as stop:
            return run.go_on(position, monitor, stop, on_step)
