"""benchmarks.public.census:_of_timm('eva02_tiny_patch14_224')

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


def eva_attention(x, name):
    """timm.models.eva.EvaAttention."""
    q_bias = Learned((192,), name=f"{name}_q_bias")(x)
    y = ops.full((192,), 0.0, dtype=keras.config.floatx())
    v_bias = Learned((192,), name=f"{name}_v_bias")(x)
    qkv_bias = ops.concatenate([q_bias, y, v_bias], axis=-1)
    qkv = layers.Dense(576, use_bias=False, name=f"{name}_qkv")(x) + qkv_bias
    qkv = ops.reshape(qkv, (-1, qkv.shape[1], 3, 3, 64))
    q = qkv[:, :, 0]
    n = qkv[:, :, 1]
    v = qkv[:, :, 2]
    q2 = q[:, :1]
    q = q[:, 1:]
    x = ops.broadcast_to(ops.arange(16, dtype=keras.config.floatx())[:, None], (16, 16))
    y = ops.broadcast_to(ops.arange(16, dtype=keras.config.floatx()), (16, 16))
    x = ops.stack([x, y], axis=2)
    y = ops.array(
        [
            1.0,
            0.5623413251903491,
            0.31622776601683794,
            0.17782794100389226,
            0.1,
            0.056234132519034905,
            0.03162277660168379,
            0.01778279410038923,
            0.01,
            0.005623413251903491,
            0.003162277660168379,
            0.001778279410038923,
            0.001,
            0.0005623413251903491,
            0.00031622776601683794,
            0.00017782794100389227,
        ],
        dtype=keras.config.floatx(),
    )
    x = ops.expand_dims(x, 3) * y
    y = ops.sin(x)
    y = ops.reshape(y, (y.shape[0], y.shape[1], y.shape[2] * y.shape[3]))
    y = ops.reshape(y, (y.shape[0] * y.shape[1], y.shape[2]))
    y = ops.broadcast_to(
        ops.expand_dims(y, 2), (ops.expand_dims(y, 2).shape[0], ops.expand_dims(y, 2).shape[1], 2)
    )
    y = ops.reshape(y, (y.shape[0], y.shape[1] * y.shape[2]))
    x = ops.cos(x)
    x = ops.reshape(x, (x.shape[0], x.shape[1], x.shape[2] * x.shape[3]))
    x = ops.reshape(x, (x.shape[0] * x.shape[1], x.shape[2]))
    x = ops.broadcast_to(
        ops.expand_dims(x, 2), (ops.expand_dims(x, 2).shape[0], ops.expand_dims(x, 2).shape[1], 2)
    )
    x = ops.reshape(x, (x.shape[0], x.shape[1] * x.shape[2]))
    y = ops.concatenate([y, x], axis=-1)
    y2, y3 = ops.split(y, 2, axis=-1)
    q3 = q * ops.expand_dims(y3, 1)
    q = ops.stack([-q[:, :, :, 1::2], q[:, :, :, ::2]], axis=4)
    q = ops.reshape(q, (-1, q.shape[1], q.shape[2], q.shape[3] * q.shape[4]))
    y2, y3 = ops.split(y, 2, axis=-1)
    q = ops.concatenate([q2, q3 + q * ops.expand_dims(y2, 1)], axis=1)
    i = n[:, :1]
    n = n[:, 1:]
    y2, y3 = ops.split(y, 2, axis=-1)
    j = n * ops.expand_dims(y3, 1)
    n = ops.stack([-n[:, :, :, 1::2], n[:, :, :, ::2]], axis=4)
    n = ops.reshape(n, (-1, n.shape[1], n.shape[2], n.shape[3] * n.shape[4]))
    y, y2 = ops.split(y, 2, axis=-1)
    n = ops.concatenate([i, j + n * ops.expand_dims(y, 1)], axis=1)
    x = ops.dot_product_attention(q, n, v)
    x = ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))
    return layers.Dense(192, name=f"{name}_proj")(x)


def glu_mlp(x, name):
    """timm.layers.mlp.GluMlp."""
    x = layers.Dense(1024, name=f"{name}_fc1")(x)
    x1, x2 = ops.split(x, 2, axis=-1)
    x = ops.silu(x1)
    x = x * x2
    return layers.Dense(192, name=f"{name}_fc2")(x)


def eva_block(x, name):
    """timm.models.eva.EvaBlock."""
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm1")(x)
    x_attn = eva_attention(y, name=f"{name}_attn")
    x = x + x_attn
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm2")(x)
    x_mlp = glu_mlp(y, name=f"{name}_mlp")
    return x + x_mlp


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((224, 224, 3), name="x")
    y = layers.Conv2D(192, 14, strides=14, name="patch_embed_proj")(x)
    y = ops.reshape(y, (-1, y.shape[1] * y.shape[2], y.shape[3]))
    cls_token = Learned((1, 1, 192), name="cls_token")(x)
    z = ops.zeros_like(x[:, :1, :1, 0]) + cls_token
    z = ops.concatenate([z, y], axis=1)
    pos_embed = Learned((257, 192), name="pos_embed")(x)
    z = z + pos_embed
    for n in range(12):
        z = eva_block(z, name=f"blocks_{n}")
    z = z[:, 1:]
    z = ops.mean(z, axis=1)
    x = layers.LayerNormalization(epsilon=1e-06, name="fc_norm")(z)
    return keras.Model(inputs, x, name="eva")
