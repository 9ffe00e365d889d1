"""Attention and transformer layers of torch's own, and ports of them: MultiHeadAttention's, Dense and EinsumDense."""

import math

import keras
import torch
from keras import layers, ops
from torch import nn

POSITIONS, FEATURES, HEADS, DEPTH = 7, 12, 2, 6


def future(length: int) -> torch.Tensor:
    """True where a query must not look."""
    return torch.ones(length, length, dtype=torch.bool).triu(1)


class Attending(nn.Module):
    """(sample, position, feature) -> the same; attention with whatever settings, samples first or not."""

    def __init__(self, *, causal: bool = False, padded: bool = False, **settings) -> None:
        super().__init__()
        self.embed = nn.Linear(5, FEATURES)
        self.attn = nn.MultiheadAttention(FEATURES, HEADS, **{"batch_first": True, **settings})
        self.further = settings.get("kdim")
        if self.further:
            self.keys, self.values = nn.Linear(5, settings["kdim"]), nn.Linear(5, settings["vdim"])
        self.head = nn.Linear(FEATURES, 3)
        self.causal, self.padded = causal, padded

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        given = features if self.attn.batch_first else features.transpose(0, 1)
        hidden = self.embed(given)
        key, value = (self.keys(given), self.values(given)) if self.further else (hidden, hidden)
        missing = features[..., 0] > 1 if self.padded else None
        mask = future(POSITIONS) if self.causal else None
        attended = self.attn(hidden, key, value, key_padding_mask=missing, attn_mask=mask, need_weights=False)[0]
        scores = self.head(attended)
        return scores if self.attn.batch_first else scores.transpose(0, 1)


@keras.saving.register_keras_serializable("zoo")
class Seen(layers.Layer):
    """(sample, position, feature) -> (sample, 1, position), true where the first feature is at most 1."""

    def call(self, inputs):
        return inputs[:, None, :, 0] <= 1


def build_attending(
    *,
    causal: bool = False,
    padded: bool = False,
    kdim: int = 0,
    vdim: int = 0,
    bias: bool = True,
    exchanged: bool = False,
) -> keras.Model:
    features = keras.Input((POSITIONS, 5))
    hidden = layers.Dense(FEATURES, name="embed")(features)
    key, value = hidden, hidden
    if kdim:
        key, value = layers.Dense(kdim, name="keys")(features), layers.Dense(vdim, name="values")(features)
    attend = layers.MultiHeadAttention(HEADS, DEPTH, use_bias=bias, name="attn")
    mask = Seen()(features) if padded else None
    given = (key, hidden, hidden) if exchanged else (hidden, value, key)
    attended = attend(*given, attention_mask=mask, use_causal_mask=causal)
    return keras.Model(features, layers.Dense(3, name="head")(attended))


def _steps(hidden, name, equation, size, axes):
    """One projection, as a Dense and a Reshape or as an EinsumDense."""
    if equation:
        return layers.EinsumDense(equation, size, bias_axes=axes, name=name)(hidden)
    return layers.Reshape((POSITIONS, HEADS, DEPTH))(layers.Dense(FEATURES, name=name)(hidden))


def build_in_steps(*, einsum: bool = False, scale: float = DEPTH**-0.5) -> keras.Model:
    features = keras.Input((POSITIONS, 5))
    hidden = layers.Dense(FEATURES, name="embed")(features)
    equation = "abc,cde->abde" if einsum else ""
    query, key, value = (
        _steps(hidden, name, equation, (None, HEADS, DEPTH), "de") for name in ("query", "key", "value")
    )
    weights = ops.softmax(ops.einsum("bqhd,bkhd->bhqk", query, key) * scale)
    joined = ops.einsum("bhqk,bkhd->bqhd", weights, value)
    if einsum:
        attended = layers.EinsumDense("abcd,cde->abe", (None, FEATURES), bias_axes="e", name="out_proj")(joined)
    else:
        attended = layers.Dense(FEATURES, name="out_proj")(layers.Reshape((POSITIONS, FEATURES))(joined))
    return keras.Model(features, layers.Dense(3, name="head")(attended))


class Encoder(nn.Module):
    """Two TransformerEncoderLayers."""

    def __init__(self, *, norm_first: bool = False, batch_first: bool = True) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(FEATURES, HEADS, 20, batch_first=batch_first, norm_first=norm_first)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head, self.batch_first = nn.Linear(FEATURES, 3), batch_first

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        encoded = self.encoder(tokens if self.batch_first else tokens.transpose(0, 1))
        scores = self.head(encoded)
        return scores if self.batch_first else scores.transpose(0, 1)


