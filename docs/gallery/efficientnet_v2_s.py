"""benchmarks.public.census:_of_torchvision('efficientnet_v2_s')

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
    x = layers.BatchNormalization(momentum=0.9, epsilon=0.001, name=f"{name}_1")(x)
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


def fused_mb_conv(x, out_channels, block_out_channels=None, rate=None, *, name):
    """torchvision.models.efficientnet.FusedMBConv."""
    result = conv2d_norm_activation(
        x, out_channels, kernel_size=3, activate=True, name=f"{name}_block_0"
    )
    result2 = result
    if block_out_channels is not None:
        result2 = conv2d_norm_activation(result, block_out_channels, name=f"{name}_block_1")
    if rate is not None:
        result = layers.Dropout(rate, noise_shape=(None, 1, 1, 1))(result2)
    return result + x


def fused_mb_conv_2(x, out_channels, block_out_channels, name):
    """torchvision.models.efficientnet.FusedMBConv."""
    result = conv2d_norm_activation(
        x, out_channels, kernel_size=3, strides=2, activate=True, name=f"{name}_block_0"
    )
    return conv2d_norm_activation(result, block_out_channels, name=f"{name}_block_1")


def mb_conv(x, expanded_channels, squeeze_channels, out_channels, stride=1, rate=None, *, name):
    """torchvision.models.efficientnet.MBConv."""
    result = conv2d_norm_activation(x, expanded_channels, activate=True, name=f"{name}_block_0")
    result = conv2d_norm_activation(
        result,
        expanded_channels,
        kernel_size=3,
        strides=stride,
        groups=expanded_channels,
        activate=True,
        name=f"{name}_block_1",
    )
    result = squeeze_excitation(
        result, squeeze_channels, input_channels=expanded_channels, name=f"{name}_block_2"
    )
    result = conv2d_norm_activation(result, out_channels, name=f"{name}_block_3")
    if rate is not None:
        result = layers.Dropout(rate, noise_shape=(None, 1, 1, 1))(result)
        result = result + x
    return result


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = conv2d_norm_activation(x, 24, kernel_size=3, strides=2, activate=True, name="features_0")
    x = fused_mb_conv(x, 24, name="features_1_0")
    x = fused_mb_conv(x, 24, rate=0.005, name="features_1_1")
    x = fused_mb_conv_2(x, 96, block_out_channels=48, name="features_2_0")
    for n in range(1, 4):
        x = fused_mb_conv(
            x, 192, block_out_channels=48, rate=0.005 * (n + 2), name=f"features_2_{n}"
        )
    x = fused_mb_conv_2(x, 192, block_out_channels=64, name="features_3_0")
    for n in range(1, 4):
        x = fused_mb_conv(
            x, 256, block_out_channels=64, rate=0.005 * (n + 6), name=f"features_3_{n}"
        )
    x = mb_conv(x, 256, squeeze_channels=16, out_channels=128, stride=2, name="features_4_0")
    for n in range(1, 6):
        x = mb_conv(
            x,
            512,
            squeeze_channels=32,
            out_channels=128,
            rate=0.005 * (n + 10),
            name=f"features_4_{n}",
        )
    x = mb_conv(x, 768, squeeze_channels=32, out_channels=160, name="features_5_0")
    for n in range(1, 9):
        x = mb_conv(
            x,
            960,
            squeeze_channels=40,
            out_channels=160,
            rate=0.005 * (n + 16),
            name=f"features_5_{n}",
        )
    x = mb_conv(x, 960, squeeze_channels=40, out_channels=256, stride=2, name="features_6_0")
    for n in range(1, 15):
        x = mb_conv(
            x,
            1536,
            squeeze_channels=64,
            out_channels=256,
            rate=0.005 * (n + 25),
            name=f"features_6_{n}",
        )
    x = conv2d_norm_activation(x, 1280, activate=True, name="features_7")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Dense(1000, name="classifier_1")(x)
    return keras.Model(inputs, x, name="efficient_net")
