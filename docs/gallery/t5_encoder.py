"""benchmarks.public.census:_of_transformers('T5Encoder')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def grid_sum(sizes, steps, start=0):
    """The sum of the places on a grid of these sizes, each times its step, behind a start."""
    total = start
    for axis, (size, step) in enumerate(zip(sizes, steps, strict=True)):
        places = ops.reshape(
            ops.arange(size, dtype="int32"), [-1 if at == axis else 1 for at in range(len(sizes))]
        )
        total = total + step * places
    return total


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


def t5_attention(hidden_states, name):
    """transformers.models.t5.modeling_t5.T5Attention."""
    query_states = layers.Dense(32, use_bias=False, name=f"{name}_q")(hidden_states)
    query_states = ops.reshape(query_states, (-1, query_states.shape[1], 4, 8))
    key_states = layers.Dense(32, use_bias=False, name=f"{name}_k")(hidden_states)
    key_states = ops.reshape(key_states, (-1, key_states.shape[1], 4, 8))
    value_states = layers.Dense(32, use_bias=False, name=f"{name}_v")(hidden_states)
    value_states = ops.reshape(value_states, (-1, value_states.shape[1], 4, 8))
    x = ops.triu(ops.ones((12, 12), dtype="bool"), 1)
    x = ops.cast(x, "int32")
    x = x * 16
    y = grid_sum((12, 12), (-1, 1))
    y = ops.abs(y)
    y2 = ops.less(y, 8)
    y3 = ops.cast(y, keras.config.floatx())
    y3 = y3 / 8
    y3 = ops.log(y3)
    y3 = y3 / 2.772588722239781
    y3 = y3 * 8
    y3 = ops.cast(y3, "int32")
    y3 = y3 + 8
    z = ops.full((12, 12), 15, dtype="int32")
    y3 = ops.minimum(y3, z)
    y2 = ops.where(y2, y, y3)
    x = x + y2
    x = layers.Embedding(32, 4, name=f"{name}_relative_attention_bias")(
        ops.add(x, ops.zeros_like(hidden_states[0, 0, 0], dtype="int32"))
    )
    hidden_states = ops.logical_or(
        ops.expand_dims(ops.full((12, 12), True, dtype="bool"), (0, 1)),
        ops.cast(
            ops.zeros_like(hidden_states[:, 0, 0][:, None, None, None], dtype="int32"), "bool"
        ),
    )
    hidden_states = ops.where(hidden_states, ops.transpose(x, (2, 0, 1)), -3.4028234663852886e38)
    query_states = attention(
        query_states, key_states, value_states, bias=hidden_states, rate=0.1, scale=1.0
    )
    attn_output = ops.reshape(
        query_states, (-1, query_states.shape[1], query_states.shape[2] * query_states.shape[3])
    )
    attn_output = layers.Dense(32, use_bias=False, name=f"{name}_o")(attn_output)
    return x, attn_output


def t5_attention_2(hidden_states, mask, name):
    """transformers.models.t5.modeling_t5.T5Attention."""
    query_states = layers.Dense(32, use_bias=False, name=f"{name}_q")(hidden_states)
    query_states = ops.reshape(query_states, (-1, query_states.shape[1], 4, 8))
    key_states = layers.Dense(32, use_bias=False, name=f"{name}_k")(hidden_states)
    key_states = ops.reshape(key_states, (-1, key_states.shape[1], 4, 8))
    value_states = layers.Dense(32, use_bias=False, name=f"{name}_v")(hidden_states)
    value_states = ops.reshape(value_states, (-1, value_states.shape[1], 4, 8))
    hidden_states = ops.logical_or(
        ops.expand_dims(ops.full((12, 12), True, dtype="bool"), (0, 1)),
        ops.cast(
            ops.zeros_like(hidden_states[:, 0, 0][:, None, None, None], dtype="int32"), "bool"
        ),
    )
    hidden_states = ops.where(hidden_states, ops.transpose(mask, (2, 0, 1)), -3.4028234663852886e38)
    query_states = attention(
        query_states, key_states, value_states, bias=hidden_states, rate=0.1, scale=1.0
    )
    attn_output = ops.reshape(
        query_states, (-1, query_states.shape[1], query_states.shape[2] * query_states.shape[3])
    )
    return layers.Dense(32, use_bias=False, name=f"{name}_o")(attn_output)


def t5_dense_act_dense(hidden_states, name):
    """transformers.models.t5.modeling_t5.T5DenseActDense."""
    hidden_states = layers.Dense(64, use_bias=False, name=f"{name}_wi")(hidden_states)
    hidden_states = ops.relu(hidden_states)
    hidden_states = layers.Dropout(0.1)(hidden_states)
    return layers.Dense(32, use_bias=False, name=f"{name}_wo")(hidden_states)


def t5_layer_self_attention(hidden_states, name):
    """transformers.models.t5.modeling_t5.T5LayerSelfAttention."""
    layer_norm = layers.RMSNormalization(epsilon=1e-06, name=f"{name}_layer_norm")(hidden_states)
    layer_norm, attn_output = t5_attention(layer_norm, name=f"{name}_SelfAttention")
    attention_output = layers.Dropout(0.1)(attn_output)
    attention_output = hidden_states + attention_output
    return layer_norm, attention_output


def t5_layer_self_attention_2(hidden_states, attention_mask, name):
    """transformers.models.t5.modeling_t5.T5LayerSelfAttention."""
    layer_norm = layers.RMSNormalization(epsilon=1e-06, name=f"{name}_layer_norm")(hidden_states)
    selfattention = t5_attention_2(layer_norm, attention_mask, name=f"{name}_SelfAttention")
    attention_output = layers.Dropout(0.1)(selfattention)
    return hidden_states + attention_output


def t5_layer_ff(hidden_states, name):
    """transformers.models.t5.modeling_t5.T5LayerFF."""
    layer_norm = layers.RMSNormalization(epsilon=1e-06, name=f"{name}_layer_norm")(hidden_states)
    forwarded_states = t5_dense_act_dense(layer_norm, name=f"{name}_DenseReluDense")
    hidden_states2 = layers.Dropout(0.1)(forwarded_states)
    return hidden_states + hidden_states2


def t5_block(hidden_states, name):
    """transformers.models.t5.modeling_t5.T5Block."""
    hidden_states, attention_output = t5_layer_self_attention(hidden_states, name=f"{name}_layer_0")
    layer = t5_layer_ff(attention_output, name=f"{name}_layer_1")
    return hidden_states, layer


def t5_block_2(hidden_states, attention_mask, name):
    """transformers.models.t5.modeling_t5.T5Block."""
    layer = t5_layer_self_attention_2(hidden_states, attention_mask, name=f"{name}_layer_0")
    return t5_layer_ff(layer, name=f"{name}_layer_1")


def t5_stack(input_ids, name):
    """transformers.models.t5.modeling_t5.T5Stack."""
    inputs_embeds = layers.Embedding(99, 32, name="shared")(input_ids)
    hidden_states = layers.Dropout(0.1)(inputs_embeds)
    hidden_states, block = t5_block(hidden_states, name=f"{name}_block_0")
    block = t5_block_2(block, hidden_states, name=f"{name}_block_1")
    block = layers.RMSNormalization(epsilon=1e-06, name=f"{name}_final_layer_norm")(block)
    return layers.Dropout(0.1)(block)


def build():
    """The model, with weights drawn at random."""
    inputs = input_ids = keras.Input((12,), dtype="int32", name="input_ids")
    encoder_outputs = t5_stack(input_ids, name="encoder")
    return keras.Model(inputs, encoder_outputs, name="t5_encoder_model")
