"""benchmarks.public.census:_of_torchvision('mobilenet_v3_small')

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


def conv2d_norm_activation(
    x, out_channels, kernel_size=1, strides=1, groups=1, activation=None, *, name
):
    """torchvision.ops.misc.Conv2dNormActivation."""
    x = conv2d(
        x,
        out_channels,
        kernel_size,
        strides=strides,
        padding=kernel_size // 2,
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


def inverted_residual(
    x,
    expanded_channels,
    out_channels,
    kernel=5,
    stride=1,
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
        groups=expanded_channels,
        activation=activation,
        name=f"{name}_block_{n}",
    )
    if squeeze_channels is not None:
        result = squeeze_excitation(
            result, squeeze_channels, input_channels=expanded_channels, name=f"{name}_block_{n + 1}"
        )
    result = conv2d_norm_activation(result, out_channels, name=f"{name}_block_{i + 1}")
    if use_res_connect:
        result = result + x
    return result


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = conv2d_norm_activation(
        x, 16, kernel_size=3, strides=2, activation=ops.hard_silu, name="features_0"
    )
    x = inverted_residual(
        x,
        16,
        out_channels=16,
        kernel=3,
        stride=2,
        activation=ops.relu,
        squeeze_channels=8,
        expand=False,
        name="features_1",
    )
    x = inverted_residual(
        x, 72, out_channels=24, kernel=3, stride=2, activation=ops.relu, name="features_2"
    )
    x = inverted_residual(
        x,
        88,
        out_channels=24,
        kernel=3,
        activation=ops.relu,
        use_res_connect=True,
        name="features_3",
    )
    x = inverted_residual(x, 96, out_channels=40, stride=2, squeeze_channels=24, name="features_4")
    for n in range(5, 7):
        x = inverted_residual(
            x, 240, out_channels=40, squeeze_channels=64, use_res_connect=True, name=f"features_{n}"
        )
    x = inverted_residual(x, 120, out_channels=48, squeeze_channels=32, name="features_7")
    x = inverted_residual(
        x, 144, out_channels=48, squeeze_channels=40, use_res_connect=True, name="features_8"
    )
    x = inverted_residual(x, 288, out_channels=96, stride=2, squeeze_channels=72, name="features_9")
    for n in range(10, 12):
        x = inverted_residual(
            x,
            576,
            out_channels=96,
            squeeze_channels=144,
            use_res_connect=True,
            name=f"features_{n}",
        )
    x = conv2d_norm_activation(x, 576, activation=ops.hard_silu, name="features_12")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(1024, name="classifier_0")(x)
    x = ops.hard_silu(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Dense(1000, name="classifier_3")(x)
    return keras.Model(inputs, x, name="mobile_net_v3")
