"""benchmarks.public.census:_of_transformers('Wav2Vec2')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


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


def wav2_vec2_group_norm_conv_layer(hidden_states, name):
    """transformers.models.wav2vec2.modeling_wav2vec2.Wav2Vec2GroupNormConvLayer."""
    hidden_states = layers.Conv1D(16, 10, strides=5, use_bias=False, name=f"{name}_conv")(
        ops.expand_dims(hidden_states, 2)
    )
    hidden_states = layers.GroupNormalization(epsilon=1e-05, groups=16, name=f"{name}_layer_norm")(
        hidden_states
    )
    return ops.gelu(hidden_states, approximate=False)


def wav2_vec2_positional_conv_embedding(hidden_states, name):
    """transformers.models.wav2vec2.modeling_wav2vec2.Wav2Vec2PositionalConvEmbedding."""
    hidden_states = layers.ZeroPadding1D(8)(hidden_states)
    hidden_states = layers.Conv1D(32, 16, groups=4, name=f"{name}_conv")(hidden_states)
    hidden_states = hidden_states[:, :-1]
    return ops.gelu(hidden_states, approximate=False)


def wav2_vec2_attention(hidden_states, name):
    """transformers.models.wav2vec2.modeling_wav2vec2.Wav2Vec2Attention."""
    query_states = layers.Dense(32, name=f"{name}_q_proj")(hidden_states)
    query_states = ops.reshape(query_states, (-1, query_states.shape[1], 4, 8))
    key_states = layers.Dense(32, name=f"{name}_k_proj")(hidden_states)
    key_states = ops.reshape(key_states, (-1, key_states.shape[1], 4, 8))
    value_states = layers.Dense(32, name=f"{name}_v_proj")(hidden_states)
    value_states = ops.reshape(value_states, (-1, value_states.shape[1], 4, 8))
    query_states = attention(query_states, key_states, value_states, rate=0.1)
    attn_output = ops.reshape(
        query_states, (-1, query_states.shape[1], query_states.shape[2] * query_states.shape[3])
    )
    return layers.Dense(32, name=f"{name}_out_proj")(attn_output)


def wav2_vec2_feed_forward(hidden_states, name):
    """transformers.models.wav2vec2.modeling_wav2vec2.Wav2Vec2FeedForward."""
    hidden_states = layers.Dense(64, name=f"{name}_intermediate_dense")(hidden_states)
    hidden_states = ops.gelu(hidden_states, approximate=False)
    hidden_states = layers.Dropout(0.1)(hidden_states)
    hidden_states = layers.Dense(32, name=f"{name}_output_dense")(hidden_states)
    return layers.Dropout(0.1)(hidden_states)


def wav2_vec2_encoder_layer(hidden_states, name):
    """transformers.models.wav2vec2.modeling_wav2vec2.Wav2Vec2EncoderLayer."""
    attention = wav2_vec2_attention(hidden_states, name=f"{name}_attention")
    hidden_states2 = layers.Dropout(0.1)(attention)
    hidden_states = hidden_states + hidden_states2
    hidden_states = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_layer_norm")(
        hidden_states
    )
    feed_forward = wav2_vec2_feed_forward(hidden_states, name=f"{name}_feed_forward")
    hidden_states = hidden_states + feed_forward
    return layers.LayerNormalization(epsilon=1e-05, name=f"{name}_final_layer_norm")(hidden_states)


def wav2_vec2_encoder(hidden_states, name):
    """transformers.models.wav2vec2.modeling_wav2vec2.Wav2Vec2Encoder."""
    position_embeddings = wav2_vec2_positional_conv_embedding(
        hidden_states, name=f"{name}_pos_conv_embed"
    )
    hidden_states = hidden_states + position_embeddings
    hidden_states = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_layer_norm")(
        hidden_states
    )
    hidden_states = layers.Dropout(0.1)(hidden_states)
    for n in range(2):
        hidden_states = wav2_vec2_encoder_layer(hidden_states, name=f"{name}_layers_{n}")
    return hidden_states


def build():
    """The model, with weights drawn at random."""
    inputs = input_values = keras.Input((1600,), name="input_values")
    input_values = Kept((32,), name="masked_spec_embed")(input_values)
    extract_features = wav2_vec2_group_norm_conv_layer(
        input_values, name="feature_extractor_conv_layers_0"
    )
    extract_features = layers.Conv1D(
        16, 3, strides=2, use_bias=False, name="feature_extractor_conv_layers_1_conv"
    )(extract_features)
    extract_features = ops.gelu(extract_features, approximate=False)
    layer_norm = layers.LayerNormalization(epsilon=1e-05, name="feature_projection_layer_norm")(
        extract_features
    )
    projection = layers.Dense(32, name="feature_projection_projection")(layer_norm)
    encoder_outputs = wav2_vec2_encoder(projection, name="encoder")
    return keras.Model(inputs, [encoder_outputs, layer_norm], name="wav2_vec2_model")
