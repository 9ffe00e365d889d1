"""benchmarks.public.census:_of_torchvision('inception_v3')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""

import keras
from keras import layers, ops


def basic_conv2d(x, out_channels, kernel_size, strides=1, padding="same", *, name):
    """torchvision.models.inception.BasicConv2d."""
    x = layers.Conv2D(
        out_channels,
        kernel_size,
        strides=strides,
        padding=padding,
        use_bias=False,
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=0.001, name=f"{name}_bn")(x)
    return ops.relu(x)


def inception_a(x, pool_features=64, *, name):
    """torchvision.models.inception.InceptionA."""
    branch1x1 = basic_conv2d(x, 64, kernel_size=1, name=f"{name}_branch1x1")
    branch5x5 = basic_conv2d(x, 48, kernel_size=1, name=f"{name}_branch5x5_1")
    branch5x5 = basic_conv2d(branch5x5, 64, kernel_size=5, name=f"{name}_branch5x5_2")
    branch3x3dbl = basic_conv2d(x, 64, kernel_size=1, name=f"{name}_branch3x3dbl_1")
    for n in range(2, 4):
        branch3x3dbl = basic_conv2d(
            branch3x3dbl, 96, kernel_size=3, name=f"{name}_branch3x3dbl_{n}"
        )
    x = layers.ZeroPadding2D(1)(x)
    x = layers.AveragePooling2D(3, strides=1)(x)
    branch_pool = basic_conv2d(x, pool_features, kernel_size=1, name=f"{name}_branch_pool")
    return ops.concatenate([branch1x1, branch5x5, branch3x3dbl, branch_pool], axis=-1)


def inception_b(x, name):
    """torchvision.models.inception.InceptionB."""
    branch3x3 = basic_conv2d(
        x, 384, kernel_size=3, strides=2, padding="valid", name=f"{name}_branch3x3"
    )
    branch3x3dbl = basic_conv2d(x, 64, kernel_size=1, name=f"{name}_branch3x3dbl_1")
    branch3x3dbl = basic_conv2d(branch3x3dbl, 96, kernel_size=3, name=f"{name}_branch3x3dbl_2")
    branch3x3dbl = basic_conv2d(
        branch3x3dbl, 96, kernel_size=3, strides=2, padding="valid", name=f"{name}_branch3x3dbl_3"
    )
    x = layers.MaxPooling2D(3, strides=2)(x)
    return ops.concatenate([branch3x3, branch3x3dbl, x], axis=-1)


def inception_c(x, c7, name):
    """torchvision.models.inception.InceptionC."""
    branch1x1 = basic_conv2d(x, 192, kernel_size=1, name=f"{name}_branch1x1")
    branch7x7 = basic_conv2d(x, c7, kernel_size=1, name=f"{name}_branch7x7_1")
    branch7x7 = basic_conv2d(branch7x7, c7, kernel_size=(1, 7), name=f"{name}_branch7x7_2")
    branch7x7 = basic_conv2d(branch7x7, 192, kernel_size=(7, 1), name=f"{name}_branch7x7_3")
    branch7x7dbl = x
    for n, kernel_size in enumerate((1, (7, 1), (1, 7), (7, 1)), 1):
        branch7x7dbl = basic_conv2d(
            branch7x7dbl, c7, kernel_size=kernel_size, name=f"{name}_branch7x7dbl_{n}"
        )
    branch7x7dbl = basic_conv2d(
        branch7x7dbl, 192, kernel_size=(1, 7), name=f"{name}_branch7x7dbl_5"
    )
    x = layers.ZeroPadding2D(1)(x)
    x = layers.AveragePooling2D(3, strides=1)(x)
    branch_pool = basic_conv2d(x, 192, kernel_size=1, name=f"{name}_branch_pool")
    return ops.concatenate([branch1x1, branch7x7, branch7x7dbl, branch_pool], axis=-1)


def inception_d(x, name):
    """torchvision.models.inception.InceptionD."""
    branch3x3 = basic_conv2d(x, 192, kernel_size=1, name=f"{name}_branch3x3_1")
    branch3x3 = basic_conv2d(
        branch3x3, 320, kernel_size=3, strides=2, padding="valid", name=f"{name}_branch3x3_2"
    )
    branch7x7x3 = basic_conv2d(x, 192, kernel_size=1, name=f"{name}_branch7x7x3_1")
    branch7x7x3 = basic_conv2d(branch7x7x3, 192, kernel_size=(1, 7), name=f"{name}_branch7x7x3_2")
    branch7x7x3 = basic_conv2d(branch7x7x3, 192, kernel_size=(7, 1), name=f"{name}_branch7x7x3_3")
    branch7x7x3 = basic_conv2d(
        branch7x7x3, 192, kernel_size=3, strides=2, padding="valid", name=f"{name}_branch7x7x3_4"
    )
    x = layers.MaxPooling2D(3, strides=2)(x)
    return ops.concatenate([branch3x3, branch7x7x3, x], axis=-1)


def inception_e(x, name):
    """torchvision.models.inception.InceptionE."""
    branch1x1 = basic_conv2d(x, 320, kernel_size=1, name=f"{name}_branch1x1")
    branch3x3 = basic_conv2d(x, 384, kernel_size=1, name=f"{name}_branch3x3_1")
    branch3x3_2a = basic_conv2d(branch3x3, 384, kernel_size=(1, 3), name=f"{name}_branch3x3_2a")
    branch3x3 = basic_conv2d(branch3x3, 384, kernel_size=(3, 1), name=f"{name}_branch3x3_2b")
    branch3x3_2a = ops.concatenate([branch3x3_2a, branch3x3], axis=-1)
    branch3x3dbl = basic_conv2d(x, 448, kernel_size=1, name=f"{name}_branch3x3dbl_1")
    branch3x3dbl = basic_conv2d(branch3x3dbl, 384, kernel_size=3, name=f"{name}_branch3x3dbl_2")
    branch3x3dbl_3a = basic_conv2d(
        branch3x3dbl, 384, kernel_size=(1, 3), name=f"{name}_branch3x3dbl_3a"
    )
    branch3x3dbl = basic_conv2d(
        branch3x3dbl, 384, kernel_size=(3, 1), name=f"{name}_branch3x3dbl_3b"
    )
    branch3x3dbl_3a = ops.concatenate([branch3x3dbl_3a, branch3x3dbl], axis=-1)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.AveragePooling2D(3, strides=1)(x)
    branch_pool = basic_conv2d(x, 192, kernel_size=1, name=f"{name}_branch_pool")
    return ops.concatenate([branch1x1, branch3x3_2a, branch3x3dbl_3a, branch_pool], axis=-1)


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((96, 96, 3), name="x")
    x = basic_conv2d(x, 32, kernel_size=3, strides=2, padding="valid", name="Conv2d_1a_3x3")
    x = basic_conv2d(x, 32, kernel_size=3, padding="valid", name="Conv2d_2a_3x3")
    x = basic_conv2d(x, 64, kernel_size=3, name="Conv2d_2b_3x3")
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = basic_conv2d(x, 80, kernel_size=1, name="Conv2d_3b_1x1")
    x = basic_conv2d(x, 192, kernel_size=3, padding="valid", name="Conv2d_4a_3x3")
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = inception_a(x, pool_features=32, name="Mixed_5b")
    x = inception_a(x, name="Mixed_5c")
    x = inception_a(x, name="Mixed_5d")
    x = inception_b(x, name="Mixed_6a")
    x = inception_c(x, 128, name="Mixed_6b")
    x = inception_c(x, 160, name="Mixed_6c")
    x = inception_c(x, 160, name="Mixed_6d")
    x = inception_c(x, 192, name="Mixed_6e")
    x = inception_d(x, name="Mixed_7a")
    x = inception_e(x, name="Mixed_7b")
    x = inception_e(x, name="Mixed_7c")
    x = layers.Dropout(0.5)(x)
    x = ops.squeeze(x, (1, 2))
    x = layers.Dense(1000, name="fc")(x)
    return keras.Model(inputs, x, name="inception3")
