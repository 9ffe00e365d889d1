"""benchmarks.public.census:_of_timm('repvgg_a0')

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


def conv_norm_act(x, out_channels, kernel_size, strides=1, *, name):
    """timm.layers.conv_bn_act.ConvNormAct."""
    x = conv2d(
        x,
        out_channels,
        kernel_size,
        strides=strides,
        padding=kernel_size // 2,
        use_bias=False,
        name=f"{name}_conv",
    )
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn")(x)


def rep_vgg_block(x, out_chs=192, *, name):
    """timm.models.byobnet.RepVggBlock."""
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_identity")(x)
    z = conv_norm_act(x, out_chs, kernel_size=1, name=f"{name}_conv_1x1")
    x = conv_norm_act(x, out_chs, kernel_size=3, name=f"{name}_conv_kxk")
    x = z + x
    return ops.relu(x + y)


def rep_vgg_block_2(x, out_chs, name):
    """timm.models.byobnet.RepVggBlock."""
    y = conv_norm_act(x, out_chs, kernel_size=1, strides=2, name=f"{name}_conv_1x1")
    x = conv_norm_act(x, out_chs, kernel_size=3, strides=2, name=f"{name}_conv_kxk")
    return ops.relu(y + x)


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = rep_vgg_block_2(x, 48, name="stem")
    x = rep_vgg_block_2(x, 48, name="stages_0_0")
    x = rep_vgg_block(x, out_chs=48, name="stages_0_1")
    x = rep_vgg_block_2(x, 96, name="stages_1_0")
    for n in range(1, 4):
        x = rep_vgg_block(x, out_chs=96, name=f"stages_1_{n}")
    x = rep_vgg_block_2(x, 192, name="stages_2_0")
    for n in range(1, 14):
        x = rep_vgg_block(x, name=f"stages_2_{n}")
    x = rep_vgg_block_2(x, 1280, name="stages_3_0")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(1000, name="head_fc")(x)
    return keras.Model(inputs, x, name="byob_net")
