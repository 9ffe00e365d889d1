"""benchmarks.public.census:_of_torchvision('lraspp_mobilenet_v3_large', 'segmentation')

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
    x,
    filters,
    kernel_size,
    strides=1,
    padding=0,
    dilation_rate=1,
    groups=1,
    use_bias=True,
    name=None,
):
    """Convolve as torch.nn.Conv2d does, with so many zeros at both ends."""
    same = strides == 1 and 2 * padding == dilation_rate * (kernel_size - 1)
    if padding and not same:
        x = layers.ZeroPadding2D(padding)(x)
    border = "same" if same else "valid"
    if 1 < groups == filters == x.shape[-1]:
        return layers.DepthwiseConv2D(
            kernel_size,
            strides=strides,
            padding=border,
            dilation_rate=dilation_rate,
            use_bias=use_bias,
            name=name,
        )(x)
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=border,
        dilation_rate=dilation_rate,
        use_bias=use_bias,
        groups=groups,
        name=name,
    )(x)


def conv2d_norm_activation(
    x,
    out_channels,
    kernel_size=1,
    strides=1,
    padding=0,
    dilation_rate=1,
    groups=1,
    activation=None,
    *,
    name,
):
    """torchvision.ops.misc.Conv2dNormActivation."""
    x = conv2d(
        x,
        out_channels,
        kernel_size,
        strides=strides,
        padding=padding,
        dilation_rate=dilation_rate,
        groups=groups,
        use_bias=False,
        name=f"{name}_0",
    )
    x = layers.BatchNormalization(momentum=0.99, epsilon=0.001, name=f"{name}_1")(x)
    if activation is not None:
        x = activation(x)
    return x


def squeeze_excitation(x, squeeze_channels, input_channels, name):
    """torchvision.ops.misc.SqueezeExcitation."""
    y = layers.GlobalAveragePooling2D(keepdims=True)(x)
    y = layers.Conv2D(squeeze_channels, 1, name=f"{name}_fc1")(y)
    y = ops.relu(y)
    y = layers.Conv2D(input_channels, 1, name=f"{name}_fc2")(y)
    y = ops.hard_sigmoid(y)
    return y * x


def lraspp_head(x, y, name):
    """torchvision.models.segmentation.lraspp.LRASPPHead."""
    z = layers.Conv2D(128, 1, use_bias=False, name=f"{name}_cbr_0")(x)
    z = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_cbr_1")(z)
    z = ops.relu(z)
    s = layers.GlobalAveragePooling2D(keepdims=True)(x)
    s = layers.Conv2D(128, 1, use_bias=False, name=f"{name}_scale_1")(s)
    s = ops.sigmoid(s)
    x = z * s
    x = resize_linear(resize_linear(x, 8, axis=1), 8, axis=2)
    y = layers.Conv2D(21, 1, name=f"{name}_low_classifier")(y)
    x = layers.Conv2D(21, 1, name=f"{name}_high_classifier")(x)
    return y + x


def inverted_residual(
    x,
    expanded_channels,
    out_channels,
    kernel=3,
    stride=1,
    padding=1,
    dilation=1,
    activation=ops.hard_silu,
    squeeze_channels=None,
    expand=True,
    use_res_connect=False,
    *,
    name,
):
    """torchvision.models.mobilenetv3.InvertedResidual."""
    n = int(expand)
    i = n + int(squeeze_channels is not None)
    result = x
    if expand:
        result = conv2d_norm_activation(
            x, expanded_channels, activation=activation, name=f"{name}_block_0"
        )
    result = conv2d_norm_activation(
        result,
        expanded_channels,
        kernel_size=kernel,
        strides=stride,
        padding=padding,
        dilation_rate=dilation,
        groups=expanded_channels,
        activation=activation,
        name=f"{name}_block_{n}",
    )
    if squeeze_channels is not None:
        result = squeeze_excitation(
            result, squeeze_channels, input_channels=expanded_channels, name=f"{name}_block_2"
        )
    result = conv2d_norm_activation(result, out_channels, name=f"{name}_block_{i + 1}")
    if use_res_connect:
        result = result + x
    return result


def intermediate_layer_getter(x, name):
    """torchvision.models._utils.IntermediateLayerGetter."""
    x = conv2d_norm_activation(
        x, 16, kernel_size=3, strides=2, padding=1, activation=ops.hard_silu, name=f"{name}_0"
    )
    x = inverted_residual(
        x,
        16,
        out_channels=16,
        activation=ops.relu,
        expand=False,
        use_res_connect=True,
        name=f"{name}_1",
    )
    x = inverted_residual(x, 64, out_channels=24, stride=2, activation=ops.relu, name=f"{name}_2")
    x = inverted_residual(
        x, 72, out_channels=24, activation=ops.relu, use_res_connect=True, name=f"{name}_3"
    )
    x = inverted_residual(
        x,
        72,
        out_channels=40,
        kernel=5,
        stride=2,
        padding=2,
        activation=ops.relu,
        squeeze_channels=24,
        name=f"{name}_4",
    )
    y = x
    for n in range(5, 7):
        y = inverted_residual(
            y,
            120,
            out_channels=40,
            kernel=5,
            padding=2,
            activation=ops.relu,
            squeeze_channels=32,
            use_res_connect=True,
            name=f"{name}_{n}",
        )
    y = inverted_residual(y, 240, out_channels=80, stride=2, name=f"{name}_7")
    y = inverted_residual(y, 200, out_channels=80, use_res_connect=True, name=f"{name}_8")
    for n in range(9, 11):
        y = inverted_residual(y, 184, out_channels=80, use_res_connect=True, name=f"{name}_{n}")
    y = inverted_residual(y, 480, out_channels=112, squeeze_channels=120, name=f"{name}_11")
    y = inverted_residual(
        y, 672, out_channels=112, squeeze_channels=168, use_res_connect=True, name=f"{name}_12"
    )
    y = inverted_residual(
        y,
        672,
        out_channels=160,
        kernel=5,
        padding=4,
        dilation=2,
        squeeze_channels=168,
        name=f"{name}_13",
    )
    for n in range(14, 16):
        y = inverted_residual(
            y,
            960,
            out_channels=160,
            kernel=5,
            padding=4,
            dilation=2,
            squeeze_channels=240,
            use_res_connect=True,
            name=f"{name}_{n}",
        )
    y = conv2d_norm_activation(y, 960, activation=ops.hard_silu, name=f"{name}_16")
    return x, y


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="input")
    x, y = intermediate_layer_getter(x, name="backbone")
    out = lraspp_head(y, x, name="classifier")
    out = resize_linear(resize_linear(out, 64, axis=1), 64, axis=2)
    return keras.Model(inputs, out, name="lraspp")
