"""benchmarks.public.census:_of_transformers('GPT2')

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


def gpt2_attention(hidden_states, name):
    """transformers.models.gpt2.modeling_gpt2.GPT2Attention."""
    hidden_states = layers.Dense(96, name=f"{name}_c_attn")(hidden_states)
    query_states, key_states, value_states = ops.split(hidden_states, 3, axis=-1)
    key_states = ops.reshape(key_states, (-1, key_states.shape[1], 4, 8))
    value_states = ops.reshape(value_states, (-1, value_states.shape[1], 4, 8))
    query_states = ops.reshape(query_states, (-1, query_states.shape[1], 4, 8))
    query_states = attention(query_states, key_states, value_states, is_causal=True, rate=0.1)
    attn_output = ops.reshape(
        query_states, (-1, query_states.shape[1], query_states.shape[2] * query_states.shape[3])
    )
    attn_output = layers.Dense(32, name=f"{name}_c_proj")(attn_output)
    return layers.Dropout(0.1)(attn_output)


def new_gelu_activation(x):
    """transformers.activations.NewGELUActivation."""
    y = x * 0.5
    x = ops.tanh((x + x**3.0 * 0.044715) * 0.7978845608028654)
    return y * (x + 1.0)


def gpt2_mlp(hidden_states, name):
    """transformers.models.gpt2.modeling_gpt2.GPT2MLP."""
    hidden_states = layers.Dense(128, name=f"{name}_c_fc")(hidden_states)
    hidden_states = new_gelu_activation(hidden_states)
    hidden_states = layers.Dense(32, name=f"{name}_c_proj")(hidden_states)
    return layers.Dropout(0.1)(hidden_states)


def gpt2_block(hidden_states, name):
    """transformers.models.gpt2.modeling_gpt2.GPT2Block."""
    ln_1 = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_ln_1")(hidden_states)
    attn = gpt2_attention(ln_1, name=f"{name}_attn")
    hidden_states = attn + hidden_states
    ln_2 = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_ln_2")(hidden_states)
    feed_forward_hidden_states = gpt2_mlp(ln_2, name=f"{name}_mlp")
    return hidden_states + feed_forward_hidden_states


def build():
    """The model, with weights drawn at random."""
    inputs = input_ids = keras.Input((12,), dtype="int32", name="input_ids")
    inputs_embeds = layers.Embedding(99, 32, name="wte")(input_ids)
    x = ops.arange(12, dtype="int32")
    position_embeds = layers.Embedding(64, 32, name="wpe")(
        ops.expand_dims(ops.add(x, ops.zeros_like(input_ids[0, 0])), 0)
    )
    hidden_states = inputs_embeds + ops.squeeze(position_embeds, 0)
    hidden_states = layers.Dropout(0.1)(hidden_states)
    for n in range(2):
        hidden_states = gpt2_block(hidden_states, name=f"h_{n}")
    hidden_states = layers.LayerNormalization(epsilon=1e-05, name="ln_f")(hidden_states)
    return keras.Model(inputs, hidden_states, name="gpt2_model")
