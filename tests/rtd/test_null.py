import numpy as np
import pytest
import torch

from rtd.divergence import rtd
from rtd.lite import rtd_lite
from rtd.metrics import DegenerateError, distances
from rtd.null import Null, Subsampling, permutation_null, rtd_lite_statistic, rtd_statistic, srtd_statistic, subsampling


def correlated(n: int = 40, noise: float = 0.5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, 10))
    return x, x + noise * draw.normal(size=x.shape)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_value_is_that_of_the_divergence() -> None:
    x, y = correlated()
    assert permutation_null(x, y, permutations=1).value == rtd(x, y).value
    assert permutation_null(x, y, permutations=1, statistic=rtd_lite_statistic).value == pytest.approx(rtd_lite(x, y).value, rel=1e-12)


def test_permuted_values_are_those_of_permuted_samples() -> None:
    x, y = correlated()
    null = permutation_null(x, y, permutations=3, generator=generator())
    draws = generator()
    for value in null.permuted:
        order = torch.randperm(40, generator=draws).numpy()
        assert value == pytest.approx(rtd(x, y[order]).value, rel=1e-12)


def test_corresponding_samples_are_told_from_chance() -> None:
    null = permutation_null(*correlated(), permutations=99)
    assert null.p == 0.01
    assert null.value < null.mean - 3 * null.sd
    assert null.relative < 0.8


@pytest.mark.slow
def test_unrelated_samples_are_chance_and_p_is_uniform() -> None:
    draw = np.random.default_rng(0)
    nulls = [permutation_null(draw.normal(size=(12, 4)), draw.normal(size=(12, 4)), permutations=9) for _ in range(40)]
    p = np.array([null.p for null in nulls])
    # Of 40 uniform values of 1/10 ... 10/10, 20 ± 3.2 are at most a half and 4 ± 1.9 at most a tenth.
    assert 10 <= (p <= 0.5).sum() <= 30
    assert (p <= 0.1).sum() <= 10
    assert np.mean([null.relative for null in nulls]) == pytest.approx(1, abs=0.1)


def test_equal_representations_have_the_least_p_and_value_zero() -> None:
    x, _ = correlated()
    null = permutation_null(x, x, permutations=19)
    assert (null.value, null.relative, null.p) == (0, 0, 0.05)


def test_ties_with_chance_count_against_the_value() -> None:
    null = Null(1.0, np.array([1.0, 1.0 + 1e-15, 2.0, 0.5]), 10)
    assert null.p == 4 / 5


def test_the_same_generator_gives_the_same_null_and_another_one_does_not() -> None:
    x, y = correlated()
    first, again, other = (permutation_null(x, y, permutations=3, generator=generator(k)).permuted.tolist() for k in (0, 0, 1))
    assert first == again == permutation_null(x, y, permutations=3).permuted.tolist()
    assert first != other


@pytest.mark.parametrize("statistic", [rtd_statistic, rtd_lite_statistic, srtd_statistic])
def test_statistics_are_symmetric_in_the_two_representations(statistic) -> None:
    x, y = correlated()
    assert permutation_null(x, y, permutations=1, statistic=statistic).value == pytest.approx(
        permutation_null(y, x, permutations=1, statistic=statistic).value, rel=1e-12
    )


def test_distances_can_be_given() -> None:
    x, y = correlated()
    given = permutation_null(distances(x), distances(y), permutations=3, metric="precomputed")
    assert given.permuted.tolist() == permutation_null(x, y, permutations=3).permuted.tolist()


def test_one_permutation_has_no_spread() -> None:
    null = permutation_null(*correlated(), permutations=1)
    assert null.sd is None
    assert "1 permutations" in repr(null)


def test_equal_distances_everywhere_leave_no_scale() -> None:
    with pytest.raises(ValueError, match="0 however the samples are matched"):
        _ = permutation_null(np.eye(10), np.eye(10), permutations=2).relative


def test_no_permutations_are_refused() -> None:
    with pytest.raises(ValueError, match="permutations must be a whole number of at least 1"):
        permutation_null(*correlated(), permutations=0)


def test_a_collapsed_cloud_is_refused_by_name() -> None:
    with pytest.raises(DegenerateError, match=r"y: the 0.9 quantile of the distances is 0"):
        permutation_null(correlated()[0], np.zeros((40, 3)))


@pytest.mark.slow
def test_the_spread_of_sub_samples_foretells_that_of_new_data() -> None:
    new = [rtd(*correlated(20, seed=seed)).value for seed in range(80)]
    found = [subsampling(*correlated(60, seed=1000 + seed), batch=20, trials=15, generator=generator(seed)) for seed in range(16)]
    assert np.mean([one.sd for one in found]) == pytest.approx(np.std(new, ddof=1), rel=0.35)
    assert np.mean([one.interval()[0] < np.mean(new) < one.interval()[1] for one in found]) >= 0.85
    assert np.mean([one.error for one in found]) > np.std([one.value for one in found])


def test_a_sub_sampling_is_the_mean_of_its_trials() -> None:
    x, y = correlated()
    found = subsampling(x, y, batch=20, trials=5)
    assert found.per_trial == pytest.approx(rtd(x, y, batch=20, trials=5).per_trial.mean(1))
    assert found.value == pytest.approx(rtd(x, y, batch=20, trials=5).value)


def test_an_interval_is_wider_for_a_higher_level() -> None:
    found = Subsampling(np.array([1.0, 2.0, 3.0]), 10, 40)
    low, high = found.interval(0.95)
    assert (high - low) / 2 == pytest.approx(1.959964 * found.error)
    assert found.interval(0.5)[0] > low


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"batch": 40}, "of 40, take at most 20 at a time; got batch=40"),
        ({"batch": 10, "trials": 1}, "error bars need at least two trials"),
    ],
)
def test_sub_samples_that_say_nothing_are_refused(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        subsampling(*correlated(), **arguments)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_that_is_no_probability_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Subsampling(np.array([1.0, 2.0]), 10, 40).interval(level)
