"""benchmarks.public.census:_of_timm('ghostnet_050')

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


def ghost_module(x, init_chs, reduced=False, *, name):
    """timm.models.ghostnet.GhostModule."""
    x1 = layers.Conv2D(init_chs, 1, use_bias=False, name=f"{name}_primary_conv_0")(x)
    x1 = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_primary_conv_1")(x1)
    if reduced:
        x1 = ops.relu(x1)
    x2 = layers.DepthwiseConv2D(
        3, padding="same", use_bias=False, name=f"{name}_cheap_operation_0"
    )(x1)
    x2 = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_cheap_operation_1")(
        x2
    )
    if reduced:
        x2 = ops.relu(x2)
    return ops.concatenate([x1, x2], axis=-1)


def squeeze_excite(x, rd_channels, in_chs, name):
    """timm.models._efficientnet_blocks.SqueezeExcite."""
    x_se = ops.mean(x, axis=(1, 2), keepdims=True)
    x_se = layers.Conv2D(rd_channels, 1, name=f"{name}_conv_reduce")(x_se)
    x_se = ops.relu(x_se)
    x_se = layers.Conv2D(in_chs, 1, name=f"{name}_conv_expand")(x_se)
    x_se = ops.hard_sigmoid(x_se)
    return x * x_se


def ghost_bottleneck(
    x, init_chs, dw_kernel_size, ghost2_init_chs, in_chs, rd_channels=None, *, name
):
    """timm.models.ghostnet.GhostBottleneck."""
    y = ghost_module(x, init_chs, reduced=True, name=f"{name}_ghost1")
    y = conv2d(
        y,
        2 * init_chs,
        dw_kernel_size,
        strides=2,
        padding=dw_kernel_size // 2,
        groups=2 * init_chs,
        use_bias=False,
        name=f"{name}_conv_dw",
    )
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn_dw")(y)
    if rd_channels is not None:
        y = squeeze_excite(y, rd_channels, in_chs=2 * init_chs, name=f"{name}_se")
    y = ghost_module(y, ghost2_init_chs, name=f"{name}_ghost2")
    x = conv2d(
        x,
        in_chs,
        dw_kernel_size,
        strides=2,
        padding=dw_kernel_size // 2,
        groups=in_chs,
        use_bias=False,
        name=f"{name}_shortcut_0",
    )
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_shortcut_1")(x)
    x = layers.Conv2D(2 * ghost2_init_chs, 1, use_bias=False, name=f"{name}_shortcut_2")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_shortcut_3")(x)
    return y + x


def ghost_bottleneck_2(x, init_chs, ghost2_init_chs, rd_channels=None, shortcut=False, *, name):
    """timm.models.ghostnet.GhostBottleneck."""
    y = ghost_module(x, init_chs, reduced=True, name=f"{name}_ghost1")
    if rd_channels is not None:
        y = squeeze_excite(y, rd_channels, in_chs=2 * init_chs, name=f"{name}_se")
    y = ghost_module(y, ghost2_init_chs, name=f"{name}_ghost2")
    if shortcut:
        x = conv2d(x, 40, 3, padding=1, groups=40, use_bias=False, name=f"{name}_shortcut_0")
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_shortcut_1")(x)
        x = layers.Conv2D(56, 1, use_bias=False, name=f"{name}_shortcut_2")(x)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_shortcut_3")(x)
    return y + x


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = conv2d(x, 8, 3, strides=2, padding=1, use_bias=False, name="conv_stem")
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="bn1")(x)
    x = ops.relu(x)
    x = ghost_bottleneck_2(x, 4, ghost2_init_chs=4, name="blocks_0_0")
    x = ghost_bottleneck(x, 12, dw_kernel_size=3, ghost2_init_chs=6, in_chs=8, name="blocks_1_0")
    x = ghost_bottleneck_2(x, 18, ghost2_init_chs=6, name="blocks_2_0")
    x = ghost_bottleneck(
        x, 18, dw_kernel_size=5, ghost2_init_chs=10, in_chs=12, rd_channels=12, name="blocks_3_0"
    )
    x = ghost_bottleneck_2(x, 30, ghost2_init_chs=10, rd_channels=16, name="blocks_4_0")
    x = ghost_bottleneck(x, 60, dw_kernel_size=3, ghost2_init_chs=20, in_chs=20, name="blocks_5_0")
    x = ghost_bottleneck_2(x, 50, ghost2_init_chs=20, name="blocks_6_0")
    for n in range(1, 3):
        x = ghost_bottleneck_2(x, 46, ghost2_init_chs=20, name=f"blocks_6_{n}")
    x = ghost_bottleneck_2(
        x, 120, ghost2_init_chs=28, rd_channels=60, shortcut=True, name="blocks_6_3"
    )
    x = ghost_bottleneck_2(x, 168, ghost2_init_chs=28, rd_channels=84, name="blocks_6_4")
    x = ghost_bottleneck(
        x, 168, dw_kernel_size=5, ghost2_init_chs=40, in_chs=56, rd_channels=84, name="blocks_7_0"
    )
    for n, rd_channels in enumerate((None, 120, None, 120)):
        x = ghost_bottleneck_2(
            x, 240, ghost2_init_chs=40, rd_channels=rd_channels, name=f"blocks_8_{n}"
        )
    x = layers.Conv2D(480, 1, use_bias=False, name="blocks_9_0_conv")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="blocks_9_0_bn1")(x)
    x = ops.relu(x)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(1280, 1, name="conv_head")(x)
    x = ops.relu(x)
    x = ops.squeeze(x, (1, 2))
    x = layers.Dropout(0.2)(x)
    x = layers.Dense(1000, name="classifier")(x)
    return keras.Model(inputs, x, name="ghost_net")
