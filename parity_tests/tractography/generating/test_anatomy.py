import nibabel as nib
import numpy as np
import pytest

from tractography.errors import GenerationError
from tractography.generating.anatomy import (
    Anatomy,
    cut_to_mask,
    fraction_inside,
    keep_plausible,
    orientation_angles,
    streamline_lengths,
)
from tractography.generating.volumes import FA_THRESHOLD, check_same_space, read_mask, read_peaks

AFFINE = np.array([[-2.0, 0, 0, 40], [0, 2.5, 0, -60], [0, 0, 3, -10], [0, 0, 0, 1]])
SHAPE = (40, 50, 20)


def saved(path, values, affine=AFFINE):
    nib.save(nib.Nifti1Image(values, affine), path)
    return path


def millimetres(voxels, affine=AFFINE):
    return nib.affines.apply_affine(affine, voxels)


def straight(start, stop, count=61):
    """Points from one voxel to another, in RAS+ mm."""
    return np.linspace(millimetres(np.array(start)), millimetres(np.array(stop)), count).astype(np.float32)


@pytest.fixture
def mask(tmp_path):
    """Voxels 10 to 29 along x are white matter."""
    voxels = np.zeros(SHAPE, np.uint8)
    voxels[10:30, 5:45, 5:15] = 7
    return read_mask(saved(tmp_path / "wm.nii.gz", voxels))


@pytest.fixture
def peaks(tmp_path):
    """Two peaks, x and the bisector of y and z, of other lengths; none where z is 12 or more."""
    values = np.zeros((*SHAPE, 2, 3), np.float32)
    values[..., :12, 0, :] = (0.3, 0, 0)
    values[..., :12, 1, :] = (0, -2, -2)
    return read_peaks(saved(tmp_path / "peaks.nii.gz", values.reshape(*SHAPE, 6)))


def test_points_are_looked_up_in_the_voxel_with_the_nearest_centre(mask):
    edge = millimetres(np.array([[9.51, 10, 10], [9.49, 10, 10], [29.49, 10, 10], [29.51, 10, 10]]))
    assert mask.contains(edge).tolist() == [True, False, True, False]
    outside = millimetres(np.array([[-0.6, 10, 10], [20, 10, 1e9], [20, 49.6, 10]]))
    assert not mask.contains(outside).any()
    assert not mask.contains(np.array([np.nan, 0, 0])).any()


def test_points_outside_the_volume_are_outside_a_mask_that_fills_it(tmp_path):
    whole = read_mask(saved(tmp_path / "whole.nii", np.ones(SHAPE, np.uint8)))
    voxels = np.array([[0, 0, 0], [39, 49, 19], [-1, 0, 0], [0, 50, 0], [0, 0, np.nan], [0, 0, 1e12]])
    assert whole.contains(millimetres(voxels)).tolist() == [True, True, False, False, False, False]


def test_lookups_agree_with_nibabel_under_a_rotated_affine(tmp_path):
    turn = nib.eulerangles.euler2mat(0.3, -0.4, 1.1)
    affine = nib.affines.from_matvec(turn @ np.diag([1.5, 2, 2.5]), (-20, 12, 5))
    values = (np.random.default_rng(1).random(SHAPE) > 0.5).astype(np.uint8)
    mask = read_mask(saved(tmp_path / "turned.nii", values, affine))
    voxels = np.random.default_rng(2).integers(0, SHAPE, (300, 3))
    points = millimetres(voxels + np.random.default_rng(3).uniform(-0.45, 0.45, (300, 3)), mask.space.affine)
    np.testing.assert_array_equal(mask.contains(points), values[tuple(voxels.T)] > 0)


def test_fa_is_white_matter_above_a_tenth(tmp_path):
    values = np.full(SHAPE, 0.1, np.float32)
    values[5] = 0.11
    mask = read_mask(saved(tmp_path / "fa.nii.gz", values), threshold=FA_THRESHOLD)
    assert mask.voxels.sum() == SHAPE[1] * SHAPE[2]


def test_streamlines_are_cut_to_the_mask_and_resampled_to_their_number_of_points(mask):
    whole, outside = straight((0, 20, 10), (39, 20, 10)), straight((2, 2, 10), (38, 2, 10))
    cut, kept = cut_to_mask(np.stack([whole, outside]), mask)
    assert kept.tolist() == [True, False]
    assert cut.shape == (1, 61, 3)
    inside = whole[mask.contains(whole)]
    np.testing.assert_allclose(cut[0][[0, -1]], inside[[0, -1]], atol=1e-4)
    np.testing.assert_allclose(np.diff(cut[0], axis=0), np.diff(cut[0][:2], axis=0).repeat(60, axis=0), atol=1e-4)


