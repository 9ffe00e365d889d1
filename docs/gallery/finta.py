"""finta

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
    points = ops.arange(size, dtype=x.dtype)
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


def build():
    """The model, with weights drawn at random."""
    inputs = streamlines = keras.Input((256, 3), name="streamlines")
    streamlines = ops.pad(streamlines, ((0, 0), (1, 1), (0, 0)), mode="reflect")
    for n, filters in enumerate((32, 64, 128, 256, 512), 1):
        streamlines = layers.Conv1D(filters, 3, strides=2, name=f"encod_conv{n}_1")(streamlines)
        streamlines = ops.relu(streamlines)
        streamlines = ops.pad(streamlines, ((0, 0), (1, 1), (0, 0)), mode="reflect")
    streamlines = layers.Conv1D(1024, 3, name="encod_conv6_1")(streamlines)
    streamlines = layers.Flatten()(ops.transpose(streamlines, (0, 2, 1)))
    streamlines = layers.Dense(32, name="fc1")(streamlines)
    streamlines = layers.Dense(8192, name="fc2")(streamlines)
    streamlines = ops.reshape(streamlines, (-1, 1024, 8))
    streamlines = ops.pad(streamlines, ((0, 0), (0, 0), (1, 1)), mode="reflect")
    streamlines = layers.Conv1D(512, 3, name="decod_conv1_1")(ops.transpose(streamlines, (0, 2, 1)))
    for n, (size, filters) in enumerate(((16, 256), (32, 128), (64, 64), (128, 32), (256, 3)), 2):
        streamlines = ops.relu(streamlines)
        streamlines = resize_linear(streamlines, size, axis=1)
        streamlines = ops.pad(streamlines, ((0, 0), (1, 1), (0, 0)), mode="reflect")
        streamlines = layers.Conv1D(filters, 3, name=f"decod_conv{n}_1")(streamlines)
    return keras.Model(inputs, streamlines, name="autoencoder")
