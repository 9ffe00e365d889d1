"""benchmarks.public.census:_of_timm('vit_tiny_patch16_224')

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


def attention_2(x, name):
    """timm.layers.attention.Attention."""
    qkv = layers.Dense(576, name=f"{name}_qkv")(x)
    qkv = ops.reshape(qkv, (-1, qkv.shape[1], 3, 3, 64))
    q = qkv[:, :, 0]
    n = qkv[:, :, 1]
    v = qkv[:, :, 2]
    x = ops.dot_product_attention(q, n, v)
    x = ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))
    return layers.Dense(192, name=f"{name}_proj")(x)


def mlp(x, name):
    """timm.layers.mlp.Mlp."""
    x = layers.Dense(768, name=f"{name}_fc1")(x)
    x = ops.gelu(x, approximate=False)
    return layers.Dense(192, name=f"{name}_fc2")(x)


def block(x, name):
    """timm.models.vision_transformer.Block."""
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm1")(x)
    y = attention_2(y, name=f"{name}_attn")
    x = x + y
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm2")(x)
    y = mlp(y, name=f"{name}_mlp")
    return x + y


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((224, 224, 3), name="x")
    y = layers.Conv2D(192, 16, strides=16, name="patch_embed_proj")(x)
    y = ops.reshape(y, (-1, y.shape[1] * y.shape[2], y.shape[3]))
    cls_token = Learned((1, 1, 192), name="cls_token")(x)
    z = ops.zeros_like(x[:, :1, :1, 0]) + cls_token
    z = ops.concatenate([z, y], axis=1)
    pos_embed = Learned((197, 192), name="pos_embed")(x)
    z = z + pos_embed
    for n in range(12):
        z = block(z, name=f"blocks_{n}")
    x = layers.LayerNormalization(epsilon=1e-06, name="norm")(z)
    x = x[:, 0]
    x = layers.Dense(1000, name="head")(x)
    return keras.Model(inputs, x, name="vision_transformer")
