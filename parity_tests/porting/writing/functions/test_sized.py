import keras
import numpy as np
import pytest
import torch
from keras import ops
from torch.nn import functional

from porting.writing import sized

LENGTHS = [(5, 5), (5, 10), (7, 3), (4, 9), (1, 3), (6, 1)]


def _model(function, *axes):
    """A model of a function whose inputs have no sizes, as a written port has them."""
    inputs = [keras.Input([None if free else size for size, free in shape]) for shape in axes]
    return keras.Model(inputs, function(*inputs))


def _images(rows, columns):
    return np.random.default_rng(0).standard_normal((2, rows, columns, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("resize", "mode", "align"),
    [
        ("linear", "bilinear", False),
        ("linear", "bilinear", True),
        ("cubic", "bicubic", False),
        ("cubic", "bicubic", True),
        ("nearest", "nearest", None),
    ],
)
def test_images_are_resized_to_any_size_as_torch_does(resize, mode, align):
    free = ((0, True), (0, True), (3, False))
    settings = {"align_corners": True} if align else {}

    def resized(x, like):
        for axis in (1, 2):
            places = sized.places_along(like, axis)
            x = getattr(sized, f"resize_{resize}_to")(x, places, axis, **settings)
        return x

    model = _model(resized, free, free)
    for old, new in LENGTHS:
        x, like = _images(old, old + 1), _images(new, new + 2)
        expected = functional.interpolate(
            torch.from_numpy(x).permute(0, 3, 1, 2), size=(new, new + 2), mode=mode, align_corners=align
        )
        made = ops.convert_to_numpy(model([x, like]))
        np.testing.assert_allclose(made, expected.permute(0, 2, 3, 1).numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["mean", "max"])
def test_any_length_is_pooled_to_so_many_windows_as_torch_does(kind):
    pool = functional.adaptive_avg_pool1d if kind == "mean" else functional.adaptive_max_pool1d
    model = _model(lambda x: sized.adaptive_pool_to(x, 3, 1, kind), ((0, True), (2, False)))
    for length in (1, 2, 3, 7, 12):
        x = np.random.default_rng(length).standard_normal((2, length, 2)).astype(np.float32)
        expected = pool(torch.from_numpy(x).transpose(1, 2), 3).transpose(1, 2)
        np.testing.assert_allclose(ops.convert_to_numpy(model([x])), expected.numpy(), rtol=1e-5, atol=1e-6)


def test_sizes_are_read_off_other_tensors():
    model = _model(
        sized.ReshapedLike((-1, (1,), (2, 2, 3), 4)),
        ((0, True), (4, False)),
        ((0, True), (0, True)),
    )
    assert model.output_shape == (None, None, None, 4)
    again = keras.Model.from_config(model.get_config())
    for rows, columns in ((2, 3), (5, 6)):
        x = np.arange(2 * rows * columns // 3 * 2 * 4, dtype=np.float32).reshape(2, -1, 4)
        like = np.zeros((2, rows, columns), np.float32)
        expected = x.reshape(2, rows, columns * 2 // 3, 4)
        assert all(np.array_equal(ops.convert_to_numpy(each([x, like])), expected) for each in (model, again))


def test_a_table_that_is_too_short_gives_no_more_than_it_has():
    model = _model(lambda x, like: sized.FirstOf(0, 1)(x[0], like) + like[0], ((5, False),), ((0, True),))
    table = np.arange(10, dtype=np.float32).reshape(2, 5)
    assert ops.convert_to_numpy(model([table, np.zeros((2, 3), np.float32)])).tolist() == [0, 1, 2]
    with pytest.raises(Exception, match=r"(?i)shape|size|broadcast|dimension"):
        model([table, np.zeros((2, 7), np.float32)])
