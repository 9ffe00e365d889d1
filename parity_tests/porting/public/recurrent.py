"""torch.nn's recurrent modules, and Keras' layers."""

from functools import partial
from itertools import product

from keras import layers
from torch import nn

from parity_tests.porting.public.described import ported, row_of

KINDS = {
    "lstm": (nn.LSTM, layers.LSTM, {}),
    "gru": (nn.GRU, layers.GRU, {}),
    "tanh": (nn.RNN, layers.SimpleRNN, {}),
    "relu": (partial(nn.RNN, nonlinearity="relu"), layers.SimpleRNN, {"activation": "relu"}),
}


class States(nn.Module):
    """All states of a recurrent module, of which Keras returns nothing else."""

    def __init__(self, cells: nn.Module) -> None:
        super().__init__()
        self.cells = cells

    def forward(self, sequence):
        return self.cells(sequence)[0]


def recurrent(kind: str, depth: int, bidirectional: bool, units: int):
    module, layer, options = KINDS[kind]

    def one():
        made = layer(units, return_sequences=True, **options)
        return layers.Bidirectional(made) if bidirectional else made

    return ported(
        f"{kind}-{depth}-{'both' if bidirectional else 'forward'}-{units}",
        lambda: States(module(5, units, depth, batch_first=True, bidirectional=bidirectional)),
        row_of((4, 5), *[one] * depth),
        (4, 5),
    )


PAIRS = [recurrent(*sizes) for sizes in product(KINDS, (1, 2), (False, True), (3, 6))]
