"""Public torch models of many kinds, each built without any download, and inputs for them.

Random weights: to tell right ports from wrong ones they are drawn as if trained.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from benchmarks.public.torchvision_beside_cpu import LIBRARY

DECLARED = LIBRARY
"""What torchvision needs to be there before it is imported."""

Inputs = tuple[torch.Tensor, ...]


@dataclass(frozen=True, slots=True)
class PublicModel:
    """One model of the census.

    Attributes
    ----------
    name, group : str
        The package that it comes from is its group; "torch" for what `torch.nn` alone makes.
    build : callable
    inputs : callable
        Samples first.
    """

    name: str
    group: str
    build: Callable[[], nn.Module]
    inputs: Callable[[], Inputs]


def _images(size: int, *, frames: tuple[int, ...] = ()) -> Inputs:
    return (torch.randn(2, 3, *frames, size, size),)


def _tokens() -> Inputs:
    return (torch.randint(3, 90, (2, 12)),)


_TORCHVISION = {
    64: "vgg11_bn resnet18 resnext50_32x4d densenet121 mobilenet_v2 mobilenet_v3_small shufflenet_v2_x0_5 "
    "squeezenet1_1 mnasnet0_5 efficientnet_b0 efficientnet_v2_s regnet_x_400mf regnet_y_400mf "
    "convnext_tiny swin_t swin_v2_t",
    96: "alexnet googlenet inception_v3",
    224: "vit_b_32 maxvit_t",
}
_SEGMENTATION = "fcn_resnet50 deeplabv3_mobilenet_v3_large lraspp_mobilenet_v3_large"
_VIDEO = {112: "r3d_18 mc3_18 r2plus1d_18 swin3d_t", 224: "s3d mvit_v2_s"}
_TIMM = {
    64: "resnet50 mobilenetv3_small_100 tf_efficientnet_b0 convnext_atto convnextv2_atto mobilenetv4_conv_small "
    "repvgg_a0 ghostnet_050 hrnet_w18_small nf_resnet26 mobilevit_xxs",
    224: "vit_tiny_patch16_224 deit_tiny_patch16_224 swin_tiny_patch4_window7_224 fastvit_t8 efficientformer_l1 "
    "levit_128s mixer_s32_224 resmlp_12_224 cait_xxs24_224 edgenext_xx_small eva02_tiny_patch14_224 hiera_tiny_224 "
    "poolformer_s12 pvt_v2_b0 xcit_nano_12_p16_224 tiny_vit_5m_224 coat_lite_tiny beit_base_patch16_224",
    256: "vit_small_patch16_dinov3",
}
_ENCODER = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "vocab_size": 99,
    "max_position_embeddings": 64,
}
_VISION = {"image_size": 32, "patch_size": 8, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
_WAVES = {
    **{
        name: _ENCODER[name]
        for name in ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    },
    "vocab_size": 32,
    "conv_dim": (16, 16),
    "conv_kernel": (10, 3),
    "conv_stride": (5, 2),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
_TRANSFORMERS: dict[str, tuple[str, dict, Callable[[], Inputs]]] = {
    "bert": ("Bert", _ENCODER, _tokens),
    "distilbert": ("DistilBert", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "vocab_size": 99}, _tokens),
    "roberta": ("Roberta", _ENCODER, _tokens),
    "electra": ("Electra", {"embedding_size": 16, **_ENCODER}, _tokens),
    "albert": ("Albert", {"embedding_size": 16, **_ENCODER}, _tokens),
    "deberta_v2": ("DebertaV2", {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], **_ENCODER}, _tokens),
    "mpnet": ("MPNet", _ENCODER, _tokens),
    "modernbert": ("ModernBert", {"pad_token_id": 0, **_ENCODER}, _tokens),
    "t5_encoder": (
        "T5Encoder",
        {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "vocab_size": 99},
        _tokens,
    ),
    "vit": ("ViT", {"intermediate_size": 64, **_VISION}, partial(_images, 32)),
    "clip_vision": ("CLIPVision", {"intermediate_size": 64, **_VISION}, partial(_images, 32)),
    "dinov2": ("Dinov2", _VISION, partial(_images, 32)),
    "wav2vec2": ("Wav2Vec2", _WAVES, lambda: (torch.randn(2, 1600),)),
    "gpt2": (
        "GPT2",
        {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 99, "n_positions": 64, "use_cache": False},
        _tokens,
    ),
    "llama": ("Llama", {"num_key_value_heads": 2, "use_cache": False, **_ENCODER}, _tokens),
}
_CONFIGURED_OTHERWISE = {"T5Encoder": "T5Config"}
_TORCH: dict[str, tuple[Callable[[], nn.Module], Callable[[], Inputs]]] = {
    "transformer_encoder": (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 2),
        lambda: (torch.randn(2, 7, 32),),
    ),
    "mha": (lambda: nn.MultiheadAttention(32, 4, batch_first=True), lambda: (torch.randn(2, 7, 32),) * 3),
    "lstm_bidirectional": (
        lambda: nn.LSTM(8, 16, 2, batch_first=True, bidirectional=True),
        lambda: (torch.randn(2, 7, 8),),
    ),
    "gru": (lambda: nn.GRU(8, 16, batch_first=True), lambda: (torch.randn(2, 7, 8),)),
}


def _of_torchvision(name: str, room: str = "") -> nn.Module:
    import torchvision

    maker = getattr(getattr(torchvision.models, room) if room else torchvision.models, name)
    more = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return maker(weights=None, **({"weights_backbone": None} if room == "segmentation" else {}), **more)


def _of_timm(name: str) -> nn.Module:
    import timm

    return timm.create_model(name, pretrained=False)


def _of_transformers(kind: str, settings: dict) -> nn.Module:
    import transformers

    configuration = getattr(transformers, _CONFIGURED_OTHERWISE.get(kind, f"{kind}Config"))
    return getattr(transformers, f"{kind}Model")(configuration(**settings, return_dict=True))


def _census() -> list[PublicModel]:
    found = []
    for size, names in _TORCHVISION.items():
        found += [
            PublicModel(n, "torchvision", partial(_of_torchvision, n), partial(_images, size)) for n in names.split()
        ]
    for n in _SEGMENTATION.split():
        found.append(PublicModel(n, "torchvision", partial(_of_torchvision, n, "segmentation"), partial(_images, 64)))
    for size, names in _VIDEO.items():
        inputs = partial(_images, size, frames=(16,))
        found += [PublicModel(n, "torchvision", partial(_of_torchvision, n, "video"), inputs) for n in names.split()]
    for size, names in _TIMM.items():
        found += [
            PublicModel(n if n != "resnet50" else "timm_resnet50", "timm", partial(_of_timm, n), partial(_images, size))
            for n in names.split()
        ]
    for n, (kind, settings, inputs) in _TRANSFORMERS.items():
        found.append(PublicModel(n, "transformers", partial(_of_transformers, kind, settings), inputs))
    found += [PublicModel(n, "torch", build, inputs) for n, (build, inputs) in _TORCH.items()]
    return found


CENSUS = {model.name: model for model in _census()}
"""Name -> model."""
