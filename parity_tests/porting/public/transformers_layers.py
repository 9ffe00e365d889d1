"""Layers of torch.nn, transformers and timm, and those of keras-hub."""

from itertools import product

import keras_hub
import timm
import transformers
from keras_hub.src.models.vit.vit_layers import ViTEncoderBlock
from torch import nn
from transformers.models.bert.modeling_bert import BertLayer

from parity_tests.porting.public.described import ported, row_of

GELUS = {"gelu": "gelu", "gelu_new": keras_hub.src.utils.keras_utils.gelu_approximate, "relu": "relu"}


def encoder_layer(activation: str, first: bool, heads: int, tokens: int):
    """torch.nn's layer of a transformer."""
    return ported(
        f"torch-{activation}-{'first' if first else 'behind'}-{heads}-{tokens}",
        lambda: nn.TransformerEncoderLayer(12, heads, 20, 0.0, activation, batch_first=True, norm_first=first),
        row_of(
            (tokens, 12),
            lambda: keras_hub.layers.TransformerEncoder(
                20, heads, activation=activation, normalize_first=first, name="layer"
            ),
        ),
        (tokens, 12),
    )


class Hidden(nn.Module):
    """The hidden states of a layer of transformers."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, states):
        found = self.layer(states)
        return found[0] if isinstance(found, tuple) else found


def bert_layer(activation: str, heads: int, attention: str):
    """transformers' layer of BERT."""
    config = transformers.BertConfig(
        hidden_size=12,
        num_attention_heads=heads,
        intermediate_size=20,
        hidden_act=activation,
        attn_implementation=attention,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return ported(
        f"bert-{activation}-{heads}-{attention}",
        lambda: Hidden(BertLayer(config)),
        row_of(
            (6, 12),
            lambda: keras_hub.layers.TransformerEncoder(
                20, heads, activation=GELUS[activation], layer_norm_epsilon=1e-12, name="layer"
            ),
        ),
        (6, 12),
    )


def vit_block(heads: int, ratio: int, tokens: int):
    """timm's block of a vision transformer, whose query, key and value are one tensor."""
    return ported(
        f"vit-{heads}-{ratio}-{tokens}",
        lambda: timm.models.vision_transformer.Block(12, heads, ratio, qkv_bias=True),
        row_of((tokens, 12), lambda: ViTEncoderBlock(heads, 12, 12 * ratio, name="block")),
        (tokens, 12),
        splits={"*qkv": 3},
    )


PAIRS = [
    *(encoder_layer(*sizes) for sizes in product(("relu", "gelu"), (False, True), (1, 3), (2, 7))),
    *(bert_layer(*sizes) for sizes in product(GELUS, (1, 2, 4), ("eager", "sdpa"))),
    *(vit_block(*sizes) for sizes in product((1, 3), (1, 2), (4, 6))),
]
