import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
import torch

from tractography.errors import GenerationError
from tractography.generating.anatomy import Anatomy, keep_plausible
from tractography.generating.densities import fit_density
from tractography.generating.generation import Settings, generate
from tractography.generating.seeds import choose_seeds, encode_both_orders, generator_for
from tractography.generating.volumes import read_mask

DIRECTIONS = np.random.default_rng(11).normal(0, 1, (6, 40, 3)).cumsum(axis=1) / 12
LINE = np.linspace((-25, 0, 0), (25, 6, 0), 40)


def generate_from(bundle, seeds, decode, anatomy, settings, *told):
    return generate(bundle, fit_density(seeds, settings.bandwidth), decode, anatomy, settings, *told)


def decode(codes):
    """Lines of 50 mm that latent codes of six numbers bend and move."""
    assert codes.dtype == np.float32
    return (LINE + np.tensordot(codes, DIRECTIONS, 1)).astype(np.float32)


@pytest.fixture
def seeds():
    return np.random.default_rng(1).normal(0, 4, (40, 6)).astype(np.float32)


@pytest.fixture
def anatomy(tmp_path):
    """White matter in the middle of what the seeds decode to."""
    voxels = np.zeros((40, 40, 40), np.uint8)
    voxels[5:35, 15:25, 15:25] = 1
    affine = np.diag([2.0, 2, 2, 1])
    affine[:3, 3] = -40
    nib.save(nib.Nifti1Image(voxels, affine), tmp_path / "wm.nii")
    return Anatomy(read_mask(tmp_path / "wm.nii"))


PLAIN = Settings(50, "plain", bandwidth=1.0, draws=60)
REJECTION = Settings(50, "rejection", bandwidth=2.0, draws=300)


@pytest.mark.parametrize("settings", [PLAIN, REJECTION], ids=lambda settings: settings.mode)
def test_the_wanted_number_has_passed_all_filters_and_is_decoded_from_its_latent_codes(seeds, anatomy, settings):
    made = generate_from("AF_L", seeds, decode, anatomy, settings)
    assert made.streamlines.shape == (50, 40, 3)
    again = keep_plausible(decode(made.latent_codes), anatomy)
    np.testing.assert_array_equal(again.streamlines, made.streamlines)
    assert made.round_numbers.tolist() == sorted(made.round_numbers)


@pytest.mark.parametrize("settings", [PLAIN, REJECTION], ids=lambda settings: settings.mode)
def test_counts_add_up_in_each_round(seeds, anatomy, settings):
    told = []
    made = generate_from("AF_L", seeds, decode, anatomy, settings, told.append)
    assert tuple(told) == made.rounds
    for number, past in enumerate(made.rounds, start=1):
        assert past.number == number
        assert past.drawn == settings.draws
        assert past.decoded == past.kept + sum(past.removed.values())
        assert past.decoded == past.accepted <= past.drawn
    assert made.removed["inside"] > 0
    assert made.kept >= 50
    assert sum(past.kept for past in made.rounds[:-1]) < 50
    assert (made.acceptance_rate == 1) == (settings.mode == "plain")


def test_those_wanted_are_the_first_of_all_that_passed(seeds, anatomy):
    few = generate_from("AF_L", seeds, decode, anatomy, Settings(7, "plain", bandwidth=1.0, draws=60))
    many = generate_from("AF_L", seeds, decode, anatomy, PLAIN)
    np.testing.assert_array_equal(few.streamlines, many.streamlines[:7])
    assert few.kept > 7


def test_no_more_is_decoded_than_is_needed_and_it_is_the_same(seeds, anatomy):
    counts = []

    def counting(codes):
        counts.append(len(codes))
        return decode(codes)

    many = Settings(300, "plain", bandwidth=1.0, draws=5000)
    made = generate_from("AF_L", seeds, counting, anatomy, many)
    (past,) = made.rounds
    assert counts == [300, 300]
    assert (past.accepted, past.decoded) == (5000, 600)
    whole = keep_plausible(
        decode(fit_density(seeds, 1.0).draw(5000, generator_for(0, "AF_L", 1)).astype("f4")), anatomy
    )
    np.testing.assert_array_equal(made.streamlines, whole.streamlines[:300])


def test_the_record_says_what_was_chosen(seeds, anatomy):
    made = generate_from("AF_L", seeds, decode, anatomy, Settings(400, "rejection", 2.0, draws=3000))
    assert (made.bandwidth, made.components, made.seed_count) == (2.0, 11, 40)
    assert np.exp(-made.log_scale) == pytest.approx(made.acceptance_rate, rel=0.3)
    plain = generate_from("AF_L", seeds, decode, anatomy, PLAIN)
    assert plain.components == 0
    assert np.isnan(plain.log_scale)


@pytest.mark.parametrize("settings", [PLAIN, REJECTION], ids=lambda settings: settings.mode)
def test_the_same_seed_gives_the_same_and_another_seed_other_streamlines(seeds, anatomy, settings):
    first, second = (generate_from("AF_L", seeds, decode, anatomy, settings) for _ in range(2))
    np.testing.assert_array_equal(first.latent_codes, second.latent_codes)
    other = generate_from("AF_L", seeds, decode, anatomy, Settings(50, settings.mode, 2.0, draws=3000, seed=1))
    assert not np.isin(other.latent_codes, first.latent_codes).any()


