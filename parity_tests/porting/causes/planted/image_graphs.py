"""The classifier and the decoder of images with other layers."""

from keras import layers

from parity_tests.porting.causes.fault import between, graph, inside
from parity_tests.porting.causes.planted.other_layers import (
    BatchNormalization,
    Reverse,
    activation,
    after,
    before,
    instead,
    skipped,
    with_class,
    with_config,
)
from parity_tests.porting.causes.words import (
    ADDED,
    EPSILON,
    FLATTENED,
    MISSING,
    OTHER,
    PADDED,
    POOLED,
    REVERSED,
    SCALED,
    SHIFT,
    TRAINING,
)

IMAGE_GRAPHS = {
    # classifier
    "strided convolution with same padding": graph(
        "classifier", between("conv2", PADDED, SHIFT), pad=skipped, conv2=with_config(padding="same")
    ),
    "padding at two ends only": graph(
        "classifier",
        between("conv2", PADDED, SHIFT),
        pad=instead(lambda: layers.ZeroPadding2D(((2, 0), (2, 0)))),
    ),
    "average for maximum": graph(
        "classifier", between("conv2", POOLED), pool=instead(lambda: layers.AveragePooling2D(2))
    ),
    "global maximum for average": graph(
        "classifier", between("head", POOLED), average=instead(layers.GlobalMaxPooling2D)
    ),
    "channels reversed at the input": graph("classifier", between("conv1", REVERSED), conv1=before(lambda: Reverse(3))),
    "rows reversed at the input": graph("classifier", between("conv1", REVERSED), conv1=before(lambda: Reverse(1))),
    "rows and columns exchanged": graph(
        "classifier",
        between("conv1", "transposition missing", FLATTENED),
        conv1=before(lambda: layers.Permute((2, 1, 3))),
    ),
    "images divided by 255": graph(
        "classifier", between("conv1", SCALED), conv1=before(lambda: layers.Rescaling(1 / 255))
    ),
    "BatchNorm with Keras' epsilon": graph("classifier", inside("norm1", EPSILON), norm1=with_config(epsilon=1e-3)),
    "second BatchNorm with Keras' epsilon": graph(
        "classifier", inside("norm2", EPSILON), norm2=with_config(epsilon=1e-3)
    ),
    "BatchNorm always in training mode": graph(
        "classifier", inside("norm1", TRAINING), norm1=with_class(BatchNormalization)
    ),
    "activation inside a convolution": graph(
        "classifier", between("norm1", ADDED), conv1=with_config(activation="relu")
    ),
    "ReLU before the normalisation": graph(
        "classifier",
        (between("norm1", ADDED), between("conv2", MISSING)),
        norm1=before(activation("relu")),
        relu1=skipped,
    ),
    "activation missing before a depthwise layer": graph("classifier", between("depthwise", MISSING), relu2=skipped),
    "SiLU for ReLU": graph("classifier", between("depthwise", OTHER), relu2=instead(activation("silu"))),
    "scores through softmax": graph("classifier", between("scores", ADDED), head=with_config(activation="softmax")),
    "softmax after the scores": graph("classifier", between("scores", ADDED), head=after(layers.Softmax)),
    # decoder
    "code unflattened row by row": graph(
        "decoder",
        between("up1", FLATTENED),
        unflatten=instead(lambda: layers.Reshape((2, 2, 8))),
        channels_last=skipped,
    ),
    "rows and columns exchanged in the decoder": graph(
        "decoder", between("up1", FLATTENED, "transposition missing"), channels_last=with_config(dims=(3, 2, 1))
    ),
    "cropped at the other end": graph("decoder", between("image", SHIFT), crop=with_config(cropping=((0, 1), (0, 1)))),
    "cropped inside at the other end": graph(
        "decoder", inside("up2", SHIFT), up2=with_config(padding="same"), crop=skipped
    ),
    "first transposed convolution cropped at one end": graph(
        "decoder",
        between("group_norm", SHIFT),
        up1=with_config(padding="valid"),
        group_norm=before(lambda: layers.Cropping2D(((2, 0), (2, 0)))),
    ),
    "LayerNorm with Keras' epsilon": graph("decoder", inside("norm", EPSILON), norm=with_config(epsilon=1e-3)),
    "GroupNorm with Keras' epsilon": graph(
        "decoder", inside("group_norm", EPSILON), group_norm=with_config(epsilon=1e-3)
    ),
    "one group for two": graph("decoder", inside("group_norm", "other groups"), group_norm=with_config(groups=1)),
    "three groups for two": graph("decoder", inside("group_norm", "other groups"), group_norm=with_config(groups=3)),
    "missing activation between transposed convolutions": graph("decoder", between("up2", MISSING), relu=skipped),
    "activation after the LayerNorm": graph("decoder", between("up1", ADDED), unflatten=before(activation("relu"))),
    "tanh after the image": graph("decoder", between("image", ADDED), crop=after(activation("tanh"))),
}