def test_a_gap_between_the_first_and_the_last_point_inside_is_not_cut_out(mask):
    line = np.concatenate([straight((5, 20, 10), (20, 20, 10)), straight((20, 2, 10), (20, 30, 10))])
    (cut,), _ = cut_to_mask(line[None], mask)
    assert 0.5 < fraction_inside(cut[None], mask)[0] < 0.95


def test_what_is_left_must_have_three_points_and_a_length(mask):
    def touching(count):
        line = straight((0, 2, 2), (5, 2, 2), 20)
        line[8 : 8 + count] = straight((20, 20, 10), (22, 20, 10), count)
        return line

    resting = np.broadcast_to(straight((20, 20, 10), (20, 20, 10), 20), (20, 3))
    _, kept = cut_to_mask(np.stack([touching(2), touching(3), resting]), mask)
    assert kept.tolist() == [False, True, False]


def test_angles_are_those_to_the_closest_peak_whichever_way_it_points(peaks):
    along = straight((10, 20, 8), (30, 20, 8))
    bisector = millimetres(np.array([20, 20, 6])) + np.linspace(0, 12, 61)[:, None] * (0, 1, 1)
    tilted = along + np.linspace(0, 40 * np.tan(np.radians(15)), 61)[:, None] * (0, 1, 0)
    lines = np.stack([along, along[::-1], bisector, tilted]).astype(np.float32)
    np.testing.assert_allclose(orientation_angles(lines, peaks), [0, 0, 0, 15], atol=0.05)


def test_the_angle_is_numpys_percentile_over_segments_that_have_a_length(peaks):
    generator = np.random.default_rng(0)
    line = (millimetres(np.array([20, 25, 5])) + generator.normal(0, 1, (40, 3)).cumsum(axis=0)).astype(np.float32)
    line[11:14] = line[10]
    segments = np.diff(line.astype(float), axis=0)
    segments = segments[np.linalg.norm(segments, axis=1) > 0]
    unit = segments / np.linalg.norm(segments, axis=1)[:, None]
    cosines = np.abs(unit @ np.array([[1, 0, 0], [0, 0.5**0.5, 0.5**0.5]]).T).max(axis=1)
    expected = np.percentile(np.degrees(np.arccos(cosines)), 75)
    assert len(segments) == 36
    assert orientation_angles(line[None], peaks)[0] == pytest.approx(expected, abs=1e-4)


def test_where_there_is_no_peak_or_no_voxel_or_no_length_the_angle_is_90(peaks):
    without, outside = straight((10, 20, 14), (30, 20, 14)), straight((50, 20, 8), (70, 20, 8))
    resting = straight((10, 20, 8), (10, 20, 8))
    assert orientation_angles(np.stack([without, outside, resting]), peaks).tolist() == [90, 90, 90]


def test_a_quarter_of_a_streamline_may_leave_the_peaks(peaks):
    line = straight((10, 20, 8), (30, 20, 8), 101)
    line[-20:, 2] = millimetres(np.array([0, 0, 14]))[2]
    assert orientation_angles(line[None], peaks)[0] == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("shape", [(*SHAPE, 6), (*SHAPE, 2, 3)])
def test_peaks_are_read_in_both_layouts_of_unit_length_and_nan_is_none(tmp_path, shape):
    values = np.zeros((*SHAPE, 2, 3), np.float32)
    values[..., 0, :], values[..., 1, :] = (3, 0, 4), np.nan
    directions = read_peaks(saved(tmp_path / "peaks.nii.gz", values.reshape(shape))).directions
    np.testing.assert_allclose(directions[3, 4, 5], [[0.6, 0, 0.8], [0, 0, 0]], atol=1e-6)


def test_peaks_in_the_frame_of_the_voxels_are_turned_into_that_of_the_world(tmp_path):
    values = np.zeros((*SHAPE, 3), np.float32)
    values[..., :] = (1, 1, 0)
    path = saved(tmp_path / "peaks.nii.gz", values)
    half = 0.5**0.5
    np.testing.assert_allclose(read_peaks(path).directions[0, 0, 0, 0], (half, half, 0), atol=1e-6)
    np.testing.assert_allclose(read_peaks(path, "voxel").directions[0, 0, 0, 0], (-half, half, 0), atol=1e-6)


def test_filters_run_in_the_published_order_and_count_what_each_removes(mask, peaks):
    across, short = straight((0, 20, 10), (39, 20, 10)), straight((18, 20, 10), (22, 20, 10))
    leaving = np.concatenate([straight((11, 20, 10), (14, 20, 10), 30), straight((14, 2, 10), (20, 10, 10), 31)])
    turned = straight((20, 6, 10), (20, 44, 10))
    nowhere, broken = straight((2, 2, 2), (30, 2, 2)), across.copy()
    broken[3] = np.inf
    kept = keep_plausible(np.stack([broken, nowhere, leaving, turned, short, across]), Anatomy(mask, peaks))
    assert list(kept.removed.items()) == [("finite", 1), ("cut", 1), ("inside", 1), ("orientation", 1), ("length", 1)]
    assert kept.rows.tolist() == [5]
    assert mask.contains(kept.streamlines).all()


