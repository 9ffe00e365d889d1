"""benchmarks.public.census:_of_timm('coat_lite_tiny')

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


def patch_embed(x, embed_dim, patch_size=2, *, name):
    """timm.layers.patch_embed.PatchEmbed."""
    x = layers.Conv2D(embed_dim, patch_size, strides=patch_size, name=f"{name}_proj")(x)
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    return layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm")(x)


def conv_pos_enc(x, proj, newshape):
    """timm.models.coat.ConvPosEnc."""
    y = x[:, :1]
    x = x[:, 1:]
    feat = ops.reshape(x, (-1, newshape, newshape, x.shape[2]))
    x = proj(feat) + feat
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    return ops.concatenate([y, x], axis=1)


def conv_rel_pos_enc(q, v, x, y, z, newshape, newshape_2):
    """timm.models.coat.ConvRelPosEnc."""
    q_img = q[:, 1:]
    v_img = v[:, 1:]
    v_img = ops.reshape(v_img, (-1, newshape, newshape, v_img.shape[2] * v_img.shape[3]))
    v_img_list, v_img, v_img2 = ops.split(v_img, (2 * newshape_2, 5 * newshape_2), axis=-1)
    x = x(v_img_list)
    y = y(v_img)
    z = z(v_img2)
    conv_v_img = ops.concatenate([x, y, z], axis=-1)
    conv_v_img = ops.reshape(
        conv_v_img, (-1, conv_v_img.shape[1] * conv_v_img.shape[2], 8, newshape_2)
    )
    ev_hat = q_img * conv_v_img
    return ops.pad(ev_hat, ((0, 0), (1, 0), (0, 0), (0, 0)))


def mlp(x, hidden_features, out_features, name):
    """timm.layers.mlp.Mlp."""
    x = layers.Dense(hidden_features, name=f"{name}_fc1")(x)
    x = ops.gelu(x, approximate=False)
    return layers.Dense(out_features, name=f"{name}_fc2")(x)


def factor_attn_conv_rel_pos_enc(x, y, z, x2, newshape, newshape_2, size, name):
    """timm.models.coat.FactorAttnConvRelPosEnc."""
    qkv = layers.Dense(24 * newshape, name=f"{name}_qkv")(x)
    qkv = ops.reshape(qkv, (-1, qkv.shape[1], 3, 8, newshape))
    q = qkv[:, :, 0]
    n = qkv[:, :, 1]
    v = qkv[:, :, 2]
    k_softmax = ops.softmax(n, axis=1)
    factor_att = ops.einsum("afbe,afbg->aebg", k_softmax, v)
    factor_att = ops.einsum("aebf,afbg->aebg", q, factor_att)
    crpe = conv_rel_pos_enc(q, v, y, z, x2, newshape_2, newshape_2=newshape)
    x = factor_att * size + crpe
    x = ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))
    return layers.Dense(8 * newshape, name=f"{name}_proj")(x)


def serial_block(x, proj, y, z, x2, newshape, factoratt_crpe_newshape, size, mlp_hidden_dim, name):
    """timm.models.coat.SerialBlock."""
    x = conv_pos_enc(x, proj, newshape)
    x3 = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm1")(x)
    cur = factor_attn_conv_rel_pos_enc(
        x3,
        y,
        z,
        x2,
        factoratt_crpe_newshape,
        newshape_2=newshape,
        size=size,
        name=f"{name}_factoratt_crpe",
    )
    x = x + cur
    y = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm2")(x)
    cur = mlp(y, mlp_hidden_dim, out_features=8 * factoratt_crpe_newshape, name=f"{name}_mlp")
    return x + cur


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((224, 224, 3), name="x")
    x1 = patch_embed(x, 64, patch_size=4, name="patch_embed1")
    cls_token1 = Learned((1, 1, 64), name="cls_token1")(x)
    y = ops.zeros_like(x[:, :1, :1, 0]) + cls_token1
    y = ops.concatenate([y, x1], axis=1)
    proj = layers.DepthwiseConv2D(3, padding="same", name="cpe1_proj")
    z = layers.DepthwiseConv2D(3, padding="same", name="crpe1_conv_list_0")
    x2 = layers.DepthwiseConv2D(5, padding="same", name="crpe1_conv_list_1")
    x3 = layers.DepthwiseConv2D(7, padding="same", name="crpe1_conv_list_2")
    for n in range(2):
        y = serial_block(
            y,
            proj,
            z,
            x2,
            x3,
            56,
            factoratt_crpe_newshape=8,
            size=0.3535533905932738,
            mlp_hidden_dim=512,
            name=f"serial_blocks1_{n}",
        )
    y = y[:, 1:]
    y = ops.reshape(y, (-1, 56, 56, y.shape[2]))
    x2 = patch_embed(y, 128, name="patch_embed2")
    cls_token2 = Learned((1, 1, 128), name="cls_token2")(x)
    y = ops.zeros_like(x[:, :1, :1, 0]) + cls_token2
    y = ops.concatenate([y, x2], axis=1)
    proj = layers.DepthwiseConv2D(3, padding="same", name="cpe2_proj")
    z = layers.DepthwiseConv2D(3, padding="same", name="crpe2_conv_list_0")
    x2 = layers.DepthwiseConv2D(5, padding="same", name="crpe2_conv_list_1")
    x3 = layers.DepthwiseConv2D(7, padding="same", name="crpe2_conv_list_2")
    for n in range(2):
        y = serial_block(
            y,
            proj,
            z,
            x2,
            x3,
            28,
            factoratt_crpe_newshape=16,
            size=0.25,
            mlp_hidden_dim=1024,
            name=f"serial_blocks2_{n}",
        )
    y = y[:, 1:]
    y = ops.reshape(y, (-1, 28, 28, y.shape[2]))
    x3 = patch_embed(y, 256, name="patch_embed3")
    cls_token3 = Learned((1, 1, 256), name="cls_token3")(x)
    y = ops.zeros_like(x[:, :1, :1, 0]) + cls_token3
    y = ops.concatenate([y, x3], axis=1)
    proj = layers.DepthwiseConv2D(3, padding="same", name="cpe3_proj")
    z = layers.DepthwiseConv2D(3, padding="same", name="crpe3_conv_list_0")
    x2 = layers.DepthwiseConv2D(5, padding="same", name="crpe3_conv_list_1")
    x3 = layers.DepthwiseConv2D(7, padding="same", name="crpe3_conv_list_2")
    for n in range(2):
        y = serial_block(
            y,
            proj,
            z,
            x2,
            x3,
            14,
            factoratt_crpe_newshape=32,
            size=0.1767766952966369,
            mlp_hidden_dim=1024,
            name=f"serial_blocks3_{n}",
        )
    y = y[:, 1:]
    y = ops.reshape(y, (-1, 14, 14, y.shape[2]))
    x4 = patch_embed(y, 320, name="patch_embed4")
    cls_token4 = Learned((1, 1, 320), name="cls_token4")(x)
    x = ops.zeros_like(x[:, :1, :1, 0]) + cls_token4
    x = ops.concatenate([x, x4], axis=1)
    proj = layers.DepthwiseConv2D(3, padding="same", name="cpe4_proj")
    y = layers.DepthwiseConv2D(3, padding="same", name="crpe4_conv_list_0")
    z = layers.DepthwiseConv2D(5, padding="same", name="crpe4_conv_list_1")
    x2 = layers.DepthwiseConv2D(7, padding="same", name="crpe4_conv_list_2")
    for n in range(2):
        x = serial_block(
            x,
            proj,
            y,
            z,
            x2,
            7,
            factoratt_crpe_newshape=40,
            size=0.15811388300841897,
            mlp_hidden_dim=1280,
            name=f"serial_blocks4_{n}",
        )
    x = layers.LayerNormalization(epsilon=1e-06, name="norm4")(x)
    x = x[:, 0]
    x = layers.Dense(1000, name="head")(x)
    return keras.Model(inputs, x, name="coa_t")
