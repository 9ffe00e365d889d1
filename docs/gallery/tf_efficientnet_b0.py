"""benchmarks.public.census:_of_timm('tf_efficientnet_b0')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def conv2d_same(x, pad_width, kernel_size=None, expand=False, *, name):
    """timm.layers.conv2d_same.Conv2dSame."""
    x = ops.pad(x, ((0, 0), pad_width, pad_width, (0, 0)))
    if expand:
        x = layers.Conv2D(32, 3, strides=2, use_bias=False, name=name)(x)
    else:
        x = layers.DepthwiseConv2D(kernel_size, strides=2, use_bias=False, name=name)(x)
    return x


def batch_norm_act2d(x, name):
    """timm.layers.norm_act.BatchNormAct2d."""
    x = layers.BatchNormalization(momentum=0.9, epsilon=0.001, name=name)(x)
    return ops.silu(x)


def squeeze_excite(x, rd_channels, in_chs, name):
    """timm.models._efficientnet_blocks.SqueezeExcite."""
    x_se = ops.mean(x, axis=(1, 2), keepdims=True)
    x_se = layers.Conv2D(rd_channels, 1, name=f"{name}_conv_reduce")(x_se)
    x_se = ops.silu(x_se)
    x_se = layers.Conv2D(in_chs, 1, name=f"{name}_conv_expand")(x_se)
    x_se = ops.sigmoid(x_se)
    return x * x_se


def depthwise_separable_conv(x, name):
    """timm.models._efficientnet_blocks.DepthwiseSeparableConv."""
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}_conv_dw")(x)
    x = batch_norm_act2d(x, name=f"{name}_bn1")
    x = squeeze_excite(x, 8, in_chs=32, name=f"{name}_se")
    x = layers.Conv2D(16, 1, use_bias=False, name=f"{name}_conv_pw")(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=0.001, name=f"{name}_bn2")(x)


def inverted_residual(
    x,
    rd_channels,
    out_chs,
    pad_width,
    conv_dw_pad_width,
    dw_kernel_size=5,
    conv_dw=False,
    has_skip=False,
    *,
    name,
):
    """timm.models._efficientnet_blocks.InvertedResidual."""
    y = layers.Conv2D(24 * rd_channels, 1, use_bias=False, name=f"{name}_conv_pw")(x)
    y = batch_norm_act2d(y, name=f"{name}_bn1")
    if conv_dw:
        y = layers.DepthwiseConv2D(
            dw_kernel_size, padding="same", use_bias=False, name=f"{name}_conv_dw"
        )(y)
    else:
        y = conv2d_same(
            y, (pad_width, conv_dw_pad_width), kernel_size=dw_kernel_size, name=f"{name}_conv_dw"
        )
    y = batch_norm_act2d(y, name=f"{name}_bn2")
    y = squeeze_excite(y, rd_channels, in_chs=24 * rd_channels, name=f"{name}_se")
    y = layers.Conv2D(out_chs, 1, use_bias=False, name=f"{name}_conv_pwl")(y)
    y = layers.BatchNormalization(momentum=0.9, epsilon=0.001, name=f"{name}_bn3")(y)
    if has_skip:
        y = y + x
    return y


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = conv2d_same(x, (0, 1), expand=True, name="conv_stem")
    x = batch_norm_act2d(x, name="bn1")
    x = depthwise_separable_conv(x, name="blocks_0_0")
    x = inverted_residual(
        x, 4, out_chs=24, pad_width=0, conv_dw_pad_width=1, dw_kernel_size=3, name="blocks_1_0"
    )
    x = inverted_residual(
        x,
        6,
        out_chs=24,
        pad_width=None,
        conv_dw_pad_width=None,
        dw_kernel_size=3,
        conv_dw=True,
        has_skip=True,
        name="blocks_1_1",
    )
    x = inverted_residual(x, 6, out_chs=40, pad_width=1, conv_dw_pad_width=2, name="blocks_2_0")
    x = inverted_residual(
        x,
        10,
        out_chs=40,
        pad_width=None,
        conv_dw_pad_width=None,
        conv_dw=True,
        has_skip=True,
        name="blocks_2_1",
    )
    x = inverted_residual(
        x, 10, out_chs=80, pad_width=0, conv_dw_pad_width=1, dw_kernel_size=3, name="blocks_3_0"
    )
    for n in range(1, 3):
        x = inverted_residual(
            x,
            20,
            out_chs=80,
            pad_width=None,
            conv_dw_pad_width=None,
            dw_kernel_size=3,
            conv_dw=True,
            has_skip=True,
            name=f"blocks_3_{n}",
        )
    x = inverted_residual(
        x, 20, out_chs=112, pad_width=None, conv_dw_pad_width=None, conv_dw=True, name="blocks_4_0"
    )
    for n in range(1, 3):
        x = inverted_residual(
            x,
            28,
            out_chs=112,
            pad_width=None,
            conv_dw_pad_width=None,
            conv_dw=True,
            has_skip=True,
            name=f"blocks_4_{n}",
        )
    x = inverted_residual(x, 28, out_chs=192, pad_width=1, conv_dw_pad_width=2, name="blocks_5_0")
    for n in range(1, 4):
        x = inverted_residual(
            x,
            48,
            out_chs=192,
            pad_width=None,
            conv_dw_pad_width=None,
            conv_dw=True,
            has_skip=True,
            name=f"blocks_5_{n}",
        )
    x = inverted_residual(
        x,
        48,
        out_chs=320,
        pad_width=None,
        conv_dw_pad_width=None,
        dw_kernel_size=3,
        conv_dw=True,
        name="blocks_6_0",
    )
    x = layers.Conv2D(1280, 1, use_bias=False, name="conv_head")(x)
    x = batch_norm_act2d(x, name="bn2")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(1000, name="classifier")(x)
    return keras.Model(inputs, x, name="efficient_net")
