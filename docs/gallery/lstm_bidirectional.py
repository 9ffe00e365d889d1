"""benchmarks.public.census:<lambda>

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((7, 8), name="input")
    x, y, z, x2, x3 = layers.Bidirectional(
        layers.LSTM(16, return_sequences=True, return_state=True), name="_l0"
    )(x)
    result, x, x4, x5, x6 = layers.Bidirectional(
        layers.LSTM(16, return_sequences=True, return_state=True), name="_l1"
    )(x)
    result2 = ops.stack([y, x2, x, x5], axis=2)
    result3 = ops.stack([z, x3, x4, x6], axis=2)
    return keras.Model(inputs, [result, result2, result3], name="lstm")
