"""The FINTA autoencoder in Keras 3, on any backend; importing it registers its layers and its model."""

from keras_model.autoencoder import Autoencoder, build_autoencoder, read_sizes
from keras_model.layers import LinearUpsampling1D, ReflectionPadding1D
from keras_model.loading import load_autoencoder

__all__ = [
    "Autoencoder",
    "LinearUpsampling1D",
    "ReflectionPadding1D",
    "build_autoencoder",
    "load_autoencoder",
    "read_sizes",
]
