"""benchmarks.public.census:_of_timm('hrnet_w18_small')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def bottleneck(x, first_planes, name):
    """timm.models.resnet.Bottleneck."""
    y = layers.Conv2D(first_planes, 1, use_bias=False, name=f"{name}_conv1")(x)
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn1")(y)
    y = ops.relu(y)
    y = layers.Conv2D(first_planes, 3, padding="same", use_bias=False, name=f"{name}_conv2")(y)
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn2")(y)
    y = ops.relu(y)
    y = layers.Conv2D(4 * first_planes, 1, use_bias=False, name=f"{name}_conv3")(y)
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn3")(y)
    shortcut = layers.Conv2D(4 * first_planes, 1, use_bias=False, name=f"{name}_downsample_0")(x)
    shortcut = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_downsample_1")(
        shortcut
    )
    return ops.relu(y + shortcut)


def basic_block(x, first_planes, name):
    """timm.models.resnet.BasicBlock."""
    y = layers.Conv2D(first_planes, 3, padding="same", use_bias=False, name=f"{name}_conv1")(x)
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn1")(y)
    y = ops.relu(y)
    y = layers.Conv2D(first_planes, 3, padding="same", use_bias=False, name=f"{name}_conv2")(y)
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn2")(y)
    return ops.relu(y + x)


def high_resolution_module(x, y, z, x2, name):
    """timm.models.hrnet.HighResolutionModule."""
    for n in range(2):
        x = basic_block(x, 16, name=f"{name}_branches_0_{n}")
    for n in range(2):
        y = basic_block(y, 32, name=f"{name}_branches_1_{n}")
    for n in range(2):
        z = basic_block(z, 64, name=f"{name}_branches_2_{n}")
    for n in range(2):
        x2 = basic_block(x2, 128, name=f"{name}_branches_3_{n}")
    fuse_layers = layers.Conv2D(16, 1, use_bias=False, name=f"{name}_fuse_layers_0_1_0")(y)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_0_1_1"
    )(fuse_layers)
    y2 = layers.UpSampling2D(2)(fuse_layers)
    y2 = x + y2
    fuse_layers = layers.Conv2D(16, 1, use_bias=False, name=f"{name}_fuse_layers_0_2_0")(z)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_0_2_1"
    )(fuse_layers)
    y3 = layers.UpSampling2D(4)(fuse_layers)
    y2 = y2 + y3
    fuse_layers = layers.Conv2D(16, 1, use_bias=False, name=f"{name}_fuse_layers_0_3_0")(x2)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_0_3_1"
    )(fuse_layers)
    y3 = layers.UpSampling2D(8)(fuse_layers)
    y2 = ops.relu(y2 + y3)
    y3 = layers.ZeroPadding2D(1)(x)
    fuse_layers = layers.Conv2D(
        32, 3, strides=2, use_bias=False, name=f"{name}_fuse_layers_1_0_0_0"
    )(y3)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_1_0_0_1"
    )(fuse_layers)
    y3 = fuse_layers + y
    fuse_layers = layers.Conv2D(32, 1, use_bias=False, name=f"{name}_fuse_layers_1_2_0")(z)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_1_2_1"
    )(fuse_layers)
    y4 = layers.UpSampling2D(2)(fuse_layers)
    y3 = y3 + y4
    fuse_layers = layers.Conv2D(32, 1, use_bias=False, name=f"{name}_fuse_layers_1_3_0")(x2)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_1_3_1"
    )(fuse_layers)
    y4 = layers.UpSampling2D(4)(fuse_layers)
    y3 = ops.relu(y3 + y4)
    y4 = layers.ZeroPadding2D(1)(x)
    fuse_layers = layers.Conv2D(
        16, 3, strides=2, use_bias=False, name=f"{name}_fuse_layers_2_0_0_0"
    )(y4)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_2_0_0_1"
    )(fuse_layers)
    y4 = ops.relu(fuse_layers)
    y4 = layers.ZeroPadding2D(1)(y4)
    fuse_layers = layers.Conv2D(
        64, 3, strides=2, use_bias=False, name=f"{name}_fuse_layers_2_0_1_0"
    )(y4)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_2_0_1_1"
    )(fuse_layers)
    y4 = layers.ZeroPadding2D(1)(y)
    y4 = layers.Conv2D(64, 3, strides=2, use_bias=False, name=f"{name}_fuse_layers_2_1_0_0")(y4)
    y4 = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_2_1_0_1")(
        y4
    )
    y4 = fuse_layers + y4 + z
    fuse_layers = layers.Conv2D(64, 1, use_bias=False, name=f"{name}_fuse_layers_2_3_0")(x2)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_2_3_1"
    )(fuse_layers)
    y5 = layers.UpSampling2D(2)(fuse_layers)
    y4 = ops.relu(y4 + y5)
    y5 = layers.ZeroPadding2D(1)(x)
    for n in range(2):
        fuse_layers = layers.Conv2D(
            16, 3, strides=2, use_bias=False, name=f"{name}_fuse_layers_3_0_{n}_0"
        )(y5)
        fuse_layers = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_3_0_{n}_1"
        )(fuse_layers)
        y5 = ops.relu(fuse_layers)
        y5 = layers.ZeroPadding2D(1)(y5)
    fuse_layers = layers.Conv2D(
        128, 3, strides=2, use_bias=False, name=f"{name}_fuse_layers_3_0_2_0"
    )(y5)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_3_0_2_1"
    )(fuse_layers)
    y = layers.ZeroPadding2D(1)(y)
    y = layers.Conv2D(32, 3, strides=2, use_bias=False, name=f"{name}_fuse_layers_3_1_0_0")(y)
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_3_1_0_1")(
        y
    )
    y = ops.relu(y)
    y = layers.ZeroPadding2D(1)(y)
    y = layers.Conv2D(128, 3, strides=2, use_bias=False, name=f"{name}_fuse_layers_3_1_1_0")(y)
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_3_1_1_1")(
        y
    )
    y = fuse_layers + y
    y5 = layers.ZeroPadding2D(1)(z)
    fuse_layers = layers.Conv2D(
        128, 3, strides=2, use_bias=False, name=f"{name}_fuse_layers_3_2_0_0"
    )(y5)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_3_2_0_1"
    )(fuse_layers)
    y = y + fuse_layers + x2
    y = ops.relu(y)
    return y2, y3, y4, y


def high_resolution_module_2(x, y, z, name):
    """timm.models.hrnet.HighResolutionModule."""
    for n in range(2):
        x = basic_block(x, 16, name=f"{name}_branches_0_{n}")
    for n in range(2):
        y = basic_block(y, 32, name=f"{name}_branches_1_{n}")
    for n in range(2):
        z = basic_block(z, 64, name=f"{name}_branches_2_{n}")
    fuse_layers = layers.Conv2D(16, 1, use_bias=False, name=f"{name}_fuse_layers_0_1_0")(y)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_0_1_1"
    )(fuse_layers)
    y2 = layers.UpSampling2D(2)(fuse_layers)
    y2 = x + y2
    fuse_layers = layers.Conv2D(16, 1, use_bias=False, name=f"{name}_fuse_layers_0_2_0")(z)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_0_2_1"
    )(fuse_layers)
    y3 = layers.UpSampling2D(4)(fuse_layers)
    y2 = ops.relu(y2 + y3)
    y3 = layers.ZeroPadding2D(1)(x)
    fuse_layers = layers.Conv2D(
        32, 3, strides=2, use_bias=False, name=f"{name}_fuse_layers_1_0_0_0"
    )(y3)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_1_0_0_1"
    )(fuse_layers)
    y3 = fuse_layers + y
    fuse_layers = layers.Conv2D(32, 1, use_bias=False, name=f"{name}_fuse_layers_1_2_0")(z)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_1_2_1"
    )(fuse_layers)
    y4 = layers.UpSampling2D(2)(fuse_layers)
    y3 = ops.relu(y3 + y4)
    y4 = layers.ZeroPadding2D(1)(x)
    fuse_layers = layers.Conv2D(
        16, 3, strides=2, use_bias=False, name=f"{name}_fuse_layers_2_0_0_0"
    )(y4)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_2_0_0_1"
    )(fuse_layers)
    y4 = ops.relu(fuse_layers)
    y4 = layers.ZeroPadding2D(1)(y4)
    fuse_layers = layers.Conv2D(
        64, 3, strides=2, use_bias=False, name=f"{name}_fuse_layers_2_0_1_0"
    )(y4)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_2_0_1_1"
    )(fuse_layers)
    y = layers.ZeroPadding2D(1)(y)
    y = layers.Conv2D(64, 3, strides=2, use_bias=False, name=f"{name}_fuse_layers_2_1_0_0")(y)
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_2_1_0_1")(
        y
    )
    y = fuse_layers + y + z
    y = ops.relu(y)
    return y2, y3, y


def high_resolution_module_3(x, y, name):
    """timm.models.hrnet.HighResolutionModule."""
    for n in range(2):
        x = basic_block(x, 16, name=f"{name}_branches_0_{n}")
    for n in range(2):
        y = basic_block(y, 32, name=f"{name}_branches_1_{n}")
    fuse_layers = layers.Conv2D(16, 1, use_bias=False, name=f"{name}_fuse_layers_0_1_0")(y)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_0_1_1"
    )(fuse_layers)
    y2 = layers.UpSampling2D(2)(fuse_layers)
    z = ops.relu(x + y2)
    y2 = layers.ZeroPadding2D(1)(x)
    fuse_layers = layers.Conv2D(
        32, 3, strides=2, use_bias=False, name=f"{name}_fuse_layers_1_0_0_0"
    )(y2)
    fuse_layers = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_fuse_layers_1_0_0_1"
    )(fuse_layers)
    fuse_layers = ops.relu(fuse_layers + y)
    return z, fuse_layers


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(64, 3, strides=2, use_bias=False, name="conv1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="bn1")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(64, 3, strides=2, use_bias=False, name="conv2")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="bn2")(x)
    x = ops.relu(x)
    x = bottleneck(x, 32, name="layer1_0")
    y = layers.Conv2D(16, 3, padding="same", use_bias=False, name="transition1_0_0")(x)
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="transition1_0_1")(y)
    y = ops.relu(y)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, strides=2, use_bias=False, name="transition1_1_0_0")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="transition1_1_0_1")(x)
    x = ops.relu(x)
    y, stage2 = high_resolution_module_3(y, x, name="stage2_0")
    stage3 = layers.ZeroPadding2D(1)(stage2)
    stage3 = layers.Conv2D(64, 3, strides=2, use_bias=False, name="transition2_2_0_0")(stage3)
    stage3 = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="transition2_2_0_1")(
        stage3
    )
    stage3 = ops.relu(stage3)
    y, stage3, y2 = high_resolution_module_2(y, stage2, stage3, name="stage3_0")
    y3 = layers.ZeroPadding2D(1)(y2)
    y3 = layers.Conv2D(128, 3, strides=2, use_bias=False, name="transition3_3_0_0")(y3)
    y3 = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="transition3_3_0_1")(y3)
    y3 = ops.relu(y3)
    y, stage4, y2, y3 = high_resolution_module(y, stage3, y2, y3, name="stage4_0")
    y = bottleneck(y, 32, name="incre_modules_0_0")
    stage4 = bottleneck(stage4, 64, name="incre_modules_1_0")
    y = layers.ZeroPadding2D(1)(y)
    y = layers.Conv2D(256, 3, strides=2, name="downsamp_modules_0_0")(y)
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="downsamp_modules_0_1")(y)
    y = ops.relu(y)
    stage4 = stage4 + y
    y2 = bottleneck(y2, 128, name="incre_modules_2_0")
    stage4 = layers.ZeroPadding2D(1)(stage4)
    stage4 = layers.Conv2D(512, 3, strides=2, name="downsamp_modules_1_0")(stage4)
    stage4 = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="downsamp_modules_1_1")(
        stage4
    )
    stage4 = ops.relu(stage4)
    y2 = y2 + stage4
    y3 = bottleneck(y3, 256, name="incre_modules_3_0")
    y2 = layers.ZeroPadding2D(1)(y2)
    y2 = layers.Conv2D(1024, 3, strides=2, name="downsamp_modules_2_0")(y2)
    y2 = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="downsamp_modules_2_1")(y2)
    y2 = ops.relu(y2)
    y3 = y3 + y2
    y3 = layers.Conv2D(2048, 1, name="final_layer_0")(y3)
    y3 = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="final_layer_1")(y3)
    y3 = ops.relu(y3)
    x = layers.GlobalAveragePooling2D()(y3)
    x = layers.Dense(1000, name="classifier")(x)
    return keras.Model(inputs, x, name="high_resolution_net")
