"""The 1-D convolutional autoencoder of streamlines in Keras: the port of the PyTorch reference.

Architecture: Legarreta et al., 2021, doi 10.1016/j.media.2021.102126.
"""

from collections.abc import Mapping

import keras
from keras import layers

from finta.architecture import CHANNELS, HALVINGS, check_sizes, sizes_of_fc1
from keras_model.layers import PACKAGE, LinearUpsampling1D, ReflectionPadding1D


@keras.saving.register_keras_serializable(PACKAGE)
class Autoencoder(keras.Model):
    """Streamlines in, reconstructed streamlines out; ``encoder`` and ``decoder`` are models of their own.

    (streamline, point, coordinate) in RAS+ mm -> the same, reconstructed

    Parameters
    ----------
    latent_size, point_count, dtype
        As in `build_autoencoder`.
    """

    def __init__(self, latent_size: int = 32, point_count: int = 256, dtype=None, name: str = "autoencoder") -> None:
        check_sizes(latent_size, point_count)
        policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
        streamlines = keras.Input((point_count, CHANNELS[0]), name="streamlines", dtype=policy.compute_dtype)
        encoder = build_encoder(latent_size, point_count, policy)
        decoder = build_decoder(latent_size, point_count, policy)
        super().__init__(inputs=streamlines, outputs=decoder(encoder(streamlines)), name=name)
        self.latent_size = latent_size
        self.point_count = point_count
        self.policy = policy

    @property
    def encoder(self) -> keras.Model:
        """(streamline, point, coordinate) in RAS+ mm -> (streamline, latent)."""
        return self.get_layer("encoder")

    @property
    def decoder(self) -> keras.Model:
        """(streamline, latent) -> (streamline, point, coordinate) in RAS+ mm."""
        return self.get_layer("decoder")

    def get_config(self) -> dict:
        """The sizes and the dtype policy; the graph follows from them."""
        return {
            "name": self.name,
            "latent_size": self.latent_size,
            "point_count": self.point_count,
            "dtype": keras.dtype_policies.serialize(self.policy),
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects=None) -> "Autoencoder":
        """Build the autoencoder that `get_config` described."""
        return cls(**config)


def build_autoencoder(latent_size: int = 32, point_count: int = 256, dtype=None) -> Autoencoder:
    """Build an untrained autoencoder.

    Parameters
    ----------
    latent_size : int
        Length of the latent code.
    point_count : int
        Points per streamline: a multiple of 32, at least 64.
    dtype : str or keras.DTypePolicy, optional
        Keras' global dtype policy if not given.

    Returns
    -------
    Autoencoder
        (streamline, point, coordinate) in RAS+ mm -> the same, reconstructed.

    Raises
    ------
    ValueError
        If the architecture does not allow the sizes.
    """
    return Autoencoder(latent_size, point_count, dtype)


def build_encoder(latent_size: int, point_count: int, policy) -> keras.Model:
    """(streamline, point, coordinate) -> (streamline, latent); flattened channel by channel, as torch does."""
    streamlines = activation = keras.Input((point_count, CHANNELS[0]), dtype=policy.compute_dtype)
    for number, channels in enumerate(CHANNELS[1:], start=1):
        strides = 2 if number <= HALVINGS else 1
        activation = reflected_convolution(f"encod_conv{number}", channels, strides, policy)(activation)
        if number <= HALVINGS:
            activation = layers.ReLU(dtype=policy, name=f"encod_relu{number}")(activation)
    activation = layers.Permute((2, 1), dtype=policy, name="channel_major")(activation)
    activation = layers.Flatten(dtype=policy, name="flatten")(activation)
    latent_codes = layers.Dense(latent_size, dtype=policy, name="fc1")(activation)
    return keras.Model(streamlines, latent_codes, name="encoder")


def build_decoder(latent_size: int, point_count: int, policy) -> keras.Model:
    """(streamline, latent) -> (streamline, point, coordinate); unflattened channel by channel, as torch does."""
    coarse_points = point_count >> HALVINGS
    latent_codes = keras.Input((latent_size,), dtype=policy.compute_dtype, name="latent_codes")
    activation = layers.Dense(CHANNELS[-1] * coarse_points, dtype=policy, name="fc2")(latent_codes)
    activation = layers.Reshape((CHANNELS[-1], coarse_points), dtype=policy, name="unflatten")(activation)
    activation = layers.Permute((2, 1), dtype=policy, name="point_major")(activation)
    for number, channels in enumerate(CHANNELS[-2::-1], start=1):
        activation = reflected_convolution(f"decod_conv{number}", channels, 1, policy)(activation)
        if number <= HALVINGS:
            activation = layers.ReLU(dtype=policy, name=f"decod_relu{number}")(activation)
            activation = LinearUpsampling1D(dtype=policy, name=f"upsample{number}")(activation)
    return keras.Model(latent_codes, activation, name="decoder")


def reflected_convolution(name: str, channels: int, strides: int, policy):
    """Reflect one point at either end, then convolve; a function of a tensor."""
    padding = ReflectionPadding1D(1, dtype=policy, name=name.replace("conv", "pad"))
    convolution = layers.Conv1D(channels, 3, strides=strides, padding="valid", dtype=policy, name=name)
    return lambda activation: convolution(padding(activation))


def read_sizes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Latent size and point count, as fc1/kernel (channel x point, latent) has them.

    Raises
    ------
    ValueError
        If there is no fc1/kernel, or its shape belongs to no size of this architecture.
    """
    if len(shape := shapes.get("fc1/kernel", ())) != 2:
        raise ValueError("no fc1/kernel (channel x point, latent): not the weights of this autoencoder")
    flat_size, latent_size = shape
    return sizes_of_fc1("fc1/kernel", flat_size, latent_size)
