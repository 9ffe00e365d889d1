"""Pairs of models that have nothing to do with streamlines: the tool is to port them all the same way."""

import keras
import numpy as np
import torch
from keras import layers
from torch import nn

from porting import ModelPair

IMAGES = "sample channel row column -> sample row column channel"


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give every tensor values as if trained: nothing zero, nothing one, running variances positive."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                tensor.normal_(0, 0.5, generator=generator)
                if name.endswith(("running_var", "norm.weight")):
                    tensor.abs_().add_(0.5)
    return module


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
    hidden = layers.MaxPooling2D(2)(layers.ReLU()(hidden))
    hidden = layers.ZeroPadding2D(1)(hidden)
    hidden = layers.Conv2D(12, 3, strides=2, use_bias=False, name="conv2")(hidden)
    hidden = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm2")(hidden)
    hidden = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(layers.ReLU()(hidden))
    hidden = layers.PReLU(shared_axes=[1, 2], name="prelu")(hidden)
    hidden = layers.GlobalAveragePooling2D()(hidden)
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
    hidden = layers.Permute((2, 3, 1))(layers.Reshape((8, 2, 2))(hidden))
    hidden = layers.Conv2DTranspose(6, 4, strides=2, padding="same", name="up1")(hidden)
    hidden = layers.GroupNormalization(2, epsilon=1e-5, name="group_norm")(hidden)
    hidden = layers.Conv2DTranspose(3, 3, strides=2, padding="valid", name="up2")(layers.ReLU()(hidden))
    return keras.Model(codes, layers.Cropping2D(((1, 0), (1, 0)))(hidden), name="decoder")


class Siamese(nn.Module):
    """Two inputs of tokens, two outputs, one encoder that runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 4)
        self.encoder = nn.Linear(4, 3)
        self.head = nn.Linear(3, 2)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Twice (sample, position) -> twice (sample, position, feature)."""
        left, right = (torch.tanh(self.encoder(self.embedding(tokens))) for tokens in (left, right))
        return self.head(left), self.head(left - right)


@keras.saving.register_keras_serializable("zoo")
class SiamesePort(keras.Model):
    """A subclassed port: its layers own no variables before they run."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.embedding = layers.Embedding(11, 4, name="embedding")
        self.encoder = layers.Dense(3, name="encoder")
        self.head = layers.Dense(2, name="head")

    def call(self, inputs):
        """Twice (sample, position) -> twice (sample, position, feature)."""
        left, right = (keras.ops.tanh(self.encoder(self.embedding(tokens))) for tokens in inputs)
        return self.head(left), self.head(left - right)


def draw_tokens(sizes, file, count):
    from porting import Probe

    generator = np.random.default_rng(0)
    return Probe(tuple(generator.integers(0, 11, (count, 7)).astype(np.int32) for _ in range(2)), "random tokens")


CLASSIFIER = ModelPair(
    name="classifier",
    reference=Classifier,
    port=build_classifier,
    inputs=(IMAGES,),
    outputs={"scores": "sample label -> sample label"},
    input_shapes=((16, 16, 3),),
)
DECODER = ModelPair(
    name="decoder", reference=Decoder, port=build_decoder, outputs={"image": IMAGES}, input_shapes=((6,),)
)
SIAMESE = ModelPair(
    name="siamese",
    reference=Siamese,
    port=SiamesePort,
    inputs=("... -> ...", "... -> ..."),
    outputs={"left": "... -> ...", "difference": "... -> ..."},
    probe=draw_tokens,
)
PAIRS = (CLASSIFIER, DECODER, SIAMESE)
