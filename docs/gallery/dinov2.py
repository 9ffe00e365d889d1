"""benchmarks.public.census:_of_transformers('Dinov2')

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


@keras.saving.register_keras_serializable("porting")
class Kept(layers.Layer):
    """Weights that the torch model has and does not use; the input passes through."""

    def __init__(self, shape, dtype=None, trainable=False, **settings):
        super().__init__(dtype=dtype, trainable=trainable, **settings)
        self.shape = tuple(shape)

    def build(self, input_shape):
        self.value = self.add_weight(shape=self.shape, name="value")

    def call(self, x):
        return x

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)

    def get_config(self):
        return {**super().get_config(), "shape": self.shape}


def dinov2_embeddings(pixel_values, name):
    """transformers.models.dinov2.modeling_dinov2.Dinov2Embeddings."""
    embeddings = layers.Conv2D(32, 8, strides=8, name=f"{name}_patch_embeddings_projection")(
        pixel_values
    )
    embeddings = ops.reshape(
        embeddings, (-1, embeddings.shape[1] * embeddings.shape[2], embeddings.shape[3])
    )
    cls_token = Learned((1, 1, 32), name=f"{name}_cls_token")(pixel_values)
    cls_tokens = ops.zeros_like(pixel_values[:, :1, :1, 0]) + cls_token
    embeddings = ops.concatenate([cls_tokens, embeddings], axis=1)
    position_embeddings = Learned((17, 32), name=f"{name}_position_embeddings")(pixel_values)
    return embeddings + position_embeddings


def dinov2_attention(hidden_states, name):
    """transformers.models.dinov2.modeling_dinov2.Dinov2Attention."""
    query_states = layers.Dense(32, name=f"{name}_q_proj")(hidden_states)
    query_states = ops.reshape(query_states, (-1, query_states.shape[1], 4, 8))
    key_states = layers.Dense(32, name=f"{name}_k_proj")(hidden_states)
    key_states = ops.reshape(key_states, (-1, key_states.shape[1], 4, 8))
    value_states = layers.Dense(32, name=f"{name}_v_proj")(hidden_states)
    value_states = ops.reshape(value_states, (-1, value_states.shape[1], 4, 8))
    query_states = ops.dot_product_attention(query_states, key_states, value_states)
    attn_output = ops.reshape(
        query_states, (-1, query_states.shape[1], query_states.shape[2] * query_states.shape[3])
    )
    return layers.Dense(32, name=f"{name}_o_proj")(attn_output)


def dinov2_layer_scale(hidden_state, name):
    """transformers.models.dinov2.modeling_dinov2.Dinov2LayerScale."""
    lambda1 = Learned((32,), name=f"{name}_lambda1")(hidden_state)
    return hidden_state * lambda1


def dinov2_mlp(hidden_states, name):
    """transformers.models.dinov2.modeling_dinov2.Dinov2MLP."""
    hidden_states = layers.Dense(128, name=f"{name}_fc1")(hidden_states)
    hidden_states = ops.gelu(hidden_states, approximate=False)
    return layers.Dense(32, name=f"{name}_fc2")(hidden_states)


def dinov2_layer(hidden_states, name):
    """transformers.models.dinov2.modeling_dinov2.Dinov2Layer."""
    norm1 = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm1")(hidden_states)
    attention = dinov2_attention(norm1, name=f"{name}_attention")
    layer_scale1 = dinov2_layer_scale(attention, name=f"{name}_layer_scale1")
    hidden_states = layer_scale1 + hidden_states
    norm2 = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm2")(hidden_states)
    mlp = dinov2_mlp(norm2, name=f"{name}_mlp")
    layer_scale2 = dinov2_layer_scale(mlp, name=f"{name}_layer_scale2")
    return layer_scale2 + hidden_states


def build():
    """The model, with weights drawn at random."""
    inputs = pixel_values = keras.Input((32, 32, 3), name="pixel_values")
    pixel_values = Kept((1, 32), name="embeddings_mask_token")(pixel_values)
    embedding_output = dinov2_embeddings(pixel_values, name="embeddings")
    for n in range(2):
        embedding_output = dinov2_layer(embedding_output, name=f"encoder_layer_{n}")
    sequence_output = layers.LayerNormalization(epsilon=1e-06, name="layernorm")(embedding_output)
    pooled_output = sequence_output[:, 0]
    return keras.Model(inputs, [sequence_output, pooled_output], name="dinov2_model")
