# pyright: reportOptionalSubscript=false, reportOptionalOperand=false, reportOptionalMemberAccess=false, reportOperatorIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Layers that Keras does not have."""

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


@keras.saving.register_keras_serializable("porting")
class Kept(layers.Layer):
    """Weights that the torch model has and does not use; the input passes through."""

    def __init__(self, shape, dtype=None, trainable=False, **settings):
        super().__init__(dtype=dtype, trainable=trainable, **settings)
        self.shape = tuple(shape)

    def build(self, input_shape):
        self.value = self.add_weight(shape=self.shape, name="value")

    def call(self, x):
        return x

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)

    def get_config(self):
        return {**super().get_config(), "shape": self.shape}


@keras.saving.register_keras_serializable("porting")
class RandomLeakyReLU(layers.Layer):
    """A leaky ReLU that draws its slopes in training, and else has the one midway between their bounds."""

    def __init__(self, lower, upper, **settings):
        super().__init__(**settings)
        self.lower, self.upper = lower, upper
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, x, training=False):
        slope = (self.lower + self.upper) / 2
        if training:
            slope = keras.random.uniform(ops.shape(x), self.lower, self.upper, x.dtype, self.seed_generator)
        return ops.where(x >= 0, x, slope * x)

    def get_config(self):
        return {**super().get_config(), "lower": self.lower, "upper": self.upper}


def conv_in_groups(x, kernel, groups, **settings):
    """Convolve each group of channels with its own part of a kernel."""
    parts = zip(ops.split(x, groups, axis=-1), ops.split(kernel, groups, axis=-1), strict=True)
    return ops.concatenate([ops.conv(part, taps, **settings) for part, taps in parts], axis=-1)


@keras.saving.register_keras_serializable("porting")
class DilatedConv1D(layers.Conv1D):
    """A convolution with strides and dilation, which Keras' own has not together: some of the dilated one's results."""

    def __init__(self, filters, kernel_size, strides=1, **settings):
        super().__init__(filters, kernel_size, **settings)
        self.strides = (strides,) if isinstance(strides, int) else tuple(strides)

    call = layers.Conv2D.call  # Conv1D's own convolves by itself

    def convolution_op(self, inputs, kernel):
        x = ops.conv(inputs, kernel, padding=self.padding, dilation_rate=self.dilation_rate)
        return x[:, :: self.strides[0]]


@keras.saving.register_keras_serializable("porting")
class DilatedConv2D(layers.Conv2D):
    """A convolution with strides and dilation, which Keras' own has not together: some of the dilated one's results."""

    def __init__(self, filters, kernel_size, strides=1, **settings):
        super().__init__(filters, kernel_size, **settings)
        self.strides = (strides,) * 2 if isinstance(strides, int) else tuple(strides)

    def convolution_op(self, inputs, kernel):
        x = ops.conv(inputs, kernel, padding=self.padding, dilation_rate=self.dilation_rate)
        return x[:, :: self.strides[0], :: self.strides[1]]


@keras.saving.register_keras_serializable("porting")
class DilatedConv3D(layers.Conv3D):
    """A convolution with strides and dilation, which Keras' own has not together: some of the dilated one's results."""

    def __init__(self, filters, kernel_size, strides=1, **settings):
        super().__init__(filters, kernel_size, **settings)
        self.strides = (strides,) * 3 if isinstance(strides, int) else tuple(strides)

    def convolution_op(self, inputs, kernel):
        x = ops.conv(inputs, kernel, padding=self.padding, dilation_rate=self.dilation_rate)
        return x[:, :: self.strides[0], :: self.strides[1], :: self.strides[2]]


def conv_transpose_in_groups(x, kernel, groups, strides, dilation_rate):
    """Convolve each group of channels transposed with its own part of a kernel, its taps some way apart."""
    for axis, (size, rate) in enumerate(zip(kernel.shape[:-2], dilation_rate, strict=True)):
        apart = ops.stack([kernel, *[ops.zeros_like(kernel)] * (rate - 1)], axis=axis + 1)
        shape = (*kernel.shape[:axis], size * rate, *kernel.shape[axis + 1 :])
        kernel = ops.reshape(apart, shape)[(*[slice(None)] * axis, slice((size - 1) * rate + 1))]
    parts = zip(ops.split(x, groups, axis=-1), ops.split(kernel, groups, axis=-1), strict=True)
    outputs = [ops.conv_transpose(part, taps, strides=list(strides)) for part, taps in parts]
    return ops.concatenate(outputs, axis=-1)


