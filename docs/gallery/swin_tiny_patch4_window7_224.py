"""benchmarks.public.census:_of_timm('swin_tiny_patch4_window7_224')

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


def window_attention(x, x_2, newshape_2, num_heads=12, newshape=4, residual=True, *, name):
    """timm.models.swin_transformer.WindowAttention."""
    qkv = layers.Dense(96 * num_heads, name=f"{name}_qkv")(x)
    qkv = ops.reshape(qkv, (-1, qkv.shape[1], 3, num_heads, 32))
    q = qkv[:, :, 0]
    n = qkv[:, :, 1]
    v = qkv[:, :, 2]
    q = q * 0.1767766952966369
    attn = ops.einsum("aebf,agbf->abeg", q, n)
    relative_position_bias_table = Learned(
        (169, num_heads), name=f"{name}_relative_position_bias_table"
    )(x)
    x = ops.reshape(grid_sum((7, 7, 7, 7), (13, 1, -13, -1), 84), (2401,))
    attn2 = ops.take(relative_position_bias_table, x, axis=0)
    if residual:
        attn2 = ops.reshape(attn2, (49, 49, attn2.shape[1]))
        attn = attn + ops.transpose(attn2, (2, 0, 1))
    else:
        attn = attn + ops.transpose(ops.reshape(attn2, (49, 49, attn2.shape[1])), (2, 0, 1))
    attn = ops.reshape(attn, (-1, newshape, attn.shape[1], attn.shape[2], attn.shape[3]))
    x = ops.repeat(
        ops.array([0.0, 3.0, 6.0], dtype=keras.config.floatx()), ops.array((x_2, 4, 3)), axis=0
    )[:, None] + ops.repeat(
        ops.array([0.0, 1.0, 2.0], dtype=keras.config.floatx()), ops.array((x_2, 4, 3)), axis=0
    )
    x = ops.reshape(x, (newshape_2, 7, newshape_2, 7))
    x = ops.reshape(
        ops.transpose(x, (0, 2, 1, 3)), (x.shape[0] * x.shape[2], x.shape[1], x.shape[3])
    )
    x = ops.reshape(x, (x.shape[0], x.shape[1] * x.shape[2]))
    x = ops.expand_dims(x, 1) - ops.expand_dims(x, 2)
    y = ops.where(ops.not_equal(x, 0), -100.0, x)
    attn = attn + ops.expand_dims(ops.where(ops.equal(x, 0), 0.0, y), 1)
    attn = ops.reshape(attn, (-1, attn.shape[2], attn.shape[3], attn.shape[4]))
    attn = ops.softmax(attn)
    x = ops.einsum("abef,afbg->aebg", attn, v)
    x = ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))
    return layers.Dense(32 * num_heads, name=f"{name}_proj")(x)


def window_attention_2(x, num_heads, residual=True, *, name):
    """timm.models.swin_transformer.WindowAttention."""
    qkv = layers.Dense(96 * num_heads, name=f"{name}_qkv")(x)
    qkv = ops.reshape(qkv, (-1, qkv.shape[1], 3, num_heads, 32))
    q = qkv[:, :, 0]
    n = qkv[:, :, 1]
    v = qkv[:, :, 2]
    q = q * 0.1767766952966369
    attn = ops.einsum("aebf,agbf->abeg", q, n)
    relative_position_bias_table = Learned(
        (169, num_heads), name=f"{name}_relative_position_bias_table"
    )(x)
    x = ops.reshape(grid_sum((7, 7, 7, 7), (13, 1, -13, -1), 84), (2401,))
    attn2 = ops.take(relative_position_bias_table, x, axis=0)
    if residual:
        attn2 = ops.reshape(attn2, (49, 49, attn2.shape[1]))
        attn = attn + ops.transpose(attn2, (2, 0, 1))
    else:
        attn = attn + ops.transpose(ops.reshape(attn2, (49, 49, attn2.shape[1])), (2, 0, 1))
    attn = ops.softmax(attn)
    x = ops.einsum("abef,afbg->aebg", attn, v)
    x = ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))
    return layers.Dense(32 * num_heads, name=f"{name}_proj")(x)


def mlp(x, out_features, name):
    """timm.layers.mlp.Mlp."""
    x = layers.Dense(4 * out_features, name=f"{name}_fc1")(x)
    x = ops.gelu(x, approximate=False)
    return layers.Dense(out_features, name=f"{name}_fc2")(x)


def patch_merging(x, newshape, out_dim, name):
    """timm.models.swin_transformer.PatchMerging."""
    x = ops.reshape(x, (-1, newshape, 2, newshape, 2, x.shape[3]))
    x = ops.reshape(
        ops.transpose(x, (0, 1, 3, 4, 2, 5)),
        (-1, x.shape[1], x.shape[3], x.shape[4] * x.shape[2] * x.shape[5]),
    )
    x = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm")(x)
    return layers.Dense(out_dim, use_bias=False, name=f"{name}_reduction")(x)


def swin_transformer_block(
    x,
    rate,
    newshape=2,
    x_2=None,
    num_heads=12,
    attn_newshape=4,
    residual=True,
    dim=384,
    input_resolution=14,
    *,
    name,
):
    """timm.models.swin_transformer.SwinTransformerBlock."""
    y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm1")(x)
    if x_2 is not None:
        y = ops.roll(y, (-3, -3), axis=(1, 2))
    y = ops.reshape(y, (-1, newshape, 7, newshape, 7, y.shape[3]))
    y = ops.reshape(ops.transpose(y, (0, 1, 3, 2, 4, 5)), (-1, y.shape[2], y.shape[4], y.shape[5]))
    y = ops.reshape(y, (-1, y.shape[1] * y.shape[2], y.shape[3]))
    if x_2 is not None:
        y = window_attention(
            y,
            x_2,
            newshape_2=newshape,
            num_heads=num_heads,
            newshape=attn_newshape,
            residual=residual,
            name=f"{name}_attn",
        )
    else:
        y = window_attention_2(y, num_heads, name=f"{name}_attn")
    y = ops.reshape(y, (-1, 7, 7, y.shape[2]))
    y = ops.reshape(y, (-1, newshape, newshape, y.shape[1], y.shape[2], y.shape[3]))
    y = ops.reshape(
        ops.transpose(y, (0, 1, 3, 2, 4, 5)),
        (-1, y.shape[1] * y.shape[3], y.shape[2] * y.shape[4], y.shape[5]),
    )
    if x_2 is not None:
        y = ops.roll(y, (3, 3), axis=(1, 2))
    y = layers.Dropout(rate, noise_shape=(None, 1, 1, 1))(y)
    x = x + y
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm2")(x)
    y = mlp(y, dim, name=f"{name}_mlp")
    y = layers.Dropout(rate, noise_shape=(None, 1, 1))(y)
    x = x + y
    return ops.reshape(x, (-1, input_resolution, input_resolution, x.shape[2]))


def swin_transformer_block_2(
    x, num_heads=24, residual=True, rate=None, input_resolution=7, reduced=False, *, name
):
    """timm.models.swin_transformer.SwinTransformerBlock."""
    y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm1")(x)
    if reduced:
        y = ops.reshape(y, (-1, 8, 7, 8, 7, y.shape[3]))
        y = ops.reshape(
            ops.transpose(y, (0, 1, 3, 2, 4, 5)), (-1, y.shape[2], y.shape[4], y.shape[5])
        )
    y = ops.reshape(y, (-1, y.shape[1] * y.shape[2], y.shape[3]))
    y = window_attention_2(y, num_heads, residual=residual, name=f"{name}_attn")
    y = ops.reshape(y, (-1, 7, 7, y.shape[2]))
    if reduced:
        y = ops.reshape(y, (-1, 8, 8, y.shape[1], y.shape[2], y.shape[3]))
        y = ops.reshape(
            ops.transpose(y, (0, 1, 3, 2, 4, 5)),
            (-1, y.shape[1] * y.shape[3], y.shape[2] * y.shape[4], y.shape[5]),
        )
    else:
        y = layers.Dropout(rate, noise_shape=(None, 1, 1, 1))(y)
    x = x + y
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm2")(x)
    y = mlp(y, 32 * num_heads, name=f"{name}_mlp")
    if not reduced:
        y = layers.Dropout(rate, noise_shape=(None, 1, 1))(y)
    x = x + y
    return ops.reshape(x, (-1, input_resolution, input_resolution, x.shape[2]))


def swin_transformer_stage(
    x,
    newshape,
    rate,
    blocks_newshape,
    num_heads,
    blocks_rate,
    x_2,
    attn_newshape,
    with_swin_transformer_block=False,
    *,
    name,
):
    """timm.models.swin_transformer.SwinTransformerStage."""
    x = patch_merging(x, newshape, out_dim=32 * num_heads, name=f"{name}_downsample")
    x = swin_transformer_block(
        x,
        rate,
        newshape=blocks_newshape,
        num_heads=num_heads,
        dim=32 * num_heads,
        input_resolution=newshape,
        name=f"{name}_blocks_0",
    )
    x = swin_transformer_block(
        x,
        blocks_rate,
        newshape=blocks_newshape,
        x_2=x_2,
        num_heads=num_heads,
        attn_newshape=attn_newshape,
        dim=32 * num_heads,
        input_resolution=newshape,
        name=f"{name}_blocks_1",
    )
    if with_swin_transformer_block:
        x = swin_transformer_block(x, 0.054545458406209946, name=f"{name}_blocks_2")
        x = swin_transformer_block(x, 0.06363636255264282, x_2=7, name=f"{name}_blocks_3")
        x = swin_transformer_block(x, 0.0727272778749466, name=f"{name}_blocks_4")
        x = swin_transformer_block(x, 0.08181818574666977, x_2=7, name=f"{name}_blocks_5")
    return x


def swin_transformer_stage_2(x, name):
    """timm.models.swin_transformer.SwinTransformerStage."""
    x = patch_merging(x, 7, out_dim=768, name=f"{name}_downsample")
    x = swin_transformer_block_2(x, rate=0.09090909361839294, name=f"{name}_blocks_0")
    return swin_transformer_block_2(x, rate=0.10000000149011612, name=f"{name}_blocks_1")


def swin_transformer_stage_3(x, name):
    """timm.models.swin_transformer.SwinTransformerStage."""
    x = swin_transformer_block_2(
        x, num_heads=3, residual=False, input_resolution=56, reduced=True, name=f"{name}_blocks_0"
    )
    return swin_transformer_block(
        x,
        0.00909090880304575,
        newshape=8,
        x_2=49,
        num_heads=3,
        attn_newshape=64,
        residual=False,
        dim=96,
        input_resolution=56,
        name=f"{name}_blocks_1",
    )


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((224, 224, 3), name="x")
    x = layers.Conv2D(96, 4, strides=4, name="patch_embed_proj")(x)
    x = layers.LayerNormalization(epsilon=1e-05, name="patch_embed_norm")(x)
    x = swin_transformer_stage_3(x, name="layers_0")
    x = swin_transformer_stage(
        x,
        28,
        rate=0.0181818176060915,
        blocks_newshape=4,
        num_heads=6,
        blocks_rate=0.027272727340459824,
        x_2=21,
        attn_newshape=16,
        name="layers_1",
    )
    x = swin_transformer_stage(
        x,
        14,
        rate=0.036363635212183,
        blocks_newshape=2,
        num_heads=12,
        blocks_rate=0.045454543083906174,
        x_2=7,
        attn_newshape=4,
        with_swin_transformer_block=True,
        name="layers_2",
    )
    x = swin_transformer_stage_2(x, name="layers_3")
    x = layers.LayerNormalization(epsilon=1e-05, name="norm")(x)
    x = ops.mean(x, axis=(1, 2))
    x = layers.Dense(1000, name="head_fc")(x)
    return keras.Model(inputs, x, name="swin_transformer")
