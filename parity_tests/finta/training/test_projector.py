"""TensorBoard's projector opens on the newest latent codes, in the colours of their classes."""

import re

import numpy as np
import pytest
from matplotlib.image import imread

from finta.pages.colours import colour_classes
from finta.training.projector import SQUARE, write_codes

CLASSES = ["AF_L", "CST_R", "AF_L", "CC\tForceps", "CST_R"]
CODES = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)


def entries(folder):
    """What the projector lists, in the order in which its page sorts it: the first is shown."""
    content = (folder / "projector_config.pbtxt").read_text()
    found = []
    for entry in re.findall(r"embeddings \{(.*?)\n\}", content, re.DOTALL):
        values = dict(re.findall(r'(\w+): "(.*)"', entry))
        assert re.findall(r"single_image_dim: (\d+)", entry) == [str(SQUARE)] * 2
        rows = len(np.loadtxt(folder / values["tensor_path"]))
        found.append((not values.get("metadata_path"), -rows, values["tensor_name"], values))
    return [values for *_, values in sorted(found, key=lambda held: held[:3])]


@pytest.fixture
def folder(tmp_path):
    for step in (200, 1000, 90_000, 100_000):
        write_codes(tmp_path, step, CODES + step, CLASSES)
    return tmp_path


def test_the_newest_codes_come_first_and_the_others_behind(folder):
    listed = entries(folder)
    assert [int(re.search(r"step (\d+)", entry["tensor_name"])[1]) for entry in listed] == [100_000, 200, 1000, 90_000]
    np.testing.assert_allclose(np.loadtxt(folder / listed[0]["tensor_path"]), CODES + 100_000, rtol=1e-6)


def test_codes_of_steps_that_are_taken_anew_are_listed_no_more(folder):
    write_codes(folder, 1000, CODES, CLASSES)
    listed = entries(folder)
    assert [entry["tensor_path"].split("/")[0] for entry in listed] == ["000001000", "000000200"]


def test_every_point_has_the_name_and_the_colour_of_its_class(folder):
    (newest, *_) = entries(folder)
    assert (folder / newest["metadata_path"]).read_text().splitlines() == [
        "AF_L",
        "CST_R",
        "AF_L",
        "CC Forceps",
        "CST_R",
    ]
    squares = imread(folder / newest["image_path"])[..., :3]
    assert squares.shape == (3 * SQUARE, 3 * SQUARE, 3)
    colours = [
        squares[row * SQUARE : (row + 1) * SQUARE, column * SQUARE : (column + 1) * SQUARE].reshape(-1, 3)
        for row, column in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1))
    ]
    assert all(len(np.unique(colour, axis=0)) == 1 for colour in colours)
    wanted = colour_classes(3)[[0, 2, 0, 1, 2]]
    np.testing.assert_allclose([colour[0] for colour in colours], wanted, atol=1 / 255)
