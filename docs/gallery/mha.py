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
    query_input = query = keras.Input((7, 32), name="query")
    key_input = key = keras.Input((7, 32), name="key")
    value_input = value = keras.Input((7, 32), name="value")
    query, query2 = layers.MultiHeadAttention(4, 8, name="model")(
        query, value, key=key, return_attention_scores=True
    )
    query2 = ops.mean(query2, axis=1)
    return keras.Model(
        [query_input, key_input, value_input], [query, query2], name="multihead_attention"
    )
