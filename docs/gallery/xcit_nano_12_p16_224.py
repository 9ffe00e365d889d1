"""benchmarks.public.census:_of_timm('xcit_nano_12_p16_224')

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


def conv_patch_embed(x, name):
    """timm.models.xcit.ConvPatchEmbed."""
    x = layers.ZeroPadding2D(1)(x)
    for n, filters in ((0, 16), (2, 32), (4, 64)):
        x = layers.Conv2D(filters, 3, strides=2, use_bias=False, name=f"{name}_proj_{n}_0")(x)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_proj_{n}_1")(x)
        x = ops.gelu(x, approximate=False)
        x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(128, 3, strides=2, use_bias=False, name=f"{name}_proj_6_0")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_proj_6_1")(x)
    return ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))


def positional_encoding_fourier(b, name):
    """timm.models.xcit.PositionalEncodingFourier."""
    x = ops.broadcast_to(
        ops.array(
            [
                0.44879891845576203,
                0.8975978369115241,
                1.346396755367286,
                1.7951956738230481,
                2.2439945922788103,
                2.692793510734572,
                3.141592429190334,
                3.5903913476460962,
                4.0391902661018575,
                4.4879891845576205,
                4.936788103013382,
                5.385587021469144,
                5.834385939924906,
                6.283184858380668,
            ],
            dtype=keras.config.floatx(),
        )[:, None],
        (14, 14),
    )
    y = ops.repeat(
        ops.array(
            [
                1.0,
                1.7782794100389228,
                3.1622776601683795,
                5.623413251903491,
                10.0,
                17.78279410038923,
                31.622776601683793,
                56.23413251903491,
                100.0,
                177.82794100389228,
                316.22776601683796,
                562.341325190349,
                1000.0,
                1778.2794100389228,
                3162.2776601683795,
                5623.413251903491,
            ],
            dtype=keras.config.floatx(),
        ),
        ops.array([2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]),
        axis=0,
    )
    x = ops.expand_dims(x, 2) / y
    z = ops.sin(x[:, :, ::2])
    x = ops.cos(x[:, :, 1::2])
    z = ops.stack([ops.expand_dims(z, 0), ops.expand_dims(x, 0)], axis=4)
    z = ops.reshape(ops.squeeze(z, 0), (z.shape[1], z.shape[2], z.shape[3] * z.shape[4]))
    x = ops.broadcast_to(
        ops.array(
            [
                0.44879891845576203,
                0.8975978369115241,
                1.346396755367286,
                1.7951956738230481,
                2.2439945922788103,
                2.692793510734572,
                3.141592429190334,
                3.5903913476460962,
                4.0391902661018575,
                4.4879891845576205,
                4.936788103013382,
                5.385587021469144,
                5.834385939924906,
                6.283184858380668,
            ],
            dtype=keras.config.floatx(),
        ),
        (14, 14),
    )
    x = ops.expand_dims(x, 2) / y
    y = ops.sin(x[:, :, ::2])
    x = ops.cos(x[:, :, 1::2])
    y = ops.stack([ops.expand_dims(y, 0), ops.expand_dims(x, 0)], axis=4)
    y = ops.reshape(ops.squeeze(y, 0), (y.shape[1], y.shape[2], y.shape[3] * y.shape[4]))
    z = ops.concatenate([ops.expand_dims(z, 0), ops.expand_dims(y, 0)], axis=-1)
    pos = layers.Conv2D(128, 1, name=f"{name}_token_projection")(
        ops.add(z, ops.zeros_like(b[0, 0, 0, 0]))
    )
    b = ops.zeros_like(b[:, 0, 0, 0][:, None, None, None, None]) + ops.expand_dims(pos, 0)
    return ops.squeeze(b, 1)


def xca(x, name):
    """timm.models.xcit.XCA."""
    qkv = layers.Dense(384, name=f"{name}_qkv")(x)
    qkv = ops.reshape(qkv, (-1, qkv.shape[1], 3, 4, 32))
    q = qkv[:, :, 0]
    n = qkv[:, :, 1]
    v = qkv[:, :, 2]
    q2 = ops.sqrt(ops.sum(ops.square(q), axis=1, keepdims=True))
    q = q / ops.tile(ops.maximum(q2, 1e-12), (1, 196, 1, 1))
    i = ops.sqrt(ops.sum(ops.square(n), axis=1, keepdims=True))
    n = n / ops.tile(ops.maximum(i, 1e-12), (1, 196, 1, 1))
    attn = ops.einsum("afbe,afbg->aebg", q, n)
    temperature = Learned((4, 1), name=f"{name}_temperature")(x)
    attn = ops.softmax(attn * temperature)
    x = ops.einsum("aebf,agbf->abeg", attn, v)
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    return layers.Dense(128, name=f"{name}_proj")(ops.transpose(x, (0, 2, 1)))


def lpi(x, name):
    """timm.models.xcit.LPI."""
    x = ops.reshape(x, (-1, 14, 14, x.shape[2]))
    x = layers.DepthwiseConv2D(3, padding="same", name=f"{name}_conv1")(x)
    x = ops.gelu(x, approximate=False)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name=f"{name}_conv2")(x)
    return ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))


def mlp(x, name):
    """timm.layers.mlp.Mlp."""
    x = layers.Dense(512, name=f"{name}_fc1")(x)
    x = ops.gelu(x, approximate=False)
    return layers.Dense(128, name=f"{name}_fc2")(x)


def class_attn(x, name):
    """timm.models.cait.ClassAttn."""
    q = x[:, 0]
    q = layers.Dense(128, name=f"{name}_q")(q)
    q = ops.reshape(q, (-1, 4, 32))
    n = layers.Dense(128, name=f"{name}_k")(x)
    n = ops.reshape(n, (-1, n.shape[1], 4, 32))
    v = layers.Dense(128, name=f"{name}_v")(x)
    v = ops.reshape(v, (-1, v.shape[1], 4, 32))
    x_cls = ops.dot_product_attention(ops.expand_dims(q, 1), n, v)
    x_cls = ops.reshape(ops.squeeze(x_cls, 1), (-1, x_cls.shape[2] * x_cls.shape[3]))
    return layers.Dense(128, name=f"{name}_proj")(ops.expand_dims(x_cls, 1))


def xca_block(x, name):
    """timm.models.xcit.XCABlock."""
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm1")(x)
    y = xca(y, name=f"{name}_attn")
    gamma1 = Learned((128,), name=f"{name}_gamma1")(x)
    y = x + gamma1 * y
    z = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm3")(y)
    z = lpi(z, name=f"{name}_local_mp")
    gamma3 = Learned((128,), name=f"{name}_gamma3")(x)
    y = y + gamma3 * z
    z = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm2")(y)
    z = mlp(z, name=f"{name}_mlp")
    gamma2 = Learned((128,), name=f"{name}_gamma2")(x)
    return y + gamma2 * z


def class_attention_block(x, name):
    """timm.models.xcit.ClassAttentionBlock."""
    x_norm1 = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm1")(x)
    x_attn = class_attn(x_norm1, name=f"{name}_attn")
    x_attn = ops.concatenate([x_attn, x_norm1[:, 1:]], axis=1)
    gamma1 = Learned((128,), name=f"{name}_gamma1")(x)
    y = x + gamma1 * x_attn
    z = y[:, :1]
    z = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm2")(z)
    y = ops.concatenate([z, y[:, 1:]], axis=1)
    cls_token = y[:, :1]
    cls_token = mlp(cls_token, name=f"{name}_mlp")
    gamma2 = Learned((128,), name=f"{name}_gamma2")(x)
    cls_token = gamma2 * cls_token
    x = ops.concatenate([cls_token, y[:, 1:]], axis=1)
    return y + x


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((224, 224, 3), name="x")
    patch_embed = conv_patch_embed(x, name="patch_embed")
    pos_encoding = positional_encoding_fourier(x, name="pos_embed")
    pos_encoding = ops.reshape(
        pos_encoding, (-1, pos_encoding.shape[1] * pos_encoding.shape[2], pos_encoding.shape[3])
    )
    patch_embed = patch_embed + pos_encoding
    for n in range(12):
        patch_embed = xca_block(patch_embed, name=f"blocks_{n}")
    cls_token = Learned((1, 1, 128), name="cls_token")(x)
    x = ops.zeros_like(x[:, :1, :1, 0]) + cls_token
    x = ops.concatenate([x, patch_embed], axis=1)
    for n in range(2):
        x = class_attention_block(x, name=f"cls_attn_blocks_{n}")
    x = layers.LayerNormalization(epsilon=1e-06, name="norm")(x)
    x = x[:, 0]
    x = layers.Dense(1000, name="head")(x)
    return keras.Model(inputs, x, name="xcit")
