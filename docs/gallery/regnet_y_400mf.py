"""benchmarks.public.census:_of_torchvision('regnet_y_400mf')

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


def squeeze_excitation(x, squeeze_channels, input_channels, name):
    """torchvision.ops.misc.SqueezeExcitation."""
    y = layers.GlobalAveragePooling2D(keepdims=True)(x)
    y = layers.Conv2D(squeeze_channels, 1, name=f"{name}_fc1")(y)
    y = ops.relu(y)
    y = layers.Conv2D(input_channels, 1, name=f"{name}_fc2")(y)
    y = ops.sigmoid(y)
    return y * x


def bottleneck_transform(x, groups, squeeze_channels, strides=1, *, name):
    """torchvision.models.regnet.BottleneckTransform."""
    x = simple_stem_in(x, 8 * groups, activate=True, name=f"{name}_a")
    x = simple_stem_in(
        x,
        8 * groups,
        kernel_size=3,
        strides=strides,
        groups=groups,
        activate=True,
        name=f"{name}_b",
    )
    x = squeeze_excitation(x, squeeze_channels, input_channels=8 * groups, name=f"{name}_se")
    return simple_stem_in(x, 8 * groups, name=f"{name}_c")


def res_bottleneck_block(x, groups, squeeze_channels, stride=1, proj=False, *, name):
    """torchvision.models.regnet.ResBottleneckBlock."""
    y = x
    if proj:
        y = simple_stem_in(x, 8 * groups, strides=2, name=f"{name}_proj")
    x = bottleneck_transform(
        x, groups, squeeze_channels=squeeze_channels, strides=stride, name=f"{name}_f"
    )
    return ops.relu(y + x)


def any_stage(x, groups, squeeze_channels, index, depth, name):
    """torchvision.models.regnet.AnyStage."""
    x = res_bottleneck_block(
        x,
        groups,
        squeeze_channels=squeeze_channels,
        stride=2,
        proj=True,
        name=f"{name}_block{index}_0",
    )
    for n in range(1, depth + 1):
        x = res_bottleneck_block(
            x, groups, squeeze_channels=2 * groups, name=f"{name}_block{index}_{n}"
        )
    return x


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = simple_stem_in(x, 32, kernel_size=3, strides=2, activate=True, name="stem")
    x = res_bottleneck_block(
        x, 6, squeeze_channels=8, stride=2, proj=True, name="trunk_output_block1_block1_0"
    )
    x = any_stage(x, 13, squeeze_channels=12, index=2, depth=2, name="trunk_output_block2")
    x = any_stage(x, 26, squeeze_channels=26, index=3, depth=5, name="trunk_output_block3")
    x = any_stage(x, 55, squeeze_channels=52, index=4, depth=5, name="trunk_output_block4")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(1000, name="fc")(x)
    return keras.Model(inputs, x, name="reg_net")