def _norm(name: str) -> layers.Layer:
    return layers.LayerNormalization(epsilon=1e-5, name=name)


def _encoder_layer(hidden, name: str, norm_first: bool):
    attend = layers.MultiHeadAttention(HEADS, DEPTH, dropout=0.1, name=f"{name}_attn")
    norm1, norm2 = _norm(f"{name}_norm1"), _norm(f"{name}_norm2")
    expand, contract = layers.Dense(20, "relu", name=f"{name}_linear1"), layers.Dense(FEATURES, name=f"{name}_linear2")
    drop = layers.Dropout
    if norm_first:
        normed = norm1(hidden)
        hidden = hidden + drop(0.1)(attend(normed, normed))
        return hidden + drop(0.1)(contract(drop(0.1)(expand(norm2(hidden)))))
    hidden = norm1(hidden + drop(0.1)(attend(hidden, hidden)))
    return norm2(hidden + drop(0.1)(contract(drop(0.1)(expand(hidden)))))


def build_encoder(*, norm_first: bool = False) -> keras.Model:
    tokens = hidden = keras.Input((POSITIONS, FEATURES))
    for number in range(2):
        hidden = _encoder_layer(hidden, f"layer{number}", norm_first)
    return keras.Model(tokens, layers.Dense(3, name="head")(hidden))


class Decoder(nn.Module):
    """A TransformerDecoderLayer, causal, that attends to a memory."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.TransformerDecoderLayer(FEATURES, HEADS, 20, 0.0, batch_first=True)
        self.memory, self.target = nn.Linear(5, FEATURES), nn.Linear(5, FEATURES)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        mask = torch.full((POSITIONS, POSITIONS), -math.inf, dtype=tokens.dtype).triu(1)
        return self.decoder(self.target(tokens), self.memory(tokens), tgt_mask=mask, tgt_is_causal=True)


def build_decoder_layer(*, causal: bool = True) -> keras.Model:
    tokens = keras.Input((POSITIONS, 5))
    memory, hidden = layers.Dense(FEATURES, name="memory")(tokens), layers.Dense(FEATURES, name="target")(tokens)
    attend, cross = (layers.MultiHeadAttention(HEADS, DEPTH, name=name) for name in ("self_attn", "multihead_attn"))
    hidden = _norm("norm1")(hidden + attend(hidden, hidden, use_causal_mask=causal))
    hidden = _norm("norm2")(hidden + cross(hidden, memory))
    contracted = layers.Dense(FEATURES, name="linear2")(layers.Dense(20, "relu", name="linear1")(hidden))
    return keras.Model(tokens, _norm("norm3")(hidden + contracted))


class Conv1D(nn.Module):
    """The Conv1D of transformers: a Linear whose weight is transposed."""

    def __init__(self, nf: int, nx: int) -> None:
        super().__init__()
        self.nf, self.nx = nf, nx
        self.weight, self.bias = nn.Parameter(torch.empty(nx, nf)), nn.Parameter(torch.zeros(nf))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        flat = torch.addmm(self.bias, hidden.reshape(-1, self.nx), self.weight)
        return flat.view(*hidden.shape[:-1], self.nf)


class Packed(nn.Module):
    """Query, key and value from one layer, as GPT-2 and timm's vision transformers have them."""

    def __init__(self, kind=Conv1D) -> None:
        super().__init__()
        is_linear = kind is nn.Linear
        self.c_attn = kind(FEATURES, 3 * FEATURES) if is_linear else kind(3 * FEATURES, FEATURES)
        self.c_proj = kind(FEATURES, FEATURES)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        query, key, value = (
            part.unflatten(-1, (HEADS, DEPTH)).transpose(1, 2) for part in self.c_attn(hidden).split(FEATURES, -1)
        )
        attended = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.c_proj(attended.transpose(1, 2).flatten(2))


def build_packed(*, exchanged: bool = False) -> keras.Model:
    hidden = keras.Input((POSITIONS, FEATURES))
    attend = layers.MultiHeadAttention(HEADS, DEPTH, name="attn")
    return keras.Model(hidden, attend(hidden, hidden, use_causal_mask=not exchanged))
