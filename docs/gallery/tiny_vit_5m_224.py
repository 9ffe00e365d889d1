"""benchmarks.public.census:_of_timm('tiny_vit_5m_224')

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


def conv2d(x, filters, kernel_size, strides=1, padding=0, groups=1, use_bias=True, name=None):
    """Convolve as torch.nn.Conv2d does, with so many zeros at both ends."""
    same = strides == 1 and 2 * padding == kernel_size - 1
    if padding and not same:
        x = layers.ZeroPadding2D(padding)(x)
    border = "same" if same else "valid"
    if 1 < groups == filters == x.shape[-1]:
        return layers.DepthwiseConv2D(
            kernel_size, strides=strides, padding=border, use_bias=use_bias, name=name
        )(x)
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=border,
        use_bias=use_bias,
        groups=groups,
        name=name,
    )(x)


def conv_norm(x, out_chs, groups, ks=3, stride=1, *, name):
    """timm.models.tiny_vit.ConvNorm."""
    x = conv2d(
        x,
        out_chs,
        ks,
        strides=stride,
        padding=ks // 2,
        groups=groups,
        use_bias=False,
        name=f"{name}_conv",
    )
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn")(x)


def attention_2(x, size, resolution, num_heads=5, *, name):
    """timm.models.tiny_vit.Attention."""
    attention_biases = Learned((num_heads, size), name=f"{name}_attention_biases")(x)
    y = distances((resolution, resolution), (resolution, resolution), (resolution, 1))
    attention_biases = ops.take(attention_biases, y, axis=1)
    x = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm")(x)
    qkv = layers.Dense(96 * num_heads, name=f"{name}_qkv")(x)
    q, n, v = ops.split(ops.reshape(qkv, (-1, qkv.shape[1], num_heads, 96)), 3, axis=-1)
    x = ops.dot_product_attention(q, n, v, bias=ops.expand_dims(attention_biases, 0))
    x = ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))
    return layers.Dense(32 * num_heads, name=f"{name}_proj")(x)


def norm_mlp(x, out_features, name):
    """timm.models.tiny_vit.NormMlp."""
    x = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm")(x)
    x = layers.Dense(4 * out_features, name=f"{name}_fc1")(x)
    x = ops.gelu(x, approximate=False)
    return layers.Dense(out_features, name=f"{name}_fc2")(x)


def norm_mlp_classifier_head(x, name):
    """timm.layers.classifier.NormMlpClassifierHead."""
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm")(x)
    x = ops.squeeze(x, (1, 2))
    return layers.Dense(21841, name=f"{name}_fc")(x)


def patch_embed(x, name):
    """timm.models.tiny_vit.PatchEmbed."""
    x = conv_norm(x, 32, groups=1, stride=2, name=f"{name}_conv1")
    x = ops.gelu(x, approximate=False)
    return conv_norm(x, 64, groups=1, stride=2, name=f"{name}_conv2")


def mb_conv(x, name):
    """timm.models.tiny_vit.MBConv."""
    y = conv_norm(x, 256, groups=1, ks=1, name=f"{name}_conv1")
    y = ops.gelu(y, approximate=False)
    y = conv_norm(y, 256, groups=256, name=f"{name}_conv2")
    y = ops.gelu(y, approximate=False)
    y = conv_norm(y, 64, groups=1, ks=1, name=f"{name}_conv3")
    return ops.gelu(y + x, approximate=False)


def patch_merging(x, out_dim, name):
    """timm.models.tiny_vit.PatchMerging."""
    x = conv_norm(x, out_dim, groups=1, ks=1, name=f"{name}_conv1")
    x = ops.gelu(x, approximate=False)
    x = conv_norm(x, out_dim, groups=out_dim, stride=2, name=f"{name}_conv2")
    x = ops.gelu(x, approximate=False)
    return conv_norm(x, out_dim, groups=1, ks=1, name=f"{name}_conv3")


def tiny_vit_block(
    x, size=196, window_resolution=14, num_heads=5, newshape=14, reduced=False, *, name
):
    """timm.models.tiny_vit.TinyVitBlock."""
    if reduced:
        y = ops.reshape(x, (-1, 4, 7, 4, 7, x.shape[3]))
        y = ops.reshape(
            ops.transpose(y, (0, 1, 3, 2, 4, 5)), (-1, y.shape[2] * y.shape[4], y.shape[5])
        )
    else:
        y = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    y = attention_2(y, size, resolution=window_resolution, num_heads=num_heads, name=f"{name}_attn")
    if reduced:
        y = ops.reshape(y, (-1, 4, 4, 7, 7, y.shape[2]))
        y = ops.reshape(
            ops.transpose(y, (0, 1, 3, 2, 4, 5)),
            (-1, y.shape[1] * y.shape[3], y.shape[2] * y.shape[4], y.shape[5]),
        )
    else:
        y = ops.reshape(y, (-1, window_resolution, window_resolution, y.shape[2]))
    x = x + y
    x = conv_norm(x, 32 * num_heads, groups=32 * num_heads, name=f"{name}_local_conv")
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    y = norm_mlp(x, 32 * num_heads, name=f"{name}_mlp")
    x = x + y
    return ops.reshape(x, (-1, newshape, newshape, x.shape[2]))


def tiny_vit_stage(
    x, depth, num_heads, newshape, size=49, window_resolution=7, reduced=False, *, name
):
    """timm.models.tiny_vit.TinyVitStage."""
    x = patch_merging(x, 32 * num_heads, name=f"{name}_downsample")
    for n in range(depth):
        x = tiny_vit_block(
            x,
            size=size,
            window_resolution=window_resolution,
            num_heads=num_heads,
            newshape=newshape,
            reduced=reduced,
            name=f"{name}_blocks_{n}",
        )
    return x


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((224, 224, 3), name="x")
    x = patch_embed(x, name="patch_embed")
    for n in range(2):
        x = mb_conv(x, name=f"stages_0_blocks_{n}")
    x = tiny_vit_stage(x, 2, num_heads=4, newshape=28, reduced=True, name="stages_1")
    x = tiny_vit_stage(
        x, 6, num_heads=5, newshape=14, size=196, window_resolution=14, name="stages_2"
    )
    x = tiny_vit_stage(x, 2, num_heads=10, newshape=7, name="stages_3")
    x = norm_mlp_classifier_head(x, name="head")
    return keras.Model(inputs, x, name="tiny_vit")
