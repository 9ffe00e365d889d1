"""benchmarks.public.census:_of_timm('mixer_s32_224')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def mlp(x, out_features, fc1=False, *, name):
    """timm.layers.mlp.Mlp."""
    if fc1:
        x = layers.Dense(256, name=f"{name}_fc1")(ops.transpose(x, (0, 2, 1)))
    else:
        x = layers.Dense(2048, name=f"{name}_fc1")(x)
    x = ops.gelu(x, approximate=False)
    return layers.Dense(out_features, name=f"{name}_fc2")(x)


def mixer_block(x, name):
    """timm.models.mlp_mixer.MixerBlock."""
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm1")(x)
    y = mlp(y, 49, fc1=True, name=f"{name}_mlp_tokens")
    x = x + ops.transpose(y, (0, 2, 1))
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm2")(x)
    y = mlp(y, 512, name=f"{name}_mlp_channels")
    return x + y


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((224, 224, 3), name="x")
    x = layers.Conv2D(512, 32, strides=32, name="stem_proj")(x)
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    for n in range(8):
        x = mixer_block(x, name=f"blocks_{n}")
    x = layers.LayerNormalization(epsilon=1e-06, name="norm")(x)
    x = ops.mean(x, axis=1)
    x = layers.Dense(1000, name="head")(x)
    return keras.Model(inputs, x, name="mlp_mixer")
