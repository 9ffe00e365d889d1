"""Linear and Embedding."""

from keras import layers
from torch import nn

from parity_tests.porting.rules.cases import Case

CASES = {
    "Linear": Case(
        nn.Linear(6, 4),
        layers.Dense(4),
        (3, 6),
        [],
        in_channels_last=False,
    ),
    "Linear on tokens": Case(nn.Linear(6, 4, bias=False), layers.Dense(4, use_bias=False), (3, 5, 6), [], False),
    "Embedding": Case(
        nn.Embedding(9, 4, padding_idx=0),
        layers.Embedding(9, 4),
        (3, 5),
        [(layers.Embedding(9, 4, mask_zero=True), "mask_zero=True in Keras, must be False")],
        in_channels_last=False,
        highest=9,
    ),
}
