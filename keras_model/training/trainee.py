"""The autoencoder together with what it is trained for, for ``fit``."""

import keras

from keras_model.autoencoder import Autoencoder
from keras_model.layers import PACKAGE
from keras_model.losses import Objective


@keras.saving.register_keras_serializable(PACKAGE)
class Trainee(keras.Model):
    """Minimise an objective of streamlines, reconstructions and latent codes: ``trainee.fit(streamlines)``.

    ``compile`` it with an optimiser and no loss. Its metrics are the unweighted parts of the objective, mean over the
    batches of an epoch. The autoencoder that it trains is ``trainee.autoencoder``.

    Parameters
    ----------
    autoencoder : Autoencoder
    objective : Objective
    """

    def __init__(self, autoencoder: Autoencoder, objective: Objective, name: str = "trainee") -> None:
        super().__init__(name=name)
        self.autoencoder = autoencoder
        self.objective = objective
        self.part_means = [keras.metrics.Mean(name) for name in objective.part_names]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Nothing is left to build."""

    def call(self, streamlines) -> dict:
        """(streamline, point, coordinate) in RAS+ mm -> the same, reconstructed, and (streamline, latent)."""
        latent_codes = self.autoencoder.encoder(streamlines)
        return {"reconstructions": self.autoencoder.decoder(latent_codes), "latent_codes": latent_codes}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The objective of a batch; x is its own target."""
        if y_pred is None or y is not None or sample_weight is not None:
            raise ValueError("streamlines are their own target: give neither y nor sample_weight")
        parts = self.objective.parts(x, **y_pred)
        for mean, value in zip(self.part_means, parts.values(), strict=True):
            mean.update_state(value)
        return self.objective.total(parts)

    def get_config(self) -> dict:
        """What ``from_config`` needs."""
        parts = {"autoencoder": self.autoencoder, "objective": self.objective}
        return {"name": self.name} | {name: keras.saving.serialize_keras_object(part) for name, part in parts.items()}

    @classmethod
    def from_config(cls, config: dict, custom_objects=None) -> "Trainee":
        """Build the trainee that `get_config` described."""
        parts = (keras.saving.deserialize_keras_object(config[name]) for name in ("autoencoder", "objective"))
        return cls(*parts, name=config["name"])
