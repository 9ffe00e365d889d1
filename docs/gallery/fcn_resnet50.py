"""benchmarks.public.census:_of_torchvision('fcn_resnet50', 'segmentation')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def resize_linear(x, size, axis, align_corners=False, scale=None):
    """Interpolate linearly between neighbours, as ``torch.nn.functional.interpolate`` does."""
    length = x.shape[axis]
    points = ops.add(ops.arange(size, dtype=x.dtype), ops.zeros_like(x[(0,) * len(x.shape)]))
    if align_corners:
        places = points * ((length - 1) / max(size - 1, 1))
    else:
        places = ops.maximum((points + 0.5) * (scale or length / size) - 0.5, 0.0)
    lower = ops.floor(places)
    weight = ops.reshape(places - lower, [-1 if at == axis else 1 for at in range(len(x.shape))])
    lower = ops.cast(lower, "int32")
    upper = ops.minimum(lower + 1, length - 1)
    below, above = ops.take(x, lower, axis=axis), ops.take(x, upper, axis=axis)
    return below * (1 - weight) + above * weight


def conv2d(
    x, filters, kernel_size, strides=1, padding=0, dilation_rate=1, use_bias=True, name=None
):
    """Convolve as torch.nn.Conv2d does, with so many zeros at both ends."""
    same = strides == 1 and 2 * padding == dilation_rate * (kernel_size - 1)
    if padding and not same:
        x = layers.ZeroPadding2D(padding)(x)
    border = "same" if same else "valid"
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=border,
        dilation_rate=dilation_rate,
        use_bias=use_bias,
        name=name,
    )(x)


def bottleneck(x, width, dilation, stride=1, downsample=False, *, name):
    """torchvision.models.resnet.Bottleneck."""
    identity = x
    out = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_conv1")(x)
    out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn1")(out)
    out = ops.relu(out)
    out = conv2d(
        out,
        width,
        3,
        strides=stride,
        padding=dilation,
        dilation_rate=dilation,
        use_bias=False,
        name=f"{name}_conv2",
    )
    out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn2")(out)
    out = ops.relu(out)
    out = layers.Conv2D(4 * width, 1, use_bias=False, name=f"{name}_conv3")(out)
    out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn3")(out)
    if downsample:
        identity = layers.Conv2D(
            4 * width, 1, strides=stride, use_bias=False, name=f"{name}_downsample_0"
        )(identity)
        identity = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name=f"{name}_downsample_1"
        )(identity)
    return ops.relu(out + identity)


def fcn_head(x, name):
    """torchvision.models.segmentation.fcn.FCNHead."""
    x = layers.Conv2D(512, 3, padding="same", use_bias=False, name=f"{name}_0")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_1")(x)
    x = ops.relu(x)
    x = layers.Dropout(0.1)(x)
    return layers.Conv2D(21, 1, name=f"{name}_4")(x)


def intermediate_layer_getter(x, name):
    """torchvision.models._utils.IntermediateLayerGetter."""
    x = conv2d(x, 64, 7, strides=2, padding=3, use_bias=False, name=f"{name}_conv1")
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn1")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = bottleneck(x, 64, dilation=1, downsample=True, name=f"{name}_layer1_0")
    for n, (width, dilation, stride, count) in enumerate(
        ((64, 1, 2, 2), (128, 1, 1, 3), (256, 2, 1, 5)), 1
    ):
        for i in range(1, count + 1):
            x = bottleneck(x, width, dilation=dilation, name=f"{name}_layer{n}_{i}")
        x = bottleneck(
            x,
            2 * width,
            dilation=dilation,
            stride=stride,
            downsample=True,
            name=f"{name}_layer{n + 1}_0",
        )
    for n in range(1, 3):
        x = bottleneck(x, 512, dilation=4, name=f"{name}_layer4_{n}")
    return x


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = intermediate_layer_getter(x, name="backbone")
    x = fcn_head(x, name="classifier")
    x = resize_linear(resize_linear(x, 64, axis=1), 64, axis=2)
    return keras.Model(inputs, x, name="fcn")
