"""benchmarks.public.census:_of_timm('poolformer_s12')

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


def pooling(x):
    """timm.models.metaformer.Pooling."""
    y = layers.AveragePooling2D(3, strides=1, padding="same")(x)
    return y - x


def scale(x, size, name):
    """timm.models.metaformer.Scale."""
    scale2 = Learned((size,), name=f"{name}_scale")(x)
    return x * scale2


def mlp(x, out_features, name):
    """timm.layers.mlp.Mlp."""
    x = layers.Conv2D(4 * out_features, 1, name=f"{name}_fc1")(x)
    x = ops.gelu(x, approximate=False)
    return layers.Conv2D(out_features, 1, name=f"{name}_fc2")(x)


def meta_former_block(x, size, name):
    """timm.models.metaformer.MetaFormerBlock."""
    y = layers.GroupNormalization(epsilon=1e-05, groups=1, name=f"{name}_norm1")(x)
    y = pooling(y)
    y = scale(y, size, name=f"{name}_layer_scale1")
    x = x + y
    y = layers.GroupNormalization(epsilon=1e-05, groups=1, name=f"{name}_norm2")(x)
    y = mlp(y, size, name=f"{name}_mlp")
    y = scale(y, size, name=f"{name}_layer_scale2")
    return x + y


def meta_former_stage(x, out_chs, depth, name):
    """timm.models.metaformer.MetaFormerStage."""
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(out_chs, 3, strides=2, name=f"{name}_downsample_conv")(x)
    for n in range(depth):
        x = meta_former_block(x, out_chs, name=f"{name}_blocks_{n}")
    return x


def meta_former_stage_2(x, name):
    """timm.models.metaformer.MetaFormerStage."""
    for n in range(2):
        x = meta_former_block(x, 64, name=f"{name}_blocks_{n}")
    return x


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((224, 224, 3), name="x")
    x = layers.ZeroPadding2D(2)(x)
    x = layers.Conv2D(64, 7, strides=4, name="stem_conv")(x)
    x = meta_former_stage_2(x, name="stages_0")
    x = meta_former_stage(x, 128, depth=2, name="stages_1")
    x = meta_former_stage(x, 320, depth=6, name="stages_2")
    x = meta_former_stage(x, 512, depth=2, name="stages_3")
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.LayerNormalization(epsilon=1e-06, name="head_norm")(x)
    x = ops.squeeze(x, (1, 2))
    x = layers.Dense(1000, name="head_fc")(x)
    return keras.Model(inputs, x, name="meta_former")
