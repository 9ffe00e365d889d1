"""benchmarks.public.census:_of_timm('nf_resnet26')

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


def scaled_std_conv2d(x, x_2, in_channels, out_channels, kernel_size=3, residual=False, *, name):
    """timm.layers.std_conv.ScaledStdConv2d."""
    weight = Learned((out_channels, in_channels, kernel_size, kernel_size), name=f"{name}_weight")(
        x
    )
    weight = ops.reshape(
        weight, (weight.shape[0], weight.shape[1] * weight.shape[2] * weight.shape[3])
    )
    gain = Learned((out_channels, 1, 1, 1), name=f"{name}_gain")(x)
    weight2 = ops.squeeze(gain * x_2, (1, 2, 3))
    weight = ops.expand_dims(weight, 0)
    weight = (
        (ops.squeeze(weight, 0) - ops.squeeze(ops.mean(weight, axis=(0, 2), keepdims=True), 0))
        / ops.squeeze(ops.sqrt(ops.var(weight, axis=(0, 2), keepdims=True) + 1e-05), 0)
        * ops.expand_dims(weight2, 1)
    )
    weight = ops.reshape(weight, (weight.shape[0], in_channels, kernel_size, kernel_size))
    bias = Learned((out_channels,), name=f"{name}_bias")(x)
    if residual:
        x = (
            ops.conv(
                layers.ZeroPadding2D(kernel_size // 2)(x),
                ops.transpose(weight, (2, 3, 1, 0)),
                padding="valid",
                strides=2,
            )
            + bias
        )
    else:
        x = (
            ops.conv(
                layers.ZeroPadding2D(1)(x), ops.transpose(weight, (2, 3, 1, 0)), padding="valid"
            )
            + bias
        )
    return x


def scaled_std_conv2d_2(x, x_2, out_channels, in_channels, name):
    """timm.layers.std_conv.ScaledStdConv2d."""
    weight = Learned((out_channels, in_channels, 1, 1), name=f"{name}_weight")(x)
    weight = ops.squeeze(weight, (2, 3))
    gain = Learned((out_channels, 1, 1, 1), name=f"{name}_gain")(x)
    weight2 = ops.squeeze(gain * x_2, (1, 2, 3))
    weight = ops.expand_dims(weight, 0)
    weight = (
        (ops.squeeze(weight, 0) - ops.squeeze(ops.mean(weight, axis=(0, 2), keepdims=True), 0))
        / ops.squeeze(ops.sqrt(ops.var(weight, axis=(0, 2), keepdims=True) + 1e-05), 0)
        * ops.expand_dims(weight2, 1)
    )
    bias = Learned((out_channels,), name=f"{name}_bias")(x)
    return (
        ops.conv(x, ops.expand_dims(ops.transpose(weight, (1, 0)), (0, 1)), padding="valid") + bias
    )


def downsample_avg(x, x_2, in_chs, name):
    """timm.models.nfnet.DownsampleAvg."""
    x = layers.AveragePooling2D(2)(x)
    return scaled_std_conv2d_2(
        x, x_2, out_channels=2 * in_chs, in_channels=in_chs, name=f"{name}_conv"
    )


def norm_free_block(
    x, x_2, mid_chs, in_chs, conv2_x_2, conv3_x_2, residual=True, downsample=False, *, name
):
    """timm.models.nfnet.NormFreeBlock."""
    out = ops.relu(x)
    if downsample:
        out = out * 0.9622504486493761
        shortcut = downsample_avg(out, x_2, in_chs=in_chs, name=f"{name}_downsample")
    else:
        shortcut = scaled_std_conv2d_2(
            out,
            0.21424485743045807,
            out_channels=256,
            in_channels=64,
            name=f"{name}_downsample_conv",
        )
    out = scaled_std_conv2d_2(
        out, x_2, out_channels=mid_chs, in_channels=in_chs, name=f"{name}_conv1"
    )
    out = ops.relu(out)
    out = scaled_std_conv2d(
        out,
        conv2_x_2,
        in_channels=mid_chs,
        out_channels=mid_chs,
        residual=residual,
        name=f"{name}_conv2",
    )
    out = ops.relu(out)
    out = scaled_std_conv2d_2(
        out, conv3_x_2, out_channels=4 * mid_chs, in_channels=mid_chs, name=f"{name}_conv3"
    )
    return out * 0.2 + shortcut


def norm_free_block_2(x, x_2, mid_chs, conv2_x_2, conv3_x_2, name):
    """timm.models.nfnet.NormFreeBlock."""
    out = ops.relu(x)
    out = out * 0.9805806756909201
    out = scaled_std_conv2d_2(
        out, x_2, out_channels=mid_chs, in_channels=4 * mid_chs, name=f"{name}_conv1"
    )
    out = ops.relu(out)
    out = scaled_std_conv2d(
        out, conv2_x_2, in_channels=mid_chs, out_channels=mid_chs, name=f"{name}_conv2"
    )
    out = ops.relu(out)
    out = scaled_std_conv2d_2(
        out, conv3_x_2, out_channels=4 * mid_chs, in_channels=mid_chs, name=f"{name}_conv3"
    )
    return out * 0.2 + x


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    x = scaled_std_conv2d(
        x,
        0.14136494412567766,
        in_channels=3,
        out_channels=64,
        kernel_size=7,
        residual=True,
        name="stem_conv",
    )
    x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=float("-inf"))
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = norm_free_block(
        x,
        0.21424485743045807,
        mid_chs=64,
        in_chs=64,
        conv2_x_2=0.07141495247681935,
        conv3_x_2=0.21424485743045807,
        residual=False,
        name="stages_0_0",
    )
    x = norm_free_block_2(
        x,
        0.10712242871522903,
        mid_chs=64,
        conv2_x_2=0.07141495247681935,
        conv3_x_2=0.21424485743045807,
        name="stages_0_1",
    )
    x = norm_free_block(
        x,
        0.10712242871522903,
        mid_chs=128,
        in_chs=256,
        conv2_x_2=0.050497997174473994,
        conv3_x_2=0.151493991523422,
        downsample=True,
        name="stages_1_0",
    )
    x = norm_free_block_2(
        x,
        0.075746995761711,
        mid_chs=128,
        conv2_x_2=0.050497997174473994,
        conv3_x_2=0.151493991523422,
        name="stages_1_1",
    )
    x = norm_free_block(
        x,
        0.075746995761711,
        mid_chs=256,
        in_chs=512,
        conv2_x_2=0.035707476238409676,
        conv3_x_2=0.10712242871522903,
        downsample=True,
        name="stages_2_0",
    )
    x = norm_free_block_2(
        x,
        0.05356121435761452,
        mid_chs=256,
        conv2_x_2=0.035707476238409676,
        conv3_x_2=0.10712242871522903,
        name="stages_2_1",
    )
    x = norm_free_block(
        x,
        0.05356121435761452,
        mid_chs=512,
        in_chs=1024,
        conv2_x_2=0.025248998587236997,
        conv3_x_2=0.075746995761711,
        downsample=True,
        name="stages_3_0",
    )
    x = norm_free_block_2(
        x,
        0.0378734978808555,
        mid_chs=512,
        conv2_x_2=0.025248998587236997,
        conv3_x_2=0.075746995761711,
        name="stages_3_1",
    )
    x = ops.relu(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(1000, name="head_fc")(x)
    return keras.Model(inputs, x, name="norm_free_net")
