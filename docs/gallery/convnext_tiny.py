"""benchmarks.public.census:_of_torchvision('convnext_tiny')

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


def cn_block(x, dim, rate=None, *, name):
    """torchvision.models.convnext.CNBlock."""
    result = layers.DepthwiseConv2D(7, padding="same", name=f"{name}_block_0")(x)
    result = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_block_2")(result)
    result = layers.Dense(4 * dim, name=f"{name}_block_3")(result)
    result = ops.gelu(result, approximate=False)
    result = layers.Dense(dim, name=f"{name}_block_5")(result)
    layer_scale = Learned((dim,), name=f"{name}_layer_scale")(x)
    result = layer_scale * result
    if rate is not None:
        result = layers.Dropout(rate, noise_shape=(None, 1, 1, 1))(result)
    return result + x


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = layers.Conv2D(96, 4, strides=4, name="features_0_0")(x)
    x = layers.LayerNormalization(epsilon=1e-06, name="features_0_1")(x)
    x = cn_block(x, 96, name="features_1_0")
    for n in range(1, 3):
        x = cn_block(x, 96, rate=0.1 * n / 17, name=f"features_1_{n}")
    for n, filters, rate, count in ((2, 192, 3, 3), (4, 384, 6, 9), (6, 768, 15, 3)):
        x = layers.LayerNormalization(epsilon=1e-06, name=f"features_{n}_0")(x)
        x = layers.Conv2D(filters, 2, strides=2, name=f"features_{n}_1")(x)
        for i in range(count):
            x = cn_block(x, filters, rate=0.1 * (i + rate) / 17, name=f"features_{n + 1}_{i}")
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.LayerNormalization(epsilon=1e-06, name="classifier_0")(x)
    x = ops.squeeze(x, (1, 2))
    x = layers.Dense(1000, name="classifier_2")(x)
    return keras.Model(inputs, x, name="conv_ne_xt")
