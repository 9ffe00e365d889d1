"""benchmarks.public.census:_of_torchvision('mobilenet_v2')

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


def conv2d_norm_activation(x, out_channels, kernel_size=3, strides=1, groups=1, *, name):
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
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_1")(x)
    return ops.clip(x, 0.0, 6.0)


def inverted_residual(x, hidden_dim, oup, stride=1, expand=True, use_res_connect=False, *, name):
    """torchvision.models.mobilenetv2.InvertedResidual."""
    n = int(expand)
    y = x
    if expand:
        y = conv2d_norm_activation(x, hidden_dim, kernel_size=1, name=f"{name}_conv_0")
    y = conv2d_norm_activation(
        y, hidden_dim, strides=stride, groups=hidden_dim, name=f"{name}_conv_{n}"
    )
    y = layers.Conv2D(oup, 1, use_bias=False, name=f"{name}_conv_{n + 1}")(y)
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_conv_{n + 2}")(y)
    if use_res_connect:
        y = x + y
    return y


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = conv2d_norm_activation(x, 32, strides=2, name="features_0")
    x = inverted_residual(x, 32, oup=16, expand=False, name="features_1")
    x = inverted_residual(x, 96, oup=24, stride=2, name="features_2")
    x = inverted_residual(x, 144, oup=24, use_res_connect=True, name="features_3")
    x = inverted_residual(x, 144, oup=32, stride=2, name="features_4")
    for n in range(5, 7):
        x = inverted_residual(x, 192, oup=32, use_res_connect=True, name=f"features_{n}")
    x = inverted_residual(x, 192, oup=64, stride=2, name="features_7")
    for n in range(8, 11):
        x = inverted_residual(x, 384, oup=64, use_res_connect=True, name=f"features_{n}")
    x = inverted_residual(x, 384, oup=96, name="features_11")
    for n in range(12, 14):
        x = inverted_residual(x, 576, oup=96, use_res_connect=True, name=f"features_{n}")
    x = inverted_residual(x, 576, oup=160, stride=2, name="features_14")
    for n in range(15, 17):
        x = inverted_residual(x, 960, oup=160, use_res_connect=True, name=f"features_{n}")
    x = inverted_residual(x, 960, oup=320, name="features_17")
    x = conv2d_norm_activation(x, 1280, kernel_size=1, name="features_18")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Dense(1000, name="classifier_1")(x)
    return keras.Model(inputs, x, name="mobile_net_v2")
