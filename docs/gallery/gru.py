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
    result, x = layers.GRU(16, return_sequences=True, return_state=True, name="model")(x)
    result2 = ops.stack([x], axis=2)
    return keras.Model(inputs, [result, result2], name="gru")
