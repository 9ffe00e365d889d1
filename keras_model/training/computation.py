"""What a step of a recipe computes, on any backend: losses, the loss to differentiate, and figures of the step."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from finta.recipe import Recipe
from keras_model.autoencoder import Autoencoder
from keras_model.optimisers.schedules import as_scalar
from keras_model.training.recipe import build_loss, build_optimiser


class Computation:
    """An autoencoder with the objective and the optimiser of a recipe, which it is compiled with.

    Attributes
    ----------
    groups : int
        That the latent term compares: each device must have as many of each.
    optimiser, applied : keras.optimizers.Optimizer
        The recipe's, and what takes the steps: the same, or what scales the loss for it (mixed_float16).
    """

    def __init__(self, autoencoder: Autoencoder, recipe: Recipe) -> None:
        self.autoencoder = autoencoder
        self.objective = build_loss(recipe)
        self.groups = recipe.latent.groups if recipe.latent else 1
        self._is_mean = recipe.reduction == "mean"
        self.optimiser = build_optimiser(recipe)
        self.is_scaled = autoencoder.policy.compute_dtype == "float16"
        self.applied = keras.optimizers.LossScaleOptimizer(self.optimiser) if self.is_scaled else self.optimiser
        self.applied.build(autoencoder.trainable_variables)
        autoencoder.compile(optimizer=self.applied)  # saved with it

    def losses(
        self, streamlines: Any, reconstructions: Any, latent_codes: Any, shares: Mapping[str, float] | None = None
    ) -> dict[str, Any]:
        """The total and its parts, of each the share that is given."""
        parts = self.objective.parts(streamlines, reconstructions, latent_codes)
        parts = {name: part * shares[name] for name, part in parts.items()} if shares else parts
        return {"total": self.objective.total(parts), **parts}

    def shares(self, count: int, is_whole: bool) -> dict[str, float]:
        """What each of several devices has of a loss that is their sum: of its piece of a batch, or of all of it."""
        means = {"reconstruction": is_whole or self._is_mean, "latent": is_whole}
        return {name: 1 / count if is_mean else 1.0 for name, is_mean in means.items()}

    def forward(self, streamlines: Any, shares: Mapping[str, float] | None = None) -> tuple[Any, dict[str, Any]]:
        """The loss to differentiate, scaled where the precision asks for it, and all losses."""
        latent_codes = self.autoencoder.encoder(streamlines, training=True)
        losses = self.losses(streamlines, self.autoencoder.decoder(latent_codes, training=True), latent_codes, shares)
        return self.applied.scale_loss(losses["total"]), losses

    def reconstruct(self, streamlines: Any) -> tuple[Any, Any]:
        """Latent codes and reconstructions, without learning from them."""
        latent_codes = self.autoencoder.encoder(streamlines, training=False)
        return latent_codes, self.autoencoder.decoder(latent_codes, training=False)

    def figures(self, losses: Mapping[str, Any], gradients: list[Any]) -> dict[str, Any]:
        """All figures of a step that is about to be taken."""
        scale = self.applied.dynamic_scale if self.is_scaled else 1.0
        squares = [ops.sum(ops.square(gradient)) for gradient in gradients]
        own = {
            "learning_rate": self.optimiser.learning_rate,
            "momentum": as_scalar(self.optimiser.current_momentum()),
            "gradient_norm": ops.sqrt(sum(squares)) / scale,
        }
        return {**losses, **{name: ops.convert_to_tensor(value) for name, value in own.items()}}
