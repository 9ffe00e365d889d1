"""A pair of Linear and Conv1d layers of any size.

``python -m benchmarks.ground.large_pair FILE GIGABYTES`` writes weights.
"""

import sys

from porting import ModelPair

WIDTH = 2048
"""Channels of each convolution and features of each dense layer; a block of both holds 67 MB."""


def build_reference(blocks: int):
    """Blocks of a convolution over points and a dense layer over features."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(WIDTH, WIDTH, 3, padding=1)
            self.fc = nn.Linear(WIDTH, WIDTH)

        def forward(self, activation):
            return torch.relu(self.fc(self.conv(activation).transpose(1, 2))).transpose(1, 2)

    return nn.Sequential(*(Block() for _ in range(blocks)))


def build_port(blocks: int):
    """Build the same in Keras."""
    import keras
    from keras import layers

    points = activation = keras.Input((None, WIDTH))
    for number in range(blocks):
        activation = layers.Conv1D(WIDTH, 3, padding="same", name=f"conv{number}")(activation)
        activation = layers.ReLU()(layers.Dense(WIDTH, name=f"fc{number}")(activation))
    return keras.Model(points, activation)


def read_sizes(shapes) -> dict[str, int]:
    """Count the blocks."""
    return {"blocks": sum(name.endswith("conv.bias") for name in shapes)}


PAIR = ModelPair(
    name="large",
    reference=build_reference,
    port=build_port,
    inputs=("sample channel point -> sample point channel",),
    outputs={"output": "sample channel point -> sample point channel"},
    input_shapes=((4, WIDTH),),
    reference_sizes=read_sizes,
)


def main(path: str, gigabytes: float) -> None:
    """Write a checkpoint of about so many gigabytes."""
    import torch

    torch.manual_seed(0)
    blocks = max(1, round(gigabytes * 1e9 / (4 * 4 * WIDTH * WIDTH)))
    torch.save(build_reference(blocks).state_dict(), path)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
