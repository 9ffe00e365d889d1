"""transformers' networks in tiny configurations, and keras-hub's."""

import keras_hub
import numpy as np
import transformers

from benchmarks.public.description import public
from benchmarks.public.mended import with_epsilon, with_gelu
from porting import ModelPair, Probe

SAME = "... -> ..."
WIDTHS = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
BERT = WIDTHS | {"vocab_size": 60}
DISTILBERT = {"vocab_size": 60, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}
GPT2 = {"vocab_size": 60, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_inner": 64}
SIZES = (60, 2, 4, 32, 64)
WORDS = {"input_ids -> token_ids": SAME, "attention_mask -> padding_mask": SAME}


def tokens(inputs: int):
    """Draw tokens, a mask without any padding, and for a third input the second segment from the middle on."""

    def draw(sizes, file, count: int) -> Probe:
        generator = np.random.default_rng(0)
        words = generator.integers(2, 60, (count, 8))
        segments = np.repeat([[0] * 4 + [1] * 4], count, axis=0)
        arrays = (words, np.ones_like(words), segments)[:inputs]
        return Probe(tuple(array.astype("int32") for array in arrays), "random tokens")

    return draw


@public(
    "transformers",
    "keras_hub",
    words=("gelu", "approximat"),
    mend=with_gelu("tanh"),
)
def bert() -> ModelPair:
    """Two layers; the port's GELU is the approximation."""
    config = transformers.BertConfig(**BERT, max_position_embeddings=16)
    return ModelPair(
        name="bert",
        reference=lambda: transformers.BertModel(config),
        port=lambda: keras_hub.models.BertBackbone(*SIZES, max_sequence_length=16),
        inputs=WORDS | {"token_type_ids -> segment_ids": SAME},
        outputs={"sequence": SAME, "pooled": SAME},
        probe=tokens(3),
    )


@public("transformers", "keras_hub", words=("drawn otherwise", "0.1"))
def distilbert() -> ModelPair:
    """Two layers; the port also drops behind its attention, which shows in training alone."""
    config = transformers.DistilBertConfig(**DISTILBERT, max_position_embeddings=16)
    return ModelPair(
        name="distilbert",
        reference=lambda: transformers.DistilBertModel(config),
        port=lambda: keras_hub.models.DistilBertBackbone(*SIZES, max_sequence_length=16),
        inputs=WORDS,
        probe=tokens(2),
    )


@public("transformers", "keras_hub")
def gpt2() -> ModelPair:
    """Two layers, whose query, key and value are one tensor."""
    config = transformers.GPT2Config(**GPT2, n_positions=16, use_cache=False)
    return ModelPair(
        name="gpt2",
        reference=lambda: transformers.GPT2Model(config),
        port=lambda: keras_hub.models.GPT2Backbone(*SIZES, max_sequence_length=16),
        inputs=WORDS,
        splits={"*.c_attn": 3},
        probe=tokens(2),
    )


@public("transformers", "keras_hub", words=("token_type_embeddings",), refused=True)
def roberta() -> ModelPair:
    """Two layers; the port has no embedding of token types, and two rows of positions fewer."""
    config = transformers.RobertaConfig(**BERT, max_position_embeddings=18, type_vocab_size=1, layer_norm_eps=1e-5)
    return ModelPair(
        name="roberta",
        reference=lambda: transformers.RobertaModel(config, add_pooling_layer=False),
        port=lambda: keras_hub.models.RobertaBackbone(*SIZES, max_sequence_length=16),
        inputs=WORDS,
        probe=tokens(2),
    )


@public("transformers", "keras_hub", words=("eps", "1e-12", "1e-06"), mend=with_epsilon(1e-6, "LayerNorm"))
def hf_vit() -> ModelPair:
    """A vision transformer of two layers; the port's epsilon is another."""
    config = transformers.ViTConfig(**WIDTHS, image_size=32, patch_size=8)
    return ModelPair(
        name="hf_vit",
        reference=lambda: transformers.ViTModel(config, add_pooling_layer=False),
        port=lambda: keras_hub.models.ViTBackbone((32, 32, 3), 8, 2, 4, 32, 64),
        inputs=("sample channel row column -> sample row column channel",),
        input_shapes=((32, 32, 3),),
    )
