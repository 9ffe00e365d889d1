"""A small autoencoder of streamlines in both frameworks, which trains by FINTA's recipes in a fraction of the time."""

from dataclasses import replace

import keras
import torch
from keras import layers
from torch import nn

from finta.pair import FINTA

POINTS, FLAT, HIDDEN, LATENT = 64, 8 * 15, 32, 4


class SmallReference(nn.Module):
    """(streamline, coordinate, point) -> the same, reconstructed."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(3, 6, 3, stride=2), nn.Conv1d(6, 8, 3, stride=2)
        self.fc1, self.fc2 = nn.Linear(FLAT, LATENT), nn.Linear(LATENT, HIDDEN)
        self.fc3 = nn.Linear(HIDDEN, 3 * POINTS)

    def encode(self, streamlines):
        return self.fc1(self.conv2(self.conv1(streamlines).relu()).relu().flatten(1))

    def decode(self, latent_codes):
        return self.fc3(self.fc2(latent_codes).relu()).unflatten(1, (3, POINTS))

    def forward(self, streamlines):
        return self.decode(self.encode(streamlines))


class SmallPort(keras.Model):
    """(streamline, point, coordinate) -> the same, reconstructed."""

    def __init__(self, streamlines, encoder, decoder) -> None:
        super().__init__(streamlines, decoder(encoder(streamlines)))
        self.encoder, self.decoder = encoder, decoder
        self.policy = keras.config.dtype_policy()


def build_port():
    streamlines = activation = keras.Input((POINTS, 3))
    for number, channels in enumerate((6, 8), start=1):
        activation = layers.Conv1D(channels, 3, strides=2, activation="relu", name=f"conv{number}")(activation)
    flat = layers.Flatten()(layers.Permute((2, 1))(activation))
    encoder = keras.Model(streamlines, layers.Dense(LATENT, name="fc1")(flat))
    latent_codes = keras.Input((LATENT,))
    hidden = layers.Dense(HIDDEN, activation="relu", name="fc2")(latent_codes)
    points = layers.Permute((2, 1))(layers.Reshape((3, POINTS))(layers.Dense(3 * POINTS, name="fc3")(hidden)))
    return SmallPort(keras.Input((POINTS, 3)), encoder, keras.Model(latent_codes, points))


SMALL = replace(
    FINTA,
    name="small",
    reference=SmallReference,
    port=build_port,
    reference_sizes=None,
    port_sizes=None,
    probe=None,
    probe_batches=None,
    input_shapes=((POINTS, 3),),
)


def write_untrained(path, seed=0):
    """Write a checkpoint with PyTorch's initial weights; returns the path."""
    torch.manual_seed(seed)
    torch.save(SmallReference().state_dict(), path)
    return path
