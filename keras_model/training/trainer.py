"""Train an autoencoder step by step: each step compiled on the backend in use, with all its figures at hand."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from finta.recipe import Recipe
from finta.steps import Evaluation, Step, point_distances
from keras_model.autoencoder import Autoencoder, build_autoencoder
from keras_model.initialisation import initialise
from keras_model.loading import load_autoencoder
from keras_model.optimisers.states import SLOTS, carried
from keras_model.training.computation import Computation
from keras_model.training.devices import own_variables
from keras_model.training.runners import RUNNERS
from porting.jobs.optimisers.states import OptimiserState
from porting.port.side import array_of


class Trainer:
    """A recipe's steps on an autoencoder; `reference_torch.trainer` has the same in PyTorch.

    Within `keras_model.training.devices.all_devices` each step is of all devices, and all its figures are of the whole
    batch.

    Parameters
    ----------
    autoencoder : Autoencoder
        Trained in place. Its dtype policy may be a mixed one: with ``mixed_float16`` the loss is scaled.
    recipe : Recipe
    compiled : bool
        Compile the step: by XLA on TensorFlow and JAX. Keras' torch backend runs eagerly.

    Raises
    ------
    ValueError
        If the recipe has a setting that is out of range.
    """

    suffix = ".keras"

    def __init__(self, autoencoder: Autoencoder, recipe: Recipe, *, compiled: bool = True) -> None:
        self.autoencoder = autoencoder
        self.computation = Computation(autoencoder, recipe)
        self.groups = self.computation.groups
        self.optimiser = self.computation.optimiser
        self._runner = RUNNERS[keras.backend.backend()](self.computation, compiled)

    def step(self, streamlines: np.ndarray, *, with_gradients: bool = False) -> Step:
        """Take a step on a batch of streamlines, (streamline, point, coordinate) in RAS+ mm."""
        figures, gradients = self._runner.step(self._cast(streamlines), with_gradients)
        numbers = _numbers(figures)
        schedule = {name: numbers.pop(name) for name in ("learning_rate", "momentum", "gradient_norm")}
        paths = [variable.path for variable in self.autoencoder.trainable_variables][: len(gradients)]
        arrays = map(array_of, gradients)
        is_skipped = self.computation.is_scaled and not np.isfinite(schedule["gradient_norm"])
        return Step(numbers, **schedule, gradients=dict(zip(paths, arrays, strict=True)), is_skipped=is_skipped)

    def evaluate(self, streamlines: np.ndarray) -> Evaluation:
        """Reconstruct streamlines, (streamline, point, coordinate) in RAS+ mm, without learning from them."""
        latent_codes, reconstructions = self._runner.reconstruct(self._cast(streamlines))
        losses = _numbers(self.computation.losses(streamlines, reconstructions, latent_codes))
        return Evaluation(losses, point_distances(streamlines, reconstructions), latent_codes, reconstructions)

    def load_optimiser_state(self, state: OptimiserState) -> None:
        """Go on from what an optimiser carried; parameters by their paths. Quantities that it lacks become zeros.

        Raises
        ------
        ValueError
            If it is another kind of optimiser's.
        """
        own = {slot for slot in SLOTS if getattr(self.optimiser, slot, ())}
        if others := state.slots.keys() ^ own if state.steps_taken else state.slots.keys() - own:
            raise ValueError(
                f"its optimiser keeps {_listed(state.slots)}, the recipe's {_listed(own)}: {_listed(others)} differ"
            )
        iterations: Any = self.optimiser.iterations
        iterations.assign(state.steps_taken)
        paths = [variable.path for variable in self.autoencoder.trainable_variables]
        for slot in SLOTS:
            for path, variable in zip(paths, getattr(self.optimiser, slot, ()), strict=False):
                value = state.slots.get(slot, {}).get(path)
                variable.assign(np.zeros(variable.shape) if value is None else value)

    def optimiser_state(self) -> OptimiserState:
        """What the optimiser carries to the next step; parameters by their paths."""
        return carried(self.optimiser, self.autoencoder)

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the next steps depend on, by names that are the same in each process."""
        return {name: array_of(variable).copy() for name, variable in self._variables().items()}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state.

        Raises
        ------
        ValueError
            If it is another model's or optimiser's: nothing has been changed then.
        """
        held = self._variables()
        problems = [
            *(f"no {name}" for name in held.keys() - state),
            *(f"unknown {name}" for name in state.keys() - held),
        ]
        problems += [
            f"{name} has shape {state[name].shape}, must be {tuple(variable.shape)}"
            for name, variable in held.items()
            if name in state and state[name].shape != tuple(variable.shape)
        ]
        if problems:
            raise ValueError("; ".join(sorted(problems)[:5]))
        for name, variable in held.items():
            variable.assign(state[name])

    def save(self, path: Path, epoch: int, lowest_loss: float) -> None:
        """Write the autoencoder with its weights and its optimiser; ``load_autoencoder`` reads it."""
        with own_variables():  # Keras builds an optimiser to compare with, and only one process saves
            self.autoencoder.save(path)

    def load(self, path: Path, *, with_optimiser: bool) -> int:
        """Take over a saved autoencoder's weights, and on demand what its optimiser carries.

        Returns
        -------
        int
            Steps that the optimiser has taken; 0 without it.

        Raises
        ------
        ValueError
            If it is of another size or format, or holds no optimiser that can be gone on with.
        """
        saved = load_autoencoder(path, with_optimiser=with_optimiser)
        shapes = [(variable.path, tuple(variable.shape)) for variable in saved.weights]
        if shapes != [(variable.path, tuple(variable.shape)) for variable in self.autoencoder.weights]:
            own = self.autoencoder
            raise ValueError(
                f"it has {saved.latent_size} latent values of {saved.point_count} points, "
                f"the run {own.latent_size} of {own.point_count}"
            )
        if with_optimiser:
            self.load_optimiser_state(carried(saved.optimizer, saved))
        for ours, theirs in zip(self.autoencoder.weights, saved.weights, strict=True):
            ours.assign(theirs)
        return self.optimiser_state().steps_taken

    def _variables(self) -> dict[str, keras.Variable]:
        weights = {f"model/{variable.path}": variable for variable in self.autoencoder.weights}
        # Keras numbers optimisers anew: what stands before the slash is left out.
        held = enumerate(self.computation.applied.variables)
        return weights | {f"optimiser/{number} {v.path.partition('/')[2]}": v for number, v in held}

    def _cast(self, streamlines: np.ndarray) -> np.ndarray:
        return np.asarray(streamlines, self.autoencoder.policy.variable_dtype)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _numbers(figures: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(array_of(value)) for name, value in figures.items()}


def build_trainer(
    recipe: Recipe,
    *,
    latent_size: int = 32,
    point_count: int = 256,
    precision: str = "float32",
    compiled: bool = True,
) -> Trainer:
    """Build an autoencoder, initialised as PyTorch would from the recipe's seed, and its trainer.

    Parameters
    ----------
    recipe : Recipe
    latent_size, point_count : int
    precision : str
        Keras' dtype policy.
    compiled : bool
        As in `Trainer`.

    Raises
    ------
    ValueError
        If a size or setting is out of range.
    """
    autoencoder = build_autoencoder(latent_size, point_count, precision)
    initialise(autoencoder, recipe.seed)
    return Trainer(autoencoder, recipe, compiled=compiled)
