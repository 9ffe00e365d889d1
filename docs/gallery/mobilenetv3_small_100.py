"""benchmarks.public.census:_of_timm('mobilenetv3_small_100')

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


def batch_norm_act2d(x, activation=ops.hard_silu, *, name):
    """timm.layers.norm_act.BatchNormAct2d."""
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=name)(x)
    return activation(x)


def squeeze_excite(x, rd_channels, in_chs, name):
    """timm.models._efficientnet_blocks.SqueezeExcite."""
    x_se = ops.mean(x, axis=(1, 2), keepdims=True)
    x_se = layers.Conv2D(rd_channels, 1, name=f"{name}_conv_reduce")(x_se)
    x_se = ops.relu(x_se)
    x_se = layers.Conv2D(in_chs, 1, name=f"{name}_conv_expand")(x_se)
    x_se = ops.hard_sigmoid(x_se)
    return x * x_se


def depthwise_separable_conv(x, name):
    """timm.models._efficientnet_blocks.DepthwiseSeparableConv."""
    x = conv2d(x, 16, 3, strides=2, padding=1, groups=16, use_bias=False, name=f"{name}_conv_dw")
    x = batch_norm_act2d(x, activation=ops.relu, name=f"{name}_bn1")
    x = squeeze_excite(x, 8, in_chs=16, name=f"{name}_se")
    x = layers.Conv2D(16, 1, use_bias=False, name=f"{name}_conv_pw")(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn2")(x)


def inverted_residual(
    x,
    mid_chs,
    out_chs,
    activation=ops.hard_silu,
    dw_kernel_size=5,
    strides=1,
    rd_channels=None,
    has_skip=False,
    *,
    name,
):
    """timm.models._efficientnet_blocks.InvertedResidual."""
    y = layers.Conv2D(mid_chs, 1, use_bias=False, name=f"{name}_conv_pw")(x)
    y = batch_norm_act2d(y, activation=activation, name=f"{name}_bn1")
    y = conv2d(
        y,
        mid_chs,
        dw_kernel_size,
        strides=strides,
        padding=dw_kernel_size // 2,
        groups=mid_chs,
        use_bias=False,
        name=f"{name}_conv_dw",
    )
    y = batch_norm_act2d(y, activation=activation, name=f"{name}_bn2")
    if rd_channels is not None:
        y = squeeze_excite(y, rd_channels, in_chs=mid_chs, name=f"{name}_se")
    y = layers.Conv2D(out_chs, 1, use_bias=False, name=f"{name}_conv_pwl")(y)
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn3")(y)
    if has_skip:
        y = y + x
    return y


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = conv2d(x, 16, 3, strides=2, padding=1, use_bias=False, name="conv_stem")
    x = batch_norm_act2d(x, name="bn1")
    x = depthwise_separable_conv(x, name="blocks_0_0")
    x = inverted_residual(
        x, 72, out_chs=24, activation=ops.relu, dw_kernel_size=3, strides=2, name="blocks_1_0"
    )
    x = inverted_residual(
        x, 88, out_chs=24, activation=ops.relu, dw_kernel_size=3, has_skip=True, name="blocks_1_1"
    )
    x = inverted_residual(x, 96, out_chs=40, strides=2, rd_channels=24, name="blocks_2_0")
    for n in range(1, 3):
        x = inverted_residual(
            x, 240, out_chs=40, rd_channels=64, has_skip=True, name=f"blocks_2_{n}"
        )
    x = inverted_residual(x, 120, out_chs=48, rd_channels=32, name="blocks_3_0")
    x = inverted_residual(x, 144, out_chs=48, rd_channels=40, has_skip=True, name="blocks_3_1")
    x = inverted_residual(x, 288, out_chs=96, strides=2, rd_channels=72, name="blocks_4_0")
    for n in range(1, 3):
        x = inverted_residual(
            x, 576, out_chs=96, rd_channels=144, has_skip=True, name=f"blocks_4_{n}"
        )
    x = layers.Conv2D(576, 1, use_bias=False, name="blocks_5_0_conv")(x)
    x = batch_norm_act2d(x, name="blocks_5_0_bn1")
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(1024, 1, name="conv_head")(x)
    x = ops.hard_silu(x)
    x = ops.squeeze(x, (1, 2))
    x = layers.Dense(1000, name="classifier")(x)
    return keras.Model(inputs, x, name="mobile_net_v3")
