"""benchmarks.public.census:_of_torchvision('mc3_18', 'video')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def basic_stem(x, name):
    """torchvision.models.video.resnet.BasicStem."""
    x = layers.ZeroPadding3D((1, 3, 3))(x)
    x = layers.Conv3D(64, (3, 7, 7), strides=(1, 2, 2), use_bias=False, name=f"{name}_0")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_1")(x)
    return ops.relu(x)


def basic_block(
    x, planes, kernel_size=(1, 3, 3), stride=1, padding="same", downsample=False, *, name
):
    """torchvision.models.video.resnet.BasicBlock."""
    residual = x
    if not downsample:
        residual = layers.ZeroPadding3D((0, 1, 1))(x)
    conv1 = layers.Conv3D(
        planes, kernel_size, strides=stride, padding=padding, use_bias=False, name=f"{name}_conv1_0"
    )(residual)
    out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_conv1_1")(conv1)
    out = ops.relu(out)
    out = layers.Conv3D(
        planes, kernel_size, padding="same", use_bias=False, name=f"{name}_conv2_0"
    )(out)
    out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_conv2_1")(out)
    if not downsample:
        residual = layers.Conv3D(
            planes, 1, strides=(1, 2, 2), use_bias=False, name=f"{name}_downsample_0"
        )(x)
        residual = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name=f"{name}_downsample_1"
        )(residual)
    return ops.relu(out + residual)


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((16, 112, 112, 3), name="x")
    x = basic_stem(x, name="stem")
    for n in range(2):
        x = basic_block(x, 64, kernel_size=3, downsample=True, name=f"layer1_{n}")
    for n, planes in enumerate((128, 256, 512), 2):
        x = basic_block(x, planes, stride=(1, 2, 2), padding="valid", name=f"layer{n}_0")
        x = basic_block(x, planes, downsample=True, name=f"layer{n}_1")
    x = layers.GlobalAveragePooling3D()(x)
    x = layers.Dense(400, name="fc")(x)
    return keras.Model(inputs, x, name="video_res_net")
