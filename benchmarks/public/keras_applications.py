"""torchvision's networks for images, and those of keras.applications."""

import keras
import torchvision
from keras.src.applications.densenet import DenseNet
from torch import nn

from benchmarks.public.description import public
from benchmarks.public.keras_hub_images import images
from benchmarks.public.mended import both, padded_at_the_end, with_epsilon
from porting import ModelPair

TEN = {"weights": None, "classes": 10, "classifier_activation": None}


@public("torchvision", "keras.applications", words=("bias",), refused=True)
def applications_resnet50() -> ModelPair:
    """Bottleneck blocks; the port's convolutions have biases."""
    return images(
        64,
        lambda: torchvision.models.resnet50(num_classes=10),
        lambda: keras.applications.ResNet50(**TEN, input_shape=(64, 64, 3)),
    )


@public(
    "torchvision",
    "keras.applications",
    words=("eps", "1e-05", "0.001", "padding"),
    mend=both(with_epsilon(1e-3, "BatchNorm"), padded_at_the_end(nn.Conv2d)),
)
def applications_mobilenet_v2() -> ModelPair:
    """Inverted residuals; the port's epsilon and padding are others."""
    return images(
        64,
        lambda: torchvision.models.mobilenet_v2(num_classes=10),
        lambda: keras.applications.MobileNetV2(**TEN, input_shape=(64, 64, 3)),
    )


@public("torchvision", "keras.applications", words=("eps", "1.001e-05"), mend=with_epsilon(1.001e-5, "BatchNorm"))
def applications_densenet() -> ModelPair:
    """Dense blocks; the port's epsilon is a thousandth larger."""
    return images(
        64,
        lambda: torchvision.models.DenseNet(block_config=(2, 2, 2, 2), num_classes=10),
        lambda: DenseNet([2, 2, 2, 2], **TEN, input_shape=(64, 64, 3)),
    )


@public("torchvision", "keras.applications")
def applications_vgg16() -> ModelPair:
    """Convolutions with fused activations, without the head."""
    return images(
        32,
        lambda: torchvision.models.vgg16().features,
        lambda: keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3)),
        features=True,
    )


@public("torchvision", "keras.applications", words=("normalization",), refused=True)
def applications_efficientnet_b0() -> ModelPair:
    """Inverted residuals; the port scales its inputs first, by a layer that holds their statistics."""
    return images(
        64,
        lambda: torchvision.models.efficientnet_b0(num_classes=10),
        lambda: keras.applications.EfficientNetB0(**TEN, input_shape=(64, 64, 3)),
    )
