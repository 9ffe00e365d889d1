"""benchmarks.public.census:_of_timm('fastvit_t8')

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


def conv_norm_act(x, out_channels, kernel_size, groups, strides=1, *, name):
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
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn")(x)


def layer_scale2d(x, size, name):
    """timm.models.fastvit.LayerScale2d."""
    gamma = Learned((size,), name=f"{name}_gamma")(x)
    return x * gamma


def se_module(x, name):
    """timm.layers.squeeze_excite.SEModule."""
    x_se = ops.mean(x, axis=(1, 2), keepdims=True)
    x_se = layers.Conv2D(48, 1, name=f"{name}_fc1")(x_se)
    x_se = ops.relu(x_se)
    x_se = layers.Conv2D(768, 1, name=f"{name}_fc2")(x_se)
    x_se = ops.sigmoid(x_se)
    return x * x_se


def mobile_one_block(x, in_chs, groups, kernel_size=3, conv_scale=False, *, name):
    """timm.models.fastvit.MobileOneBlock."""
    identity_out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_identity")(
        x
    )
    out = identity_out
    if conv_scale:
        scale_out = conv_norm_act(
            x, in_chs, kernel_size=1, groups=in_chs, name=f"{name}_conv_scale"
        )
        out = scale_out + identity_out
    conv_kxk = conv_norm_act(
        x, in_chs, kernel_size=kernel_size, groups=groups, name=f"{name}_conv_kxk_0"
    )
    out = out + conv_kxk
    if not conv_scale:
        out = ops.gelu(out, approximate=False)
    return out


def mobile_one_block_2(x, groups, out_chs=48, stride=2, se=False, *, name):
    """timm.models.fastvit.MobileOneBlock."""
    scale_out = conv_norm_act(
        x, out_chs, kernel_size=1, groups=groups, strides=stride, name=f"{name}_conv_scale"
    )
    out = conv_norm_act(
        x, out_chs, kernel_size=3, groups=groups, strides=stride, name=f"{name}_conv_kxk_0"
    )
    out = scale_out + out
    if se:
        out = se_module(out, name=f"{name}_se")
    return ops.gelu(out, approximate=False)


def conv_mlp(x, out_chs, name):
    """timm.models.fastvit.ConvMlp."""
    x = conv_norm_act(x, out_chs, kernel_size=7, groups=out_chs, name=f"{name}_conv")
    x = layers.Conv2D(3 * out_chs, 1, name=f"{name}_fc1")(x)
    x = ops.gelu(x, approximate=False)
    return layers.Conv2D(out_chs, 1, name=f"{name}_fc2")(x)


def reparam_large_kernel_conv(x, in_chs, name):
    """timm.models.fastvit.ReparamLargeKernelConv."""
    out = conv_norm_act(
        x, 2 * in_chs, kernel_size=7, groups=in_chs, strides=2, name=f"{name}_large_conv"
    )
    small_conv = conv_norm_act(
        x, 2 * in_chs, kernel_size=3, groups=in_chs, strides=2, name=f"{name}_small_conv"
    )
    return out + small_conv


def rep_mixer(x, dim, name):
    """timm.models.fastvit.RepMixer."""
    y = mobile_one_block(x, dim, groups=dim, conv_scale=True, name=f"{name}_mixer")
    identity_out = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_norm_identity"
    )(x)
    y = y - identity_out
    y = layer_scale2d(y, dim, name=f"{name}_layer_scale")
    return x + y


def patch_embed(x, in_chs, name):
    """timm.models.fastvit.PatchEmbed."""
    x = reparam_large_kernel_conv(x, in_chs, name=f"{name}_proj_0")
    return mobile_one_block(x, 2 * in_chs, groups=1, kernel_size=1, name=f"{name}_proj_1")


def rep_mixer_block(x, dim, name):
    """timm.models.fastvit.RepMixerBlock."""
    x = rep_mixer(x, dim, name=f"{name}_token_mixer")
    y = conv_mlp(x, dim, name=f"{name}_mlp")
    y = layer_scale2d(y, dim, name=f"{name}_layer_scale")
    return x + y


def fast_vit_stage(x, depth, blocks_dim, dim=None, *, name):
    """timm.models.fastvit.FastVitStage."""
    if dim is not None:
        x = patch_embed(x, dim, name=f"{name}_downsample")
    for n in range(depth):
        x = rep_mixer_block(x, blocks_dim, name=f"{name}_blocks_{n}")
    return x


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((224, 224, 3), name="x")
    x = mobile_one_block_2(x, 1, name="stem_0")
    x = mobile_one_block_2(x, 48, name="stem_1")
    x = mobile_one_block(x, 48, groups=1, kernel_size=1, name="stem_2")
    x = fast_vit_stage(x, 2, blocks_dim=48, name="stages_0")
    x = fast_vit_stage(x, 2, blocks_dim=96, dim=48, name="stages_1")
    x = fast_vit_stage(x, 4, blocks_dim=192, dim=96, name="stages_2")
    x = fast_vit_stage(x, 2, blocks_dim=384, dim=192, name="stages_3")
    x = mobile_one_block_2(x, 384, out_chs=768, stride=1, se=True, name="final_conv")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(1000, name="head_fc")(x)
    return keras.Model(inputs, x, name="fast_vit")
