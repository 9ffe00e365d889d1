"""benchmarks.public.census:_of_torchvision('squeezenet1_1')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def fire(x, squeeze_planes, name):
    """torchvision.models.squeezenet.Fire."""
    x = layers.Conv2D(squeeze_planes, 1, name=f"{name}_squeeze")(x)
    x = ops.relu(x)
    y = layers.Conv2D(4 * squeeze_planes, 1, name=f"{name}_expand1x1")(x)
    y = ops.relu(y)
    x = layers.Conv2D(4 * squeeze_planes, 3, padding="same", name=f"{name}_expand3x3")(x)
    x = ops.relu(x)
    return ops.concatenate([y, x], axis=-1)


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = layers.Conv2D(64, 3, strides=2, name="features_0")(x)
    x = ops.relu(x)
    for size, squeeze_planes in ((3, 16), (6, 32), (9, 48)):
        x = layers.MaxPooling2D(3, strides=2)(x)
        for n in range(size, 2 + size):
            x = fire(x, squeeze_planes, name=f"features_{n}")
    for n in range(11, 13):
        x = fire(x, 64, name=f"features_{n}")
    x = layers.Dropout(0.5)(x)
    x = layers.Conv2D(1000, 1, name="classifier_1")(x)
    x = ops.relu(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, x, name="squeeze_net")
