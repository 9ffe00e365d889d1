"""benchmarks.public.census:_of_transformers('DebertaV2')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("porting")
class Learned(layers.Layer):
    """An array that is trained, whatever the input is."""

    def __init__(self, shape, dtype=None, trainable=True, **settings):
        super().__init__(dtype=dtype, trainable=trainable, **settings)
        self.shape = tuple(shape)

    def build(self, input_shape):
        self.value = self.add_weight(shape=self.shape, name="value")

    def call(self, x):
        return ops.convert_to_tensor(self.value)

    def compute_output_spec(self, x):
        return keras.KerasTensor(self.shape, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "shape": self.shape}


def grid_sum(sizes, steps, start=0):
    """The sum of the places on a grid of these sizes, each times its step, behind a start."""
    total = start
    for axis, (size, step) in enumerate(zip(sizes, steps, strict=True)):
        places = ops.reshape(
            ops.arange(size, dtype="int32"), [-1 if at == axis else 1 for at in range(len(sizes))]
        )
        total = total + step * places
    return total


def deberta_v2_embeddings(input_ids, name):
    """transformers.models.deberta_v2.modeling_deberta_v2.DebertaV2Embeddings."""
    inputs_embeds = layers.Embedding(99, 32, name=f"{name}_word_embeddings")(input_ids)
    x = ops.arange(12, dtype="int32")
    position_embeddings = layers.Embedding(64, 32, name=f"{name}_position_embeddings")(
        ops.expand_dims(ops.add(x, ops.zeros_like(input_ids[0, 0])), 0)
    )
    embeddings = inputs_embeds + ops.squeeze(position_embeddings, 0)
    embeddings = layers.LayerNormalization(epsilon=1e-07, name=f"{name}_LayerNorm")(embeddings)
    return layers.Dropout(0.1)(embeddings)


def disentangled_self_attention(hidden_states, weight, name):
    """transformers.models.deberta_v2.modeling_deberta_v2.DisentangledSelfAttention."""
    query_proj = layers.Dense(32, name=f"{name}_query_proj")(hidden_states)
    query_proj = ops.reshape(query_proj, (-1, query_proj.shape[1], 4, 8))
    query_proj = ops.reshape(
        ops.transpose(query_proj, (0, 2, 1, 3)), (-1, query_proj.shape[1], query_proj.shape[3])
    )
    key_proj = layers.Dense(32, name=f"{name}_key_proj")(hidden_states)
    key_proj = ops.reshape(key_proj, (-1, key_proj.shape[1], 4, 8))
    attention_scores = ops.reshape(
        ops.transpose(key_proj, (0, 2, 1, 3)), (-1, key_proj.shape[1], key_proj.shape[3])
    )
    value_proj = layers.Dense(32, name=f"{name}_value_proj")(hidden_states)
    value_proj = ops.reshape(value_proj, (-1, value_proj.shape[1], 4, 8))
    value_proj = ops.reshape(
        ops.transpose(value_proj, (0, 2, 1, 3)), (-1, value_proj.shape[1], value_proj.shape[3])
    )
    attention_scores2 = ops.einsum("ade,afe->adf", query_proj, attention_scores / 4.898979485566356)
    rel_embeddings = layers.Dropout(0.1)(weight)
    pos_key_proj = layers.Dense(32, name=f"{name}_pos_key_proj")(ops.expand_dims(rel_embeddings, 0))
    pos_key_proj = ops.reshape(ops.squeeze(pos_key_proj, 0), (pos_key_proj.shape[1], 4, 8))
    hidden_states2 = ops.zeros_like(hidden_states[:, 0, 0][:, None, None, None]) + ops.expand_dims(
        pos_key_proj, 0
    )
    hidden_states2 = ops.reshape(
        ops.transpose(hidden_states2, (0, 2, 1, 3)),
        (-1, hidden_states2.shape[1], hidden_states2.shape[3]),
    )
    rel_embeddings = layers.Dense(32, name=f"{name}_pos_query_proj")(
        ops.expand_dims(rel_embeddings, 0)
    )
    rel_embeddings = ops.reshape(ops.squeeze(rel_embeddings, 0), (rel_embeddings.shape[1], 4, 8))
    hidden_states = ops.zeros_like(hidden_states[:, 0, 0][:, None, None, None]) + ops.expand_dims(
        rel_embeddings, 0
    )
    hidden_states = ops.reshape(
        ops.transpose(hidden_states, (0, 2, 1, 3)),
        (-1, hidden_states.shape[1], hidden_states.shape[3]),
    )
    query_proj2 = ops.einsum("ade,afe->adf", query_proj, hidden_states2)
    query_proj3 = ops.zeros_like(query_proj[:, :1, :1], dtype="int32") + ops.expand_dims(
        grid_sum((12, 12), (1, -1), 64), 0
    )
    query_proj2 = ops.take_along_axis(query_proj2, query_proj3, axis=-1)
    query_proj2 = query_proj2 / 4.898979485566356
    attention_scores = ops.einsum("ade,afe->adf", attention_scores, hidden_states)
    query_proj = ops.zeros_like(query_proj[:, :1, :1], dtype="int32") + ops.expand_dims(
        grid_sum((12, 12), (-1, 1), 64), 0
    )
    attention_scores = ops.take_along_axis(attention_scores, query_proj, axis=-1)
    attention_scores = attention_scores / 4.898979485566356
    query_proj2 = query_proj2 + ops.transpose(attention_scores, (0, 2, 1))
    attention_scores = attention_scores2 + query_proj2
    attention_scores = ops.reshape(
        attention_scores, (-1, 4, attention_scores.shape[1], attention_scores.shape[2])
    )
    attention_probs = ops.softmax(attention_scores)
    attention_probs = layers.Dropout(0.1)(attention_probs)
    context_layer = ops.matmul(
        ops.reshape(attention_probs, (-1, attention_probs.shape[2], attention_probs.shape[3])),
        value_proj,
    )
    context_layer = ops.reshape(
        context_layer, (-1, 4, context_layer.shape[1], context_layer.shape[2])
    )
    return ops.reshape(
        ops.transpose(context_layer, (0, 2, 1, 3)),
        (-1, context_layer.shape[2], context_layer.shape[1] * context_layer.shape[3]),
    )


def deberta_v2_intermediate(hidden_states, name):
    """transformers.models.deberta_v2.modeling_deberta_v2.DebertaV2Intermediate."""
    hidden_states = layers.Dense(64, name=f"{name}_dense")(hidden_states)
    return ops.gelu(hidden_states, approximate=False)


def deberta_v2_output(hidden_states, input_tensor, name):
    """transformers.models.deberta_v2.modeling_deberta_v2.DebertaV2SelfOutput, DebertaV2Output."""
    hidden_states = layers.Dense(32, name=f"{name}_dense")(hidden_states)
    hidden_states = layers.Dropout(0.1)(hidden_states)
    hidden_states = hidden_states + input_tensor
    return layers.LayerNormalization(epsilon=1e-07, name=f"{name}_LayerNorm")(hidden_states)


def deberta_v2_attention(hidden_states, weight, name):
    """transformers.models.deberta_v2.modeling_deberta_v2.DebertaV2Attention."""
    x = disentangled_self_attention(hidden_states, weight, name=f"{name}_self")
    return deberta_v2_output(x, hidden_states, name=f"{name}_output")


def deberta_v2_layer(hidden_states, weight, name):
    """transformers.models.deberta_v2.modeling_deberta_v2.DebertaV2Layer."""
    attention = deberta_v2_attention(hidden_states, weight, name=f"{name}_attention")
    intermediate_output = deberta_v2_intermediate(attention, name=f"{name}_intermediate")
    return deberta_v2_output(intermediate_output, attention, name=f"{name}_output")


def deberta_v2_encoder(hidden_states, name):
    """transformers.models.deberta_v2.modeling_deberta_v2.DebertaV2Encoder."""
    weight = Learned((128, 32), name=f"{name}_rel_embeddings_weight")(hidden_states)
    for n in range(2):
        hidden_states = deberta_v2_layer(hidden_states, weight, name=f"{name}_layer_{n}")
    return hidden_states


def build():
    """The model, with weights drawn at random."""
    inputs = input_ids = keras.Input((12,), dtype="int32", name="input_ids")
    embedding_output = deberta_v2_embeddings(input_ids, name="embeddings")
    encoder_outputs = deberta_v2_encoder(embedding_output, name="encoder")
    return keras.Model(inputs, encoder_outputs, name="deberta_v2_model")
