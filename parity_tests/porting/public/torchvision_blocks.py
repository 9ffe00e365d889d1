"""Blocks of torchvision and timm, and those of keras-hub and of Keras' layers."""

from itertools import product

import timm.layers
import torchvision
from keras import layers
from keras_hub.src.models.mobilenet.mobilenet_backbone import SqueezeAndExcite2D
from keras_hub.src.models.resnet.resnet_backbone import apply_basic_block, apply_bottleneck_block
from keras_hub.src.models.vgg.vgg_backbone import apply_vgg_block
from keras_hub.src.models.vit.vit_layers import MLP
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from parity_tests.porting.public.described import IMAGE, applied, ported, row_of

ACTIVATIONS = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "silu": nn.SiLU,
    "hard_silu": nn.Hardswish,
    "hard_sigmoid": nn.Hardsigmoid,
    "elu": nn.ELU,
}
SHAPE = (8, 8, 4)


def normed(activation: str, kernel: int, stride: int, groups: int):
    """torchvision's convolution with a norm and an activation, padded alike on all sides."""
    kind = ACTIVATIONS[activation]
    same = {"strides": stride, "use_bias": False}
    makers = (
        lambda: layers.ZeroPadding2D(kernel // 2),
        lambda: (
            layers.DepthwiseConv2D(kernel, **same) if groups == 4 else layers.Conv2D(4, kernel, groups=groups, **same)
        ),
        lambda: layers.BatchNormalization(epsilon=1e-5, momentum=0.9),
        lambda: layers.Activation(activation),
    )
    return ported(
        f"conv-{activation}-{kernel}-{stride}-{groups}",
        lambda: torchvision.ops.Conv2dNormActivation(4, 4, kernel, stride, groups=groups, activation_layer=kind),
        row_of(SHAPE, *makers),
        SHAPE,
        IMAGE,
    )


def shortcut(channels: int, filters: int, stride: int) -> nn.Module | None:
    """The projection of a residual block, where it needs one."""
    if stride == 1 and channels == filters:
        return None
    return nn.Sequential(nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))


def basic(filters: int, stride: int, projected: bool):
    return ported(
        f"basic-{filters}-{stride}-{projected}",
        lambda: BasicBlock(4, filters, stride, shortcut(4, filters, stride)),
        applied(SHAPE, lambda x: apply_basic_block(x, filters, stride=stride, conv_shortcut=projected, name="block")),
        SHAPE,
        IMAGE,
    )


def bottleneck(width: int, stride: int):
    return ported(
        f"bottleneck-{width}-{stride}",
        lambda: Bottleneck(4, width, stride, shortcut(4, 4 * width, stride)),
        applied(SHAPE, lambda x: apply_bottleneck_block(x, width, stride=stride, conv_shortcut=True, name="block")),
        SHAPE,
        IMAGE,
    )


def vgg(depth: int, filters: int, kernel: int, activation: str):
    def reference():
        sizes = zip([4] + [filters] * (depth - 1), [filters] * depth, strict=True)
        convolutions = ((nn.Conv2d(*size, kernel, padding=kernel // 2), ACTIVATIONS[activation]()) for size in sizes)
        return nn.Sequential(*(part for parts in convolutions for part in parts), nn.MaxPool2d(2))

    apply = lambda x: apply_vgg_block(x, depth, filters, kernel, activation, "same", True, "block")  # noqa: E731
    return ported(f"vgg-{depth}-{filters}-{kernel}-{activation}", reference, applied(SHAPE, apply), SHAPE, IMAGE)


def excitation(bottleneck_filters: int, hard: bool):
    return ported(
        f"excitation-{bottleneck_filters}-{hard}",
        lambda: torchvision.ops.SqueezeExcitation(
            4, bottleneck_filters, scale_activation=nn.Hardsigmoid if hard else nn.Sigmoid
        ),
        row_of(
            SHAPE,
            lambda: SqueezeAndExcite2D(
                4, bottleneck_filters, excite_activation="hard_sigmoid" if hard else "sigmoid", name="se"
            ),
        ),
        SHAPE,
        IMAGE,
    )


def perceptron(width: int, hidden: int, tokens: int):
    """timm's MLP, and that of keras-hub's vision transformer."""
    shape = (tokens, width)
    return ported(
        f"mlp-{width}-{hidden}-{tokens}",
        lambda: timm.layers.Mlp(width, hidden),
        row_of(shape, lambda: MLP(width, hidden, name="mlp")),
        shape,
    )


PAIRS = [
    *(normed(*sizes) for sizes in product(ACTIVATIONS, (1, 3, 5), (1, 2), (1, 4))),
    *(basic(*sizes) for sizes in ((4, 1, False), (8, 1, True), (8, 2, True), (4, 2, True))),
    *(bottleneck(*sizes) for sizes in ((2, 1), (2, 2), (3, 1), (3, 2))),
    *(vgg(*sizes) for sizes in product((1, 2), (3, 6), (1, 3), ("relu", "silu"))),
    *(excitation(*sizes) for sizes in product((1, 2, 8), (False, True))),
    *(perceptron(*sizes) for sizes in product((4, 6), (5, 12), (1, 7))),
]
