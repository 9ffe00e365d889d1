"""What FINTA minimises: squared errors of the reconstruction, and a term on the latent codes.

Legarreta et al., 2021, doi 10.1016/j.media.2021.102126, and the original's code. Each loss is one number for a batch,
computed in the dtype of the model's output, but at least in float32: sums of squared mm overflow float16.
"""

import math
from typing import Any, Literal

import keras
from keras import ops

from keras_model.layers import PACKAGE


class _BatchLoss(keras.losses.Loss):
    def __init__(self, name: str) -> None:
        super().__init__(name=name, reduction="none")

    def __call__(self, y_true, y_pred, sample_weight=None):
        """One number for a batch; Keras' own would round float64 to floatx first."""
        if sample_weight is not None:
            raise ValueError(f"{self.name} is one number for a batch: it takes no sample_weight")
        return self.call(y_true, _at_least_float32(y_pred))

    def get_config(self) -> dict:
        return {"name": self.name}


def _at_least_float32(values):
    tensor: Any = ops.convert_to_tensor(values)
    return tensor if keras.backend.standardize_dtype(tensor.dtype) == "float64" else ops.cast(tensor, "float32")


@keras.saving.register_keras_serializable(PACKAGE)
class SumSquaredError(_BatchLoss):
    """Sum of (y_pred - y_true)^2 over all coordinates of a batch, mm^2: ``torch.nn.MSELoss(reduction="sum")``."""

    def __init__(self, name: str = "sum_squared_error") -> None:
        super().__init__(name)

    def call(self, y_true, y_pred):
        """(streamline, point, coordinate), twice, in RAS+ mm -> a number."""
        return ops.sum(ops.square(y_pred - ops.cast(y_true, y_pred.dtype)))


@keras.saving.register_keras_serializable(PACKAGE)
class MeanSquaredError(_BatchLoss):
    """Mean of (y_pred - y_true)^2 over all coordinates of a batch, mm^2: ``torch.nn.MSELoss()``."""

    def __init__(self, name: str = "mean_squared_error") -> None:
        super().__init__(name)

    def call(self, y_true, y_pred):
        """(streamline, point, coordinate), twice, in RAS+ mm -> a number."""
        squares = ops.square(y_pred - ops.cast(y_true, y_pred.dtype))
        # Not `ops.mean`, which rounds float64 to float32 on JAX and PyTorch.
        return ops.sum(squares) / ops.cast(ops.size(squares), squares.dtype)


@keras.saving.register_keras_serializable(PACKAGE)
class Contrastive(_BatchLoss):
    """Sum over pairs and latent dimensions of (p1 - p2)^2 and max(margin - abs(n1 - n2), 0)^2.

    After Hadsell et al., 2006, doi 10.1109/CVPR.2006.100, but elementwise and without the 1/2, as the original's code.
    The batch is [pos1 | pos2 | neg1 | neg2], as many of each; pairs of pos share a class, pairs of neg do not.

    Parameters
    ----------
    margin : float
        In units of the latent codes.
    """

    def __init__(self, margin: float = 1.25, name: str = "contrastive") -> None:
        super().__init__(name)
        self.margin = margin

    def call(self, y_true, y_pred):
        """Latent codes (streamline, latent) -> a number; y_true is not looked at."""
        pos1, pos2, neg1, neg2 = _groups(y_pred, 4, "[pos1 | pos2 | neg1 | neg2]")
        repelled = ops.relu(self.margin - ops.abs(neg1 - neg2))
        return ops.sum(ops.square(pos1 - pos2) + ops.square(repelled))

    def get_config(self) -> dict:
        """What ``from_config`` needs."""
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable(PACKAGE)
class Triplet(_BatchLoss):
    """Sum over triplets of max(margin + d(anchor, positive) - d(anchor, negative), 0).

    ``torch.nn.TripletMarginWithDistanceLoss(reduction="sum")``; d is ``torch.nn.PairwiseDistance()``, the l2 norm of
    x - y + 1e-6, or cosine: 1 - ``torch.nn.functional.cosine_similarity``. Balntas et al., 2016, doi 10.5244/C.30.119.
    The batch is [anchor | positive | negative], equal numbers of each; anchor and positive share a class.

    Parameters
    ----------
    margin : float
        In units of the distance.
    distance : {"l2", "cosine"}
    """

    def __init__(self, margin: float, distance: Literal["l2", "cosine"] = "l2", name: str = "triplet") -> None:
        super().__init__(name)
        if distance not in {"l2", "cosine"}:
            raise ValueError(f"distance={distance!r}: must be 'l2' or 'cosine'")
        self.margin = margin
        self.distance = distance

    def call(self, y_true, y_pred):
        """Latent codes (streamline, latent) -> a number; y_true is not looked at."""
        anchor, positive, negative = _groups(y_pred, 3, "[anchor | positive | negative]")
        distance_between = _l2_distance if self.distance == "l2" else _cosine_distance
        gap = distance_between(anchor, positive) - distance_between(anchor, negative)
        return ops.sum(ops.relu(self.margin + gap))

    def get_config(self) -> dict:
        """What ``from_config`` needs."""
        return {**super().get_config(), "margin": self.margin, "distance": self.distance}


