"""benchmarks.public.census:_of_torchvision('regnet_x_400mf')

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


def simple_stem_in(x, filters, kernel_size=1, strides=1, groups=1, activate=False, *, name):
    """torchvision.models.regnet.SimpleStemIN, torchvision.ops.misc.Conv2dNormActivation."""
    x = conv2d(
        x,
        filters,
        kernel_size,
        strides=strides,
        padding=kernel_size // 2,
        groups=groups,
        use_bias=False,
        name=f"{name}_0",
    )
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_1")(x)
    if activate:
        x = ops.relu(x)
    return x


def bottleneck_transform(x, filters, strides=1, groups=25, *, name):
    """torchvision.models.regnet.BottleneckTransform."""
    x = simple_stem_in(x, filters, activate=True, name=f"{name}_a")
    x = simple_stem_in(
        x, filters, kernel_size=3, strides=strides, groups=groups, activate=True, name=f"{name}_b"
    )
    return simple_stem_in(x, filters, name=f"{name}_c")


def res_bottleneck_block(x, width_out, stride=1, groups=25, proj=False, *, name):
    """torchvision.models.regnet.ResBottleneckBlock."""
    y = x
    if proj:
        y = simple_stem_in(x, width_out, strides=2, name=f"{name}_proj")
    x = bottleneck_transform(x, width_out, strides=stride, groups=groups, name=f"{name}_f")
    return ops.relu(y + x)


def any_stage(x, groups, index, depth=None, with_res_bottleneck_block=False, *, name):
    """torchvision.models.regnet.AnyStage."""
    x = res_bottleneck_block(
        x, 16 * groups, stride=2, groups=groups, proj=True, name=f"{name}_block{index}_0"
    )
    if with_res_bottleneck_block:
        x = res_bottleneck_block(x, 64, groups=4, name=f"{name}_block2_1")
    else:
        for n in range(1, depth + 1):
            x = res_bottleneck_block(x, 16 * groups, groups=groups, name=f"{name}_block{index}_{n}")
    return x


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = simple_stem_in(x, 32, kernel_size=3, strides=2, activate=True, name="stem")
    x = res_bottleneck_block(
        x, 32, stride=2, groups=2, proj=True, name="trunk_output_block1_block1_0"
    )
    x = any_stage(x, 4, index=2, with_res_bottleneck_block=True, name="trunk_output_block2")
    x = any_stage(x, 10, index=3, depth=6, name="trunk_output_block3")
    x = any_stage(x, 25, index=4, depth=11, name="trunk_output_block4")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(1000, name="fc")(x)
    return keras.Model(inputs, x, name="reg_net")
