"""Layers that normalise."""

import keras
import torch
from keras import layers, ops
from torch import nn

from parity_tests.porting.rules.cases import Case


class LayerNorm2d(nn.LayerNorm):
    """As torchvision has it: normalises the channels of images."""

    def forward(self, images):
        return super().forward(images.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class FrozenBatchNorm2d(nn.Module):
    """As torchvision has it: a batch normalisation of buffers alone."""

    def __init__(self, channels, eps=1e-5):
        super().__init__()
        self.eps = eps
        for name in ("weight", "bias", "running_mean", "running_var"):
            self.register_buffer(name, torch.ones(channels))

    def forward(self, images):
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        return images * scale[:, None, None] + (self.bias - self.running_mean * scale)[:, None, None]


class LlamaRMSNorm(nn.Module):
    """As transformers have it."""

    def __init__(self, size, eps=1e-6):
        super().__init__()
        self.weight, self.variance_epsilon = nn.Parameter(torch.ones(size)), eps

    def forward(self, hidden):
        return self.weight * (hidden * torch.rsqrt(hidden.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))


class T5LayerNorm(LlamaRMSNorm):
    """As transformers have it."""

    def forward(self, hidden):
        return super().forward(hidden)


@keras.saving.register_keras_serializable("rules")
class LlamaLayerNorm(layers.Layer):
    """As keras_hub has it."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), name="scale")

    def call(self, hidden):
        return hidden * ops.rsqrt(ops.mean(ops.square(hidden), axis=-1, keepdims=True) + 1e-6) * self.scale


@keras.saving.register_keras_serializable("rules")
class KerasT5LayerNorm(layers.Layer):
    """As keras_hub has it."""

    def build(self, shape):
        self.weight = self.add_weight(shape=(shape[-1],), name="weight")

    def call(self, hidden):
        return hidden * ops.rsqrt(ops.mean(ops.square(hidden), axis=-1, keepdims=True) + 1e-6) * self.weight


KerasT5LayerNorm.__name__ = "T5LayerNorm"

CASES = {
    "RMS normalisation of Llama": Case(
        LlamaRMSNorm(6), layers.RMSNormalization(epsilon=1e-6), (3, 5, 6), [], in_channels_last=False
    ),
    "RMS normalisation of T5": Case(
        T5LayerNorm(6), layers.RMSNormalization(epsilon=1e-6), (3, 5, 6), [], in_channels_last=False
    ),
    "LlamaLayerNorm": Case(LlamaRMSNorm(6), LlamaLayerNorm(), (3, 5, 6), [], in_channels_last=False),
    "T5LayerNorm": Case(T5LayerNorm(6), KerasT5LayerNorm(), (3, 5, 6), [], in_channels_last=False),
    "InstanceNorm1d": Case(
        nn.InstanceNorm1d(6, affine=True),
        layers.GroupNormalization(-1, epsilon=1e-5),
        (3, 6, 5),
        [
            (layers.GroupNormalization(3, epsilon=1e-5), "groups=3 in Keras, must be -1 or 6"),
            (layers.GroupNormalization(-1), "eps=1e-05 in torch, epsilon=0.001 in Keras"),
        ],
    ),
    "InstanceNorm2d": Case(nn.InstanceNorm2d(6, affine=True), layers.GroupNormalization(6, epsilon=1e-5), (3, 6, 5, 4)),
    "InstanceNorm3d": Case(
        nn.InstanceNorm3d(6, affine=True), layers.GroupNormalization(-1, epsilon=1e-5), (3, 6, 2, 3, 4)
    ),
    "RMSNorm": Case(
        nn.RMSNorm(6, eps=1e-6),
        layers.RMSNormalization(epsilon=1e-6),
        (3, 5, 6),
        [(layers.RMSNormalization(epsilon=1e-3), "eps=1e-06 in torch, epsilon=0.001 in Keras")],
        in_channels_last=False,
    ),
    "LayerNorm2d": Case(
        LayerNorm2d(6),
        layers.LayerNormalization(epsilon=1e-5),
        (3, 6, 5, 4),
        [(layers.LayerNormalization(), "eps=1e-05 in torch, epsilon=0.001 in Keras")],
    ),
    "FrozenBatchNorm2d": Case(
        FrozenBatchNorm2d(4), layers.BatchNormalization(epsilon=1e-5, trainable=False), (3, 4, 5, 6)
    ),
    "SyncBatchNorm": Case(
        nn.SyncBatchNorm(4),
        layers.BatchNormalization(epsilon=1e-5, momentum=0.9, synchronized=True),
        (3, 4, 5, 6),
        [(layers.BatchNormalization(momentum=0.9), "eps=1e-05 in torch, epsilon=0.001 in Keras")],
    ),
    "BatchNorm1d": Case(
        nn.BatchNorm1d(4),
        layers.BatchNormalization(epsilon=1e-5, momentum=0.9),
        (3, 4),
        [
            (layers.BatchNormalization(momentum=0.9), "eps=1e-05 in torch, epsilon=0.001 in Keras"),
            (layers.BatchNormalization(epsilon=1e-5), "momentum=0.1 in torch, momentum=0.99 in Keras"),
        ],
    ),
    "BatchNorm1d on sequences": Case(
        nn.BatchNorm1d(4),
        layers.BatchNormalization(epsilon=1e-5, momentum=0.9),
        (3, 4, 4),
        [(layers.BatchNormalization(axis=1, epsilon=1e-5, momentum=0.9), "axis=1 in Keras, must be -1")],
    ),
    "BatchNorm2d": Case(nn.BatchNorm2d(4), layers.BatchNormalization(epsilon=1e-5, momentum=0.9), (3, 4, 5, 6)),
    "BatchNorm3d without affine": Case(
        nn.BatchNorm3d(4, affine=False),
        layers.BatchNormalization(epsilon=1e-5, momentum=0.9, center=False, scale=False),
        (3, 4, 2, 3, 4),
    ),
    "LayerNorm": Case(
        nn.LayerNorm(6),
        layers.LayerNormalization(epsilon=1e-5),
        (3, 5, 6),
        [(layers.LayerNormalization(), "eps=1e-05 in torch, epsilon=0.001 in Keras")],
        in_channels_last=False,
    ),
    "LayerNorm over images": Case(
        nn.LayerNorm([6, 5, 4]),
        layers.LayerNormalization(axis=[1, 2, 3], epsilon=1e-5),
        (3, 6, 5, 4),
        [(layers.LayerNormalization(axis=[1, 2, 3]), "eps=1e-05 in torch, epsilon=0.001 in Keras")],
    ),
    "LayerNorm over rows and columns": Case(
        nn.LayerNorm([5, 4]),
        layers.LayerNormalization(axis=[1, 2], epsilon=1e-5),
        (3, 4, 5, 4),
        [(layers.LayerNormalization(axis=[1, 3], epsilon=1e-5), r"axis=\[1, 3\] in Keras, must be \[1, 2\]")],
    ),
    "LayerNorm over the last two axes": Case(
        nn.LayerNorm([5, 6]),
        layers.LayerNormalization(axis=(-2, -1), epsilon=1e-5),
        (3, 5, 6),
        in_channels_last=False,
    ),
    "GroupNorm": Case(
        nn.GroupNorm(2, 6),
        layers.GroupNormalization(2, epsilon=1e-5),
        (3, 6, 5),
        [
            (layers.GroupNormalization(3, epsilon=1e-5), "num_groups=2 in torch, groups=3 in Keras"),
            (layers.GroupNormalization(2), "epsilon=0.001"),
        ],
    ),
}
