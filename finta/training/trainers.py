"""What trains an autoencoder, in either framework, and what it must be built under."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from finta.devices import ONE, Devices
from finta.errors import TrainingError
from finta.steps import Evaluation, Step
from finta.training.configurations import Configuration

FRAMEWORKS = ("keras", "torch")


class Trainer(Protocol):
    """What either framework's trainer can do; see `keras_model.training.trainer`."""

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


def build_trainer(configuration: Configuration, point_count: int, steps_per_epoch: int, framework: str) -> Trainer:
    """Build an autoencoder with its trainer, initialised from the recipe's seed."""
    recipe, run = replace(configuration.recipe, steps_per_epoch=steps_per_epoch), configuration.run
    how: Any = {"latent_size": run.latent_size, "point_count": point_count, "precision": run.precision}
    if framework == "torch":
        from reference_torch import trainer as torch_trainer

        return torch_trainer.build_trainer(recipe, **how)
    from keras_model.training import trainer as keras_trainer

    return keras_trainer.build_trainer(recipe, compiled=run.compiled, **how)


@contextmanager
def in_force(framework: str, precision: str, distributed: bool) -> Iterator[Devices]:
    """Have in force what a model must be built under: the devices, and 64 bits where they are asked for."""
    if framework == "torch":
        if distributed:
            raise TrainingError("The torch reference trains on one device. Leave out --distributed, or --framework.")
        yield ONE
        return
    from keras_model.training.devices import all_devices
    from porting.port import side as keras_side

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


def name_framework(name: str) -> str:
    """The framework, with the backend in use."""
    if name == "torch":
        return name
    import keras

    return f"keras on {keras.backend.backend()}"
