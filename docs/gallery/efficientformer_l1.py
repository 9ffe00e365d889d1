"""benchmarks.public.census:_of_timm('efficientformer_l1')

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


def stem4(x, name):
    """timm.models.efficientformer.Stem4."""
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(24, 3, strides=2, name=f"{name}_conv1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_norm1")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(48, 3, strides=2, name=f"{name}_conv2")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_norm2")(x)
    return ops.relu(x)


def pooling(x):
    """timm.models.efficientformer.Pooling."""
    y = layers.AveragePooling2D(3, strides=1, padding="same")(x)
    return y - x


def conv_mlp_with_norm(x, out_features, name):
    """timm.models.efficientformer.ConvMlpWithNorm."""
    x = layers.Conv2D(4 * out_features, 1, name=f"{name}_fc1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_norm1")(x)
    x = ops.gelu(x, approximate=False)
    x = layers.Conv2D(out_features, 1, name=f"{name}_fc2")(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_norm2")(x)


def downsample(x, out_chs, name):
    """timm.models.efficientformer.Downsample."""
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(out_chs, 3, strides=2, name=f"{name}_conv")(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_norm")(x)


def attention_2(x, name):
    """timm.models.efficientformer.Attention."""
    qkv = layers.Dense(1536, name=f"{name}_qkv")(x)
    qkv = ops.reshape(qkv, (-1, qkv.shape[1], 8, 192))
    q, n, v = ops.split(qkv, [32, 64], axis=-1)
    attn = ops.einsum("aebf,agbf->abeg", q, n) * 0.1767766952966369
    attention_biases = Learned((8, 49), name=f"{name}_attention_biases")(x)
    attn = attn + ops.take(attention_biases, distances((7, 7), (7, 7), (7, 1)), axis=1)
    attn = ops.softmax(attn)
    x = ops.einsum("abef,afbg->aebg", attn, v)
    x = ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))
    return layers.Dense(448, name=f"{name}_proj")(x)


def layer_scale(x, size, name):
    """timm.layers.layer_scale.LayerScale2d, LayerScale."""
    gamma = Learned((size,), name=f"{name}_gamma")(x)
    return x * gamma


def mlp(x, name):
    """timm.layers.mlp.Mlp."""
    x = layers.Dense(1792, name=f"{name}_fc1")(x)
    x = ops.gelu(x, approximate=False)
    return layers.Dense(448, name=f"{name}_fc2")(x)


def meta_block2d(x, size, name):
    """timm.models.efficientformer.MetaBlock2d."""
    y = pooling(x)
    y = layer_scale(y, size, name=f"{name}_ls1")
    x = x + y
    y = conv_mlp_with_norm(x, size, name=f"{name}_mlp")
    y = layer_scale(y, size, name=f"{name}_ls2")
    return x + y


def meta_block1d(x, name):
    """timm.models.efficientformer.MetaBlock1d."""
    y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm1")(x)
    y = attention_2(y, name=f"{name}_token_mixer")
    y = layer_scale(y, 448, name=f"{name}_ls1")
    x = x + y
    y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm2")(x)
    y = mlp(y, name=f"{name}_mlp")
    y = layer_scale(y, 448, name=f"{name}_ls2")
    return x + y


def efficient_former_stage(x, out_chs, count, reduced=False, *, name):
    """timm.models.efficientformer.EfficientFormerStage."""
    x = downsample(x, out_chs, name=f"{name}_downsample")
    for n in range(count):
        x = meta_block2d(x, out_chs, name=f"{name}_blocks_{n}")
    if reduced:
        x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
        x = meta_block1d(x, name=f"{name}_blocks_4")
    return x


def efficient_former_stage_2(x, name):
    """timm.models.efficientformer.EfficientFormerStage."""
    for n in range(3):
        x = meta_block2d(x, 48, name=f"{name}_blocks_{n}")
    return x


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((224, 224, 3), name="x")
    x = stem4(x, name="stem")
    x = efficient_former_stage_2(x, name="stages_0")
    x = efficient_former_stage(x, 96, count=2, name="stages_1")
    x = efficient_former_stage(x, 224, count=6, name="stages_2")
    x = efficient_former_stage(x, 448, count=3, reduced=True, name="stages_3")
    x = layers.LayerNormalization(epsilon=1e-05, name="norm")(x)
    x = ops.mean(x, axis=1)
    y = layers.Dense(1000, name="head")(x)
    x = layers.Dense(1000, name="head_dist")(x)
    y = y + x
    y = y / 2
    return keras.Model(inputs, y, name="efficient_former")
