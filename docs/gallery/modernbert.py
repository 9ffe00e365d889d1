"""benchmarks.public.census:_of_transformers('ModernBert')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def modern_bert_attention(hidden_states, x, x_2, x_3, name):
    """transformers.models.modernbert.modeling_modernbert.ModernBertAttention."""
    qkv = layers.Dense(96, use_bias=False, name=f"{name}_Wqkv")(hidden_states)
    qkv = ops.reshape(qkv, (-1, qkv.shape[1], 3, 4, 8))
    query_states = qkv[:, :, 0]
    key_states = qkv[:, :, 1]
    value_states = qkv[:, :, 2]
    y = ops.arange(12, dtype=keras.config.floatx())
    z = ops.array((1.0, x, x_2, x_3), dtype=keras.config.floatx())
    y = ops.expand_dims(y, 1) * z
    y = ops.concatenate([ops.expand_dims(y, 0), ops.expand_dims(y, 0)], axis=-1)
    y2 = ops.cos(y)
    query_states2 = query_states * ops.expand_dims(ops.squeeze(y2, 0), 1)
    query_states = ops.concatenate([-query_states[:, :, :, 4:], query_states[:, :, :, :4]], axis=-1)
    y = ops.sin(y)
    query_states2 = query_states2 + query_states * ops.expand_dims(ops.squeeze(y, 0), 1)
    key_states2 = key_states * ops.expand_dims(ops.squeeze(y2, 0), 1)
    key_states = ops.concatenate([-key_states[:, :, :, 4:], key_states[:, :, :, :4]], axis=-1)
    key_states2 = key_states2 + key_states * ops.expand_dims(ops.squeeze(y, 0), 1)
    query_states2 = ops.dot_product_attention(query_states2, key_states2, value_states)
    attn_output = ops.reshape(
        query_states2, (-1, query_states2.shape[1], query_states2.shape[2] * query_states2.shape[3])
    )
    return layers.Dense(32, use_bias=False, name=f"{name}_Wo")(attn_output)


def modern_bert_mlp(hidden_states, name):
    """transformers.models.modernbert.modeling_modernbert.ModernBertMLP."""
    wi = layers.Dense(128, use_bias=False, name=f"{name}_Wi")(hidden_states)
    wi, gate = ops.split(wi, 2, axis=-1)
    wi = ops.gelu(wi, approximate=False)
    wi = wi * gate
    return layers.Dense(32, use_bias=False, name=f"{name}_Wo")(wi)


def modern_bert_encoder_layer(hidden_states, x, x_2, x_3, attn_norm=False, *, name):
    """transformers.models.modernbert.modeling_modernbert.ModernBertEncoderLayer."""
    attn_norm2 = hidden_states
    if attn_norm:
        attn_norm2 = layers.LayerNormalization(
            center=False, epsilon=1e-05, name=f"{name}_attn_norm"
        )(hidden_states)
    attn = modern_bert_attention(attn_norm2, x, x_2=x_2, x_3=x_3, name=f"{name}_attn")
    hidden_states = hidden_states + attn
    mlp_norm = layers.LayerNormalization(center=False, epsilon=1e-05, name=f"{name}_mlp_norm")(
        hidden_states
    )
    mlp = modern_bert_mlp(mlp_norm, name=f"{name}_mlp")
    return hidden_states + mlp


def build():
    """The model, with weights drawn at random."""
    inputs = input_ids = keras.Input((12,), dtype="int32", name="input_ids")
    hidden_states = layers.Embedding(99, 32, name="embeddings_tok_embeddings")(input_ids)
    hidden_states = layers.LayerNormalization(center=False, epsilon=1e-05, name="embeddings_norm")(
        hidden_states
    )
    hidden_states = modern_bert_encoder_layer(
        hidden_states,
        0.05000000074505806,
        x_2=0.0024999999441206455,
        x_3=0.0001250000059371814,
        name="layers_0",
    )
    hidden_states = modern_bert_encoder_layer(
        hidden_states,
        0.10000000149011612,
        x_2=0.009999999776482582,
        x_3=0.0010000000474974513,
        attn_norm=True,
        name="layers_1",
    )
    hidden_states = layers.LayerNormalization(center=False, epsilon=1e-05, name="final_norm")(
        hidden_states
    )
    return keras.Model(inputs, hidden_states, name="modern_bert_model")
