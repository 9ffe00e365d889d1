"""benchmarks.public.census:_of_torchvision('vit_b_32')

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


def mlp_block(x, name):
    """torchvision.models.vision_transformer.MLPBlock."""
    x = layers.Dense(3072, name=f"{name}_0")(x)
    x = ops.gelu(x, approximate=False)
    return layers.Dense(768, name=f"{name}_3")(x)


def encoder_block(x, name):
    """torchvision.models.vision_transformer.EncoderBlock."""
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_ln_1")(x)
    y = layers.MultiHeadAttention(12, 64, name=f"{name}_self_attention")(y, y)
    x = y + x
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_ln_2")(x)
    y = mlp_block(y, name=f"{name}_mlp")
    return x + y


def encoder(x, name):
    """torchvision.models.vision_transformer.Encoder."""
    pos_embedding = Learned((50, 768), name=f"{name}_pos_embedding")(x)
    x = x + pos_embedding
    for n in range(12):
        x = encoder_block(x, name=f"{name}_layers_encoder_layer_{n}")
    return layers.LayerNormalization(epsilon=1e-06, name=f"{name}_ln")(x)


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((224, 224, 3), name="x")
    y = layers.Conv2D(768, 32, strides=32, name="conv_proj")(x)
    y = ops.reshape(y, (-1, y.shape[1] * y.shape[2], y.shape[3]))
    class_token = Learned((1, 1, 768), name="class_token")(x)
    batch_class_token = ops.zeros_like(x[:, :1, :1, 0]) + class_token
    x = ops.concatenate([batch_class_token, y], axis=1)
    x = encoder(x, name="encoder")
    x = x[:, 0]
    x = layers.Dense(1000, name="heads_head")(x)
    return keras.Model(inputs, x, name="vision_transformer")
