"""What of a training is to be watched in TensorBoard."""

from pathlib import Path
from typing import Any

import numpy as np

from finta.errors import TrainingError
from finta.pages.pictures import draw_latent_codes, draw_reconstructions
from finta.steps import Step
from finta.training.projector import write_codes
from finta.training.validation import Validation


class Monitor:
    """Writes events: losses, schedule and gradients of every step; distances, latent codes, pictures of validations.

    Parameters
    ----------
    folder : Path
    first_step : int
        Steps that are taken already: events of later ones, of a run that was interrupted, are hidden.
    is_writer : bool
        Whether this process writes; else nothing is done.
    """

    def __init__(self, folder: Path, first_step: int = 0, *, is_writer: bool = True) -> None:
        from tensorboardX import SummaryWriter

        self._folder, self._is_writer = folder, is_writer
        if not is_writer:
            return
        self._writer = SummaryWriter(str(folder), purge_step=first_step + 1 if first_step else None)

    def take_step(self, step: int, figures: Step, count: int) -> None:
        """Write the figures of a step; its losses are divided by a count."""
        if not self._is_writer:
            return
        losses = {f"train/{name}": value / count for name, value in figures.losses.items()}
        others = {name: getattr(figures, name) for name in ("learning_rate", "momentum", "gradient_norm")}
        self._check_alive()
        for name, value in (losses | {f"step/{name}": value for name, value in others.items()}).items():
            self._writer.add_scalar(name, value, step)

    def validate(self, step: int, found: Validation, pictured: int) -> None:
        """Write what a validation found: losses, distances in mm, latent codes, pictures."""
        if not self._is_writer:
            return
        for name, value in found.losses.items():
            self._writer.add_scalar(f"thres/{name}", value, step)
        distances = found.distances
        shown = {"mean": distances.mean(), "median": np.median(distances), "worst": distances.max()}
        for name, value in shown.items():
            self._writer.add_scalar(f"thres_mm/{name}", float(value), step)
        self._writer.add_histogram("thres_mm/distances", distances, step)
        codes = found.latent_codes.astype(np.float32)
        try:
            write_codes(self._folder, step, codes, found.classes)
        except OSError as error:
            raise self._failure() from error
        self._writer.add_figure("latent_codes", draw_latent_codes(codes, found.classes), step)
        curves = found.streamlines[:pictured], found.reconstructions[:pictured]
        self._writer.add_figure("reconstructions", draw_reconstructions(*curves), step)

    def _check_alive(self) -> None:
        """The thread that writes events ends where the disk is full, and whoever hands it more would wait for ever.

        Raises
        ------
        TrainingError
            If it has ended.
        """
        if not self._is_alive():
            raise self._failure()

    def _failure(self) -> TrainingError:
        return TrainingError(f"Cannot write events to {self._folder}. Make room, then go on with --resume.")

    def _is_alive(self) -> bool:
        writer: Any = self._writer.file_writer
        return writer.event_writer._worker.is_alive()

    def __enter__(self) -> "Monitor":
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_writer and self._is_alive():
            self._writer.close()