@keras.saving.register_keras_serializable("porting")
class TransposedConvolution(layers.Layer):
    """A transposed convolution by a kernel that it is given; that of keras.ops cannot stand in a graph of layers."""

    def __init__(self, strides=1, groups=1, dilation_rate=1, **settings):
        super().__init__(**settings)
        self.strides, self.groups, self.dilation_rate = strides, groups, dilation_rate

    def call(self, x, kernel):
        rank = len(x.shape) - 2
        given = (self.strides, self.dilation_rate)
        strides, rates = ((size,) * rank if isinstance(size, int) else tuple(size) for size in given)
        return conv_transpose_in_groups(x, kernel, self.groups, strides, rates)

    def get_config(self):
        own = {"strides": self.strides, "groups": self.groups, "dilation_rate": self.dilation_rate}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("porting")
class GroupedConv1DTranspose(layers.Conv1DTranspose):
    """A transposed convolution of each group of channels by itself, or with strides and dilation at once."""

    def __init__(self, filters, kernel_size, groups=1, dilation_rate=1, **settings):
        super().__init__(filters, kernel_size, **settings)
        self.groups = groups
        self.dilation_rate = (dilation_rate,) * 1 if isinstance(dilation_rate, int) else tuple(dilation_rate)

    def build(self, input_shape):
        shape = (*self.kernel_size, self.filters // self.groups, input_shape[-1])
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self.kernel_initializer)
        self.bias = self.add_weight(name="bias", shape=(self.filters,)) if self.use_bias else None

    def call(self, inputs):
        kernel = ops.convert_to_tensor(self.kernel)
        x = conv_transpose_in_groups(inputs, kernel, self.groups, self.strides, self.dilation_rate)
        return x if self.bias is None else x + self.bias

    def get_config(self):
        return {**super().get_config(), "groups": self.groups, "dilation_rate": self.dilation_rate}


@keras.saving.register_keras_serializable("porting")
class GroupedConv2DTranspose(layers.Conv2DTranspose):
    """A transposed convolution of each group of channels by itself, or with strides and dilation at once."""

    def __init__(self, filters, kernel_size, groups=1, dilation_rate=1, **settings):
        super().__init__(filters, kernel_size, **settings)
        self.groups = groups
        self.dilation_rate = (dilation_rate,) * 2 if isinstance(dilation_rate, int) else tuple(dilation_rate)

    def build(self, input_shape):
        shape = (*self.kernel_size, self.filters // self.groups, input_shape[-1])
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self.kernel_initializer)
        self.bias = self.add_weight(name="bias", shape=(self.filters,)) if self.use_bias else None

    def call(self, inputs):
        kernel = ops.convert_to_tensor(self.kernel)
        x = conv_transpose_in_groups(inputs, kernel, self.groups, self.strides, self.dilation_rate)
        return x if self.bias is None else x + self.bias

    def get_config(self):
        return {**super().get_config(), "groups": self.groups, "dilation_rate": self.dilation_rate}


@keras.saving.register_keras_serializable("porting")
class GroupedConv3DTranspose(layers.Conv3DTranspose):
    """A transposed convolution of each group of channels by itself, or with strides and dilation at once."""

    def __init__(self, filters, kernel_size, groups=1, dilation_rate=1, **settings):
        super().__init__(filters, kernel_size, **settings)
        self.groups = groups
        self.dilation_rate = (dilation_rate,) * 3 if isinstance(dilation_rate, int) else tuple(dilation_rate)

    def build(self, input_shape):
        shape = (*self.kernel_size, self.filters // self.groups, input_shape[-1])
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self.kernel_initializer)
        self.bias = self.add_weight(name="bias", shape=(self.filters,)) if self.use_bias else None

    def call(self, inputs):
        kernel = ops.convert_to_tensor(self.kernel)
        x = conv_transpose_in_groups(inputs, kernel, self.groups, self.strides, self.dilation_rate)
        return x if self.bias is None else x + self.bias

    def get_config(self):
        return {**super().get_config(), "groups": self.groups, "dilation_rate": self.dilation_rate}
