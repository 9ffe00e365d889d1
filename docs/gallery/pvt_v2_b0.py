"""benchmarks.public.census:_of_timm('pvt_v2_b0')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def overlap_patch_embed(x, embed_dim, patch_size=3, stride=2, *, name):
    """timm.models.pvt_v2.OverlapPatchEmbed."""
    x = layers.ZeroPadding2D(patch_size // 2)(x)
    x = layers.Conv2D(embed_dim, patch_size, strides=stride, name=f"{name}_proj")(x)
    return layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm")(x)


def attention_2(x, dim, num_heads, newshape=None, sr_ratio=None, *, name):
    """timm.models.pvt_v2.Attention."""
    q = layers.Dense(dim, name=f"{name}_q")(x)
    q = ops.reshape(q, (-1, q.shape[1], num_heads, 32))
    if newshape is not None:
        x = ops.reshape(x, (-1, newshape, newshape, x.shape[2]))
        x = layers.Conv2D(dim, sr_ratio, strides=sr_ratio, name=f"{name}_sr")(x)
        x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
        x = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm")(x)
    kv = layers.Dense(2 * dim, name=f"{name}_kv")(x)
    kv = ops.reshape(kv, (-1, kv.shape[1], 2, num_heads, 32))
    n = kv[:, :, 0]
    v = kv[:, :, 1]
    x = ops.dot_product_attention(q, n, v)
    x = ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))
    return layers.Dense(dim, name=f"{name}_proj")(x)


def attention_3(x, name):
    """timm.models.pvt_v2.Attention."""
    q = layers.Dense(32, name=f"{name}_q")(x)
    x = ops.reshape(x, (-1, 56, 56, x.shape[2]))
    x = layers.Conv2D(32, 8, strides=8, name=f"{name}_sr")(x)
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    x = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm")(x)
    kv = layers.Dense(64, name=f"{name}_kv")(x)
    kv = ops.reshape(kv, (-1, kv.shape[1], 2, 32))
    n = kv[:, :, 0]
    v = kv[:, :, 1]
    x = ops.dot_product_attention(
        ops.expand_dims(q, 2), ops.expand_dims(n, 2), ops.expand_dims(v, 2)
    )
    x = ops.squeeze(x, 2)
    return layers.Dense(32, name=f"{name}_proj")(x)


def mlp_with_depthwise_conv(x, hidden_features, newshape, out_features, name):
    """timm.models.pvt_v2.MlpWithDepthwiseConv."""
    x = layers.Dense(hidden_features, name=f"{name}_fc1")(x)
    x = ops.reshape(x, (-1, newshape, newshape, x.shape[2]))
    x = layers.DepthwiseConv2D(3, padding="same", name=f"{name}_dwconv")(x)
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    x = ops.gelu(x, approximate=False)
    return layers.Dense(out_features, name=f"{name}_fc2")(x)


def block(
    x,
    hidden_features,
    mlp_newshape,
    dim,
    num_heads=None,
    newshape=None,
    sr_ratio=None,
    attn=False,
    *,
    name,
):
    """timm.models.pvt_v2.Block."""
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm1")(x)
    if attn:
        y = attention_3(y, name=f"{name}_attn")
    else:
        y = attention_2(
            y, dim, num_heads=num_heads, newshape=newshape, sr_ratio=sr_ratio, name=f"{name}_attn"
        )
    x = x + y
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm2")(x)
    y = mlp_with_depthwise_conv(
        y, hidden_features, newshape=mlp_newshape, out_features=dim, name=f"{name}_mlp"
    )
    return x + y


def pyramid_vision_transformer_stage(
    x,
    hidden_features,
    mlp_newshape,
    dim_out,
    num_heads,
    newshape,
    sr_ratio,
    attn=False,
    downsample=False,
    *,
    name,
):
    """timm.models.pvt_v2.PyramidVisionTransformerStage."""
    if downsample:
        x = overlap_patch_embed(x, dim_out, name=f"{name}_downsample")
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    for n in range(2):
        x = block(
            x,
            hidden_features,
            mlp_newshape=mlp_newshape,
            dim=dim_out,
            num_heads=num_heads,
            newshape=newshape,
            sr_ratio=sr_ratio,
            attn=attn,
            name=f"{name}_blocks_{n}",
        )
    x = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm")(x)
    return ops.reshape(x, (-1, mlp_newshape, mlp_newshape, x.shape[2]))


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((224, 224, 3), name="x")
    x = overlap_patch_embed(x, 32, patch_size=7, stride=4, name="patch_embed")
    x = pyramid_vision_transformer_stage(
        x,
        256,
        mlp_newshape=56,
        dim_out=32,
        num_heads=None,
        newshape=None,
        sr_ratio=None,
        attn=True,
        name="stages_0",
    )
    x = pyramid_vision_transformer_stage(
        x,
        512,
        mlp_newshape=28,
        dim_out=64,
        num_heads=2,
        newshape=28,
        sr_ratio=4,
        downsample=True,
        name="stages_1",
    )
    x = pyramid_vision_transformer_stage(
        x,
        640,
        mlp_newshape=14,
        dim_out=160,
        num_heads=5,
        newshape=14,
        sr_ratio=2,
        downsample=True,
        name="stages_2",
    )
    x = pyramid_vision_transformer_stage(
        x,
        1024,
        mlp_newshape=7,
        dim_out=256,
        num_heads=8,
        newshape=None,
        sr_ratio=None,
        downsample=True,
        name="stages_3",
    )
    x = ops.mean(x, axis=(1, 2))
    x = layers.Dense(1000, name="head")(x)
    return keras.Model(inputs, x, name="pyramid_vision_transformer_v2")
