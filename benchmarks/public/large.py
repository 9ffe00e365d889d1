"""Published sizes of others' networks: what the memory that a verification takes is measured on."""

from dataclasses import replace
from functools import partial

import keras_hub
import numpy as np
import torchvision
import transformers

from benchmarks.public.keras_hub_images import images, resnet
from benchmarks.public.keras_hub_texts import SAME, WORDS
from porting import ModelPair, Probe

SAMPLES = 16
SIDE = 224
VIT = {"patch_size": 16, "num_layers": 12, "num_heads": 12, "hidden_dim": 768, "mlp_dim": 3072}
BERT_SIZES = (30522, 12, 12, 768, 3072)
TOKENS = 128


def _draw_images(sizes, file, count: int) -> Probe:
    array = np.random.default_rng(0).standard_normal((SAMPLES, SIDE, SIDE, 3))
    return Probe((array.astype("float32"),), "normal numbers")


def _draw_tokens(sizes, file, count: int) -> Probe:
    words = np.random.default_rng(0).integers(2, BERT_SIZES[0], (SAMPLES, TOKENS))
    segments = np.repeat([[0] * (TOKENS // 2) + [1] * (TOKENS // 2)], SAMPLES, axis=0)
    return Probe(tuple(array.astype("int32") for array in (words, np.ones_like(words), segments)), "random tokens")


def resnet50() -> ModelPair:
    """ResNet50 at 224 x 224."""
    pair = images(SIDE, lambda: torchvision.models.resnet50(num_classes=10), partial(resnet, "resnet50", SIDE))
    return replace(pair, probe=_draw_images)


def vit_b16() -> ModelPair:
    """ViT-B/16 at 224 x 224."""

    def port():
        backbone = keras_hub.models.ViTBackbone((SIDE, SIDE, 3), **VIT)
        return keras_hub.models.ViTImageClassifier(backbone, num_classes=10)

    pair = images(SIDE, lambda: torchvision.models.VisionTransformer(SIDE, **VIT, num_classes=10), port)
    return replace(pair, probe=_draw_images)


def bert_base() -> ModelPair:
    """BERT-base on 128 tokens, with the approximation of GELU that the port has."""
    config = transformers.BertConfig(hidden_act="gelu_pytorch_tanh")
    return ModelPair(
        name="bert_base",
        reference=lambda: transformers.BertModel(config),
        port=lambda: keras_hub.models.BertBackbone(*BERT_SIZES, max_sequence_length=512),
        inputs=WORDS | {"token_type_ids -> segment_ids": SAME},
        outputs={"sequence": SAME, "pooled": SAME},
        probe=_draw_tokens,
    )


LARGE = {pair.__name__: pair for pair in (resnet50, vit_b16, bert_base)}
"""Published networks by name."""
