"""Recurrent layers."""

from keras import layers
from torch import nn

from parity_tests.porting.rules.cases import Case

CASES = {
    "LSTM": Case(
        nn.LSTM(6, 4, batch_first=True),
        layers.LSTM(4, return_sequences=True),
        (3, 5, 6),
        [
            (layers.LSTM(4, return_sequences=True, activation="relu"), "activation=relu in Keras, must be tanh"),
            (
                layers.LSTM(4, return_sequences=True, recurrent_activation="hard_sigmoid"),
                "recurrent_activation=hard_sigmoid in Keras, must be sigmoid",
            ),
            (layers.LSTM(4, go_backwards=True), "go_backwards=True in Keras, must be False"),
            (layers.LSTM(4, stateful=False, dropout=0.1), "dropout=0.1 in Keras, must be 0.0"),
            (layers.LSTM(4, recurrent_dropout=0.1), "recurrent_dropout=0.1 in Keras, must be 0.0"),
            (layers.LSTM(4, recurrent_regularizer="l2"), "recurrent_regularizer=.* in Keras, must be None"),
        ],
        in_channels_last=False,
    ),
    "LSTM without biases, last step": Case(
        nn.LSTM(6, 4, bias=False, batch_first=True), layers.LSTM(4, use_bias=False), (3, 5, 6), [], False
    ),
    "GRU": Case(
        nn.GRU(6, 4, batch_first=True), layers.GRU(4, return_sequences=True), (3, 5, 6), [], in_channels_last=False
    ),
    "GRU without biases, last step": Case(
        nn.GRU(6, 4, bias=False, batch_first=True),
        layers.GRU(4, use_bias=False),
        (3, 5, 6),
        [(layers.GRU(4, use_bias=False, reset_after=False), "reset_after=False in Keras, must be True")],
        in_channels_last=False,
    ),
    "RNN": Case(
        nn.RNN(6, 4, batch_first=True, nonlinearity="relu"),
        layers.SimpleRNN(4, activation="relu", return_sequences=True),
        (3, 5, 6),
        [(layers.SimpleRNN(4), "nonlinearity=relu in torch, activation=tanh in Keras")],
        in_channels_last=False,
    ),
}
