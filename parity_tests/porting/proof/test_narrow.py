"""Where the backend has no float64 for something, models that part are located in float32."""

import keras
import torch
from keras import layers
from torch import nn
from torch.nn import functional

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert

IMAGES = "sample channel row column -> sample row column channel"


class Enlarged(nn.Module):
    def __init__(self, *, aligned):
        super().__init__()
        self.a, self.b, self.aligned = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 2, 1), aligned

    def forward(self, images):
        hidden = torch.relu(self.a(images))
        return self.b(functional.interpolate(hidden, scale_factor=2, mode="bilinear", align_corners=self.aligned))


def enlarged():
    images = keras.Input((6, 6, 3))
    hidden = layers.Conv2D(4, 3, padding="same", activation="relu", name="a")(images)
    return keras.Model(images, layers.Conv2D(2, 1, name="b")(layers.Resizing(12, 12, antialias=True)(hidden)))


def report_of(tmp_path, *, aligned):
    pair = ModelPair(
        name="narrow",
        reference=lambda: Enlarged(aligned=aligned),
        port=enlarged,
        inputs=(IMAGES,),
        outputs={"images": IMAGES},
        input_shapes=((6, 6, 3),),
    )
    path = saved(Enlarged(aligned=aligned), tmp_path)
    return convert(path, tmp_path / "port", pair=pair, keep_failed=True).report


def test_corners_that_are_not_aligned_are_located_and_named(tmp_path):
    report = report_of(tmp_path, aligned=True)
    assert report.verdict is Status.FAIL
    ((place, cause),) = [(held, cause) for held in report.divergences for cause in held.causes]
    assert (place.reference, place.where, place.before) == ("b", "between", "a")
    assert (cause.name, cause.detail) == ("resizing of another kind", "bilinear without aligned corners")


def test_a_right_port_is_located_nowhere(tmp_path):
    report = report_of(tmp_path, aligned=False)
    assert report.verdict in (Status.PASS, Status.NOT_CHECKED)
    assert not report.divergences
