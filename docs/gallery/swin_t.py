"""benchmarks.public.census:_of_torchvision('swin_t')

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


def shifted_window_attention(
    x, newshape, num_heads, pad_width, x_2, newshape_2=None, size=None, size_2=None, *, name
):
    """torchvision.models.swin_transformer.ShiftedWindowAttention."""
    relative_position_bias_table = Learned(
        (169, num_heads), name=f"{name}_relative_position_bias_table"
    )(x)
    y = ops.reshape(grid_sum((7, 7, 7, 7), (13, 1, -13, -1), 84), (2401,))
    relative_position_bias_table = ops.take(relative_position_bias_table, y, axis=0)
    relative_position_bias_table = ops.reshape(
        relative_position_bias_table, (49, 49, relative_position_bias_table.shape[1])
    )
    x = ops.pad(x, ((0, 0), pad_width, pad_width, (0, 0)))
    if newshape_2 is not None:
        x = ops.roll(x, (-3, -3), axis=(1, 2))
    x = ops.reshape(x, (-1, newshape, 7, newshape, 7, x.shape[3]))
    x = ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, x.shape[2] * x.shape[4], x.shape[5]))
    x = layers.Dense(96 * num_heads, name=f"{name}_qkv")(x)
    x = ops.reshape(x, (-1, x.shape[1], 3, num_heads, 32))
    y = x[:, :, 0]
    z = x[:, :, 1]
    x = x[:, :, 2]
    y = ops.einsum("aebf,agbf->abeg", y * 0.1767766952966369, z)
    if newshape_2 is not None:
        y = y + ops.transpose(relative_position_bias_table, (2, 0, 1))
        y = ops.reshape(y, (-1, newshape_2, y.shape[1], y.shape[2], y.shape[3]))
        z = ops.repeat(
            ops.array([0.0, 3.0, 6.0], dtype=keras.config.floatx()), ops.array((x_2, 4, 3)), axis=0
        )[:, None] + ops.repeat(
            ops.array([0.0, 1.0, 2.0], dtype=keras.config.floatx()), ops.array((x_2, 4, 3)), axis=0
        )
        z = ops.reshape(z, (newshape, 7, newshape, 7))
        z = ops.reshape(
            ops.transpose(z, (0, 2, 1, 3)), (z.shape[0] * z.shape[2], z.shape[1] * z.shape[3])
        )
        z = ops.expand_dims(z, 1) - ops.expand_dims(z, 2)
        z2 = ops.where(ops.not_equal(z, 0), -100.0, z)
        y = y + ops.expand_dims(ops.where(ops.equal(z, 0), 0.0, z2), 1)
        y = ops.reshape(y, (-1, y.shape[2], y.shape[3], y.shape[4]))
        y = ops.einsum("abef,afbg->aebg", ops.softmax(y), x)
    else:
        y = ops.softmax(y + ops.transpose(relative_position_bias_table, (2, 0, 1)))
        y = ops.einsum("abef,afbg->aebg", y, x)
    y = ops.reshape(y, (-1, y.shape[1], y.shape[2] * y.shape[3]))
    y = layers.Dense(32 * num_heads, name=f"{name}_proj")(y)
    y = ops.reshape(y, (-1, newshape, newshape, 7, 7, y.shape[2]))
    y = ops.reshape(
        ops.transpose(y, (0, 1, 3, 2, 4, 5)),
        (-1, y.shape[1] * y.shape[3], y.shape[2] * y.shape[4], y.shape[5]),
    )
    if newshape_2 is not None:
        y = ops.roll(y, (3, 3), axis=(1, 2))[:, :size][:, :, :size]
    else:
        y = y[:, :size_2][:, :, :size_2]
    return y


def shifted_window_attention_2(x, pad_width, num_heads=12, size=4, *, name):
    """torchvision.models.swin_transformer.ShiftedWindowAttention."""
    relative_position_bias_table = Learned(
        (169, num_heads), name=f"{name}_relative_position_bias_table"
    )(x)
    y = ops.reshape(grid_sum((7, 7, 7, 7), (13, 1, -13, -1), 84), (2401,))
    relative_position_bias_table = ops.take(relative_position_bias_table, y, axis=0)
    relative_position_bias_table = ops.reshape(
        relative_position_bias_table, (49, 49, relative_position_bias_table.shape[1])
    )
    x = ops.pad(x, ((0, 0), pad_width, pad_width, (0, 0)))
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    x = layers.Dense(96 * num_heads, name=f"{name}_qkv")(x)
    x = ops.reshape(x, (-1, x.shape[1], 3, num_heads, 32))
    y = x[:, :, 0]
    z = x[:, :, 1]
    x = x[:, :, 2]
    y = ops.einsum("aebf,agbf->abeg", y * 0.1767766952966369, z)
    y = ops.softmax(y + ops.transpose(relative_position_bias_table, (2, 0, 1)))
    y = ops.einsum("abef,afbg->aebg", y, x)
    y = ops.reshape(y, (-1, y.shape[1], y.shape[2] * y.shape[3]))
    y = layers.Dense(32 * num_heads, name=f"{name}_proj")(y)
    return ops.reshape(y, (-1, 7, 7, y.shape[2]))[:, :size][:, :, :size]


def mlp(x, units, name):
    """torchvision.ops.misc.MLP."""
    x = layers.Dense(4 * units, name=f"{name}_0")(x)
    x = ops.gelu(x, approximate=False)
    return layers.Dense(units, name=f"{name}_3")(x)


def patch_merging(x, units, name):
    """torchvision.models.swin_transformer.PatchMerging."""
    y = x[:, ::2][:, :, ::2]
    z = x[:, 1::2][:, :, ::2]
    x2 = x[:, ::2][:, :, 1::2]
    x = ops.concatenate([y, z, x2, x[:, 1::2][:, :, 1::2]], axis=-1)
    x = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm")(x)
    return layers.Dense(units, use_bias=False, name=f"{name}_reduction")(x)


def swin_transformer_block(
    x,
    rate,
    units,
    pad_width,
    attn_pad_width,
    newshape=None,
    x_2=None,
    newshape_2=None,
    size_2=None,
    num_heads=12,
    size=4,
    *,
    name,
):
    """torchvision.models.swin_transformer.SwinTransformerBlock."""
    y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm1")(x)
    if newshape is not None:
        y = shifted_window_attention(
            y,
            newshape,
            num_heads=num_heads,
            pad_width=(0, pad_width),
            x_2=x_2,
            newshape_2=newshape_2,
            size=size,
            size_2=size_2,
            name=f"{name}_attn",
        )
    else:
        y = shifted_window_attention_2(
            y, (0, attn_pad_width), num_heads=num_heads, size=size, name=f"{name}_attn"
        )
    y = layers.Dropout(rate, noise_shape=(None, 1, 1, 1))(y)
    x = x + y
    y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm2")(x)
    y = mlp(y, units, name=f"{name}_mlp")
    y = layers.Dropout(rate, noise_shape=(None, 1, 1, 1))(y)
    return x + y


def swin_transformer_block_2(x, name):
    """torchvision.models.swin_transformer.SwinTransformerBlock."""
    y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm1")(x)
    y = shifted_window_attention(
        y, 3, num_heads=3, pad_width=(0, 5), x_2=None, size_2=16, name=f"{name}_attn"
    )
    x = x + y
    y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm2")(x)
    y = mlp(y, 96, name=f"{name}_mlp")
    return x + y


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = layers.Conv2D(96, 4, strides=4, name="features_0_0")(x)
    x = layers.LayerNormalization(epsilon=1e-05, name="features_0_2")(x)
    x = swin_transformer_block_2(x, name="features_1_0")
    x = swin_transformer_block(
        x,
        0.018181818181818184,
        units=96,
        pad_width=5,
        attn_pad_width=None,
        newshape=3,
        x_2=14,
        newshape_2=9,
        num_heads=3,
        size=16,
        name="features_1_1",
    )
    x = patch_merging(x, 192, name="features_2")
    x = swin_transformer_block(
        x,
        0.03636363636363637,
        units=192,
        pad_width=6,
        attn_pad_width=None,
        newshape=2,
        size_2=8,
        num_heads=6,
        size=None,
        name="features_3_0",
    )
    x = swin_transformer_block(
        x,
        0.05454545454545456,
        units=192,
        pad_width=6,
        attn_pad_width=None,
        newshape=2,
        x_2=7,
        newshape_2=4,
        num_heads=6,
        size=8,
        name="features_3_1",
    )
    x = patch_merging(x, 384, name="features_4")
    for n in range(6):
        x = swin_transformer_block(
            x,
            0.2 * (n + 4) / 11,
            units=384,
            pad_width=None,
            attn_pad_width=3,
            name=f"features_5_{n}",
        )
    x = patch_merging(x, 768, name="features_6")
    for n in range(2):
        x = swin_transformer_block(
            x,
            0.2 * (n + 10) / 11,
            units=768,
            pad_width=None,
            attn_pad_width=5,
            num_heads=24,
            size=2,
            name=f"features_7_{n}",
        )
    x = layers.LayerNormalization(epsilon=1e-05, name="norm")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(1000, name="head")(x)
    return keras.Model(inputs, x, name="swin_transformer")