def _groups(latent_codes, count: int, layout: str):
    size = latent_codes.shape[0]
    if size is not None and size % count:
        raise ValueError(f"a batch of {size} latent codes is no {layout}: its size must be a multiple of {count}")
    return ops.unstack(ops.reshape(latent_codes, (count, -1, latent_codes.shape[-1])), count)


def _l2_distance(one, other):
    return ops.sqrt(ops.sum(ops.square(one - other + 1e-6), axis=-1))


def _cosine_distance(one, other):
    lengths = (ops.clip(ops.sqrt(ops.sum(ops.square(codes), axis=-1)), 1e-8, math.inf) for codes in (one, other))
    return 1 - ops.sum(one * other, axis=-1) / math.prod(lengths)


@keras.saving.register_keras_serializable(PACKAGE)
class Objective:
    """Reconstruction + weight x latent term.

    Parameters
    ----------
    reconstruction : keras.losses.Loss
    latent : keras.losses.Loss, optional
        `Contrastive` or `Triplet`.
    weight : float
        Of the latent term.
    """

    def __init__(
        self, reconstruction: keras.losses.Loss, latent: keras.losses.Loss | None = None, weight: float = 1.0
    ) -> None:
        self.reconstruction = reconstruction
        self.latent = latent
        self.weight = weight

    @property
    def part_names(self) -> tuple[str, ...]:
        """The keys of what `parts` returns."""
        return ("reconstruction", "latent") if self.latent else ("reconstruction",)

    def parts(self, streamlines, reconstructions, latent_codes) -> dict:
        """Each part's value, unweighted.

        Parameters
        ----------
        streamlines, reconstructions : tensor, (streamline, point, coordinate), RAS+ mm
        latent_codes : tensor, (streamline, latent)

        Returns
        -------
        dict
            ``reconstruction`` and, if there is one, ``latent``.
        """
        parts = {"reconstruction": self.reconstruction(streamlines, reconstructions)}
        return parts | {"latent": self.latent(None, latent_codes)} if self.latent else parts

    def total(self, parts: dict):
        """What is minimised, of what `parts` returned."""
        return parts["reconstruction"] + self.weight * parts["latent"] if self.latent else parts["reconstruction"]

    def get_config(self) -> dict:
        """What ``from_config`` needs."""
        losses = {"reconstruction": self.reconstruction, "latent": self.latent}
        serialised = {name: loss and keras.saving.serialize_keras_object(loss) for name, loss in losses.items()}
        return {**serialised, "weight": self.weight}

    @classmethod
    def from_config(cls, config: dict) -> "Objective":
        """Build the objective that `get_config` described."""
        reconstruction, latent = (
            config[name] and keras.saving.deserialize_keras_object(config[name])
            for name in ("reconstruction", "latent")
        )
        return cls(reconstruction, latent, config["weight"])
