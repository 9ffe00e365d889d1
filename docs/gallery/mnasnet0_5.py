"""benchmarks.public.census:_of_torchvision('mnasnet0_5')

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


def inverted_residual(x, mid_ch, out_ch, kernel_size=5, stride=1, apply_residual=False, *, name):
    """torchvision.models.mnasnet._InvertedResidual."""
    y = layers.Conv2D(mid_ch, 1, use_bias=False, name=f"{name}_layers_0")(x)
    y = layers.BatchNormalization(momentum=0.9997, epsilon=1e-05, name=f"{name}_layers_1")(y)
    y = ops.relu(y)
    y = conv2d(
        y,
        mid_ch,
        kernel_size,
        strides=stride,
        padding=kernel_size // 2,
        groups=mid_ch,
        use_bias=False,
        name=f"{name}_layers_3",
    )
    y = layers.BatchNormalization(momentum=0.9997, epsilon=1e-05, name=f"{name}_layers_4")(y)
    y = ops.relu(y)
    y = layers.Conv2D(out_ch, 1, use_bias=False, name=f"{name}_layers_6")(y)
    y = layers.BatchNormalization(momentum=0.9997, epsilon=1e-05, name=f"{name}_layers_7")(y)
    if apply_residual:
        y = y + x
    return y


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = conv2d(x, 16, 3, strides=2, padding=1, use_bias=False, name="layers_0")
    x = layers.BatchNormalization(momentum=0.9997, epsilon=1e-05, name="layers_1")(x)
    x = ops.relu(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="layers_3")(x)
    x = layers.BatchNormalization(momentum=0.9997, epsilon=1e-05, name="layers_4")(x)
    x = ops.relu(x)
    x = layers.Conv2D(8, 1, use_bias=False, name="layers_6")(x)
    x = layers.BatchNormalization(momentum=0.9997, epsilon=1e-05, name="layers_7")(x)
    for n, (mid_ch, out_ch, kernel_size, mid_ch_2) in enumerate(
        ((24, 16, 3, 48), (48, 24, 5, 72), (144, 40, 5, 240)), 8
    ):
        x = inverted_residual(
            x, mid_ch, out_ch=out_ch, kernel_size=kernel_size, stride=2, name=f"layers_{n}_0"
        )
        for i in range(1, 3):
            x = inverted_residual(
                x,
                mid_ch_2,
                out_ch=out_ch,
                kernel_size=kernel_size,
                apply_residual=True,
                name=f"layers_{n}_{i}",
            )
    x = inverted_residual(x, 240, out_ch=48, kernel_size=3, name="layers_11_0")
    x = inverted_residual(x, 288, out_ch=48, kernel_size=3, apply_residual=True, name="layers_11_1")
    x = inverted_residual(x, 288, out_ch=96, stride=2, name="layers_12_0")
    for n in range(1, 4):
        x = inverted_residual(x, 576, out_ch=96, apply_residual=True, name=f"layers_12_{n}")
    x = inverted_residual(x, 576, out_ch=160, kernel_size=3, name="layers_13_0")
    x = layers.Conv2D(1280, 1, use_bias=False, name="layers_14")(x)
    x = layers.BatchNormalization(momentum=0.9997, epsilon=1e-05, name="layers_15")(x)
    x = ops.relu(x)
    x = ops.mean(x, axis=(1, 2))
    x = layers.Dropout(0.2)(x)
    x = layers.Dense(1000, name="classifier_1")(x)
    return keras.Model(inputs, x, name="mnas_net")
