"""benchmarks.public.census:_of_timm('convnext_atto')

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
    x = layers.Conv2D(4 * out_features, 1, name=f"{name}_fc1")(x)
    x = ops.gelu(x, approximate=False)
    return layers.Conv2D(out_features, 1, name=f"{name}_fc2")(x)


def norm_mlp_classifier_head(x, name):
    """timm.layers.classifier.NormMlpClassifierHead."""
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm")(x)
    x = ops.squeeze(x, (1, 2))
    return layers.Dense(1000, name=f"{name}_fc")(x)


def conv_ne_xt_block(x, out_features, name):
    """timm.models.convnext.ConvNeXtBlock."""
    y = layers.DepthwiseConv2D(7, padding="same", name=f"{name}_conv_dw")(x)
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm")(y)
    y = mlp(y, out_features, name=f"{name}_mlp")
    gamma = Learned((out_features,), name=f"{name}_gamma")(x)
    y = y * gamma
    return y + x


def conv_ne_xt_stage(x, out_chs, depth, name):
    """timm.models.convnext.ConvNeXtStage."""
    x = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_downsample_0")(x)
    x = layers.Conv2D(out_chs, 2, strides=2, name=f"{name}_downsample_1")(x)
    for n in range(depth):
        x = conv_ne_xt_block(x, out_chs, name=f"{name}_blocks_{n}")
    return x


def conv_ne_xt_stage_2(x, name):
    """timm.models.convnext.ConvNeXtStage."""
    for n in range(2):
        x = conv_ne_xt_block(x, 40, name=f"{name}_blocks_{n}")
    return x


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = layers.Conv2D(40, 4, strides=4, name="stem_0")(x)
    x = layers.LayerNormalization(epsilon=1e-06, name="stem_1")(x)
    x = conv_ne_xt_stage_2(x, name="stages_0")
    x = conv_ne_xt_stage(x, 80, depth=2, name="stages_1")
    x = conv_ne_xt_stage(x, 160, depth=6, name="stages_2")
    x = conv_ne_xt_stage(x, 320, depth=2, name="stages_3")
    x = norm_mlp_classifier_head(x, name="head")
    return keras.Model(inputs, x, name="conv_ne_xt")
