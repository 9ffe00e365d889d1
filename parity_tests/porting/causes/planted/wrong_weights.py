"""Right graphs with wrong weights."""

import numpy as np

from parity_tests.porting.causes.fault import inside, weights
from parity_tests.porting.causes.planted.other_weights import (
    FLIPPED,
    FLIPPED_2D,
    TRANSPOSED,
    ZEROS,
    another_seed,
    changed,
    copied,
    forgotten,
    gates,
    rounded,
    swapped,
)
from parity_tests.porting.causes.words import BRAIN, FOREIGN, GATES, HALF, INITIAL, TAPS, TURNED, UNKNOWN

WRONG_WEIGHTS = {
    "kernel reversed along its taps": weights("finta", inside("encod_conv4.1", TAPS), encod_conv4=FLIPPED),
    "2-D kernel reversed along its taps": weights("classifier", inside("conv1", TAPS), conv1=FLIPPED_2D),
    "2-D kernel reversed along its rows": weights("classifier", inside("conv2", TAPS), conv2=FLIPPED),
    "transposed convolution's kernel reversed": weights("decoder", inside("up1", TAPS), up1=FLIPPED_2D),
    "depthwise kernel reversed along its taps": weights("separable", inside("depthwise", TAPS), depthwise=FLIPPED),
    "2-D kernel with rows and columns exchanged": weights(
        "classifier", inside("conv1", TURNED), conv1=changed(lambda kernel: kernel.swapaxes(0, 1))
    ),
    "square Dense kernel transposed": weights("transformer", inside("value", TURNED), value=TRANSPOSED),
    "bias zero": weights("finta", inside("encod_conv5.1", "bias missing"), encod_conv5=ZEROS),
    "bias of the latent code zero": weights("finta", inside("fc1", "bias missing"), fc1=ZEROS),
    "bias of a projection zero": weights("transformer", inside("project", "bias missing"), project=ZEROS),
    "bias of a depthwise layer zero": weights("separable", inside("depthwise", "bias missing"), depthwise=ZEROS),
    "bias of another layer": weights("transformer", inside("query", FOREIGN), query=copied("key", "bias")),
    "weights of another layer": weights("transformer", inside("value", FOREIGN), value=copied("key")),
    "query and key swapped": weights(
        "transformer", (inside("query", FOREIGN), inside("key", FOREIGN)), query=swapped("query", "key")
    ),
    "LayerNorms swapped": weights(
        "transformer", (inside("norm1", FOREIGN), inside("norm3", FOREIGN)), norm1=swapped("norm1", "norm3")
    ),
    "convolution left at its initialisation": weights("finta", inside("decod_conv4.1", INITIAL), decod_conv4=forgotten),
    "latent layer left at its initialisation": weights("finta", inside("fc2", INITIAL), fc2=forgotten),
    "BatchNorm left at its initialisation": weights("classifier", inside("norm2", INITIAL), norm2=forgotten),
    "embedding left at its initialisation": weights("siamese", inside("embedding", INITIAL), embedding=forgotten),
    "transposed convolution left at its initialisation": weights("decoder", inside("up2", INITIAL), up2=forgotten),
    "mean and variance swapped": weights(
        "classifier",
        inside("norm1", "mean and variance swapped"),
        norm1=swapped("moving_mean", "moving_variance"),
    ),
    "mean and variance of signals swapped": weights(
        "separable", inside("norm", "mean and variance swapped"), norm=swapped("moving_mean", "moving_variance")
    ),
    "gamma and beta swapped": weights(
        "decoder", inside("group_norm", FOREIGN, UNKNOWN), group_norm=swapped("gamma", "beta")
    ),
    "kernel through float16": weights("finta", inside("fc2", HALF), fc2=rounded("float16")),
    "kernel through bfloat16": weights("finta", inside("encod_conv2.1", BRAIN), encod_conv2=rounded("bfloat16")),
    "2-D kernel through float16": weights("classifier", inside("conv2", HALF), conv2=rounded("float16")),
    "Dense kernel through bfloat16": weights("transformer", inside("expand", BRAIN), expand=rounded("bfloat16")),
    "kernel half as large again": weights(
        "decoder", inside("fc", "scaled weights"), fc=changed(lambda kernel: 1.5 * kernel)
    ),
    "kernel one per cent too large": weights(
        "finta", inside("decod_conv3.1", "scaled weights"), decod_conv3=changed(lambda kernel: 1.01 * kernel)
    ),
    "kernel with its sign changed": weights(
        "separable", inside("pointwise", "scaled weights"), pointwise=changed(lambda kernel: -kernel)
    ),
    "weights of another training": weights("finta", inside("fc1", UNKNOWN), fc1=changed(another_seed)),
    "embedding of another training": weights(
        "siamese", inside("embedding", UNKNOWN), embedding=changed(another_seed, "embeddings")
    ),
    "one weight changed": weights(
        "separable",
        inside("head", UNKNOWN),
        head=changed(lambda kernel: kernel + (np.arange(kernel.size) == 7).reshape(kernel.shape)),
    ),
    "layer that runs twice doubled": weights(
        "siamese", inside("encoder", "scaled weights"), encoder=changed(lambda kernel: 2 * kernel)
    ),
    "GRU gates in torch's order": weights("recurrent", inside("gru", GATES), gru_cell=gates(1, 0, 2)),
    "GRU kernel in torch's order of gates": weights(
        "recurrent", inside("gru", GATES), gru_cell=gates(1, 0, 2, variables=("kernel",))
    ),
    "LSTM gates in the order i f o g": weights("recurrent", inside("lstm", GATES), lstm_cell=gates(0, 1, 3, 2)),
    "LSTM bias zero": weights("recurrent", inside("lstm", "bias missing"), lstm_cell=ZEROS),
    "GRU biases exchanged": weights(
        "recurrent", inside("gru", FOREIGN), gru_cell=changed(lambda bias: bias[::-1], "bias")
    ),
    "recurrent kernel transposed": weights(
        "recurrent", inside("rnn", TURNED), simple_rnn_cell=changed(np.transpose, "recurrent_kernel")
    ),
    "LSTM left at its initialisation": weights("recurrent", inside("lstm", INITIAL), lstm=forgotten),
    "trained: bias zero": weights("finta trained", inside("encod_conv1.1", "bias missing"), encod_conv1=ZEROS),
    "trained: kernel through float16": weights(
        "finta trained", inside("decod_conv2.1", HALF), decod_conv2=rounded("float16")
    ),
    "trained: kernel reversed along its taps": weights(
        "finta trained", inside("decod_conv5.1", TAPS), decod_conv5=FLIPPED
    ),
}
