"""benchmarks.public.census:_of_timm('resmlp_12_224')

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


def affine(x, name):
    """timm.models.mlp_mixer.Affine."""
    beta = Learned((384,), name=f"{name}_beta")(x)
    alpha = Learned((384,), name=f"{name}_alpha")(x)
    return beta + alpha * x


def mlp(x, name):
    """timm.layers.mlp.Mlp."""
    x = layers.Dense(1536, name=f"{name}_fc1")(x)
    x = ops.gelu(x, approximate=False)
    return layers.Dense(384, name=f"{name}_fc2")(x)


def res_block(x, name):
    """timm.models.mlp_mixer.ResBlock."""
    y = affine(x, name=f"{name}_norm1")
    y = layers.Dense(196, name=f"{name}_linear_tokens")(ops.transpose(y, (0, 2, 1)))
    ls1 = Learned((384,), name=f"{name}_ls1")(x)
    y = x + ops.transpose(ops.expand_dims(ls1, 1) * y, (0, 2, 1))
    z = affine(y, name=f"{name}_norm2")
    z = mlp(z, name=f"{name}_mlp_channels")
    ls2 = Learned((384,), name=f"{name}_ls2")(x)
    return y + ls2 * z


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((224, 224, 3), name="x")
    x = layers.Conv2D(384, 16, strides=16, name="stem_proj")(x)
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    for n in range(12):
        x = res_block(x, name=f"blocks_{n}")
    x = affine(x, name="norm")
    x = ops.mean(x, axis=1)
    x = layers.Dense(1000, name="head")(x)
    return keras.Model(inputs, x, name="mlp_mixer")
