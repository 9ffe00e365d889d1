"""benchmarks.public.census:_of_transformers('Bert')

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


def bert_embeddings(input_ids, name):
    """transformers.models.bert.modeling_bert.BertEmbeddings."""
    inputs_embeds = layers.Embedding(99, 32, name=f"{name}_word_embeddings")(input_ids)
    input_ids2 = ops.zeros_like(input_ids)
    token_type_embeddings = layers.Embedding(2, 32, name=f"{name}_token_type_embeddings")(
        input_ids2
    )
    embeddings = inputs_embeds + token_type_embeddings
    x = ops.arange(12, dtype="int32")
    position_embeddings = layers.Embedding(64, 32, name=f"{name}_position_embeddings")(
        ops.expand_dims(ops.add(x, ops.zeros_like(input_ids[0, 0])), 0)
    )
    embeddings = embeddings + ops.squeeze(position_embeddings, 0)
    embeddings = layers.LayerNormalization(epsilon=1e-12, name=f"{name}_LayerNorm")(embeddings)
    return layers.Dropout(0.1)(embeddings)


def bert_self_attention(hidden_states, name):
    """transformers.models.bert.modeling_bert.BertSelfAttention."""
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


def bert_intermediate(hidden_states, name):
    """transformers.models.bert.modeling_bert.BertIntermediate."""
    hidden_states = layers.Dense(64, name=f"{name}_dense")(hidden_states)
    return ops.gelu(hidden_states, approximate=False)


def bert_output(hidden_states, input_tensor, name):
    """transformers.models.bert.modeling_bert.BertSelfOutput, BertOutput."""
    hidden_states = layers.Dense(32, name=f"{name}_dense")(hidden_states)
    hidden_states = layers.Dropout(0.1)(hidden_states)
    hidden_states = hidden_states + input_tensor
    return layers.LayerNormalization(epsilon=1e-12, name=f"{name}_LayerNorm")(hidden_states)


def bert_pooler(hidden_states, name):
    """transformers.models.bert.modeling_bert.BertPooler."""
    first_token_tensor = hidden_states[:, 0]
    pooled_output = layers.Dense(32, name=f"{name}_dense")(first_token_tensor)
    return ops.tanh(pooled_output)


def bert_attention(hidden_states, name):
    """transformers.models.bert.modeling_bert.BertAttention."""
    x = bert_self_attention(hidden_states, name=f"{name}_self")
    return bert_output(x, hidden_states, name=f"{name}_output")


def bert_layer(hidden_states, name):
    """transformers.models.bert.modeling_bert.BertLayer."""
    attention = bert_attention(hidden_states, name=f"{name}_attention")
    layer_output = bert_intermediate(attention, name=f"{name}_intermediate")
    return bert_output(layer_output, attention, name=f"{name}_output")


def build():
    """The model, with weights drawn at random."""
    inputs = input_ids = keras.Input((12,), dtype="int32", name="input_ids")
    embedding_output = bert_embeddings(input_ids, name="embeddings")
    for n in range(2):
        embedding_output = bert_layer(embedding_output, name=f"encoder_layer_{n}")
    pooled_output = bert_pooler(embedding_output, name="pooler")
    return keras.Model(inputs, [embedding_output, pooled_output], name="bert_model")
