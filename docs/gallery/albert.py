"""benchmarks.public.census:_of_transformers('Albert')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def albert_embeddings(input_ids, name):
    """transformers.models.albert.modeling_albert.AlbertEmbeddings."""
    inputs_embeds = layers.Embedding(99, 16, name=f"{name}_word_embeddings")(input_ids)
    input_ids2 = ops.zeros_like(input_ids)
    token_type_embeddings = layers.Embedding(2, 16, name=f"{name}_token_type_embeddings")(
        input_ids2
    )
    embeddings = inputs_embeds + token_type_embeddings
    x = ops.arange(12, dtype="int32")
    position_embeddings = layers.Embedding(64, 16, name=f"{name}_position_embeddings")(
        ops.expand_dims(ops.add(x, ops.zeros_like(input_ids[0, 0])), 0)
    )
    embeddings = embeddings + ops.squeeze(position_embeddings, 0)
    return layers.LayerNormalization(epsilon=1e-12, name=f"{name}_LayerNorm")(embeddings)


def albert_attention(hidden_states, query, key, value, dense, layernorm):
    """transformers.models.albert.modeling_albert.AlbertAttention."""
    query_layer = query(hidden_states)
    query_layer = ops.reshape(query_layer, (-1, query_layer.shape[1], 4, 8))
    key_layer = key(hidden_states)
    key_layer = ops.reshape(key_layer, (-1, key_layer.shape[1], 4, 8))
    value_layer = value(hidden_states)
    value_layer = ops.reshape(value_layer, (-1, value_layer.shape[1], 4, 8))
    query_layer = ops.dot_product_attention(query_layer, key_layer, value_layer)
    attn_output = ops.reshape(
        query_layer, (-1, query_layer.shape[1], query_layer.shape[2] * query_layer.shape[3])
    )
    attn_output = dense(attn_output)
    return layernorm(hidden_states + attn_output)


def new_gelu_activation(x):
    """transformers.activations.NewGELUActivation."""
    y = x * 0.5
    x = ops.tanh((x + x**3.0 * 0.044715) * 0.7978845608028654)
    return y * (x + 1.0)


def albert_layer(
    hidden_states, query, key, value, dense, layernorm, ffn, ffn_output, full_layer_layer_norm
):
    """transformers.models.albert.modeling_albert.AlbertLayer."""
    hidden_states = albert_attention(hidden_states, query, key, value, dense, layernorm)
    ffn_output2 = ffn(hidden_states)
    ffn_output2 = new_gelu_activation(ffn_output2)
    ffn_output = ffn_output(ffn_output2)
    return full_layer_layer_norm(ffn_output + hidden_states)


def albert_transformer(hidden_states, name):
    """transformers.models.albert.modeling_albert.AlbertTransformer."""
    hidden_states = layers.Dense(32, name=f"{name}_embedding_hidden_mapping_in")(hidden_states)
    query = layers.Dense(32, name=f"{name}_albert_layer_groups_0_albert_layers_0_attention_query")
    key = layers.Dense(32, name=f"{name}_albert_layer_groups_0_albert_layers_0_attention_key")
    value = layers.Dense(32, name=f"{name}_albert_layer_groups_0_albert_layers_0_attention_value")
    dense = layers.Dense(32, name=f"{name}_albert_layer_groups_0_albert_layers_0_attention_dense")
    layernorm = layers.LayerNormalization(
        epsilon=1e-12, name=f"{name}_albert_layer_groups_0_albert_layers_0_attention_LayerNorm"
    )
    ffn = layers.Dense(64, name=f"{name}_albert_layer_groups_0_albert_layers_0_ffn")
    ffn_output = layers.Dense(32, name=f"{name}_albert_layer_groups_0_albert_layers_0_ffn_output")
    full_layer_layer_norm = layers.LayerNormalization(
        epsilon=1e-12, name=f"{name}_albert_layer_groups_0_albert_layers_0_full_layer_layer_norm"
    )
    hidden_states = albert_layer(
        hidden_states, query, key, value, dense, layernorm, ffn, ffn_output, full_layer_layer_norm
    )
    return albert_layer(
        hidden_states, query, key, value, dense, layernorm, ffn, ffn_output, full_layer_layer_norm
    )


def build():
    """The model, with weights drawn at random."""
    inputs = input_ids = keras.Input((12,), dtype="int32", name="input_ids")
    embedding_output = albert_embeddings(input_ids, name="embeddings")
    encoder_outputs = albert_transformer(embedding_output, name="encoder")
    pooled_output = encoder_outputs[:, 0]
    pooled_output = layers.Dense(32, name="pooler")(pooled_output)
    pooled_output = ops.tanh(pooled_output)
    return keras.Model(inputs, [encoder_outputs, pooled_output], name="albert_model")
