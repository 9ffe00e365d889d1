"""benchmarks.public.census:_of_transformers('Llama')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def llama_attention(hidden_states, name):
    """transformers.models.llama.modeling_llama.LlamaAttention."""
    query_states = layers.Dense(32, use_bias=False, name=f"{name}_q_proj")(hidden_states)
    query_states = ops.reshape(query_states, (-1, query_states.shape[1], 4, 8))
    key_states = layers.Dense(16, use_bias=False, name=f"{name}_k_proj")(hidden_states)
    key_states = ops.reshape(key_states, (-1, key_states.shape[1], 2, 8))
    value_states = layers.Dense(16, use_bias=False, name=f"{name}_v_proj")(hidden_states)
    value_states = ops.reshape(value_states, (-1, value_states.shape[1], 2, 8))
    x = ops.arange(12, dtype=keras.config.floatx())
    y = ops.array(
        [1.0, 0.10000000149011612, 0.009999999776482582, 0.0010000000474974513],
        dtype=keras.config.floatx(),
    )
    x = ops.expand_dims(x, 1) * y
    x = ops.concatenate([ops.expand_dims(x, 0), ops.expand_dims(x, 0)], axis=-1)
    y = ops.cos(x)
    query_states2 = query_states * ops.expand_dims(ops.squeeze(y, 0), 1)
    query_states = ops.concatenate([-query_states[:, :, :, 4:], query_states[:, :, :, :4]], axis=-1)
    x = ops.sin(x)
    query_states2 = query_states2 + query_states * ops.expand_dims(ops.squeeze(x, 0), 1)
    key_states2 = key_states * ops.expand_dims(ops.squeeze(y, 0), 1)
    key_states = ops.concatenate([-key_states[:, :, :, 4:], key_states[:, :, :, :4]], axis=-1)
    key_states2 = key_states2 + key_states * ops.expand_dims(ops.squeeze(x, 0), 1)
    key_states2 = ops.tile(ops.expand_dims(key_states2, 3), (1, 1, 1, 2, 1))
    key_states2 = ops.reshape(
        key_states2,
        (
            -1,
            key_states2.shape[1],
            key_states2.shape[2] * key_states2.shape[3],
            key_states2.shape[4],
        ),
    )
    value_states = ops.tile(ops.expand_dims(value_states, 3), (1, 1, 1, 2, 1))
    value_states = ops.reshape(
        value_states,
        (
            -1,
            value_states.shape[1],
            value_states.shape[2] * value_states.shape[3],
            value_states.shape[4],
        ),
    )
    query_states2 = ops.dot_product_attention(
        query_states2, key_states2, value_states, is_causal=True
    )
    attn_output = ops.reshape(
        query_states2, (-1, query_states2.shape[1], query_states2.shape[2] * query_states2.shape[3])
    )
    return layers.Dense(32, use_bias=False, name=f"{name}_o_proj")(attn_output)


def llama_mlp(x, name):
    """transformers.models.llama.modeling_llama.LlamaMLP."""
    down_proj = layers.Dense(64, use_bias=False, name=f"{name}_gate_proj")(x)
    down_proj = ops.silu(down_proj)
    up_proj = layers.Dense(64, use_bias=False, name=f"{name}_up_proj")(x)
    down_proj = down_proj * up_proj
    return layers.Dense(32, use_bias=False, name=f"{name}_down_proj")(down_proj)


def llama_decoder_layer(hidden_states, name):
    """transformers.models.llama.modeling_llama.LlamaDecoderLayer."""
    input_layernorm = layers.RMSNormalization(epsilon=1e-06, name=f"{name}_input_layernorm")(
        hidden_states
    )
    self_attn = llama_attention(input_layernorm, name=f"{name}_self_attn")
    hidden_states = hidden_states + self_attn
    post_attention_layernorm = layers.RMSNormalization(
        epsilon=1e-06, name=f"{name}_post_attention_layernorm"
    )(hidden_states)
    mlp = llama_mlp(post_attention_layernorm, name=f"{name}_mlp")
    return hidden_states + mlp


def build():
    """The model, with weights drawn at random."""
    inputs = input_ids = keras.Input((12,), dtype="int32", name="input_ids")
    inputs_embeds = layers.Embedding(99, 32, name="embed_tokens")(input_ids)
    for n in range(2):
        inputs_embeds = llama_decoder_layer(inputs_embeds, name=f"layers_{n}")
    inputs_embeds = layers.RMSNormalization(epsilon=1e-06, name="norm")(inputs_embeds)
    return keras.Model(inputs, inputs_embeds, name="llama_model")
