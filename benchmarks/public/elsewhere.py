"""Public torch models outside the census, of packages that were not looked at while the writer was made.

    pip install --no-deps monai segmentation-models-pytorch vit-pytorch efficientnet-pytorch pytorch-tcn \
        x-transformers torch-einops-utils einx frozendict loguru local-attention perceiver-pytorch

in the environment of the census; each model is built as its package's own page shows it, at small sizes.
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import nn

from benchmarks.public.census import PublicModel

_IMAGES = {"spatial_dims": 2, "in_channels": 1, "out_channels": 2}
_MONAI: dict[str, dict[str, Any]] = {
    "UNet": {**_IMAGES, "channels": (4, 8, 16), "strides": (2, 2), "num_res_units": 2},
    "BasicUNet": {"spatial_dims": 2, "features": (4, 4, 8, 8, 16, 4)},
    "AttentionUnet": {**_IMAGES, "channels": (4, 8, 16), "strides": (2, 2)},
    "SegResNet": {"spatial_dims": 2, "init_filters": 8},
    "VNet": {"spatial_dims": 2},
    "UNETR": {**_IMAGES, "img_size": (32, 32), "feature_size": 4, "hidden_size": 24, "mlp_dim": 32, "num_heads": 2},
    "AutoEncoder": {"spatial_dims": 2, "in_channels": 1, "out_channels": 1, "channels": (4, 8), "strides": (2, 2)},
    "DenseNet": {**_IMAGES, "init_features": 8, "growth_rate": 4, "block_config": (2, 2)},
    "DynUNet": {**_IMAGES, "kernel_size": [3] * 3, "strides": [1, 2, 2], "upsample_kernel_size": [2, 2]},
}
_SEGMENTATION = ("Unet", "FPN", "DeepLabV3Plus", "Linknet")
_SMALL = {"dim": 32, "heads": 2, "num_classes": 5}
_STAGES = {f"s{stage}_{name}": size for stage in (1, 2, 3) for name, size in (("emb_dim", 8 * stage), ("depth", 1))} | {
    "s2_heads": 2,
    "s3_heads": 3,
}
_VIT: dict[str, tuple[str, dict[str, Any], int]] = {
    "SimpleViT": ("simple_vit", {**_SMALL, "image_size": 32, "patch_size": 8, "depth": 2, "mlp_dim": 48}, 32),
    "CCT": (
        "cct",
        {"img_size": 32, "embedding_dim": 32, "n_conv_layers": 1, "num_layers": 2, "num_heads": 2, "num_classes": 5},
        32,
    ),
    "CvT": ("cvt", {"num_classes": 5, **_STAGES}, 64),
    "PiT": ("pit", {**_SMALL, "dim": 16, "image_size": 64, "patch_size": 8, "depth": (1, 1), "mlp_dim": 32}, 64),
}


_PERCEIVER = {"input_channels": 3, "input_axis": 2, "num_freq_bands": 3, "max_freq": 10.0, "depth": 2, "num_classes": 4}
_PERCEIVER |= {"num_latents": 8, "latent_dim": 16, "latent_heads": 2, "cross_dim_head": 8, "latent_dim_head": 8}
_LANGUAGE = {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 99, "n_positions": 64, "use_cache": False}


def _made(module: str, kind: str, settings: Mapping[str, Any]) -> nn.Module:
    return getattr(import_module(module), kind)(**settings)


def _efficient() -> nn.Module:
    return import_module("efficientnet_pytorch").EfficientNet.from_name("efficientnet-b0", num_classes=7)


def _decoder() -> nn.Module:
    package = import_module("x_transformers")
    layers = package.Decoder(dim=32, depth=2, heads=2)
    return package.TransformerWrapper(num_tokens=99, max_seq_len=16, attn_layers=layers)


def _language_model() -> nn.Module:
    """With the head that the census' models are without: the table of words, transposed."""
    package = import_module("transformers")
    return package.GPT2LMHeadModel(package.GPT2Config(**_LANGUAGE))


def _drawn(*shape: int) -> Callable[[], tuple[torch.Tensor, ...]]:
    return lambda: (torch.randn(2, *shape),)


def _elsewhere() -> list[PublicModel]:
    found = [
        PublicModel(f"monai_{kind.lower()}", "monai", partial(_made, "monai.networks.nets", kind, settings), inputs)
        for kind, settings in _MONAI.items()
        for inputs in (_drawn(1, 32, 32),)
    ]
    found += [
        PublicModel(
            f"smp_{kind.lower()}",
            "smp",
            partial(
                _made,
                "segmentation_models_pytorch",
                kind,
                {"encoder_name": "resnet18", "encoder_weights": None, "classes": 2},
            ),
            _drawn(3, 64, 64),
        )
        for kind in _SEGMENTATION
    ]
    found += [
        PublicModel(
            f"vit_{module}", "vit_pytorch", partial(_made, f"vit_pytorch.{module}", kind, more), _drawn(3, size, size)
        )
        for kind, (module, more, size) in _VIT.items()
    ]
    tcn = partial(_made, "pytorch_tcn", "TCN", {"num_inputs": 5, "num_channels": [8, 8, 8], "kernel_size": 3})
    found += [
        PublicModel("tcn", "pytorch_tcn", tcn, _drawn(5, 20)),
        PublicModel("decoder_of_tokens", "x_transformers", _decoder, lambda: (torch.randint(0, 99, (2, 12)),)),
        PublicModel("gpt2_with_head", "transformers", _language_model, lambda: (torch.randint(0, 99, (2, 12)),)),
        PublicModel(
            "perceiver",
            "perceiver_pytorch",
            partial(_made, "perceiver_pytorch", "Perceiver", _PERCEIVER),
            _drawn(16, 16, 3),
        ),
        PublicModel("efficientnet_pytorch", "efficientnet_pytorch", _efficient, _drawn(3, 64, 64)),
    ]
    return found


ELSEWHERE = {model.name: model for model in _elsewhere()}
