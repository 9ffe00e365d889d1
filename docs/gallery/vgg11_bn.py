"""benchmarks.public.census:_of_torchvision('vgg11_bn')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def adaptive_pool(x, size, axis, kind="mean"):
    """Pool so many windows, which may overlap, along an axis, as torch's adaptive pooling does."""
    length = x.shape[axis]
    windows = [(at * length // size, -(-(at + 1) * length // size)) for at in range(size)]
    reduce = ops.mean if kind == "mean" else ops.max
    slices = [ops.take(x, ops.arange(start, stop), axis=axis) for start, stop in windows]
    return ops.concatenate(
        [reduce(window, axis=axis, keepdims=True) for window in slices], axis=axis
    )


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = layers.Conv2D(64, 3, padding="same", name="features_0")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="features_1")(x)
    x = ops.relu(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(128, 3, padding="same", name="features_4")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="features_5")(x)
    x = ops.relu(x)
    x = layers.MaxPooling2D(2)(x)
    for n, filters in ((8, 256), (15, 512), (22, 512)):
        x = layers.Conv2D(filters, 3, padding="same", name=f"features_{n}")(x)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"features_{n + 1}")(x)
        x = ops.relu(x)
        x = layers.Conv2D(filters, 3, padding="same", name=f"features_{n + 3}")(x)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"features_{n + 4}")(x)
        x = ops.relu(x)
        x = layers.MaxPooling2D(2)(x)
    x = adaptive_pool(adaptive_pool(x, 7, axis=1), 7, axis=2)
    x = layers.Flatten()(ops.transpose(x, (0, 3, 1, 2)))
    x = layers.Dense(4096, name="classifier_0")(x)
    x = ops.relu(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(4096, name="classifier_3")(x)
    x = ops.relu(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(1000, name="classifier_6")(x)
    return keras.Model(inputs, x, name="vgg")