@pytest.mark.parametrize("settings", [PLAIN, REJECTION], ids=lambda settings: settings.mode)
def test_bundles_and_rounds_draw_numbers_of_their_own(seeds, anatomy, settings):
    left, right = (generate_from(name, seeds, decode, anatomy, settings) for name in ("AF_L", "AF_R"))
    assert not np.isin(left.latent_codes, right.latent_codes).any()
    settings = Settings(200, settings.mode, settings.bandwidth, draws=settings.draws)
    made = generate_from("AF_L", seeds, decode, anatomy, settings)
    assert len(made.rounds) > 2
    assert len(np.unique(made.latent_codes, axis=0)) == len(made.latent_codes)


def test_what_precedes_the_rounds_draws_numbers_of_its_own():
    places = [("a", 0, 0), ("a", 0, 1), ("a", 1, 0), ("a", 2, 0), ("b", 0, 0), ("b", 1, 0)]
    drawn = [generator_for(7, *place).random() for place in places]
    assert len(set(drawn)) == len(places)


def test_every_process_draws_the_same_numbers():
    code = "from tractography.generating.seeds import generator_for; print(generator_for(3, 'CST_R', 2).random())"
    done = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert float(done[0]) == float(done[1]) == generator_for(3, "CST_R", 2).random()


def test_the_greatest_number_of_draws_ends_it_and_is_noted(seeds, anatomy):
    made = generate_from("AF_L", seeds, decode, anatomy, Settings(500, "plain", 1.0, draws=60, max_sampled=150))
    assert [past.drawn for past in made.rounds] == [60, 60, 30]
    assert len(made.streamlines) == made.kept < 150
    assert made.notes == (f"{made.kept} of 500 streamlines after 150 draws, the most allowed",)


def test_nothing_accepted_is_an_empty_result_and_not_an_error(seeds, anatomy):
    settings = Settings(5, "rejection", 0.05, proposal="normal", draws=100, max_sampled=300)
    made = generate_from("AF_L", seeds, decode, anatomy, settings)
    assert made.streamlines.shape == (0, 40, 3)
    assert made.acceptance_rate == 0
    assert made.notes[0].startswith("the proposal accepts about 1 draw in")


def test_a_bandwidth_at_the_end_of_the_grid_is_noted(seeds, anatomy):
    settings = Settings(5, "plain", "cross-validated", draws=60)
    made = generate_from("AF_L", seeds * 100, lambda codes: decode(codes / 100), anatomy, settings)
    assert made.notes[0].startswith("cross-validation chose the last bandwidth of its grid, 2.72")


@pytest.mark.parametrize(
    ("counts", "ratio", "most", "expected"),
    [
        ((40, 400), (0.5, 0.5), 1000, (40, 40)),
        ((40, 400), (0.1, 0.9), 1000, (40, 360)),
        ((40, 400), (0.1, 0.9), 100, (10, 90)),
        ((40, 400), (1, 0), 1000, (40, 0)),
        ((40, 400), (0, 1), 1000, (0, 400)),
        ((40, 400), (0.5, 0.5), 3, (2, 1)),
        ((40, 0), (1.0, 0.0), 10, (10, 0)),
    ],
)
def test_seeds_are_mixed_by_the_ratio_as_many_as_it_allows(counts, ratio, most, expected):
    rows = choose_seeds(*counts, ratio, most, generator_for(0, "AF_L", 0))
    assert ((rows < counts[0]).sum(), (rows >= counts[0]).sum()) == expected
    assert len(np.unique(rows)) == len(rows)
    assert max(rows) < sum(counts)
    assert rows.tolist() != sorted(rows)


def test_which_seeds_are_left_out_is_drawn():
    first, second = (choose_seeds(100, 0, (1.0, 0.0), 20, generator_for(0, name, 0)) for name in ("AF_L", "AF_R"))
    assert set(first) != set(second)
    assert max(first.max(), second.max()) > 80


@pytest.mark.parametrize(
    ("counts", "ratio", "words"),
    [
        ((4, 4), (0.5, 0.4), "must be two shares that sum to 1"),
        ((4, 4), (1.5, -0.5), "must be two shares that sum to 1"),
        ((4, 4), (1.0,), "must be two shares that sum to 1"),
        ((0, 4), (0.5, 0.5), "Zero seeds of the subject"),
        ((4, 0), (0.5, 0.5), "Zero seeds of the atlas"),
    ],
)
def test_ratios_that_cannot_be_kept_are_refused(counts, ratio, words):
    with pytest.raises(GenerationError, match=words):
        choose_seeds(*counts, ratio, 10, generator_for(0, "AF_L", 0))


def test_an_atlas_is_encoded_in_both_orders_of_its_points():
    lines = np.random.default_rng(0).normal(size=(3, 5, 3))
    codes = encode_both_orders(lines, lambda given: given[:, 0])
    np.testing.assert_array_equal(codes, np.concatenate([lines[:, 0], lines[:, -1]]))


def test_both_orders_can_be_encoded_by_torch_which_takes_no_reversed_views():
    lines = np.random.default_rng(0).normal(size=(3, 5, 3))
    codes = encode_both_orders(lines, lambda given: torch.from_numpy(given)[:, 0].numpy())
    np.testing.assert_array_equal(codes[3:], lines[:, -1])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"number": 0}, "number is 0, it must be at least 1"),
        ({"number": 5, "max_sampled": 0}, "max_sampled is 0"),
        ({"number": 5, "seed": -1}, "seed is -1, it must be at least 0"),
        ({"number": 5, "mode": "fast"}, "The mode is 'fast', it must be one of plain, rejection"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(GenerationError, match=words):
        Settings(**settings)
