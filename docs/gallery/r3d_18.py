"""benchmarks.public.census:_of_torchvision('r3d_18', 'video')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def conv3d(x, filters, kernel_size, strides=1, padding=0, use_bias=True, name=None):
    """Convolve as torch.nn.Conv3d does, with so many zeros at both ends."""
    same = strides == 1 and 2 * padding == kernel_size - 1
    if padding and not same:
        x = layers.ZeroPadding3D(padding)(x)
    border = "same" if same else "valid"
    return layers.Conv3D(
        filters, kernel_size, strides=strides, padding=border, use_bias=use_bias, name=name
    )(x)


def basic_stem(x, name):
    """torchvision.models.video.resnet.BasicStem."""
    x = layers.ZeroPadding3D((1, 3, 3))(x)
    x = layers.Conv3D(64, (3, 7, 7), strides=(1, 2, 2), use_bias=False, name=f"{name}_0")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_1")(x)
    return ops.relu(x)


def basic_block(x, planes, stride=1, downsample=False, *, name):
    """torchvision.models.video.resnet.BasicBlock."""
    residual = x
    x = conv3d(x, planes, 3, strides=stride, padding=1, use_bias=False, name=f"{name}_conv1_0")
    out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_conv1_1")(x)
    out = ops.relu(out)
    out = layers.Conv3D(planes, 3, padding="same", use_bias=False, name=f"{name}_conv2_0")(out)
    out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_conv2_1")(out)
    if downsample:
        residual = layers.Conv3D(planes, 1, strides=2, use_bias=False, name=f"{name}_downsample_0")(
            residual
        )
        residual = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name=f"{name}_downsample_1"
        )(residual)
    return ops.relu(out + residual)


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((16, 112, 112, 3), name="x")
    x = basic_stem(x, name="stem")
    for n in range(2):
        x = basic_block(x, 64, name=f"layer1_{n}")
    for n, planes in enumerate((128, 256, 512), 2):
        x = basic_block(x, planes, stride=2, downsample=True, name=f"layer{n}_0")
        x = basic_block(x, planes, name=f"layer{n}_1")
    x = layers.GlobalAveragePooling3D()(x)
    x = layers.Dense(400, name="fc")(x)
    return keras.Model(inputs, x, name="video_res_net")
