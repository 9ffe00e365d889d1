"""benchmarks.public.census:<lambda>

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def transformer_encoder_layer(src, name):
    """torch.nn.modules.transformer.TransformerEncoderLayer."""
    x = layers.MultiHeadAttention(4, 8, dropout=0.1, name=f"{name}_self_attn")(src, src)
    x = layers.Dropout(0.1)(x)
    x = src + x
    x = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm1")(x)
    y = layers.Dense(64, name=f"{name}_linear1")(x)
    y = ops.relu(y)
    y = layers.Dropout(0.1)(y)
    y = layers.Dense(32, name=f"{name}_linear2")(y)
    y = layers.Dropout(0.1)(y)
    x = x + y
    return layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm2")(x)


def build():
    """The model, with weights drawn at random."""
    inputs = src = keras.Input((7, 32), name="src")
    for n in range(2):
        src = transformer_encoder_layer(src, name=f"layers_{n}")
    return keras.Model(inputs, src, name="transformer_encoder")
