import numpy as np
import pytest
from scipy.stats import ks_2samp, multivariate_normal
from sklearn.mixture import GaussianMixture

from tractography.errors import GenerationError
from tractography.generating.densities import fit_density
from tractography.generating.rejection import build_sampler


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def density():
    """Two clouds, one of them stretched."""
    seeds = np.concatenate([generator(1).normal(-6, 1, (20, 3)), generator(2).normal(4, (1, 3, 0.5), (20, 3))])
    return fit_density(seeds, 0.8)


@pytest.mark.parametrize("choices", [{"components": 4}, {"proposal": "normal"}, {"components": "bic"}])
def test_accepted_draws_follow_the_density(density, choices):
    sampler = build_sampler(density, generator(), **choices)
    accepted = sampler.draw(80_000, generator(3))
    expected = density.draw(20_000, generator(4))
    assert 800 < len(accepted) < 80_000
    directions = np.concatenate([np.eye(3), [[1, -1, 0], [1, 1, 1]]])
    for direction in directions:
        assert ks_2samp(accepted @ direction, expected @ direction).pvalue > 0.01


def test_the_acceptance_rate_is_what_the_scale_promises(density):
    sampler = build_sampler(density, generator(), components=4)
    accepted = sampler.draw(50_000, generator(3))
    assert len(accepted) / 50_000 == pytest.approx(np.exp(-sampler.log_scale), rel=0.1)


def test_the_proposals_logarithm_is_scipys(density):
    proposal = build_sampler(density, generator(), components=3).proposal
    codes = generator(5).normal(0, 8, (50, 3))
    parts = [
        weight * multivariate_normal(mean, factor @ factor.T).pdf(codes)
        for weight, mean, factor in zip(proposal.weights, proposal.means, proposal.factors, strict=True)
    ]
    np.testing.assert_allclose(proposal.log_density(codes), np.log(np.sum(parts, axis=0)), rtol=1e-10)


def test_the_proposal_draws_as_its_density_says(density):
    proposal = build_sampler(density, generator(), components=3).proposal
    drawn = proposal.draw(20_000, generator(6))
    mixture = GaussianMixture(3, random_state=1)
    mixture.weights_, mixture.means_ = proposal.weights, proposal.means
    mixture.covariances_ = proposal.factors @ proposal.factors.transpose(0, 2, 1)
    mixture.precisions_cholesky_ = np.linalg.inv(proposal.factors).transpose(0, 2, 1)
    expected, _ = mixture.sample(20_000)
    for axis in range(3):
        assert ks_2samp(drawn[:, axis], expected[:, axis]).pvalue > 0.01


def test_the_normal_has_the_seeds_mean_and_their_covariance_widened_by_the_kernels(density):
    proposal = build_sampler(density, generator(), proposal="normal").proposal
    np.testing.assert_allclose(proposal.means[0], density.seeds.mean(axis=0))
    covariance = np.cov(density.seeds.T, ddof=0) + 0.8**2 * np.eye(3)
    np.testing.assert_allclose(proposal.factors[0] @ proposal.factors[0].T, covariance, rtol=1e-9)


def test_the_scale_is_the_maximum_or_the_75th_percentile_of_the_ratios_at_the_seeds(density):
    samplers = {name: build_sampler(density, generator(), scale=name) for name in ("maximum", "percentile")}
    fitted = samplers["maximum"]
    ratios = np.sort(density.log_density(density.seeds) - fitted.proposal.log_density(density.seeds))
    assert fitted.log_scale == ratios[-1]
    assert ratios[28] <= samplers["percentile"].log_scale <= ratios[30]
    assert len(samplers["percentile"].draw(5000, generator(1))) > len(fitted.draw(5000, generator(1)))


def test_in_32_dimensions_few_seeds_give_a_finite_scale_and_draws():
    seeds = generator(7).normal(0, 30, (12, 32))
    sampler = build_sampler(fit_density(seeds, 15.0), generator(), components=6)
    accepted = sampler.draw(30_000, generator(1))
    assert np.isfinite(sampler.log_scale)
    assert len(accepted) > 100
    assert np.isfinite(accepted).all()


def test_the_same_generator_gives_the_same_draws(density):
    first, second = (build_sampler(density, generator(8)).draw(20_000, generator(9)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.isin(build_sampler(density, generator(8)).draw(20_000, generator(10)), first).any()


def test_components_are_capped_by_the_seeds_and_the_note_says_so():
    seeds = np.repeat(generator(1).normal(0, 3, (7, 3)), 4, axis=0)
    sampler = build_sampler(fit_density(seeds, 1.0), generator())
    assert len(sampler.proposal.weights) == 3
    assert sampler.notes == ("3 components instead of 11: 7 different seeds allow no more",)


@pytest.mark.parametrize("criterion", ["bic", "silhouette"])
def test_a_criterion_finds_two_clouds_that_are_far_apart(criterion):
    seeds = np.concatenate([generator(1).normal(-20, 1, (60, 2)), generator(2).normal(20, 1, (60, 2))])
    sampler = build_sampler(fit_density(seeds, 0.2), generator(), components=criterion)
    assert len(sampler.proposal.weights) == 2


def test_a_proposal_that_accepts_next_to_nothing_is_noted():
    seeds = generator(7).normal(0, 40, (60, 32))
    sampler = build_sampler(fit_density(seeds, 2.0), generator(), proposal="normal")
    (note,) = sampler.notes
    assert note.startswith("the proposal accepts about 1 draw in ")


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"proposal": "uniform"}, "The proposal is 'uniform', it must be one of mixture, normal"),
        ({"scale": "median"}, "The scale is 'median', it must be one of maximum, percentile"),
        ({"components": "aic"}, "The number of components is 'aic', it must be one of bic, silhouette"),
        ({"components": 0}, "The number of components is 0, it must be at least 1"),
    ],
)
def test_unknown_choices_are_refused(density, choices, words):
    with pytest.raises(GenerationError, match=words):
        build_sampler(density, generator(), **choices)


def test_identical_seeds_are_refused():
    with pytest.raises(GenerationError, match="needs two different seeds at least, of 9 there is 1"):
        build_sampler(fit_density(np.ones((9, 3)), 1.0), generator())
