"""Train an autoencoder step by step: each step compiled on the backend in use, with all its figures at hand."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from finta.recipe import Recipe
from finta.steps import Evaluation, Step, point_distances
from keras_model.autoencoder import Autoencoder, build_autoencoder
from keras_model.initialisation import initialise
from keras_model.loading import load_autoencoder
from keras_model.recipe import build_loss, build_optimiser
from porting.states import OptimiserState

_SLOTS = ("exp_avg", "exp_avg_sq", "momentum_buffer")


class Trainer:
    """A recipe's steps on an autoencoder; `reference_torch.trainer` has the same in PyTorch.

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
        self.objective = build_loss(recipe)
        self.optimiser = build_optimiser(recipe)
        is_scaled = autoencoder.policy.compute_dtype == "float16"
        self.applied = keras.optimizers.LossScaleOptimizer(self.optimiser) if is_scaled else self.optimiser
        self.applied.build(autoencoder.trainable_variables)
        autoencoder.compile(optimizer=self.applied)  # saved with it
        self._run = _RUNNERS[keras.backend.backend()](self, compiled)

    def step(self, streamlines: np.ndarray, *, with_gradients: bool = False) -> Step:
        """Take a step on a batch of streamlines, (streamline, point, coordinate) in RAS+ mm."""
        figures, gradients = self._run(self._cast(streamlines), with_gradients)
        numbers = _numbers(figures)
        schedule = {name: numbers.pop(name) for name in ("learning_rate", "momentum", "gradient_norm")}
        paths = [variable.path for variable in self.autoencoder.trainable_variables][: len(gradients)]
        arrays = map(_array, gradients)
        is_skipped = self.applied is not self.optimiser and not np.isfinite(schedule["gradient_norm"])
        return Step(numbers, **schedule, gradients=dict(zip(paths, arrays, strict=True)), is_skipped=is_skipped)

    def evaluate(self, streamlines: np.ndarray) -> Evaluation:
        """Reconstruct streamlines, (streamline, point, coordinate) in RAS+ mm, without learning from them."""
        latent_codes = self.autoencoder.encoder.predict_on_batch(self._cast(streamlines))
        reconstructions = self.autoencoder.decoder.predict_on_batch(latent_codes)
        losses = _numbers(self.losses(streamlines, reconstructions, latent_codes))
        return Evaluation(losses, point_distances(streamlines, reconstructions), latent_codes, reconstructions)

    def losses(self, streamlines: Any, reconstructions: Any, latent_codes: Any) -> dict[str, Any]:
        """The total and its parts."""
        parts = self.objective.parts(streamlines, reconstructions, latent_codes)
        return {"total": self.objective.total(parts), **parts}

    def load_optimiser_state(self, state: OptimiserState) -> None:
        """Go on from what an optimiser carried; parameters by their paths. Quantities that it lacks become zeros.

        Raises
        ------
        ValueError
            If it is another kind of optimiser's.
        """
        if others := [slot for slot in state.slots if not getattr(self.optimiser, slot, ())]:
            raise ValueError(f"{type(self.optimiser).__name__} keeps no {', '.join(others)}")
        iterations: Any = self.optimiser.iterations
        iterations.assign(state.steps_taken)
        paths = [variable.path for variable in self.autoencoder.trainable_variables]
        for slot in _SLOTS:
            for path, variable in zip(paths, getattr(self.optimiser, slot, ()), strict=False):
                value = state.slots.get(slot, {}).get(path)
                variable.assign(np.zeros(variable.shape) if value is None else value)

    def optimiser_state(self) -> OptimiserState:
        """What the optimiser carries to the next step; parameters by their paths."""
        return _carried(self.optimiser, self.autoencoder)

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the next steps depend on, by names that are the same in each process."""
        return {name: _array(variable).copy() for name, variable in self._variables().items()}

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
            raise ValueError(f"it has {saved.latent_size} latent values of {saved.point_count} points")
        if with_optimiser:
            self.load_optimiser_state(_carried(saved.optimizer, saved))
        for ours, theirs in zip(self.autoencoder.weights, saved.weights, strict=True):
            ours.assign(theirs)
        return self.optimiser_state().steps_taken

    def _variables(self) -> dict[str, keras.Variable]:
        weights = {f"model/{variable.path}": variable for variable in self.autoencoder.weights}
        held = enumerate(
            self.applied.variables
        )  # Keras numbers optimisers anew: what stands before the slash is left out
        return weights | {f"optimiser/{number} {v.path.partition('/')[2]}": v for number, v in held}

    def _cast(self, streamlines: np.ndarray) -> np.ndarray:
        return np.asarray(streamlines, self.autoencoder.policy.variable_dtype)

    def forward(self, streamlines: Any) -> tuple[Any, dict[str, Any]]:
        """The loss to differentiate, scaled where the precision asks for it, and all losses."""
        latent_codes = self.autoencoder.encoder(streamlines, training=True)
        losses = self.losses(streamlines, self.autoencoder.decoder(latent_codes, training=True), latent_codes)
        return self.applied.scale_loss(losses["total"]), losses

    def figures(self, losses: Mapping[str, Any], gradients: list[Any]) -> dict[str, Any]:
        """All figures of a step that is about to be taken."""
        scale = self.applied.dynamic_scale if self.applied is not self.optimiser else 1.0
        squares = [ops.sum(ops.square(gradient)) for gradient in gradients]
        own = {
            "learning_rate": self.optimiser.learning_rate,
            "momentum": self.optimiser.current_momentum(),
            "gradient_norm": ops.sqrt(sum(squares)) / scale,
        }
        return {**losses, **{name: ops.convert_to_tensor(value) for name, value in own.items()}}


def _carried(optimiser: Any, autoencoder: Autoencoder) -> OptimiserState:
    """What an optimiser carries to the next step; parameters by their paths."""
    optimiser = getattr(optimiser, "inner_optimizer", optimiser)  # of one that scales losses
    paths = [variable.path for variable in autoencoder.trainable_variables]
    slots = {
        slot: {path: _array(variable) for path, variable in zip(paths, held, strict=True)}
        for slot in _SLOTS
        if (held := getattr(optimiser, slot, ()))
    }
    return OptimiserState(int(_array(optimiser.iterations)), slots)


def _array(tensor: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor))


def _numbers(figures: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(_array(value)) for name, value in figures.items()}


def build_trainer(
    recipe: Recipe, *, latent_size: int = 32, point_count: int = 256, precision: str = "float32"
) -> Trainer:
    """Build an autoencoder, initialised as PyTorch would from the recipe's seed, and its trainer.

    Parameters
    ----------
    recipe : Recipe
    latent_size, point_count : int
    precision : str
        Keras' dtype policy.

    Raises
    ------
    ValueError
        If a size or setting is out of range.
    """
    autoencoder = build_autoencoder(latent_size, point_count, precision)
    initialise(autoencoder, recipe.seed)
    return Trainer(autoencoder, recipe)


Runner = Callable[[Any, bool], tuple[dict[str, Any], list[Any]]]
"""(streamlines, whether gradients are wanted) -> figures, gradients; takes the step."""


def _tensorflow_runner(trainer: Trainer, compiled: bool) -> Runner:
    import tensorflow as tf

    variables = trainer.autoencoder.trainable_variables

    def run(streamlines: Any, with_gradients: bool) -> tuple[dict[str, Any], list[Any]]:
        with tf.GradientTape() as tape:
            loss, losses = trainer.forward(streamlines)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        figures = trainer.figures(losses, gradients)
        trainer.applied.apply(gradients, variables)
        return figures, gradients if with_gradients else []

    # XLA's float64 convolutions are plain loops on a CPU, twenty times as slow as TensorFlow's own.
    is_wide = trainer.autoencoder.policy.compute_dtype == "float64"
    return tf.function(run, jit_compile=not is_wide) if compiled else run


def _jax_runner(trainer: Trainer, compiled: bool) -> Runner:
    import jax

    variables, optimiser = trainer.autoencoder.trainable_variables, trainer.applied

    def forward(values: list[Any], held: list[Any], streamlines: Any) -> tuple[Any, dict[str, Any]]:
        assigned = zip((*variables, *optimiser.variables), (*values, *held), strict=True)
        with keras.StatelessScope(state_mapping=list(assigned)):
            return trainer.forward(streamlines)

    def pure(values: list[Any], held: list[Any], streamlines: Any, with_gradients: bool) -> tuple[Any, ...]:
        (_, losses), gradients = jax.value_and_grad(forward, has_aux=True)(values, held, streamlines)
        with keras.StatelessScope(state_mapping=list(zip(optimiser.variables, held, strict=True))):
            figures = trainer.figures(losses, gradients)
        updated: Any = optimiser.stateless_apply(held, gradients, values)
        return *updated, figures, gradients if with_gradients else []

    step = jax.jit(pure, static_argnums=3) if compiled else pure

    def run(streamlines: Any, with_gradients: bool) -> tuple[dict[str, Any], list[Any]]:
        values, held = [variable.value for variable in variables], [variable.value for variable in optimiser.variables]
        values, held, figures, gradients = step(values, held, streamlines, with_gradients)
        for variable, value in (*zip(variables, values, strict=True), *zip(optimiser.variables, held, strict=True)):
            variable.assign(value)
        return figures, gradients

    return run


def _torch_runner(trainer: Trainer, compiled: bool) -> Runner:
    import torch

    variables = trainer.autoencoder.trainable_variables

    def run(streamlines: Any, with_gradients: bool) -> tuple[dict[str, Any], list[Any]]:
        values = [variable.value for variable in variables]
        with torch.enable_grad():
            loss, losses = trainer.forward(ops.convert_to_tensor(streamlines))
            gradients = list(torch.autograd.grad(loss, values))
        with torch.no_grad():
            figures = trainer.figures(losses, gradients)
            trainer.applied.apply(gradients, variables)
        return figures, gradients if with_gradients else []

    return run


_RUNNERS: Mapping[str, Callable[[Trainer, bool], Runner]] = {
    "tensorflow": _tensorflow_runner,
    "jax": _jax_runner,
    "torch": _torch_runner,
}
