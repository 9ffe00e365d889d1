"""benchmarks.public.census:_of_torchvision('shufflenet_v2_x0_5')

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


def inverted_residual(x, branch_features, stride=1, branch1=False, *, name):
    """torchvision.models.shufflenetv2.InvertedResidual."""
    if branch1:
        out = conv2d(
            x,
            branch_features,
            3,
            strides=2,
            padding=1,
            groups=branch_features,
            use_bias=False,
            name=f"{name}_branch1_0",
        )
        out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_branch1_1")(out)
        out = layers.Conv2D(branch_features, 1, use_bias=False, name=f"{name}_branch1_2")(out)
        out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_branch1_3")(out)
        out = ops.relu(out)
        x2 = x
    else:
        out, x2 = ops.split(x, 2, axis=-1)
    branch2 = layers.Conv2D(branch_features, 1, use_bias=False, name=f"{name}_branch2_0")(x2)
    branch2 = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_branch2_1")(
        branch2
    )
    out2 = ops.relu(branch2)
    branch2 = conv2d(
        out2,
        branch_features,
        3,
        strides=stride,
        padding=1,
        groups=branch_features,
        use_bias=False,
        name=f"{name}_branch2_3",
    )
    branch2 = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_branch2_4")(
        branch2
    )
    branch2 = layers.Conv2D(branch_features, 1, use_bias=False, name=f"{name}_branch2_5")(branch2)
    branch2 = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_branch2_6")(
        branch2
    )
    out2 = ops.relu(branch2)
    out = ops.concatenate([out, out2], axis=-1)
    out = ops.reshape(out, (-1, out.shape[1], out.shape[2], 2, branch_features))
    return ops.reshape(
        ops.transpose(out, (0, 1, 2, 4, 3)),
        (-1, out.shape[1], out.shape[2], out.shape[4] * out.shape[3]),
    )


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = conv2d(x, 24, 3, strides=2, padding=1, use_bias=False, name="conv1_0")
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv1_1")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    for n, (branch_features, count) in enumerate(((24, 3), (48, 7), (96, 3)), 2):
        x = inverted_residual(x, branch_features, stride=2, branch1=True, name=f"stage{n}_0")
        for i in range(1, count + 1):
            x = inverted_residual(x, branch_features, name=f"stage{n}_{i}")
    x = layers.Conv2D(1024, 1, use_bias=False, name="conv5_0")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_1")(x)
    x = ops.relu(x)
    x = ops.mean(x, axis=(1, 2))
    x = layers.Dense(1000, name="fc")(x)
    return keras.Model(inputs, x, name="shuffle_net_v2")
