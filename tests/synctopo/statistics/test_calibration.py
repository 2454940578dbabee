"""Chance levels and intervals: valid by construction, and held to it."""

import numpy as np
import pytest

from synctopo.measures import MEASURES, Cloud
from synctopo.statistics.calibration import against, chance, interval

pytestmark = pytest.mark.smoke

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))
COUNTS = RNG.poisson(3.0, size=(30, 4)).astype(float)
MATCHED = [name for name, m in MEASURES.items() if m.matched]


def noisy(share: float, rng: np.random.Generator, n: int = 30) -> tuple[Cloud, Cloud]:
    x = rng.normal(size=(n, 4))
    return Cloud(x), Cloud((1 - share) * x + share * rng.normal(size=(n, 4)))


def test_p_counts_the_value_itself_and_ties():
    found = against(np.array([1.0, 2.0, 3.0, 4.0]), 2.0, closer="lower", identical=0.0)
    assert found.p == 3 / 5
    assert found.calibrated == pytest.approx(1 - 2 / 2.5)
    assert against(np.array([0.1, 0.2, 0.3]), 0.9, closer="higher", identical=1.0).p == 1 / 4


def test_where_chance_is_as_good_as_identity_there_is_no_calibrated_value():
    found = against(np.zeros(5), 0.0, closer="lower", identical=0.0)
    assert (found.p, found.calibrated, found.sd) == (1.0, None, 0.0)
    assert against(np.ones(1), 0.5, closer="lower", identical=0.0).sd is None


@pytest.mark.slow
@pytest.mark.parametrize("name", MATCHED)
def test_a_cloud_with_itself_is_1_and_as_unlikely_as_can_be(name):
    measure = MEASURES[name]
    a, again = Cloud(COUNTS), Cloud(COUNTS.copy())
    found = chance(measure, a, again, measure.of(a, again, 0).value, permutations=9)
    assert found.p == 1 / 10
    # what predicts by folds does not reach the end of its scale
    assert found.calibrated == pytest.approx(1, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("width", [8, 64, 512])
@pytest.mark.parametrize("name", MATCHED)
def test_unrelated_clouds_are_at_chance_whatever_their_width(name, width):
    measure = MEASURES[name]
    rng = np.random.default_rng(width)
    a, b = (Cloud(rng.poisson(3.0, size=(30, width)).astype(float)) for _ in range(2))
    try:
        value = measure.of(a, b, 0).value
    except ValueError as error:
        pytest.skip(f"no value at n = 30: {error}")
    found = chance(measure, a, b, value, permutations=20)
    assert abs(value - found.mean) <= 4 * found.sd + 1e-9


def test_the_null_of_a_measure_is_the_measure_of_clouds_in_another_order():
    a, b = noisy(0.5, np.random.default_rng(2))
    measure = MEASURES["rtd"]
    found = chance(measure, a, b, 1.0, permutations=6, seed=3)
    rng = np.random.default_rng(3)
    by_hand = [measure.of(Cloud(a.points), Cloud(b.points[rng.permutation(30)]), 3).value for _ in range(6)]
    assert found.mean == pytest.approx(np.mean(by_hand), abs=1e-12)


@pytest.mark.parametrize("name", [n for n in MATCHED if MEASURES[n].null is not None])
def test_a_faster_null_has_the_values_of_the_measure(name):
    measure = MEASURES[name]
    a, b = noisy(0.5, np.random.default_rng(2))
    slow = [measure.of(a, b.reordered(np.random.default_rng(k).permutation(30)), 0).value for k in range(60)]
    fast = measure.null(a, b, 60, 0)
    assert fast.shape == (60,)
    assert abs(np.mean(slow) - fast.mean()) < 4 * np.std(slow) / np.sqrt(30)


def test_a_measure_that_does_not_look_at_which_sample_is_which_has_no_chance_level():
    name = next(n for n, m in MEASURES.items() if not m.matched)
    a, b = noisy(0.5, np.random.default_rng(2))
    assert chance(MEASURES[name], a, b, 1.0, permutations=5) is None


def test_p_of_unrelated_clouds_is_uniform():
    measure = MEASURES["cka"]
    ps = []
    for k in range(120):
        a, b = noisy(1.0, np.random.default_rng(k), 12)
        ps.append(chance(measure, a, b, measure.of(a, b, 0).value, permutations=19).p)
    # 0.1 by construction; 0.182 is three standard errors above it
    assert np.mean(np.array(ps) <= 0.1) < 0.182
    assert 0.42 < np.mean(ps) < 0.62


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rtd_lite", "cka"])
def test_the_interval_holds_the_mean_over_new_stimuli(name):
    measure = MEASURES[name]
    values, intervals = [], []
    for k in range(40):
        a, b = noisy(0.3, np.random.default_rng(k), 30)
        values.append(measure.of(a, b, 0).value)
        intervals.append(interval(measure, a, b, values[-1], draws=20))
    inside = np.mean([i.low <= np.mean(values) <= i.high for i in intervals])
    width = np.mean([i.high - i.low for i in intervals])
    # 0.95 less three standard errors; and not so wide that it says nothing
    assert inside > 0.84
    assert width < 2 * 3.92 * np.std(values)


def test_the_interval_ends_where_the_measure_ends():
    a = Cloud(X)
    assert interval(MEASURES["rtd"], a, Cloud(2 * X), 0.0, draws=9).low == 0
    high = interval(MEASURES["cka"], a, Cloud(X + 0.01 * RNG.normal(size=X.shape)), 0.9999, draws=9).high
    assert high <= 1


def test_a_handful_of_samples_has_no_interval():
    assert interval(MEASURES["rtd"], Cloud(X[:7]), Cloud(X[:7] + 1), 0.0, draws=9) is None
