"""benchmarks.public.census:_of_timm('mobilenetv4_conv_small')

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


def batch_norm_act2d(x, name):
    """timm.layers.norm_act.BatchNormAct2d."""
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=name)(x)
    return ops.relu(x)


def conv_bn_act(x, out_chs, kernel_size=1, strides=1, *, name):
    """timm.models._efficientnet_blocks.ConvBnAct."""
    x = conv2d(
        x,
        out_chs,
        kernel_size,
        strides=strides,
        padding=kernel_size // 2,
        use_bias=False,
        name=f"{name}_conv",
    )
    return batch_norm_act2d(x, name=f"{name}_bn1")


def conv_norm_act(x, out_channels, kernel_size=1, strides=1, groups=1, bn=False, *, name):
    """timm.layers.conv_bn_act.ConvNormAct."""
    x = conv2d(
        x,
        out_channels,
        kernel_size,
        strides=strides,
        padding=kernel_size // 2,
        groups=groups,
        use_bias=False,
        name=f"{name}_conv",
    )
    if bn:
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn")(x)
    else:
        x = batch_norm_act2d(x, name=f"{name}_bn")
    return x


def universal_inverted_residual(
    x, mid_chs, out_chs, in_chs=None, dw_kernel_size_mid=3, stride=None, has_skip=True, *, name
):
    """timm.models._efficientnet_blocks.UniversalInvertedResidual."""
    y = x
    if in_chs is not None:
        y = conv_norm_act(
            x,
            in_chs,
            kernel_size=dw_kernel_size_mid,
            groups=in_chs,
            bn=True,
            name=f"{name}_dw_start",
        )
    y = conv_norm_act(y, mid_chs, name=f"{name}_pw_exp")
    if stride is not None:
        y = conv_norm_act(
            y,
            mid_chs,
            kernel_size=dw_kernel_size_mid,
            strides=stride,
            groups=mid_chs,
            name=f"{name}_dw_mid",
        )
    y = conv_norm_act(y, out_chs, bn=True, name=f"{name}_pw_proj")
    if has_skip:
        y = y + x
    return y


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = conv2d(x, 32, 3, strides=2, padding=1, use_bias=False, name="conv_stem")
    x = batch_norm_act2d(x, name="bn1")
    x = conv_bn_act(x, 32, kernel_size=3, strides=2, name="blocks_0_0")
    x = conv_bn_act(x, 32, name="blocks_0_1")
    x = conv_bn_act(x, 96, kernel_size=3, strides=2, name="blocks_1_0")
    x = conv_bn_act(x, 64, name="blocks_1_1")
    x = universal_inverted_residual(
        x,
        192,
        out_chs=96,
        in_chs=64,
        dw_kernel_size_mid=5,
        stride=2,
        has_skip=False,
        name="blocks_2_0",
    )
    for n in range(1, 5):
        x = universal_inverted_residual(x, 192, out_chs=96, stride=1, name=f"blocks_2_{n}")
    x = universal_inverted_residual(x, 384, out_chs=96, in_chs=96, name="blocks_2_5")
    x = universal_inverted_residual(
        x, 576, out_chs=128, in_chs=96, stride=2, has_skip=False, name="blocks_3_0"
    )
    x = universal_inverted_residual(
        x, 512, out_chs=128, in_chs=128, dw_kernel_size_mid=5, stride=1, name="blocks_3_1"
    )
    x = universal_inverted_residual(
        x, 512, out_chs=128, dw_kernel_size_mid=5, stride=1, name="blocks_3_2"
    )
    x = universal_inverted_residual(
        x, 384, out_chs=128, dw_kernel_size_mid=5, stride=1, name="blocks_3_3"
    )
    for n in range(4, 6):
        x = universal_inverted_residual(x, 512, out_chs=128, stride=1, name=f"blocks_3_{n}")
    x = conv_bn_act(x, 960, name="blocks_4_0")
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(1280, 1, use_bias=False, name="conv_head")(x)
    x = batch_norm_act2d(x, name="norm_head")
    x = ops.squeeze(x, (1, 2))
    x = layers.Dense(1000, name="classifier")(x)
    return keras.Model(inputs, x, name="mobile_net_v3")
