"""benchmarks.public.census:_of_transformers('MPNet')

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


def mp_net_embeddings(input_ids, name):
    """transformers.models.mpnet.modeling_mpnet.MPNetEmbeddings."""
    position_ids = ops.cast(ops.not_equal(input_ids, 1), "int32")
    position_ids = ops.cumsum(position_ids, axis=-1) * position_ids + 1
    inputs_embeds = layers.Embedding(99, 32, name=f"{name}_word_embeddings")(input_ids)
    position_embeddings = layers.Embedding(64, 32, name=f"{name}_position_embeddings")(position_ids)
    embeddings = inputs_embeds + position_embeddings
    embeddings = layers.LayerNormalization(epsilon=1e-12, name=f"{name}_LayerNorm")(embeddings)
    return layers.Dropout(0.1)(embeddings)


def mp_net_self_attention(hidden_states, attention_mask, name):
    """transformers.models.mpnet.modeling_mpnet.MPNetSelfAttention."""
    q = layers.Dense(32, name=f"{name}_q")(hidden_states)
    q = ops.reshape(q, (-1, q.shape[1], 4, 8))
    n = layers.Dense(32, name=f"{name}_k")(hidden_states)
    n = ops.reshape(n, (-1, n.shape[1], 4, 8))
    v = layers.Dense(32, name=f"{name}_v")(hidden_states)
    v = ops.reshape(v, (-1, v.shape[1], 4, 8))
    attention_scores = ops.einsum("aebf,agbf->abeg", q, n)
    attention_scores = attention_scores / 2.8284271247461903
    attention_scores = attention_scores + ops.transpose(attention_mask, (0, 3, 1, 2))
    attention_probs = ops.softmax(attention_scores)
    attention_probs = layers.Dropout(0.1)(attention_probs)
    c = ops.einsum("abef,afbg->aebg", attention_probs, v)
    c = ops.reshape(c, (-1, c.shape[1], c.shape[2] * c.shape[3]))
    return layers.Dense(32, name=f"{name}_o")(c)


def mp_net_intermediate(hidden_states, name):
    """transformers.models.mpnet.modeling_mpnet.MPNetIntermediate."""
    hidden_states = layers.Dense(64, name=f"{name}_dense")(hidden_states)
    return ops.gelu(hidden_states, approximate=False)


def mp_net_output(hidden_states, input_tensor, name):
    """transformers.models.mpnet.modeling_mpnet.MPNetOutput."""
    hidden_states = layers.Dense(32, name=f"{name}_dense")(hidden_states)
    hidden_states = layers.Dropout(0.1)(hidden_states)
    hidden_states = hidden_states + input_tensor
    return layers.LayerNormalization(epsilon=1e-12, name=f"{name}_LayerNorm")(hidden_states)


def mp_net_pooler(hidden_states, name):
    """transformers.models.mpnet.modeling_mpnet.MPNetPooler."""
    first_token_tensor = hidden_states[:, 0]
    pooled_output = layers.Dense(32, name=f"{name}_dense")(first_token_tensor)
    return ops.tanh(pooled_output)


def mp_net_attention(hidden_states, attention_mask, name):
    """transformers.models.mpnet.modeling_mpnet.MPNetAttention."""
    self_outputs = mp_net_self_attention(hidden_states, attention_mask, name=f"{name}_attn")
    attention_output = layers.Dropout(0.1)(self_outputs)
    attention_output = attention_output + hidden_states
    return layers.LayerNormalization(epsilon=1e-12, name=f"{name}_LayerNorm")(attention_output)


def mp_net_layer(hidden_states, attention_mask, name):
    """transformers.models.mpnet.modeling_mpnet.MPNetLayer."""
    self_attention_outputs = mp_net_attention(
        hidden_states, attention_mask, name=f"{name}_attention"
    )
    intermediate_output = mp_net_intermediate(self_attention_outputs, name=f"{name}_intermediate")
    return mp_net_output(intermediate_output, self_attention_outputs, name=f"{name}_output")


def mp_net_encoder(hidden_states, name):
    """transformers.models.mpnet.modeling_mpnet.MPNetEncoder."""
    x = ops.triu(ops.ones((12, 12), dtype="bool"), 1)
    x = ops.cast(x, "int32")
    x = x * 16
    y = grid_sum((12, 12), (1, -1))
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
    hidden_states2 = ops.zeros_like(hidden_states[:, 0, 0][:, None, None, None]) + ops.expand_dims(
        x, 0
    )
    for n in range(2):
        hidden_states = mp_net_layer(hidden_states, hidden_states2, name=f"{name}_layer_{n}")
    return hidden_states


def build():
    """The model, with weights drawn at random."""
    inputs = input_ids = keras.Input((12,), dtype="int32", name="input_ids")
    embedding_output = mp_net_embeddings(input_ids, name="embeddings")
    encoder_outputs = mp_net_encoder(embedding_output, name="encoder")
    pooled_output = mp_net_pooler(encoder_outputs, name="pooler")
    return keras.Model(inputs, [encoder_outputs, pooled_output], name="mp_net_model")
