"""benchmarks.public.census:_of_timm('mobilevit_xxs')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


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


def batch_norm_act2d(x, name):
    """timm.layers.norm_act.BatchNormAct2d."""
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=name)(x)
    return ops.silu(x)


def attention_2(x, newshape=20, *, name):
    """timm.layers.attention.Attention."""
    qkv = layers.Dense(12 * newshape, name=f"{name}_qkv")(x)
    qkv = ops.reshape(qkv, (-1, qkv.shape[1], 3, 4, newshape))
    q = qkv[:, :, 0]
    n = qkv[:, :, 1]
    v = qkv[:, :, 2]
    x = ops.dot_product_attention(q, n, v)
    x = ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))
    return layers.Dense(4 * newshape, name=f"{name}_proj")(x)


def attention_3(x, name):
    """timm.layers.attention.Attention."""
    qkv = layers.Dense(288, name=f"{name}_qkv")(x)
    qkv = ops.reshape(ops.squeeze(qkv, 1), (-1, 3, 4, 24))
    q = qkv[:, 0]
    n = qkv[:, 1]
    v = qkv[:, 2]
    x = ops.dot_product_attention(
        ops.expand_dims(q, 1), ops.expand_dims(n, 1), ops.expand_dims(v, 1)
    )
    x = ops.reshape(ops.squeeze(x, 1), (-1, x.shape[2] * x.shape[3]))
    return layers.Dense(96, name=f"{name}_proj")(ops.expand_dims(x, 1))


def mlp(x, out_features, name):
    """timm.layers.mlp.Mlp."""
    x = layers.Dense(2 * out_features, name=f"{name}_fc1")(x)
    x = ops.silu(x)
    return layers.Dense(out_features, name=f"{name}_fc2")(x)


def conv_norm_act(x, out_channels, kernel_size=1, strides=1, groups=1, bn=True, *, name):
    """timm.layers.conv_bn_act.ConvNormAct."""
    x = conv2d(
        x,
        out_channels,
        kernel_size,
        strides=strides,
        padding=kernel_size // 2,
        groups=groups,
        use_bias=False,
        name=f"{name}_conv",
    )
    if bn:
        x = batch_norm_act2d(x, name=f"{name}_bn")
    else:
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn")(x)
    return x


def conv_norm_act_2(x, out_channels, name):
    """timm.layers.conv_bn_act.ConvNormAct."""
    x = conv2d(ops.transpose(x, (0, 2, 3, 1)), out_channels, 1, use_bias=False, name=f"{name}_conv")
    return batch_norm_act2d(x, name=f"{name}_bn")


def block(x, newshape=20, *, name):
    """timm.models.vision_transformer.Block."""
    y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm1")(ops.transpose(x, (0, 2, 1)))
    y = attention_2(y, newshape=newshape, name=f"{name}_attn")
    x = x + ops.transpose(y, (0, 2, 1))
    y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm2")(ops.transpose(x, (0, 2, 1)))
    y = mlp(y, 4 * newshape, name=f"{name}_mlp")
    return x + ops.transpose(y, (0, 2, 1))


def block_2(x, name):
    """timm.models.vision_transformer.Block."""
    y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm1")(ops.expand_dims(x, 1))
    y = attention_3(y, name=f"{name}_attn")
    x = x + ops.squeeze(y, 1)
    y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm2")(ops.expand_dims(x, 1))
    y = mlp(y, 96, name=f"{name}_mlp")
    return x + ops.squeeze(y, 1)


def bottleneck_block(x, mid_chs, out_chs, stride=2, residual=False, *, name):
    """timm.models.byobnet.BottleneckBlock."""
    y = conv_norm_act(x, mid_chs, name=f"{name}_conv1_1x1")
    y = conv_norm_act(
        y, mid_chs, kernel_size=3, strides=stride, groups=mid_chs, name=f"{name}_conv2_kxk"
    )
    y = conv_norm_act(y, out_chs, bn=False, name=f"{name}_conv3_1x1")
    if residual:
        y = y + x
    return y


def mobile_vit_block(
    x,
    in_chs,
    transformer_dim,
    newshape_4,
    newshape=None,
    transformer_depth=None,
    transformer_newshape=None,
    newshape_2=4,
    newshape_3=None,
    *,
    name,
):
    """timm.models.mobilevit.MobileVitBlock."""
    y = conv_norm_act(x, in_chs, kernel_size=3, name=f"{name}_conv_kxk")
    y = layers.Conv2D(transformer_dim, 1, use_bias=False, name=f"{name}_conv_1x1")(y)
    if newshape is not None:
        y = ops.reshape(ops.transpose(y, (0, 3, 1, 2)), (-1, 2, newshape_4, 2))
        y = ops.reshape(
            ops.transpose(y, (0, 2, 1, 3)), (-1, transformer_dim, newshape, y.shape[1] * y.shape[3])
        )
    y = ops.reshape(ops.transpose(y, (0, 3, 1, 2)), (-1, y.shape[1], y.shape[2]))
    if newshape is not None:
        for n in range(transformer_depth):
            y = block(y, newshape=transformer_newshape, name=f"{name}_transformer_{n}")
        y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm")(
            ops.transpose(y, (0, 2, 1))
        )
    else:
        y = ops.reshape(y, (-1, 96, y.shape[1] * y.shape[2]))
        y = ops.reshape(ops.transpose(y, (0, 2, 1)), (-1, y.shape[1]))
        for n in range(3):
            y = block_2(y, name=f"{name}_transformer_{n}")
        y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm")(ops.expand_dims(y, 1))
        y = ops.reshape(ops.squeeze(y, 1), (-1, 4, y.shape[2]))
        y = ops.reshape(ops.transpose(y, (0, 2, 1)), (-1, 2, 2))
    y = ops.reshape(y, (-1, newshape_2, y.shape[1], y.shape[2]))
    if newshape is not None:
        y = ops.reshape(ops.transpose(y, (0, 3, 2, 1)), (-1, newshape_4, 2, 2))
        y = ops.reshape(
            ops.transpose(y, (0, 2, 1, 3)),
            (-1, transformer_dim, newshape_3, y.shape[1] * y.shape[3]),
        )
    y = conv_norm_act_2(y, in_chs, name=f"{name}_conv_proj")
    x = ops.concatenate([x, y], axis=-1)
    return conv_norm_act(x, in_chs, kernel_size=3, name=f"{name}_conv_fusion")


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = conv_norm_act(x, 16, kernel_size=3, strides=2, name="stem")
    x = bottleneck_block(x, 32, out_chs=16, stride=1, residual=True, name="stages_0_0")
    x = bottleneck_block(x, 32, out_chs=24, name="stages_1_0")
    for n in range(1, 3):
        x = bottleneck_block(x, 48, out_chs=24, stride=1, residual=True, name=f"stages_1_{n}")
    x = bottleneck_block(x, 48, out_chs=48, name="stages_2_0")
    x = mobile_vit_block(
        x,
        48,
        transformer_dim=64,
        newshape_4=4,
        newshape=16,
        transformer_depth=2,
        transformer_newshape=16,
        newshape_3=8,
        name="stages_2_1",
    )
    x = bottleneck_block(x, 96, out_chs=64, name="stages_3_0")
    x = mobile_vit_block(
        x,
        64,
        transformer_dim=80,
        newshape_4=2,
        newshape=4,
        transformer_depth=4,
        transformer_newshape=20,
        newshape_3=4,
        name="stages_3_1",
    )
    x = bottleneck_block(x, 128, out_chs=80, name="stages_4_0")
    x = mobile_vit_block(
        x, 80, transformer_dim=96, newshape_4=None, newshape_2=96, name="stages_4_1"
    )
    x = conv_norm_act(x, 320, name="final_conv")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(1000, name="head_fc")(x)
    return keras.Model(inputs, x, name="byob_net")
