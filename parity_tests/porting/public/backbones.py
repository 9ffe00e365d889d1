"""Whole networks of transformers and timm in tiny configurations, and keras-hub's."""

from itertools import product
from typing import Any

import keras
import keras_hub
import timm
import transformers

from parity_tests.porting.public.described import IMAGE, SAME, ported, words
from porting import ModelPair

HUB = keras_hub.models
TEXT = {"input_ids -> token_ids": SAME, "attention_mask -> padding_mask": SAME}


VOCABULARY = {"vocab_size": 30, "max_position_embeddings": 8}
NO_DROPOUT = {"dropout": 0.0, "attention_dropout": 0.0}


def widths(depth: int, heads: int) -> dict[str, Any]:
    """What transformers calls the sizes of an encoder."""
    sizes = {"hidden_size": 12, "num_hidden_layers": depth, "num_attention_heads": heads, "intermediate_size": 20}
    return sizes | {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def text(name: str, reference, port, inputs: int = 2, **more) -> ModelPair:
    """A network of tokens."""
    named = TEXT | ({"token_type_ids -> segment_ids": SAME} if inputs == 3 else {})
    return ModelPair(name=name, reference=reference, port=port, inputs=named, probe=words(30, 6, inputs), **more)


def distilbert(depth: int, heads: int):
    sizes = {"vocab_size": 30, "max_position_embeddings": 8, "dim": 12, "hidden_dim": 20}
    config = transformers.DistilBertConfig(**sizes, n_layers=depth, n_heads=heads, **NO_DROPOUT)
    return text(
        f"distilbert-{depth}-{heads}",
        lambda: transformers.DistilBertModel(config),
        lambda: HUB.DistilBertBackbone(30, depth, heads, 12, 20, dropout=0, max_sequence_length=8),
    )


def gpt2(depth: int, heads: int):
    sizes = {"vocab_size": 30, "n_positions": 8, "n_embd": 12, "n_inner": 20}
    off = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "use_cache": False, "eos_token_id": 0}
    config = transformers.GPT2Config(**sizes, n_layer=depth, n_head=heads, bos_token_id=0, **off)
    return text(
        f"gpt2-{depth}-{heads}",
        lambda: transformers.GPT2Model(config),
        lambda: HUB.GPT2Backbone(30, depth, heads, 12, 20, dropout=0, max_sequence_length=8),
        splits={"*.c_attn": 3},
    )


def bert(depth: int, heads: int):
    """Whose GELU is the approximation, as that of keras-hub is."""
    config = transformers.BertConfig(**widths(depth, heads), **VOCABULARY, hidden_act="gelu_new")
    return text(
        f"bert-{depth}-{heads}",
        lambda: transformers.BertModel(config),
        lambda: HUB.BertBackbone(30, depth, heads, 12, 20, dropout=0, max_sequence_length=8),
        inputs=3,
        outputs={"sequence": SAME, "pooled": SAME},
    )


def electra(depth: int, heads: int):
    """Whose embedding is narrower than its layers, and which pools nothing in transformers."""
    config = transformers.ElectraConfig(**widths(depth, heads), **VOCABULARY, embedding_size=10, hidden_act="gelu_new")

    def port():
        whole = HUB.ElectraBackbone(30, depth, heads, 12, 10, 20, dropout=0, max_sequence_length=8)
        return keras.Model(whole.input, whole.output["sequence_output"])

    return text(
        f"electra-{depth}-{heads}",
        lambda: transformers.ElectraModel(config),
        port,
        inputs=3,
    )


def hf_vit(depth: int, heads: int, patch: int):
    config = transformers.ViTConfig(**widths(depth, heads), image_size=8, patch_size=patch, layer_norm_eps=1e-6)
    return ported(
        f"hf-vit-{depth}-{heads}-{patch}",
        lambda: transformers.ViTModel(config, add_pooling_layer=False),
        lambda: HUB.ViTBackbone((8, 8, 3), patch, depth, heads, 12, 20),
        (8, 8, 3),
        IMAGE,
        outputs={"tokens": SAME},
    )


def timm_vit(depth: int, heads: int, patch: int):
    sizes = {"img_size": 8, "patch_size": patch, "embed_dim": 12, "depth": depth, "num_heads": heads, "mlp_ratio": 2}

    def port():
        return HUB.ViTImageClassifier(HUB.ViTBackbone((8, 8, 3), patch, depth, heads, 12, 24), num_classes=5)

    return ported(
        f"timm-vit-{depth}-{heads}-{patch}",
        lambda: timm.models.VisionTransformer(**sizes, num_classes=5),
        port,
        (8, 8, 3),
        IMAGE,
        outputs={"scores": SAME},
        splits={"*.qkv": 3},
    )


PAIRS = [
    *(distilbert(*sizes) for sizes in product((1, 2), (1, 3))),
    *(gpt2(*sizes) for sizes in product((1, 2), (1, 3))),
    *(bert(*sizes) for sizes in product((1, 2), (1, 3))),
    *(electra(*sizes) for sizes in product((1, 2), (1, 3))),
    *(hf_vit(*sizes) for sizes in product((1, 2), (1, 3), (2, 4))),
    *(timm_vit(*sizes) for sizes in product((1, 2), (1, 3), (2, 4))),
]
