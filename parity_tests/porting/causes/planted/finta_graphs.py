"""FINTA with other layers."""

from keras import layers

from parity_tests.porting.causes.fault import between, graph
from parity_tests.porting.causes.planted.other_layers import (
    POINT_MAJOR,
    SHIFTED,
    AlignedUpsampling,
    Reverse,
    Roll,
    activation,
    after,
    before,
    instead,
    padded,
    skipped,
    with_config,
)
from parity_tests.porting.causes.words import ADDED, FLATTENED, MISSING, OTHER, PADDED, RESIZED, REVERSED, SCALED, SHIFT

FINTA_GRAPHS = {
    # FINTA
    "encoder flattened point by point": graph("finta", between("fc1", FLATTENED), channel_major=skipped),
    "decoder unflattened point by point": graph("finta", between("decod_conv1.1", FLATTENED), **POINT_MAJOR),
    "upsampling that repeats": graph(
        "finta", between("decod_conv3.1", RESIZED), upsample2=instead(lambda: layers.UpSampling1D(2))
    ),
    "last upsampling that repeats": graph(
        "finta", between("decod_conv6.1", RESIZED), upsample5=instead(lambda: layers.UpSampling1D(2))
    ),
    "upsampling with aligned corners": graph(
        "finta", between("decod_conv6.1", RESIZED), upsample5=instead(AlignedUpsampling)
    ),
    "first upsampling with aligned corners": graph(
        "finta", between("decod_conv2.1", RESIZED), upsample1=instead(AlignedUpsampling)
    ),
    "zero padding": graph(
        "finta", between("encod_conv3.1", PADDED), encod_pad3=instead(lambda: layers.ZeroPadding1D(1))
    ),
    "zero padding in the decoder": graph(
        "finta", between("decod_conv1.1", PADDED), decod_pad1=instead(lambda: layers.ZeroPadding1D(1))
    ),
    "edge padding": graph("finta", between("encod_conv1.1", PADDED), encod_pad1=instead(padded(1, 1, "edge"))),
    "edge padding in the decoder": graph(
        "finta", between("decod_conv6.1", PADDED), decod_pad6=instead(padded(1, 1, "edge"))
    ),
    "circular padding": graph("finta", between("encod_conv4.1", PADDED), encod_pad4=instead(padded(1, 1, "wrap"))),
    "padding on one side": graph(
        "finta", between("encod_conv2.1", PADDED, SHIFT), encod_pad2=instead(padded(0, 2, "reflect"))
    ),
    "same padding with a stride": graph(
        "finta", between("encod_conv2.1", PADDED, SHIFT), encod_pad2=skipped, encod_conv2=with_config(padding="same")
    ),
    "same padding without a stride": graph(
        "finta", between("decod_conv4.1", PADDED), decod_pad4=skipped, decod_conv4=with_config(padding="same")
    ),
    "shifted by one point": graph("finta", between("encod_conv4.1", SHIFT), encod_relu3=after(*SHIFTED)),
    "shifted by one point in the decoder": graph("finta", between("decod_conv4.1", SHIFT), upsample3=after(*SHIFTED)),
    "rolled by one point": graph("finta", between("encod_conv2.1", SHIFT), encod_relu1=after(Roll)),
    "missing activation": graph("finta", between("encod_conv5.1", MISSING), encod_relu4=skipped),
    "missing activation in the decoder": graph("finta", between("decod_conv6.1", MISSING), decod_relu5=skipped),
    "LeakyReLU .01 for ReLU": graph(
        "finta", between("decod_conv2.1", OTHER), decod_relu1=instead(lambda: layers.LeakyReLU(0.01))
    ),
    "LeakyReLU .3 for ReLU": graph(
        "finta", between("encod_conv2.1", OTHER), encod_relu1=instead(lambda: layers.LeakyReLU(0.3))
    ),
    "ELU for ReLU": graph("finta", between("encod_conv3.1", OTHER), encod_relu2=instead(activation("elu"))),
    "GELU for ReLU": graph("finta", between("decod_conv3.1", OTHER), decod_relu2=instead(activation("gelu"))),
    "ReLU6 for ReLU": graph("finta", between("encod_conv4.1", OTHER), encod_relu3=instead(lambda: layers.ReLU(6))),
    "tanh for ReLU": graph("finta", between("encod_conv6.1", OTHER), encod_relu5=instead(activation("tanh"))),
    "activation before the flattening": graph("finta", between("fc1", ADDED), channel_major=before(activation("relu"))),
    "activation between the models": graph("finta", between("fc2", ADDED), fc2=before(activation("tanh"))),
    "activation inside a layer": graph("finta", between("fc2", ADDED), fc1=with_config(activation="relu")),
    "activation after the last layer": graph(
        "finta", between("reconstruction", ADDED), decod_conv6=with_config(activation="tanh")
    ),
    "streamlines reversed at the input": graph(
        "finta", between("encod_conv1.1", REVERSED), encod_pad1=before(lambda: Reverse(1))
    ),
    "coordinates reversed at the output": graph(
        "finta", between("reconstruction", REVERSED), decod_conv6=after(lambda: Reverse(2))
    ),
    "streamlines divided by 100": graph(
        "finta", between("encod_conv1.1", SCALED), encod_pad1=before(lambda: layers.Rescaling(0.01))
    ),
    "streamlines centred and scaled": graph(
        "finta", between("encod_conv1.1", SCALED), encod_pad1=before(lambda: layers.Rescaling(0.02, -0.3))
    ),
    # trained weights
    "trained: encoder flattened point by point": graph(
        "finta trained", between("fc1", FLATTENED), channel_major=skipped
    ),
    "trained: decoder unflattened point by point": graph(
        "finta trained", between("decod_conv1.1", FLATTENED), **POINT_MAJOR
    ),
    "trained: upsampling that repeats": graph(
        "finta trained", between("decod_conv4.1", RESIZED), upsample3=instead(lambda: layers.UpSampling1D(2))
    ),
    "trained: zero padding": graph(
        "finta trained", between("encod_conv5.1", PADDED), encod_pad5=instead(lambda: layers.ZeroPadding1D(1))
    ),
}
