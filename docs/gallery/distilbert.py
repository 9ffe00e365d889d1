"""benchmarks.public.census:_of_transformers('DistilBert')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def attention(query, key, value, rate, mask=None, bias=None, scale=None, is_causal=False):
    """Attend by the softmax of products, some of which are dropped in training.

    (sample, position, head, feature) each.
    """
    scores = ops.einsum("bqhd,bkhd->bhqk", query * (scale or query.shape[-1] ** -0.5), key)
    if bias is not None:
        scores = scores + bias
    if is_causal:
        ones = ops.ones_like(scores[:1, :1], dtype="int32")
        mask = ops.cumsum(ones, axis=-2) >= ops.cumsum(ones, axis=-1)
    if mask is not None:
        scores = ops.where(mask, scores, float("-inf"))
    weights = layers.Dropout(rate)(ops.softmax(scores))
    return ops.einsum("bhqk,bkhd->bqhd", weights, value)


def embeddings(input_ids, name):
    """transformers.models.distilbert.modeling_distilbert.Embeddings."""
    inputs_embeds = layers.Embedding(99, 32, name=f"{name}_word_embeddings")(input_ids)
    x = ops.arange(12, dtype="int32")
    position_embeddings = layers.Embedding(512, 32, name=f"{name}_position_embeddings")(
        ops.expand_dims(ops.add(x, ops.zeros_like(input_ids[0, 0])), 0)
    )
    embeddings2 = inputs_embeds + ops.squeeze(position_embeddings, 0)
    layernorm = layers.LayerNormalization(epsilon=1e-12, name=f"{name}_LayerNorm")(embeddings2)
    return layers.Dropout(0.1)(layernorm)


def distil_bert_self_attention(hidden_states, name):
    """transformers.models.distilbert.modeling_distilbert.DistilBertSelfAttention."""
    query_layer = layers.Dense(32, name=f"{name}_q_lin")(hidden_states)
    query_layer = ops.reshape(query_layer, (-1, query_layer.shape[1], 4, 8))
    key_layer = layers.Dense(32, name=f"{name}_k_lin")(hidden_states)
    key_layer = ops.reshape(key_layer, (-1, key_layer.shape[1], 4, 8))
    value_layer = layers.Dense(32, name=f"{name}_v_lin")(hidden_states)
    value_layer = ops.reshape(value_layer, (-1, value_layer.shape[1], 4, 8))
    query_layer = attention(query_layer, key_layer, value_layer, rate=0.1)
    attn_output = ops.reshape(
        query_layer, (-1, query_layer.shape[1], query_layer.shape[2] * query_layer.shape[3])
    )
    return layers.Dense(32, name=f"{name}_out_lin")(attn_output)


def ffn(x, name):
    """transformers.models.distilbert.modeling_distilbert.FFN."""
    x = layers.Dense(64, name=f"{name}_lin1")(x)
    x = ops.gelu(x, approximate=False)
    x = layers.Dense(32, name=f"{name}_lin2")(x)
    return layers.Dropout(0.1)(x)


def transformer_block(hidden_states, name):
    """transformers.models.distilbert.modeling_distilbert.TransformerBlock."""
    attention = distil_bert_self_attention(hidden_states, name=f"{name}_attention")
    attention_output = attention + hidden_states
    attention_output = layers.LayerNormalization(epsilon=1e-12, name=f"{name}_sa_layer_norm")(
        attention_output
    )
    ffn_output = ffn(attention_output, name=f"{name}_ffn")
    ffn_output = ffn_output + attention_output
    return layers.LayerNormalization(epsilon=1e-12, name=f"{name}_output_layer_norm")(ffn_output)


def build():
    """The model, with weights drawn at random."""
    inputs = input_ids = keras.Input((12,), dtype="int32", name="input_ids")
    embeddings2 = embeddings(input_ids, name="embeddings")
    for n in range(2):
        embeddings2 = transformer_block(embeddings2, name=f"transformer_layer_{n}")
    return keras.Model(inputs, embeddings2, name="distil_bert_model")
