"""Every public pair by its name; a module's packages are imported when one of its pairs is wanted."""

from importlib import import_module

from benchmarks.public.description import PublicPair

MODULES = {
    "dipy_twins": ("histo_resdnn", "deepn4", "evac"),
    "keras_hub_images": (
        *("resnet18", "resnet50", "vgg11", "densenet", "efficientnet_b0", "vit", "timm_resnet18", "timm_resnet26"),
        *("timm_vgg11", "timm_efficientnet_b0", "timm_mobilenetv3", "timm_vit"),
    ),
    "keras_hub_texts": ("bert", "distilbert", "gpt2", "roberta", "hf_vit"),
    "keras_applications": (
        *("applications_resnet50", "applications_mobilenet_v2", "applications_densenet", "applications_vgg16"),
        "applications_efficientnet_b0",
    ),
    "layers": ("encoder_layer", "encoder", "lstm", "gru"),
}

NAMES = tuple(name for names in MODULES.values() for name in names)


def find(name: str) -> PublicPair:
    """Import the pair of that name."""
    (module,) = (module for module, names in MODULES.items() if name in names)
    return getattr(import_module(f"benchmarks.public.{module}"), name)
