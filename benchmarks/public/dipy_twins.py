"""DIPY's networks, which it has in PyTorch and in TensorFlow."""

import dipy.nn.tf.deepn4
import dipy.nn.tf.evac
import dipy.nn.tf.histo_resdnn
import dipy.nn.torch.deepn4
import dipy.nn.torch.evac
import dipy.nn.torch.histo_resdnn
import keras
import numpy as np

from benchmarks.public.description import public
from benchmarks.public.mended import with_epsilon
from porting import ModelPair, Probe

VOLUME = "sample channel plane row column -> sample plane row column channel"


@public("dipy.nn.torch", "dipy.nn.tf")
def histo_resdnn() -> ModelPair:
    """Six dense layers with a skip."""
    return ModelPair(
        name="histo_resdnn",
        reference=lambda: dipy.nn.torch.histo_resdnn.DenseModel(45, 45),
        port=lambda: dipy.nn.tf.histo_resdnn.HistoResDNN().model,
        input_shapes=((45,),),
    )


def volumes(*channels: int, side: int):
    """Draw two volumes, each input after the first at half the resolution of the one before."""

    def draw(sizes, file, count: int) -> Probe:
        generator = np.random.default_rng(0)
        shapes = [(2, *[side >> number] * 3, channel) for number, channel in enumerate(channels)]
        return Probe(tuple(generator.standard_normal(shape).astype("float32") for shape in shapes), "normal numbers")

    return draw


@public("dipy.nn.torch", "dipy.nn.tf", formats=("weights.h5",))
def deepn4() -> ModelPair:
    """A U-Net of 19 million parameters with instance normalisation."""
    return ModelPair(
        name="deepn4",
        reference=lambda: dipy.nn.torch.deepn4.UNet3D(1, 1),
        port=lambda: dipy.nn.tf.deepn4.UNet3D((16, 16, 16, 1)),
        inputs=(VOLUME,),
        outputs={"field": VOLUME},
        probe=volumes(1, side=16),
    )


class BrainMask(dipy.nn.torch.evac.Model):
    """The class that the TensorFlow twin returns."""

    def forward(self, **volumes):  # noqa: D102
        return super().forward(**volumes)[:, 0]


def smaller_evac():
    """The TensorFlow twin on volumes of 32 instead of 128 a side."""
    whole = dipy.nn.tf.evac.init_model(model_scale=2)
    inputs = {
        f"input_{number}": keras.Input((*[64 >> number] * 3, 1), name=f"input_{number}") for number in range(1, 6)
    }
    return keras.models.clone_model(whole, input_tensors=inputs, clone_function=lambda layer: layer)


@public(
    "dipy.nn.torch",
    "dipy.nn.tf",
    words=("1e-05", "0.001", "eps"),
    mend=with_epsilon(1e-3, "LayerNorm"),
    formats=("weights.h5",),
    adapters=(BrainMask,),
)
def evac() -> ModelPair:
    """EVAC+: a V-Net with layer normalisation."""
    names = ("inputs", "raw_input_2", "raw_input_3", "raw_input_4", "raw_input_5")
    return ModelPair(
        name="evac",
        reference=lambda: BrainMask(model_scale=2),
        port=smaller_evac,
        inputs={f"{name} -> input_{number}": VOLUME for number, name in enumerate(names, 1)},
        outputs={"mask": "... -> ..."},
        probe=volumes(1, 1, 1, 1, 1, side=32),
    )
