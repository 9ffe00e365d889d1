"""benchmarks.public.census:_of_torchvision('efficientnet_b0')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def conv2d(x, filters, kernel_size, strides=1, padding=0, groups=1, use_bias=True, name=None):
    """Convolve as torch.nn.Conv2d does, with so many zeros at both ends."""
    same = strides == 1 and 2 * padding == kernel_size - 1
    if padding and not same:
        x = layers.ZeroPadding2D(padding)(x)
    border = "same" if same else "valid"
    if 1 < groups == filters == x.shape[-1]:
        return layers.DepthwiseConv2D(
            kernel_size, strides=strides, padding=border, use_bias=use_bias, name=name
        )(x)
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=border,
        use_bias=use_bias,
        groups=groups,
        name=name,
    )(x)


def conv2d_norm_activation(
    x, out_channels, kernel_size=1, strides=1, groups=1, activate=False, *, name
):
    """torchvision.ops.misc.Conv2dNormActivation."""
    x = conv2d(
        x,
        out_channels,
        kernel_size,
        strides=strides,
        padding=kernel_size // 2,
        groups=groups,
        use_bias=False,
        name=f"{name}_0",
    )
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_1")(x)
    if activate:
        x = ops.silu(x)
    return x


def squeeze_excitation(x, squeeze_channels, input_channels, name):
    """torchvision.ops.misc.SqueezeExcitation."""
    y = layers.GlobalAveragePooling2D(keepdims=True)(x)
    y = layers.Conv2D(squeeze_channels, 1, name=f"{name}_fc1")(y)
    y = ops.silu(y)
    y = layers.Conv2D(input_channels, 1, name=f"{name}_fc2")(y)
    y = ops.sigmoid(y)
    return y * x


def mb_conv(
    x,
    expanded_channels,
    squeeze_channels,
    out_channels,
    kernel=5,
    stride=1,
    rate=None,
    expand=True,
    *,
    name,
):
    """torchvision.models.efficientnet.MBConv."""
    n = int(expand)
    result = x
    if expand:
        result = conv2d_norm_activation(x, expanded_channels, activate=True, name=f"{name}_block_0")
    result = conv2d_norm_activation(
        result,
        expanded_channels,
        kernel_size=kernel,
        strides=stride,
        groups=expanded_channels,
        activate=True,
        name=f"{name}_block_{n}",
    )
    result = squeeze_excitation(
        result, squeeze_channels, input_channels=expanded_channels, name=f"{name}_block_{n + 1}"
    )
    result = conv2d_norm_activation(result, out_channels, name=f"{name}_block_{n + 2}")
    if rate is not None:
        result = layers.Dropout(rate, noise_shape=(None, 1, 1, 1))(result)
        result = result + x
    return result


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = conv2d_norm_activation(x, 32, kernel_size=3, strides=2, activate=True, name="features_0")
    x = mb_conv(
        x, 32, squeeze_channels=8, out_channels=16, kernel=3, expand=False, name="features_1_0"
    )
    x = mb_conv(x, 96, squeeze_channels=4, out_channels=24, kernel=3, stride=2, name="features_2_0")
    x = mb_conv(
        x, 144, squeeze_channels=6, out_channels=24, kernel=3, rate=0.025, name="features_2_1"
    )
    x = mb_conv(x, 144, squeeze_channels=6, out_channels=40, stride=2, name="features_3_0")
    x = mb_conv(x, 240, squeeze_channels=10, out_channels=40, rate=0.05, name="features_3_1")
    x = mb_conv(
        x, 240, squeeze_channels=10, out_channels=80, kernel=3, stride=2, name="features_4_0"
    )
    for n in range(1, 3):
        x = mb_conv(
            x,
            480,
            squeeze_channels=20,
            out_channels=80,
            kernel=3,
            rate=0.0125 * (n + 5),
            name=f"features_4_{n}",
        )
    x = mb_conv(x, 480, squeeze_channels=20, out_channels=112, name="features_5_0")
    for n in range(1, 3):
        x = mb_conv(
            x,
            672,
            squeeze_channels=28,
            out_channels=112,
            rate=0.0125 * (n + 8),
            name=f"features_5_{n}",
        )
    x = mb_conv(x, 672, squeeze_channels=28, out_channels=192, stride=2, name="features_6_0")
    for n in range(1, 4):
        x = mb_conv(
            x,
            1152,
            squeeze_channels=48,
            out_channels=192,
            rate=0.0125 * (n + 11),
            name=f"features_6_{n}",
        )
    x = mb_conv(x, 1152, squeeze_channels=48, out_channels=320, kernel=3, name="features_7_0")
    x = conv2d_norm_activation(x, 1280, activate=True, name="features_8")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Dense(1000, name="classifier_1")(x)
    return keras.Model(inputs, x, name="efficient_net")
