"""torchvision's and timm's networks for images, and keras-hub's."""

from functools import partial

import keras_hub
import numpy as np
import timm
import torchvision
from keras_hub.src.utils.timm import convert_efficientnet, convert_mobilenet, convert_resnet
from torch import nn

from benchmarks.public.description import public
from benchmarks.public.mended import both, padded_at_the_end, with_epsilon
from porting import ModelPair, Probe

IMAGE = "sample channel row column -> sample row column channel"
TOKENS = "... -> ..."
SMALL = {"patch_size": 8, "num_layers": 2, "num_heads": 4, "hidden_dim": 32, "mlp_dim": 64}


def draw_images(side: int, sizes, file, count: int) -> Probe:
    """Eight images of normal numbers."""
    return Probe((np.random.default_rng(0).standard_normal((8, side, side, 3)).astype("float32"),), "normal numbers")


def images(side: int, reference, port, features: bool = False, **more) -> ModelPair:
    """Describe a network for square images that returns scores, or features where they lie."""
    return ModelPair(
        name="images",
        reference=reference,
        port=port,
        inputs=(IMAGE,),
        outputs={"features": IMAGE} if features else {"scores": TOKENS},
        probe=partial(draw_images, side),
        **more,
    )


def resnet(architecture: str, side: int):
    """keras-hub's ResNet with a head for ten classes."""
    sizes = convert_resnet.convert_backbone_config({"architecture": architecture})
    backbone = keras_hub.models.ResNetBackbone(**sizes, image_shape=(side, side, 3))
    return keras_hub.models.ResNetImageClassifier(backbone, num_classes=10)


@public("torchvision", "keras_hub")
def resnet18() -> ModelPair:
    """Basic blocks."""
    return images(64, lambda: torchvision.models.resnet18(num_classes=10), lambda: resnet("resnet18", 64))


@public("torchvision", "keras_hub")
def resnet50() -> ModelPair:
    """Bottleneck blocks."""
    return images(64, lambda: torchvision.models.resnet50(num_classes=10), lambda: resnet("resnet50", 64))


@public("timm", "keras_hub")
def timm_resnet18() -> ModelPair:
    """Basic blocks, as timm writes them."""
    return images(64, lambda: timm.create_model("resnet18", num_classes=10), lambda: resnet("resnet18", 64))


@public("timm", "keras_hub")
def timm_resnet26() -> ModelPair:
    """Bottleneck blocks, as timm writes them."""
    return images(64, lambda: timm.create_model("resnet26", num_classes=10), lambda: resnet("resnet26", 64))


def vgg_backbone():
    """keras-hub's convolutions of VGG11."""
    return keras_hub.models.VGGBackbone([1, 1, 2, 2, 2], [64, 128, 256, 512, 512], image_shape=(32, 32, 3))


@public("torchvision", "keras_hub")
def vgg11() -> ModelPair:
    """Convolutions with fused activations, without the head."""
    return images(32, lambda: torchvision.models.vgg11().features, vgg_backbone, features=True)


@public("timm", "keras_hub")
def timm_vgg11() -> ModelPair:
    """Convolutions with fused activations, as timm writes them."""
    reference = lambda: timm.create_model("vgg11", num_classes=0).features  # noqa: E731
    return images(32, reference, vgg_backbone, features=True)


def densenet_port():
    """keras-hub's DenseNet of four short blocks."""
    backbone = keras_hub.models.DenseNetBackbone([2, 2, 2, 2], image_shape=(64, 64, 3))
    return keras_hub.models.DenseNetImageClassifier(backbone, num_classes=10)


@public(
    "torchvision",
    "keras_hub",
    words=("padding", "eps"),
    mend=both(with_epsilon(1.001e-5, "BatchNorm"), padded_at_the_end(nn.Conv2d, nn.MaxPool2d)),
)
def densenet() -> ModelPair:
    """Dense blocks; the port's stem pads as TensorFlow's "same" does."""
    reference = lambda: torchvision.models.DenseNet(block_config=(2, 2, 2, 2), num_classes=10)  # noqa: E731
    return images(64, reference, densenet_port)


def efficientnet_port():
    """keras-hub's EfficientNet-B0 with a head for ten classes."""
    sizes = convert_efficientnet.convert_backbone_config({"architecture": "efficientnet_b0"})
    backbone = keras_hub.models.EfficientNetBackbone(**sizes, input_shape=(96, 96, 3))
    return keras_hub.models.EfficientNetImageClassifier(backbone, num_classes=10)


@public("torchvision", "keras_hub", words=("momentum=0.99", "StochasticDepth", "drawn otherwise"))
def efficientnet_b0() -> ModelPair:
    """Inverted residuals with squeeze and excitation; images so large that each tap of the last kernels is used."""
    return images(96, lambda: torchvision.models.efficientnet_b0(num_classes=10), efficientnet_port)


@public("timm", "keras_hub", words=("momentum=0.99",))
def timm_efficientnet_b0() -> ModelPair:
    """Inverted residuals, as timm writes them."""
    return images(96, lambda: timm.create_model("efficientnet_b0", num_classes=10), efficientnet_port)


def mobilenet_port():
    """keras-hub's MobileNetV3 with a head for ten classes."""
    sizes = convert_mobilenet.convert_backbone_config({"architecture": "mobilenetv3_small_050"})
    backbone = keras_hub.models.MobileNetBackbone(**sizes, image_shape=(96, 96, 3))
    return keras_hub.models.MobileNetImageClassifier(backbone, num_classes=10)


@public("timm", "keras_hub")
def timm_mobilenetv3() -> ModelPair:
    """Inverted residuals with hard activations."""
    return images(96, lambda: timm.create_model("mobilenetv3_small_050", num_classes=10), mobilenet_port)


def vit_port():
    """keras-hub's vision transformer of two layers with a head for ten classes."""
    backbone = keras_hub.models.ViTBackbone((32, 32, 3), **SMALL)
    return keras_hub.models.ViTImageClassifier(backbone, num_classes=10)


@public("torchvision", "keras_hub")
def vit() -> ModelPair:
    """A vision transformer of two layers."""
    reference = lambda: torchvision.models.VisionTransformer(32, **SMALL, num_classes=10)  # noqa: E731
    return images(32, reference, vit_port)


@public("timm", "keras_hub")
def timm_vit() -> ModelPair:
    """A vision transformer of two layers, whose query, key and value are one tensor."""
    sizes = {"img_size": 32, "patch_size": 8, "depth": 2, "num_heads": 4, "embed_dim": 32, "mlp_ratio": 2}
    reference = lambda: timm.models.VisionTransformer(**sizes, num_classes=10)  # noqa: E731
    return images(32, reference, vit_port, splits={"*.qkv": 3})
