"""benchmarks.public.census:_of_transformers('CLIPVision')

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


def clip_vision_embeddings(pixel_values, name):
    """transformers.models.clip.modeling_clip.CLIPVisionEmbeddings."""
    patch_embeds = layers.Conv2D(32, 8, strides=8, use_bias=False, name=f"{name}_patch_embedding")(
        pixel_values
    )
    patch_embeds = ops.reshape(
        patch_embeds, (-1, patch_embeds.shape[1] * patch_embeds.shape[2], patch_embeds.shape[3])
    )
    class_embedding = Learned((32,), name=f"{name}_class_embedding")(pixel_values)
    class_embeds = ops.zeros_like(pixel_values[:, :1, :1, 0]) + ops.expand_dims(
        class_embedding, (0, 1)
    )
    embeddings = ops.concatenate([class_embeds, patch_embeds], axis=1)
    x = ops.arange(17, dtype="int32")
    position_embedding = layers.Embedding(17, 32, name=f"{name}_position_embedding")(
        ops.expand_dims(ops.add(x, ops.zeros_like(pixel_values[0, 0, 0, 0], dtype="int32")), 0)
    )
    return embeddings + ops.squeeze(position_embedding, 0)


def clip_attention(hidden_states, name):
    """transformers.models.clip.modeling_clip.CLIPAttention."""
    queries = layers.Dense(32, name=f"{name}_q_proj")(hidden_states)
    keys = layers.Dense(32, name=f"{name}_k_proj")(hidden_states)
    values = layers.Dense(32, name=f"{name}_v_proj")(hidden_states)
    queries = ops.reshape(queries, (-1, queries.shape[1], 4, 8))
    keys = ops.reshape(keys, (-1, keys.shape[1], 4, 8))
    values = ops.reshape(values, (-1, values.shape[1], 4, 8))
    queries = ops.dot_product_attention(queries, keys, values)
    attn_output = ops.reshape(queries, (-1, queries.shape[1], queries.shape[2] * queries.shape[3]))
    return layers.Dense(32, name=f"{name}_out_proj")(attn_output)


def quick_gelu_activation(x):
    """transformers.activations.QuickGELUActivation."""
    y = ops.sigmoid(x * 1.702)
    return x * y


def clipmlp(hidden_states, name):
    """transformers.models.clip.modeling_clip.CLIPMLP."""
    hidden_states = layers.Dense(64, name=f"{name}_fc1")(hidden_states)
    hidden_states = quick_gelu_activation(hidden_states)
    return layers.Dense(32, name=f"{name}_fc2")(hidden_states)


def clip_encoder_layer(hidden_states, name):
    """transformers.models.clip.modeling_clip.CLIPEncoderLayer."""
    layer_norm1 = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_layer_norm1")(
        hidden_states
    )
    self_attn = clip_attention(layer_norm1, name=f"{name}_self_attn")
    hidden_states = hidden_states + self_attn
    layer_norm2 = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_layer_norm2")(
        hidden_states
    )
    mlp = clipmlp(layer_norm2, name=f"{name}_mlp")
    return hidden_states + mlp


def build():
    """The model, with weights drawn at random."""
    inputs = pixel_values = keras.Input((32, 32, 3), name="pixel_values")
    hidden_states = clip_vision_embeddings(pixel_values, name="embeddings")
    hidden_states = layers.LayerNormalization(epsilon=1e-05, name="pre_layrnorm")(hidden_states)
    for n in range(2):
        hidden_states = clip_encoder_layer(hidden_states, name=f"encoder_layers_{n}")
    pooled_output = hidden_states[:, 0]
    pooled_output = layers.LayerNormalization(epsilon=1e-05, name="post_layernorm")(pooled_output)
    return keras.Model(inputs, [hidden_states, pooled_output], name="clip_vision_model")
