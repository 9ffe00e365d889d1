"""The 1-D convolutional autoencoder of streamlines in PyTorch, with the attribute names of the published checkpoint.

Architecture: Legarreta et al., 2021, doi 10.1016/j.media.2021.102126.
"""

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from finta.architecture import CHANNELS, HALVINGS, check_sizes, sizes_of_fc1


class Autoencoder(nn.Module):
    """Six convolutions down to a latent code, six back up to a streamline.

    The attribute names are the names in the checkpoint: they are the file format.

    Parameters
    ----------
    latent_size : int
        Length of the latent code.
    point_count : int
        Points per streamline: a multiple of 32, at least 64. Five convolutions halve the points and five upsamplings
        double them, and reflection needs two points to reflect.

    Raises
    ------
    ValueError
        If the architecture does not allow the sizes.
    """

    def __init__(self, latent_size: int = 32, point_count: int = 256) -> None:
        super().__init__()
        check_sizes(latent_size, point_count)
        self.coarse_shape = (CHANNELS[-1], point_count >> HALVINGS)
        flat_size = self.coarse_shape[0] * self.coarse_shape[1]
        for number, (inward, outward) in enumerate(pairwise(CHANNELS), start=1):
            stride = 2 if number <= HALVINGS else 1
            setattr(self, f"encod_conv{number}", reflected_convolution(inward, outward, stride))
        self.fc1 = nn.Linear(flat_size, latent_size)
        self.fc2 = nn.Linear(latent_size, flat_size)
        for number, (inward, outward) in enumerate(pairwise(CHANNELS[::-1]), start=1):
            setattr(self, f"decod_conv{number}", reflected_convolution(inward, outward, stride=1))
        self.upsample = nn.Upsample(scale_factor=2, mode="linear", align_corners=False)

    def encode(self, streamlines: Tensor) -> Tensor:
        """(streamline, coordinate, point) in RAS+ mm -> (streamline, latent)."""
        activation = streamlines
        for number in range(1, HALVINGS + 1):
            activation = torch.relu(self._layer(f"encod_conv{number}", activation))
        return self.fc1(self._layer("encod_conv6", activation).flatten(start_dim=1))

    def decode(self, latent_codes: Tensor) -> Tensor:
        """(streamline, latent) -> (streamline, coordinate, point) in RAS+ mm."""
        activation = self.fc2(latent_codes).view(-1, *self.coarse_shape)
        for number in range(1, HALVINGS + 1):
            activation = self.upsample(torch.relu(self._layer(f"decod_conv{number}", activation)))
        return self._layer("decod_conv6", activation)

    def _layer(self, name: str, activation: Tensor) -> Tensor:
        return self.get_submodule(name)(activation)

    def forward(self, streamlines: Tensor) -> Tensor:
        """(streamline, coordinate, point) in RAS+ mm -> the same, reconstructed."""
        return self.decode(self.encode(streamlines))


def reflected_convolution(inward: int, outward: int, stride: int) -> nn.Sequential:
    """Reflect one point at either end, then convolve; its tensors are named ``NAME.1.weight`` and ``NAME.1.bias``."""
    return nn.Sequential(nn.ReflectionPad1d(1), nn.Conv1d(inward, outward, kernel_size=3, stride=stride))


def read_sizes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Latent size and point count, as fc1.weight (latent, channel x point) has them; {} where it is missing.

    Raises
    ------
    ValueError
        If the shape of fc1.weight belongs to no size of this architecture.
    """
    if len(shape := shapes.get("fc1.weight", ())) != 2:
        return {}
    latent_size, flat_size = shape
    return sizes_of_fc1("fc1.weight", flat_size, latent_size)
