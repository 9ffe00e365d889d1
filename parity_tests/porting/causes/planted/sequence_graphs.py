"""The models of signals, tokens and steps with other layers."""

from keras import layers

from parity_tests.porting.causes.fault import between, graph, inside, planted
from parity_tests.porting.causes.planted.other_layers import (
    SumSiamese,
    SwappedOutputs,
    SwappedSiamese,
    activation,
    after,
    all_steps_then,
    before,
    instead,
    padded,
    reordered,
    skipped,
    with_config,
)
from parity_tests.porting.causes.words import (
    ADDED,
    EPSILON,
    FLATTENED,
    MISSING,
    ORDER,
    OTHER,
    PADDED,
    POOLED,
    REVERSED,
    SHIFT,
)

SEQUENCE_GRAPHS = {
    # separable
    "zeros for circular padding": graph(
        "separable", between("stem", PADDED), pad=instead(lambda: layers.ZeroPadding1D(2))
    ),
    "reflection for circular padding": graph(
        "separable", between("stem", PADDED), pad=instead(padded(2, 2, "reflect"))
    ),
    "circular padding at one end": graph(
        "separable", between("stem", PADDED, SHIFT), pad=instead(padded(3, 1, "wrap"))
    ),
    "causal convolution": graph("separable", between("dilated", PADDED, SHIFT), dilated=with_config(padding="causal")),
    "ReLU for SiLU": graph("separable", between("depthwise", OTHER), silu=instead(activation("relu"))),
    "hard SiLU for SiLU": graph("separable", between("depthwise", OTHER), silu=instead(activation("hard_silu"))),
    "SiLU twice": graph("separable", between("depthwise", ADDED), silu=after(activation("silu"))),
    "ReLU for ReLU6": graph("separable", between("pointwise", OTHER), relu6=instead(activation("relu"))),
    "gain missing": graph("separable", between("pointwise", "scale missing"), gain=skipped),
    "average of what is there": graph(
        "separable", between("group_norm", POOLED), pool_pad=skipped, smooth=with_config(padding="same")
    ),
    "maximum for smoothing": graph(
        "separable",
        between("group_norm", POOLED),
        pool_pad=skipped,
        smooth=instead(lambda: layers.MaxPooling1D(3, strides=1, padding="same")),
    ),
    "ReLU for ELU": graph("separable", between("dilated", OTHER), elu=instead(activation("relu"))),
    "SELU for ELU": graph("separable", between("dilated", OTHER), elu=instead(activation("selu"))),
    "LeakyReLU .3 for .125": graph("separable", between("head", OTHER), leaky=instead(lambda: layers.LeakyReLU(0.3))),
    "ReLU for LeakyReLU": graph("separable", between("head", OTHER), leaky=instead(activation("relu"))),
    "maximum of windows shifted": graph(
        "separable", between("head", POOLED, SHIFT), max_pad=skipped, max_pool=with_config(padding="same")
    ),
    "maximum over padding of zeros": graph(
        "separable", between("head", POOLED, PADDED), max_pad=instead(lambda: layers.ZeroPadding1D((1, 0)))
    ),
    "poolings joined in another order": graph("separable", between("head", ORDER), pools=reordered),
    "signals flattened point by point": graph("separable", between("head", FLATTENED), channel_major=skipped),
    "missing tanh at the end": graph("separable", between("scores", MISSING), tanh=skipped),
    "sigmoid for tanh": graph("separable", between("scores", OTHER), tanh=instead(activation("sigmoid"))),
    "second GroupNorm with Keras' epsilon": graph(
        "separable", inside("group_norm", EPSILON), group_norm=with_config(epsilon=1e-3)
    ),
    # siamese
    "difference the other way round": planted("siamese", between("head (call 2)", ORDER), port=SwappedSiamese),
    "sum for difference": planted("siamese", between("head (call 2)", "another operation"), port=SumSiamese),
    "outputs in another order": planted(
        "siamese",
        (between("left", "connected otherwise"), between("difference", "connected otherwise")),
        port=SwappedOutputs,
    ),
    # recurrent
    "sequence backwards": graph("recurrent", inside("lstm", REVERSED), lstm=with_config(go_backwards=True)),
    "hard sigmoid in the gates": graph(
        "recurrent", inside("lstm", OTHER), lstm=with_config(recurrent_activation="hard_sigmoid")
    ),
    "activation behind the steps": graph("recurrent", between("gru", ADDED), gru=before(activation("relu"))),
    "steps averaged": graph(
        "recurrent", between("head", "another step taken"), rnn=all_steps_then(layers.GlobalAveragePooling1D)
    ),
}