def test_the_length_is_that_after_the_cut(mask):
    across = straight((0, 20, 10), (39, 20, 10))
    assert streamline_lengths(across[None])[0] == pytest.approx(78, rel=1e-5)
    limits = Anatomy(mask, lengths=(20, 50))
    assert len(keep_plausible(across[None], limits).rows) == 1
    assert keep_plausible(across[None], Anatomy(lengths=(20, 50))).removed["length"] == 1


def test_no_streamlines_pass_through_all_filters(mask, peaks):
    kept = keep_plausible(np.empty((0, 61, 3), np.float32), Anatomy(mask, peaks))
    assert kept.streamlines.shape == (0, 61, 3)
    assert set(kept.removed.values()) == {0}


def test_blocks_give_what_all_at_once_gives(mask, peaks, monkeypatch):
    generator = np.random.default_rng(0)
    lines = (
        straight((5, 20, 8), (35, 20, 8)) + generator.normal(0, 3, (50, 1, 3)) + generator.normal(0, 0.35, (50, 61, 3))
    )
    whole = keep_plausible(lines, Anatomy(mask, peaks, max_angle=40))
    monkeypatch.setattr("tractography.generating.anatomy._BLOCK", 7)
    parts = keep_plausible(lines, Anatomy(mask, peaks, max_angle=40))
    assert 0 < len(whole.rows) < 50
    np.testing.assert_array_equal(parts.streamlines, whole.streamlines)
    assert parts.removed == whole.removed


@pytest.mark.parametrize(
    ("shape", "affine", "words"),
    [
        (
            (40, 50, 21),
            AFFINE,
            r"other shapes.*\n.*wm.nii.gz   shape 40 x 50 x 20\n.*peaks.nii.gz   shape 40 x 50 x 21",
        ),
        (SHAPE, AFFINE + np.eye(4)[0][:, None] * np.eye(4)[3], r"other affines, corners up to 1 mm.*\n.*wm.*\n.*peaks"),
        (SHAPE, np.diag([2.0, 2.5, 3, 1]), "other affines"),
    ],
)
def test_a_mask_and_peaks_of_other_voxels_are_refused_by_both_names(mask, tmp_path, shape, affine, words):
    peaks = read_peaks(saved(tmp_path / "peaks.nii.gz", np.ones((*shape, 3), np.float32), affine))
    with pytest.raises(GenerationError, match=words):
        Anatomy(mask, peaks)


def test_the_rounding_of_a_stored_affine_is_no_difference(mask, tmp_path):
    other = read_mask(saved(tmp_path / "other.nii.gz", np.ones(SHAPE, np.uint8), AFFINE + 1e-7))
    check_same_space(mask.space, other.space)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.ones((4, 4)), "wm.nii has the shape .*a mask must have three dimensions"),
        (np.ones((4, 4, 4, 2)), "wm.nii has the shape .*a mask must have three dimensions"),
        (np.zeros((4, 4, 4)), "wm.nii has no voxel above 0"),
        (np.full((4, 4, 4), np.nan), "wm.nii holds NaN or infinite values"),
    ],
)
def test_images_that_are_no_masks_are_refused(values, words, tmp_path):
    with pytest.raises(GenerationError, match=words):
        read_mask(saved(tmp_path / "wm.nii", values.astype(np.float32)))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.ones((4, 4, 4)), "peaks.nii has the shape .*peaks must have"),
        (np.ones((4, 4, 4, 5)), "peaks.nii has the shape"),
        (np.zeros((4, 4, 4, 3)), "peaks.nii holds no peak"),
        (np.full((4, 4, 4, 3), np.inf), "peaks.nii holds infinite values"),
    ],
)
def test_images_that_are_no_peaks_are_refused(values, words, tmp_path):
    with pytest.raises(GenerationError, match=words):
        read_peaks(saved(tmp_path / "peaks.nii", values.astype(np.float32)))


def test_files_that_are_no_images_are_refused(tmp_path):
    with pytest.raises(GenerationError, match=r"No image at .*none.nii: no such file"):
        read_mask(tmp_path / "none.nii")
    (tmp_path / "text.nii").write_text("text")
    with pytest.raises(GenerationError, match=r"text.nii cannot be read as an image"):
        read_mask(tmp_path / "text.nii")


def test_limits_that_contradict_themselves_are_refused():
    with pytest.raises(GenerationError, match="Lengths from 50 to 20 mm: there is none"):
        Anatomy(lengths=(50, 20))
    with pytest.raises(GenerationError, match="The greatest angle is 120 degrees"):
        Anatomy(max_angle=120)
