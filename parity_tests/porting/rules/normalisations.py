"""Layers that normalise."""

from keras import layers
from torch import nn

from parity_tests.porting.rules.cases import Case

CASES = {
    "BatchNorm1d": Case(
        nn.BatchNorm1d(4),
        layers.BatchNormalization(epsilon=1e-5, momentum=0.9),
        (3, 4),
        [
            (layers.BatchNormalization(momentum=0.9), "eps=1e-05 in torch, epsilon=0.001 in Keras"),
            (layers.BatchNormalization(epsilon=1e-5), "momentum=0.1 in torch, momentum=0.99 in Keras"),
        ],
    ),
    "BatchNorm1d on sequences": Case(
        nn.BatchNorm1d(4),
        layers.BatchNormalization(epsilon=1e-5, momentum=0.9),
        (3, 4, 4),
        [(layers.BatchNormalization(axis=1, epsilon=1e-5, momentum=0.9), "axis=1 in Keras, must be -1")],
    ),
    "BatchNorm2d": Case(nn.BatchNorm2d(4), layers.BatchNormalization(epsilon=1e-5, momentum=0.9), (3, 4, 5, 6)),
    "BatchNorm3d without affine": Case(
        nn.BatchNorm3d(4, affine=False),
        layers.BatchNormalization(epsilon=1e-5, momentum=0.9, center=False, scale=False),
        (3, 4, 2, 3, 4),
    ),
    "LayerNorm": Case(
        nn.LayerNorm(6),
        layers.LayerNormalization(epsilon=1e-5),
        (3, 5, 6),
        [(layers.LayerNormalization(), "eps=1e-05 in torch, epsilon=0.001 in Keras")],
        in_channels_last=False,
    ),
    "GroupNorm": Case(
        nn.GroupNorm(2, 6),
        layers.GroupNormalization(2, epsilon=1e-5),
        (3, 6, 5),
        [
            (layers.GroupNormalization(3, epsilon=1e-5), "num_groups=2 in torch, groups=3 in Keras"),
            (layers.GroupNormalization(2), "epsilon=0.001"),
        ],
    ),
}
