"""benchmarks.public.census:_of_timm('resnet50')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def conv2d(x, filters, kernel_size, strides=1, padding=0, use_bias=True, name=None):
    """Convolve as torch.nn.Conv2d does, with so many zeros at both ends."""
    same = strides == 1 and 2 * padding == kernel_size - 1
    if padding and not same:
        x = layers.ZeroPadding2D(padding)(x)
    border = "same" if same else "valid"
    return layers.Conv2D(
        filters, kernel_size, strides=strides, padding=border, use_bias=use_bias, name=name
    )(x)


def bottleneck(x, first_planes, stride=1, downsample=False, *, name):
    """timm.models.resnet.Bottleneck."""
    shortcut = x
    x = layers.Conv2D(first_planes, 1, use_bias=False, name=f"{name}_conv1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn1")(x)
    x = ops.relu(x)
    x = conv2d(x, first_planes, 3, strides=stride, padding=1, use_bias=False, name=f"{name}_conv2")
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn2")(x)
    x = ops.relu(x)
    x = layers.Conv2D(4 * first_planes, 1, use_bias=False, name=f"{name}_conv3")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn3")(x)
    if downsample:
        shortcut = layers.Conv2D(
            4 * first_planes, 1, strides=stride, use_bias=False, name=f"{name}_downsample_0"
        )(shortcut)
        shortcut = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name=f"{name}_downsample_1"
        )(shortcut)
    return ops.relu(x + shortcut)


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = conv2d(x, 64, 7, strides=2, padding=3, use_bias=False, name="conv1")
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="bn1")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    for n, (first_planes, stride, count) in enumerate(
        ((64, 1, 2), (128, 2, 3), (256, 2, 5), (512, 2, 2)), 1
    ):
        x = bottleneck(x, first_planes, stride=stride, downsample=True, name=f"layer{n}_0")
        for i in range(1, count + 1):
            x = bottleneck(x, first_planes, name=f"layer{n}_{i}")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(1000, name="fc")(x)
    return keras.Model(inputs, x, name="res_net")
