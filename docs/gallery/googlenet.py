"""benchmarks.public.census:_of_torchvision('googlenet')

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


def basic_conv2d(x, out_channels, kernel_size=1, strides=1, *, name):
    """torchvision.models.googlenet.BasicConv2d."""
    x = conv2d(
        x,
        out_channels,
        kernel_size,
        strides=strides,
        padding=kernel_size // 2,
        use_bias=False,
        name=f"{name}_conv",
    )
    x = layers.BatchNormalization(momentum=0.9, epsilon=0.001, name=f"{name}_bn")(x)
    return ops.relu(x)


def inception(x, ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj=64, *, name):
    """torchvision.models.googlenet.Inception."""
    branch1 = basic_conv2d(x, ch1x1, name=f"{name}_branch1")
    y = basic_conv2d(x, ch3x3red, name=f"{name}_branch2_0")
    y = basic_conv2d(y, ch3x3, kernel_size=3, name=f"{name}_branch2_1")
    z = basic_conv2d(x, ch5x5red, name=f"{name}_branch3_0")
    z = basic_conv2d(z, ch5x5, kernel_size=3, name=f"{name}_branch3_1")
    x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=float("-inf"))
    x = layers.MaxPooling2D(3, strides=1)(x)
    x = basic_conv2d(x, pool_proj, name=f"{name}_branch4_1")
    return ops.concatenate([branch1, y, z, x], axis=-1)


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((96, 96, 3), name="x")
    x = basic_conv2d(x, 64, kernel_size=7, strides=2, name="conv1")
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = basic_conv2d(x, 64, name="conv2")
    x = basic_conv2d(x, 192, kernel_size=3, name="conv3")
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = inception(
        x, 64, ch3x3red=96, ch3x3=128, ch5x5red=16, ch5x5=32, pool_proj=32, name="inception3a"
    )
    x = inception(x, 128, ch3x3red=128, ch3x3=192, ch5x5red=32, ch5x5=96, name="inception3b")
    x = ops.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=float("-inf"))
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = inception(x, 192, ch3x3red=96, ch3x3=208, ch5x5red=16, ch5x5=48, name="inception4a")
    x = inception(x, 160, ch3x3red=112, ch3x3=224, ch5x5red=24, ch5x5=64, name="inception4b")
    x = inception(x, 128, ch3x3red=128, ch3x3=256, ch5x5red=24, ch5x5=64, name="inception4c")
    x = inception(x, 112, ch3x3red=144, ch3x3=288, ch5x5red=32, ch5x5=64, name="inception4d")
    x = inception(
        x, 256, ch3x3red=160, ch3x3=320, ch5x5red=32, ch5x5=128, pool_proj=128, name="inception4e"
    )
    x = layers.MaxPooling2D(2)(x)
    x = inception(
        x, 256, ch3x3red=160, ch3x3=320, ch5x5red=32, ch5x5=128, pool_proj=128, name="inception5a"
    )
    x = inception(
        x, 384, ch3x3red=192, ch3x3=384, ch5x5red=48, ch5x5=128, pool_proj=128, name="inception5b"
    )
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Dense(1000, name="fc")(x)
    return keras.Model(inputs, x, name="goog_le_net")
