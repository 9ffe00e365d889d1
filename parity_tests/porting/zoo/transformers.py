"""A transformer's block in plain steps, in both frameworks."""

import keras
import torch
from keras import layers, ops
from torch import nn
from torch.nn import functional


class Transformer(nn.Module):
    """One block with self-attention in plain steps; positions as many as features, so that axes may be mistaken."""

    def __init__(self, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.embed = nn.Linear(5, 12)
        self.norm1 = nn.LayerNorm(12)
        self.query, self.key, self.value = (nn.Linear(12, 12) for _ in range(3))
        self.project = nn.Linear(12, 12)
        self.norm2 = nn.LayerNorm(12)
        self.expand, self.contract = nn.Linear(12, 24), nn.Linear(24, 12)
        self.norm3 = nn.LayerNorm(12)
        self.head, self.drop = nn.Linear(12, 3), nn.Dropout(0.2)

    def attend(self, hidden: torch.Tensor) -> torch.Tensor:
        """(sample, position, feature) -> the same."""
        query, key, value = (
            layer(hidden).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        return self.project((scores.softmax(-1) @ value).transpose(1, 2).flatten(2))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(sample, position, feature) -> (sample, position, label)."""
        hidden = self.embed(tokens)
        hidden = hidden + self.drop(self.attend(self.norm1(hidden)))
        hidden = hidden + self.drop(self.contract(functional.gelu(self.expand(self.norm2(hidden)))))
        return self.head(self.norm3(hidden))


@keras.saving.register_keras_serializable("zoo")
class SplitHeads(layers.Layer):
    """(sample, position, head x depth) -> (sample, head, position, depth); the features may be depth x head."""

    def __init__(self, heads: int, depth_first: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.heads, self.depth_first = heads, depth_first

    def call(self, inputs):
        _, positions, features = inputs.shape
        depth = features // self.heads
        if self.depth_first:
            return ops.transpose(ops.reshape(inputs, (-1, positions, depth, self.heads)), (0, 3, 1, 2))
        return ops.transpose(ops.reshape(inputs, (-1, positions, self.heads, depth)), (0, 2, 1, 3))

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "depth_first": self.depth_first}


@keras.saving.register_keras_serializable("zoo")
class MergeHeads(layers.Layer):
    """(sample, head, position, depth) -> (sample, position, features) in the `order` of the axes given."""

    def __init__(self, order=(0, 2, 1, 3), **kwargs) -> None:
        super().__init__(**kwargs)
        self.order = tuple(order)

    def call(self, inputs):
        _, heads, positions, depth = inputs.shape
        return ops.reshape(ops.transpose(inputs, self.order), (-1, positions, heads * depth))

    def get_config(self):
        return {**super().get_config(), "order": self.order}


@keras.saving.register_keras_serializable("zoo")
class Scores(layers.Layer):
    """Query and key, (sample, head, position, depth) -> (sample, head, position, position)."""

    def __init__(self, exponent: float = 0.5, **kwargs) -> None:
        super().__init__(**kwargs)
        self.exponent = exponent

    def call(self, inputs):
        query, key = inputs
        return ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / query.shape[-1] ** self.exponent

    def get_config(self):
        return {**super().get_config(), "exponent": self.exponent}


@keras.saving.register_keras_serializable("zoo")
class Attend(layers.Layer):
    """Shares and value -> (sample, head, position, depth)."""

    def __init__(self, transposed: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.transposed = transposed

    def call(self, inputs):
        shares, value = inputs
        return ops.matmul(ops.transpose(shares, (0, 1, 3, 2)) if self.transposed else shares, value)

    def get_config(self):
        return {**super().get_config(), "transposed": self.transposed}


def build_transformer(heads: int = 2) -> keras.Model:
    tokens = keras.Input((12, 5))
    embedded = layers.Dense(12, name="embed")(tokens)
    normed = layers.LayerNormalization(epsilon=1e-5, name="norm1")(embedded)
    query, key, value = (
        SplitHeads(heads, name=f"split_{word}")(layers.Dense(12, name=word)(normed))
        for word in ("query", "key", "value")
    )
    shares = layers.Softmax(name="softmax")(Scores(name="scores")([query, key]))
    attended = layers.Dense(12, name="project")(MergeHeads(name="merge")(Attend(name="attend")([shares, value])))
    hidden = layers.Add(name="residual1")([embedded, layers.Dropout(0.2, name="dropout1")(attended)])
    normed = layers.LayerNormalization(epsilon=1e-5, name="norm2")(hidden)
    expanded = layers.Activation("gelu", name="gelu")(layers.Dense(24, name="expand")(normed))
    contracted = layers.Dropout(0.2, name="dropout2")(layers.Dense(12, name="contract")(expanded))
    hidden = layers.Add(name="residual2")([hidden, contracted])
    normed = layers.LayerNormalization(epsilon=1e-5, name="norm3")(hidden)
    return keras.Model(tokens, layers.Dense(3, name="head")(normed), name="transformer")
