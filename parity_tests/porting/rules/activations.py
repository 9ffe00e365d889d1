"""Activations that own weights."""

from keras import layers
from torch import nn

from parity_tests.porting.rules.cases import Case

CASES = {
    "PReLU": Case(nn.PReLU(4), layers.PReLU(shared_axes=[1]), (3, 4, 5)),
    "PReLU with one slope": Case(nn.PReLU(), layers.PReLU(shared_axes=[1, 2]), (3, 4, 5)),
}
