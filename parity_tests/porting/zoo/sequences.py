"""Models of tokens and of steps, in both frameworks: one encoder that runs twice, and recurrent layers."""

import keras
import numpy as np
import torch
from keras import layers
from torch import nn

from porting import Probe


class Siamese(nn.Module):
    """Two inputs of tokens, two outputs, one encoder that runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 4)
        self.encoder = nn.Linear(4, 3)
        self.head = nn.Linear(3, 2)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Twice (sample, position) -> twice (sample, position, feature)."""
        left, right = (torch.tanh(self.encoder(self.embedding(tokens))) for tokens in (left, right))
        return self.head(left), self.head(left - right)


@keras.saving.register_keras_serializable("zoo")
class SiamesePort(keras.Model):
    """A subclassed port: its layers own no variables before they run."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.embedding = layers.Embedding(11, 4, name="embedding")
        self.encoder = layers.Dense(3, name="encoder")
        self.head = layers.Dense(2, name="head")

    def call(self, inputs):
        """Twice (sample, position) -> twice (sample, position, feature)."""
        left, right = (keras.ops.tanh(self.encoder(self.embedding(tokens))) for tokens in inputs)
        return self.head(left), self.head(self.difference(left, right))

    def difference(self, left, right):
        """(sample, position, feature), twice -> once."""
        return left - right


class Recurrent(nn.Module):
    """LSTM, GRU and RNN; as many units as features, so that kernels may be mistaken; only the last step goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(5, 6)
        self.lstm = nn.LSTM(6, 6, batch_first=True)
        self.gru = nn.GRU(6, 8, batch_first=True)
        self.rnn = nn.RNN(8, 7, batch_first=True)
        self.head = nn.Linear(7, 3)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        """(sample, time, feature) -> (sample, label)."""
        hidden, _ = self.gru(self.lstm(self.embed(steps))[0])
        return self.head(self.rnn(hidden)[0][:, -1])


def build_recurrent() -> keras.Model:
    steps = keras.Input((9, 5))
    hidden = layers.Dense(6, name="embed")(steps)
    hidden = layers.LSTM(6, return_sequences=True, name="lstm")(hidden)
    hidden = layers.GRU(8, return_sequences=True, name="gru")(hidden)
    hidden = layers.SimpleRNN(7, name="rnn")(hidden)
    return keras.Model(steps, layers.Dense(3, name="head")(hidden), name="recurrent")


def draw_tokens(sizes, file, count):
    generator = np.random.default_rng(0)
    return Probe(tuple(generator.integers(0, 11, (count, 7)).astype(np.int32) for _ in range(2)), "random tokens")
