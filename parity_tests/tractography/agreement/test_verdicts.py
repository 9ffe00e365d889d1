"""What sampling's filters make of two decoders' draws: differences are named, and explained by rounding or not."""

import re
from collections import Counter

import numpy as np
import pytest

from tractography.agreement.verdicts import compare_filtered, filter_draws
from tractography.generating.anatomy import Anatomy
from tractography.generating.volumes import Mask, Peaks, Space

TURN = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]]) @ np.diag([-2, 2.5, 3])
SPACE = Space(
    "image", np.block([[TURN, np.array([[40], [-60], [-10]])], [np.zeros((1, 3)), np.ones((1, 1))]]), (40,) * 3
)
MOVE = 0.05


@pytest.fixture(scope="module")
def anatomy():
    """White matter with holes in it, two peaks a voxel around one axis, none here and there."""
    generator = np.random.default_rng(0)
    voxels = generator.random(SPACE.shape) < 0.98
    voxels[:5] = voxels[35:] = False
    directions = generator.normal((0, 0, 1), 0.25, (*SPACE.shape, 2, 3))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    directions[generator.random(SPACE.shape) < 0.1] = 0
    return Anatomy(Mask(SPACE, voxels), Peaks(SPACE, directions.astype(np.float32)), max_angle=22, lengths=(50, 65))


def drawn(count, generator):
    """Wavy streamlines through the middle of the image, some out of it, mostly along one axis; RAS+ mm."""
    middles, lengths = generator.uniform(3, 37, (count, 1, 2)), generator.uniform(13, 26, (count, 1, 1))
    along = 20 + lengths * np.linspace(-0.5, 0.5, 64)[None, :, None] + generator.uniform(-6, 6, (count, 1, 1))
    waves = generator.uniform(0, 1.5, (count, 1, 2)) * np.sin(along / 4 + generator.uniform(0, 6, (count, 1, 2)))
    voxels = np.concatenate([middles + waves, along], axis=2)
    return (voxels @ SPACE.affine[:3, :3].T + SPACE.affine[:3, 3]).astype(np.float32)


def moved(lines, reach, generator):
    """Each point moves by its reach at most, many by all of it, and straight towards a voxel's face or anywhere."""
    directions = generator.normal(size=lines.shape)
    normals = np.linalg.inv(SPACE.affine[:3, :3])[generator.integers(0, 3, lines.shape[:-1])]
    directions = np.where(
        generator.random((*lines.shape[:-1], 1)) < 0.5, directions, np.sign(directions[..., :1]) * normals
    )
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    far = np.minimum(generator.uniform(0, 2, lines.shape[:-1]), 1) * reach
    return lines + far[..., None] * directions


def test_every_difference_of_draws_that_lie_within_rounding_is_named_and_explained(anatomy):
    generator = np.random.default_rng(3)
    lines = drawn(2000, generator)
    port = moved(lines, 0.9 * MOVE, generator).astype(np.float32)
    found = compare_filtered(filter_draws(lines, anatomy), filter_draws(port, anatomy), MOVE)
    assert found.agree + len(found.disagreements) == sum(found.reference.values()) == sum(found.port.values()) == 2000
    assert min(found.reference[name] for name in ("kept", "cut", "inside", "orientation", "length")) > 100
    deciding = Counter(held.reference.split(": ")[1].split()[0] for held in found.disagreements)
    assert set(deciding) == {"cut", "inside", "orientation", "length"}
    assert all(held.what == "filter" and held.is_explained for held in found.disagreements)
    apart = compare_filtered(filter_draws(lines, anatomy), filter_draws(port, anatomy), 0.8 * MOVE)
    assert [held.row for held in apart.disagreements] == [held.row for held in found.disagreements]
    assert not any(held.is_explained for held in apart.disagreements)


def straight(*lengths):
    """Streamlines of these lengths in mm, (streamline, point, coordinate)."""
    along = np.linspace(0, 1, 64)[None, :, None] * np.array(lengths)[:, None, None]
    return (along * (1, 0, 0)).astype(np.float32)


def test_a_length_on_the_limit_is_listed_with_it_and_with_how_far_the_points_are_apart():
    reference, port = straight(20.00001, 30, 250), straight(19.99999, 30, 250)
    found = compare_filtered(filter_draws(reference, Anatomy()), filter_draws(port, Anatomy()), 1e-4)
    (held,) = found.disagreements
    assert (held.row, held.what, held.unit, held.is_explained) == (0, "filter", "mm", True)
    assert (held.margin, held.rounding) == (pytest.approx(2e-5, rel=0.1), 1e-4)
    assert re.fullmatch(r"kept: length 20\.0000\d+ mm, limit 20", held.reference)
    assert re.fullmatch(r"removed by length: length 19\.9999\d+ mm, limit 20", held.port)
    assert (found.agree, found.reference["kept"], found.port["kept"]) == (2, 2, 1)
    assert (found.reference["length"], found.port["length"]) == (1, 2)


def test_a_length_that_a_point_on_the_masks_face_cuts_is_that_of_the_cut_streamline():
    space = Space("mask", np.eye(4), (80, 3, 3))
    anatomy = Anatomy(
        Mask(space, np.ones(space.shape, bool) & (np.arange(80) <= 40)[:, None, None]), lengths=(39.5, 220)
    )
    places = np.arange(64) + 0.4999
    reference, port = (np.stack([places + moved, *np.ones((2, 64))], axis=1)[None] for moved in (0, 0.0002))
    found = compare_filtered(filter_draws(reference, anatomy), filter_draws(port, anatomy), 0.001)
    (held,) = found.disagreements
    lengths = [
        float(re.search(r": length ([\d.]+) mm, limit 39.5$", words)[1]) for words in (held.reference, held.port)
    ]
    assert lengths == pytest.approx([40, 39], abs=1e-3)
    assert held.is_explained


def test_draws_half_a_millimetre_apart_are_not_explained(anatomy):
    lines = drawn(300, np.random.default_rng(5))
    port = lines + np.float32(0.5)
    found = compare_filtered(filter_draws(lines, anatomy), filter_draws(port, anatomy), 1e-4).disagreements
    assert len(found) > 10
    assert not any(held.is_explained for held in found)


def test_a_draw_that_is_finite_on_one_side_only_is_not_explained():
    reference, port = straight(30, 40), straight(30, 40)
    port[1, 5] = np.nan
    (held,) = compare_filtered(filter_draws(reference, Anatomy()), filter_draws(port, Anatomy()), np.inf).disagreements
    assert (held.row, held.reference, held.port) == (1, "kept", "removed by finite")
    assert (held.margin, held.is_explained) == (np.inf, False)
