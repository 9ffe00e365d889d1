"""Convolutions: plain, grouped, dilated, transposed and depthwise."""

from keras import layers
from torch import nn

from parity_tests.porting.rules.cases import Case

CASES = {
    "Conv1d": Case(
        nn.Conv1d(4, 6, 3, stride=2),
        layers.Conv1D(6, 3, strides=2),
        (2, 4, 11),
        [
            (layers.Conv1D(6, 3, strides=1), r"stride=\(2,\) in torch, strides=\(1,\) in Keras"),
        ],
    ),
    "Conv1d same": Case(nn.Conv1d(4, 6, 3, padding=1), layers.Conv1D(6, 3, padding="same"), (2, 4, 10)),
    "Conv1d causal": Case(
        nn.Sequential(nn.ConstantPad1d((4, 0), 0.0), nn.Conv1d(4, 6, 3, dilation=2)),
        layers.Conv1D(6, 3, padding="causal", dilation_rate=2),
        (2, 4, 10),
        [(layers.Conv1D(6, 3, padding="causal"), r"dilation=\(2,\)")],
    ),
    "Conv1d grouped": Case(
        nn.Conv1d(4, 6, 3, groups=2),
        layers.Conv1D(6, 3, groups=2),
        (2, 4, 11),
    ),
    "Conv2d": Case(
        nn.Conv2d(3, 5, (3, 2), dilation=(2, 1)),
        layers.Conv2D(5, (3, 2), dilation_rate=(2, 1)),
        (2, 3, 9, 8),
        [(layers.Conv2D(5, (3, 2)), r"dilation=\(2, 1\)")],
    ),
    "Conv3d": Case(
        nn.Conv3d(2, 4, (1, 5, 3), padding="same"), layers.Conv3D(4, (1, 5, 3), padding="same"), (2, 2, 5, 6, 7)
    ),
    "ConvTranspose1d": Case(
        nn.ConvTranspose1d(4, 6, 4, stride=2, padding=1),
        layers.Conv1DTranspose(6, 4, strides=2, padding="same"),
        (2, 4, 7),
        [(layers.Conv1DTranspose(6, 4, strides=1, padding="same"), "stride")],
    ),
    "ConvTranspose2d": Case(nn.ConvTranspose2d(3, 5, 3), layers.Conv2DTranspose(5, 3), (2, 3, 5, 6)),
    "ConvTranspose2d cropped later": Case(
        nn.ConvTranspose2d(3, 5, 4, stride=2, padding=1), layers.Conv2DTranspose(5, 4, strides=2), (2, 3, 5, 6)
    ),
    "ConvTranspose3d": Case(
        nn.ConvTranspose3d(2, 3, 2, stride=2), layers.Conv3DTranspose(3, 2, strides=2), (2, 2, 3, 4, 5)
    ),
    "depthwise Conv1d": Case(
        nn.Conv1d(3, 6, 3, groups=3),
        layers.DepthwiseConv1D(3, depth_multiplier=2),
        (2, 3, 9),
    ),
    "depthwise Conv2d": Case(
        nn.Conv2d(3, 6, (3, 2), groups=3),
        layers.DepthwiseConv2D((3, 2), depth_multiplier=2),
        (2, 3, 9, 8),
        [(layers.DepthwiseConv2D((3, 2), depth_multiplier=2, strides=2), "stride")],
    ),
}
