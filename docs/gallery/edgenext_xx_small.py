"""benchmarks.public.census:_of_timm('edgenext_xx_small')

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


def mlp(x, out_features, name):
    """timm.layers.mlp.Mlp."""
    x = layers.Dense(4 * out_features, name=f"{name}_fc1")(x)
    x = ops.gelu(x, approximate=False)
    return layers.Dense(out_features, name=f"{name}_fc2")(x)


def positional_encoding_fourier(shape, name):
    """timm.models.edgenext.PositionalEncodingFourier."""
    shape2 = ops.zeros_like(shape[:, :1, :1, 0]) + ops.expand_dims(
        ops.broadcast_to(ops.arange(1, 29, dtype=keras.config.floatx())[:, None], (28, 28)), 0
    )
    shape3 = ops.zeros_like(shape[:, :1, :1, 0]) + ops.expand_dims(
        ops.full((28,), 28.000001, dtype=keras.config.floatx()), (0, 1)
    )
    shape2 = shape2 / shape3 * 6.283185307179586
    x = ops.repeat(
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
    shape2 = ops.expand_dims(shape2, 3) / x
    shape3 = ops.sin(shape2[:, :, :, ::2])
    shape3 = ops.stack([shape3, ops.cos(shape2[:, :, :, 1::2])], axis=4)
    shape3 = ops.reshape(
        shape3, (-1, shape3.shape[1], shape3.shape[2], shape3.shape[3] * shape3.shape[4])
    )
    shape2 = ops.zeros_like(shape[:, :1, :1, 0]) + ops.expand_dims(
        ops.broadcast_to(ops.arange(1, 29, dtype=keras.config.floatx()), (28, 28)), 0
    )
    shape = ops.zeros_like(shape[:, :1, :1, 0]) + ops.expand_dims(
        ops.full((28,), 28.000001, dtype=keras.config.floatx()), (0, 2)
    )
    shape2 = ops.expand_dims(shape2 / shape * 6.283185307179586, 3) / x
    shape4 = ops.sin(shape2[:, :, :, ::2])
    shape4 = ops.stack([shape4, ops.cos(shape2[:, :, :, 1::2])], axis=4)
    shape4 = ops.reshape(
        shape4, (-1, shape4.shape[1], shape4.shape[2], shape4.shape[3] * shape4.shape[4])
    )
    shape3 = ops.concatenate([shape3, shape4], axis=-1)
    return layers.Conv2D(48, 1, name=f"{name}_token_projection")(shape3)


def cross_covariance_attn(x, newshape, repeats, name):
    """timm.models.edgenext.CrossCovarianceAttn."""
    qkv = layers.Dense(12 * newshape, name=f"{name}_qkv")(x)
    qkv = ops.reshape(qkv, (-1, qkv.shape[1], 3, 4, newshape))
    q = qkv[:, :, 0]
    n = qkv[:, :, 1]
    v = qkv[:, :, 2]
    attn = ops.sqrt(ops.sum(ops.square(q), axis=1, keepdims=True))
    attn = q / ops.tile(ops.maximum(attn, 1e-12), (1, repeats, 1, 1))
    attn2 = ops.sqrt(ops.sum(ops.square(n), axis=1, keepdims=True))
    attn2 = n / ops.tile(ops.maximum(attn2, 1e-12), (1, repeats, 1, 1))
    attn = ops.einsum("afbe,afbg->aebg", attn, attn2)
    temperature = Learned((4, 1), name=f"{name}_temperature")(x)
    attn = ops.softmax(attn * temperature)
    x = ops.einsum("aebf,agbf->abeg", attn, v)
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    return layers.Dense(4 * newshape, name=f"{name}_proj")(ops.transpose(x, (0, 2, 1)))


def norm_mlp_classifier_head(x, name):
    """timm.layers.classifier.NormMlpClassifierHead."""
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm")(x)
    x = ops.squeeze(x, (1, 2))
    return layers.Dense(1000, name=f"{name}_fc")(x)


def conv_block(x, kernel_size=7, out_features=88, *, name):
    """timm.models.edgenext.ConvBlock."""
    y = layers.DepthwiseConv2D(kernel_size, padding="same", name=f"{name}_conv_dw")(x)
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm")(y)
    y = mlp(y, out_features, name=f"{name}_mlp")
    gamma = Learned((out_features,), name=f"{name}_gamma")(x)
    y = gamma * y
    return x + y


def split_transpose_block(x, name):
    """timm.models.edgenext.SplitTransposeBlock."""
    spx, y, z, x2 = ops.split(x, 4, axis=-1)
    sp = layers.DepthwiseConv2D(3, padding="same", name=f"{name}_convs_0")(spx)
    sp2 = sp + y
    convs = layers.DepthwiseConv2D(3, padding="same", name=f"{name}_convs_1")(sp2)
    sp2 = convs + z
    sp2 = layers.DepthwiseConv2D(3, padding="same", name=f"{name}_convs_2")(sp2)
    y = ops.concatenate([sp, convs, sp2, x2], axis=-1)
    y = ops.reshape(y, (-1, y.shape[1] * y.shape[2], y.shape[3]))
    z = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm_xca")(y)
    z = cross_covariance_attn(z, 42, repeats=49, name=f"{name}_xca")
    gamma_xca = Learned((168,), name=f"{name}_gamma_xca")(x)
    y = y + gamma_xca * z
    y = ops.reshape(y, (-1, 7, 7, y.shape[2]))
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm")(y)
    y = mlp(y, 168, name=f"{name}_mlp")
    gamma = Learned((168,), name=f"{name}_gamma")(x)
    y = gamma * y
    return x + y


def split_transpose_block_2(x, name):
    """timm.models.edgenext.SplitTransposeBlock."""
    spx, y = ops.split(x, 2, axis=-1)
    sp = layers.DepthwiseConv2D(3, padding="same", name=f"{name}_convs_0")(spx)
    y = ops.concatenate([sp, y], axis=-1)
    y = ops.reshape(y, (-1, y.shape[1] * y.shape[2], y.shape[3]))
    pos_encoding = positional_encoding_fourier(x, name=f"{name}_pos_embd")
    pos_encoding = ops.reshape(
        pos_encoding, (-1, pos_encoding.shape[1] * pos_encoding.shape[2], pos_encoding.shape[3])
    )
    y = y + pos_encoding
    z = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm_xca")(y)
    z = cross_covariance_attn(z, 12, repeats=784, name=f"{name}_xca")
    gamma_xca = Learned((48,), name=f"{name}_gamma_xca")(x)
    y = y + gamma_xca * z
    y = ops.reshape(y, (-1, 28, 28, y.shape[2]))
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm")(y)
    y = mlp(y, 48, name=f"{name}_mlp")
    gamma = Learned((48,), name=f"{name}_gamma")(x)
    y = gamma * y
    return x + y


def split_transpose_block_3(x, name):
    """timm.models.edgenext.SplitTransposeBlock."""
    spx, y, z = ops.split(x, [30, 60], axis=-1)
    sp = layers.DepthwiseConv2D(3, padding="same", name=f"{name}_convs_0")(spx)
    sp2 = sp + y
    convs = layers.DepthwiseConv2D(3, padding="same", name=f"{name}_convs_1")(sp2)
    y = ops.concatenate([sp, convs, z], axis=-1)
    y = ops.reshape(y, (-1, y.shape[1] * y.shape[2], y.shape[3]))
    z = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm_xca")(y)
    z = cross_covariance_attn(z, 22, repeats=196, name=f"{name}_xca")
    gamma_xca = Learned((88,), name=f"{name}_gamma_xca")(x)
    y = y + gamma_xca * z
    y = ops.reshape(y, (-1, 14, 14, y.shape[2]))
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm")(y)
    y = mlp(y, 88, name=f"{name}_mlp")
    gamma = Learned((88,), name=f"{name}_gamma")(x)
    y = gamma * y
    return x + y


def edge_ne_xt_stage(x, out_chs, blocks=False, *, name):
    """timm.models.edgenext.EdgeNeXtStage."""
    x = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_downsample_0")(x)
    x = layers.Conv2D(out_chs, 2, strides=2, name=f"{name}_downsample_1")(x)
    if blocks:
        x = conv_block(x, kernel_size=5, out_features=48, name=f"{name}_blocks_0")
        x = split_transpose_block_2(x, name=f"{name}_blocks_1")
    else:
        for n in range(5):
            x = conv_block(x, name=f"{name}_blocks_{n}")
        x = split_transpose_block_3(x, name=f"{name}_blocks_5")
    return x


def edge_ne_xt_stage_2(x, name):
    """timm.models.edgenext.EdgeNeXtStage."""
    x = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_downsample_0")(x)
    x = layers.Conv2D(168, 2, strides=2, name=f"{name}_downsample_1")(x)
    x = conv_block(x, kernel_size=9, out_features=168, name=f"{name}_blocks_0")
    return split_transpose_block(x, name=f"{name}_blocks_1")


def edge_ne_xt_stage_3(x, name):
    """timm.models.edgenext.EdgeNeXtStage."""
    for n in range(2):
        x = conv_block(x, kernel_size=3, out_features=24, name=f"{name}_blocks_{n}")
    return x


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((224, 224, 3), name="x")
    x = layers.Conv2D(24, 4, strides=4, name="stem_0")(x)
    x = layers.LayerNormalization(epsilon=1e-06, name="stem_1")(x)
    x = edge_ne_xt_stage_3(x, name="stages_0")
    x = edge_ne_xt_stage(x, 48, blocks=True, name="stages_1")
    x = edge_ne_xt_stage(x, 88, name="stages_2")
    x = edge_ne_xt_stage_2(x, name="stages_3")
    x = norm_mlp_classifier_head(x, name="head")
    return keras.Model(inputs, x, name="edge_ne_xt")
