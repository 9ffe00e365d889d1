"""benchmarks.public.census:_of_transformers('Roberta')

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


def roberta_embeddings(input_ids, name):
    """transformers.models.roberta.modeling_roberta.RobertaEmbeddings."""
    position_ids = ops.cast(ops.not_equal(input_ids, 1), "int32")
    position_ids = ops.cumsum(position_ids, axis=-1) * position_ids + 1
    input_ids2 = ops.zeros_like(input_ids[:, :1]) + ops.expand_dims(
        ops.full((64,), 0, dtype="int32"), 0
    )
    buffered_token_type_ids = ops.take_along_axis(input_ids2, position_ids, axis=-1)
    inputs_embeds = layers.Embedding(99, 32, name=f"{name}_word_embeddings")(input_ids)
    token_type_embeddings = layers.Embedding(2, 32, name=f"{name}_token_type_embeddings")(
        buffered_token_type_ids
    )
    embeddings = inputs_embeds + token_type_embeddings
    position_embeddings = layers.Embedding(64, 32, name=f"{name}_position_embeddings")(position_ids)
    embeddings = embeddings + position_embeddings
    embeddings = layers.LayerNormalization(epsilon=1e-12, name=f"{name}_LayerNorm")(embeddings)
    return layers.Dropout(0.1)(embeddings)


def roberta_self_attention(hidden_states, name):
    """transformers.models.roberta.modeling_roberta.RobertaSelfAttention."""
    query_layer = layers.Dense(32, name=f"{name}_query")(hidden_states)
    query_layer = ops.reshape(query_layer, (-1, query_layer.shape[1], 4, 8))
    key_layer = layers.Dense(32, name=f"{name}_key")(hidden_states)
    key_layer = ops.reshape(key_layer, (-1, key_layer.shape[1], 4, 8))
    value_layer = layers.Dense(32, name=f"{name}_value")(hidden_states)
    value_layer = ops.reshape(value_layer, (-1, value_layer.shape[1], 4, 8))
    query_layer = attention(query_layer, key_layer, value_layer, rate=0.1)
    return ops.reshape(
        query_layer, (-1, query_layer.shape[1], query_layer.shape[2] * query_layer.shape[3])
    )


def roberta_intermediate(hidden_states, name):
    """transformers.models.roberta.modeling_roberta.RobertaIntermediate."""
    hidden_states = layers.Dense(64, name=f"{name}_dense")(hidden_states)
    return ops.gelu(hidden_states, approximate=False)


def roberta_output(hidden_states, input_tensor, name):
    """transformers.models.roberta.modeling_roberta.RobertaSelfOutput, RobertaOutput."""
    hidden_states = layers.Dense(32, name=f"{name}_dense")(hidden_states)
    hidden_states = layers.Dropout(0.1)(hidden_states)
    hidden_states = hidden_states + input_tensor
    return layers.LayerNormalization(epsilon=1e-12, name=f"{name}_LayerNorm")(hidden_states)


def roberta_pooler(hidden_states, name):
    """transformers.models.roberta.modeling_roberta.RobertaPooler."""
    first_token_tensor = hidden_states[:, 0]
    pooled_output = layers.Dense(32, name=f"{name}_dense")(first_token_tensor)
    return ops.tanh(pooled_output)


def roberta_attention(hidden_states, name):
    """transformers.models.roberta.modeling_roberta.RobertaAttention."""
    x = roberta_self_attention(hidden_states, name=f"{name}_self")
    return roberta_output(x, hidden_states, name=f"{name}_output")


def roberta_layer(hidden_states, name):
    """transformers.models.roberta.modeling_roberta.RobertaLayer."""
    attention = roberta_attention(hidden_states, name=f"{name}_attention")
    layer_output = roberta_intermediate(attention, name=f"{name}_intermediate")
    return roberta_output(layer_output, attention, name=f"{name}_output")


def build():
    """The model, with weights drawn at random."""
    inputs = input_ids = keras.Input((12,), dtype="int32", name="input_ids")
    embedding_output = roberta_embeddings(input_ids, name="embeddings")
    for n in range(2):
        embedding_output = roberta_layer(embedding_output, name=f"encoder_layer_{n}")
    pooled_output = roberta_pooler(embedding_output, name="pooler")
    return keras.Model(inputs, [embedding_output, pooled_output], name="roberta_model")
