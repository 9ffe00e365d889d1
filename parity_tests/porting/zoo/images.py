"""Models of images, in both frameworks: a classifier and a decoder."""

import keras
import torch
from keras import layers
from torch import nn


class Classifier(nn.Module):
    """Conv2d, BatchNorm2d and pooling; the convolutions pad inside."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 12, 3, stride=2, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(12)
        self.depthwise = nn.Conv2d(12, 24, 3, groups=12)
        self.prelu = nn.PReLU(24)
        self.head = nn.Linear(24, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(sample, channel, row, column) -> (sample, label)."""
        hidden = nn.functional.max_pool2d(torch.relu(self.norm1(self.conv1(images))), 2)
        hidden = self.prelu(self.depthwise(torch.relu(self.norm2(self.conv2(hidden)))))
        return self.head(hidden.mean(dim=(2, 3)))


def build_classifier() -> keras.Model:
    images = hidden = keras.Input((16, 16, 3))
    hidden = layers.Conv2D(8, 3, padding="same", name="conv1")(hidden)
    hidden = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm1")(hidden)
    hidden = layers.MaxPooling2D(2, name="pool")(layers.ReLU(name="relu1")(hidden))
    hidden = layers.ZeroPadding2D(1, name="pad")(hidden)
    hidden = layers.Conv2D(12, 3, strides=2, use_bias=False, name="conv2")(hidden)
    hidden = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm2")(hidden)
    hidden = layers.ReLU(name="relu2")(hidden)
    hidden = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(hidden)
    hidden = layers.PReLU(shared_axes=[1, 2], name="prelu")(hidden)
    hidden = layers.GlobalAveragePooling2D(name="average")(hidden)
    return keras.Model(images, layers.Dense(5, name="head")(hidden), name="classifier")


class Decoder(nn.Module):
    """ConvTranspose2d that crops inside, GroupNorm and LayerNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 32)
        self.norm = nn.LayerNorm(32)
        self.up1 = nn.ConvTranspose2d(8, 6, 4, stride=2, padding=1)
        self.group_norm = nn.GroupNorm(2, 6)
        self.up2 = nn.ConvTranspose2d(6, 3, 3, stride=2, padding=1, output_padding=1)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """(sample, latent) -> (sample, channel, row, column)."""
        hidden = self.norm(self.fc(codes)).view(-1, 8, 2, 2)
        return self.up2(torch.relu(self.group_norm(self.up1(hidden))))


def build_decoder() -> keras.Model:
    codes = hidden = keras.Input((6,))
    hidden = layers.LayerNormalization(epsilon=1e-5, name="norm")(layers.Dense(32, name="fc")(hidden))
    hidden = layers.Reshape((8, 2, 2), name="unflatten")(hidden)
    hidden = layers.Permute((2, 3, 1), name="channels_last")(hidden)
    hidden = layers.Conv2DTranspose(6, 4, strides=2, padding="same", name="up1")(hidden)
    hidden = layers.GroupNormalization(2, epsilon=1e-5, name="group_norm")(hidden)
    hidden = layers.Conv2DTranspose(3, 3, strides=2, name="up2")(layers.ReLU(name="relu")(hidden))
    return keras.Model(codes, layers.Cropping2D(((1, 0), (1, 0)), name="crop")(hidden), name="decoder")
