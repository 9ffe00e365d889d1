import time

import numpy as np
import pytest
from scipy.stats import ks_2samp, norm
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity

from tractography.errors import GenerationError
from tractography.generating.densities import BANDWIDTHS, cross_validated_bandwidth, fit_density, silverman_bandwidth


@pytest.fixture
def seeds():
    return np.random.default_rng(3).normal(0, 40, (60, 32))


@pytest.mark.parametrize("bandwidth", [0.025, 1.0, 12.5])
def test_log_densities_are_scikit_learns(seeds, bandwidth):
    codes = np.random.default_rng(4).normal(0, 40, (500, 32))
    expected = KernelDensity(bandwidth=bandwidth, rtol=0, atol=0).fit(seeds).score_samples(codes)
    found = fit_density(seeds, bandwidth).log_density(codes)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_log_densities_stay_finite_where_the_density_is_below_float64(seeds):
    found = fit_density(seeds.astype(np.float32), 1.0).log_density(np.full((2, 32), 1e4))
    assert np.isfinite(found).all()
    assert (found < -1e6).all()


def test_blocks_of_codes_and_no_codes_give_the_same_as_all_at_once(seeds, monkeypatch):
    density = fit_density(seeds, 12.0)
    whole = density.log_density(seeds)
    monkeypatch.setattr("tractography.generating.densities.BLOCK", 130)
    np.testing.assert_array_equal(density.log_density(seeds), whole)
    assert density.log_density(np.empty((0, 32))).shape == (0,)


def test_draws_follow_the_density():
    seeds = np.array([[-3.0, 0.0], [5.0, 1.0], [6.0, 8.0]])
    density = fit_density(seeds, 0.7)
    drawn = density.draw(4000, np.random.default_rng(1))
    for axis in range(2):
        picked = np.random.default_rng(2).choice(seeds[:, axis], 4000)
        expected = norm.rvs(picked, 0.7, random_state=3)
        assert ks_2samp(drawn[:, axis], expected).pvalue > 0.01


def test_silvermans_rule_takes_all_latent_values_as_one_sample(seeds):
    values = np.sort(seeds.ravel())
    spread = min(np.std(values, ddof=1), (np.quantile(values, 0.75) - np.quantile(values, 0.25)) / 1.3489795)
    assert silverman_bandwidth(seeds) == pytest.approx(0.9 * spread * (60 * 32) ** (-1 / 5), rel=1e-14)
    assert silverman_bandwidth(10 * seeds) == pytest.approx(10 * silverman_bandwidth(seeds))


@pytest.mark.parametrize("scale", [0.2, 1.0, 3.0])
def test_cross_validation_chooses_what_scikit_learns_grid_search_chooses(scale):
    seeds = np.random.default_rng(5).normal(0, scale, (53, 4))
    search = GridSearchCV(KernelDensity(rtol=0, atol=0), {"bandwidth": BANDWIDTHS}, cv=5).fit(seeds)
    assert cross_validated_bandwidth(seeds) == search.best_params_["bandwidth"]


def test_cross_validation_over_a_thousand_codes_takes_seconds():
    seeds = np.random.default_rng(6).normal(0, 1, (1000, 32))
    started = time.perf_counter()
    assert cross_validated_bandwidth(seeds) in BANDWIDTHS
    assert time.perf_counter() - started < 20


@pytest.mark.parametrize(
    ("seeds", "bandwidth", "words"),
    [
        (np.empty((0, 32)), "silverman", "No seeds: latent codes of shape \\(0, 32\\)"),
        (np.ones((9, 4)), "silverman", "All 9 seeds are identical"),
        (np.ones((9, 4)), "cross-validated", "All 9 seeds are identical"),
        (np.eye(9), "silverman", "gives a bandwidth of 0"),
        (np.eye(4), "cross-validated", "needs 5 seeds at least, there are 4"),
        (np.array([[1.0, np.nan], [0, 0]]), 1.0, "1 of 2 seeds are not finite, the first is number 0"),
        (np.eye(4), 0.0, "must be above 0: the density would be singular"),
        (np.eye(4), float("nan"), "must be above 0"),
        (np.eye(4), "scott", "must be a number or one of silverman, cross-validated"),
    ],
)
def test_seeds_and_bandwidths_that_make_no_density_are_refused(seeds, bandwidth, words):
    with pytest.raises(GenerationError, match=words):
        fit_density(seeds, bandwidth)


def test_a_single_seed_makes_a_density_with_a_given_bandwidth():
    density = fit_density(np.zeros((1, 3)), 2.0)
    assert density.log_density(np.zeros((1, 3)))[0] == pytest.approx(3 * norm.logpdf(0, 0, 2))
