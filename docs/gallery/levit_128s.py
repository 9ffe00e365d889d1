"""benchmarks.public.census:_of_timm('levit_128s')

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


def distances(queries, keys, steps, strides=(1, 1)):
    """Distances along rows and columns between the places of two grids, times the steps, added."""
    query = ops.arange(queries[0] * queries[1], dtype="int32")[:, None]
    key = ops.arange(keys[0] * keys[1], dtype="int32")
    rows = ops.abs(strides[0] * (query // queries[1]) - key // keys[1])
    columns = ops.abs(strides[1] * (query % queries[1]) - key % keys[1])
    return steps[0] * rows + steps[1] * columns


def conv_norm(x, out_chs, name):
    """timm.models.levit.ConvNorm."""
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(out_chs, 3, strides=2, use_bias=False, name=f"{name}_linear")(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn")(x)


def linear_norm(x, out_features, newshape, name):
    """timm.models.levit.LinearNorm."""
    x = layers.Dense(out_features, use_bias=False, name=f"{name}_linear")(x)
    x = ops.reshape(x, (-1, x.shape[2]))
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn")(x)
    return ops.reshape(x, (-1, newshape, x.shape[1]))


def downsample(x, resolution):
    """timm.models.levit.Downsample."""
    x = ops.reshape(x, (-1, resolution, resolution, x.shape[2]))
    x = x[:, ::2][:, :, ::2]
    return ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))


def norm_linear(x, name):
    """timm.models.levit.NormLinear."""
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn")(x)
    return layers.Dense(1000, name=f"{name}_linear")(x)


def stem16(x, name):
    """timm.models.levit.Stem16."""
    for n, out_chs in enumerate((16, 32, 64), 1):
        x = conv_norm(x, out_chs, name=f"{name}_conv{n}")
        x = ops.hard_silu(x)
    return conv_norm(x, 128, name=f"{name}_conv4")


def attention_2(x, newshape, num_heads, dim, resolution, name):
    """timm.models.levit.Attention."""
    qkv = linear_norm(x, 64 * num_heads, newshape=newshape, name=f"{name}_qkv")
    qkv = ops.reshape(qkv, (-1, qkv.shape[1], num_heads, 64))
    q, n, v = ops.split(qkv, [16, 32], axis=-1)
    attn = ops.einsum("aebf,agbf->abeg", q, n) * 0.25
    attention_biases = Learned((num_heads, newshape), name=f"{name}_attention_biases")(x)
    attn = attn + ops.take(
        attention_biases,
        distances((resolution, resolution), (resolution, resolution), (resolution, 1)),
        axis=1,
    )
    attn = ops.softmax(attn)
    x = ops.einsum("abef,afbg->aebg", attn, v)
    x = ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))
    x = ops.hard_silu(x)
    return linear_norm(x, dim, newshape=newshape, name=f"{name}_proj_ln")


def levit_mlp(x, newshape, out_features, name):
    """timm.models.levit.LevitMlp."""
    x = linear_norm(x, 2 * out_features, newshape=newshape, name=f"{name}_ln1")
    x = ops.hard_silu(x)
    return linear_norm(x, out_features, newshape=newshape, name=f"{name}_ln2")


def attention_downsample(
    x, newshape, num_heads, resolution, q_newshape, out_dim, residual=False, *, name
):
    """timm.models.levit.AttentionDownsample."""
    kv = linear_norm(x, 80 * num_heads, newshape=newshape, name=f"{name}_kv")
    n, v = ops.split(ops.reshape(kv, (-1, kv.shape[1], num_heads, 80)), [16], axis=-1)
    q = downsample(x, resolution)
    q = linear_norm(q, 16 * num_heads, newshape=q_newshape, name=f"{name}_q_ln")
    q = ops.reshape(q, (-1, q.shape[1], num_heads, 16))
    attn = ops.einsum("aebf,agbf->abeg", q, n) * 0.25
    attention_biases = Learned((num_heads, newshape), name=f"{name}_attention_biases")(x)
    if residual:
        attn2 = ops.take(attention_biases, distances((7, 7), (14, 14), (14, 1), (2, 2)), axis=1)
        attn = attn + attn2
    else:
        attn = attn + ops.take(attention_biases, distances((4, 4), (7, 7), (7, 1), (2, 2)), axis=1)
    attn = ops.softmax(attn)
    x = ops.einsum("abef,afbg->aebg", attn, v)
    x = ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))
    x = ops.hard_silu(x)
    return linear_norm(x, out_dim, newshape=q_newshape, name=f"{name}_proj_ln")


def levit_block(x, newshape, num_heads, dim, resolution, name):
    """timm.models.levit.LevitBlock."""
    y = attention_2(
        x, newshape, num_heads=num_heads, dim=dim, resolution=resolution, name=f"{name}_attn"
    )
    x = x + y
    y = levit_mlp(x, newshape, out_features=dim, name=f"{name}_mlp")
    return x + y


def levit_downsample(x, newshape, num_heads, resolution, q_newshape, out_dim, residual, name):
    """timm.models.levit.LevitDownsample."""
    x = attention_downsample(
        x,
        newshape,
        num_heads=num_heads,
        resolution=resolution,
        q_newshape=q_newshape,
        out_dim=out_dim,
        residual=residual,
        name=f"{name}_attn_downsample",
    )
    y = levit_mlp(x, q_newshape, out_features=out_dim, name=f"{name}_mlp")
    return x + y


def levit_stage(
    x,
    depth,
    blocks_newshape,
    blocks_num_heads,
    out_dim,
    blocks_resolution,
    newshape=None,
    num_heads=None,
    resolution=None,
    residual=None,
    *,
    name,
):
    """timm.models.levit.LevitStage."""
    if newshape is not None:
        x = levit_downsample(
            x,
            newshape,
            num_heads=num_heads,
            resolution=resolution,
            q_newshape=blocks_newshape,
            out_dim=out_dim,
            residual=residual,
            name=f"{name}_downsample",
        )
    for n in range(depth):
        x = levit_block(
            x,
            blocks_newshape,
            num_heads=blocks_num_heads,
            dim=out_dim,
            resolution=blocks_resolution,
            name=f"{name}_blocks_{n}",
        )
    return x


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((224, 224, 3), name="x")
    x = stem16(x, name="stem")
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    x = levit_stage(
        x,
        2,
        blocks_newshape=196,
        blocks_num_heads=4,
        out_dim=128,
        blocks_resolution=14,
        name="stages_0",
    )
    x = levit_stage(
        x,
        3,
        blocks_newshape=49,
        blocks_num_heads=6,
        out_dim=256,
        blocks_resolution=7,
        newshape=196,
        num_heads=8,
        resolution=14,
        residual=True,
        name="stages_1",
    )
    x = levit_stage(
        x,
        4,
        blocks_newshape=16,
        blocks_num_heads=8,
        out_dim=384,
        blocks_resolution=4,
        newshape=49,
        num_heads=16,
        resolution=7,
        residual=False,
        name="stages_2",
    )
    x = ops.mean(x, axis=1)
    head = norm_linear(x, name="head")
    head_dist = norm_linear(x, name="head_dist")
    head = head + head_dist
    head = head / 2
    return keras.Model(inputs, head, name="levit_distilled")
