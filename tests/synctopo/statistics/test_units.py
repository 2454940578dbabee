"""Statistics over models as units, against values that can be worked out by hand."""

import numpy as np
import pytest

from synctopo.statistics.units import excess, relabelling, separation, sign_flip

pytestmark = pytest.mark.smoke


def table(between: float, within: float, seeds: int, noise: float = 0.0):
    rng = np.random.default_rng(0)
    models = [(c, s) for c in range(2) for s in range(seeds)]
    out: dict = {}
    for i, a in enumerate(models):
        for b in models[i + 1 :]:
            value = (within if a[0] == b[0] else between) + noise * rng.normal()
            out.setdefault(a, {})[b] = out.setdefault(b, {})[a] = value
    return out


def test_clear_conditions_reach_the_smallest_p_that_the_seeds_allow():
    found = excess(table(3.0, 1.0, 6), list(range(6)))
    assert (found.between, found.within, found.excess) == (3.0, 1.0, 2.0)
    assert found.p == found.smallest == 1 / 32


def test_equal_conditions_have_no_excess_and_the_largest_p():
    found = excess(table(1.0, 1.0, 5), list(range(5)))
    assert found.excess == 0
    assert found.p == 1.0


def test_pairs_of_the_same_seed_do_not_enter():
    distance = table(3.0, 1.0, 4)
    for s in range(4):
        distance[0, s][1, s] = distance[1, s][0, s] = 1e9
    assert excess(distance, list(range(4))).between == 3.0


def test_under_the_null_small_p_values_are_rare():
    rng = np.random.default_rng(1)
    ps = []
    for _ in range(200):
        position = rng.normal(size=(2, 6))
        distance = {
            (c, s): {(d, t): abs(position[c, s] - position[d, t]) for d in range(2) for t in range(6)} for c in range(2) for s in range(6)
        }
        ps.append(excess(distance, list(range(6))).p)
    assert np.mean(np.array(ps) <= 0.1) < 0.16
    assert np.mean(ps) > 0.35


def test_many_seeds_are_sampled_and_agree_with_enumeration():
    distance = table(1.05, 1.0, 12, noise=0.05)
    exact = excess(distance, list(range(12)))
    drawn = excess(distance, list(range(12)), draws=1000)
    assert drawn.p == pytest.approx(exact.p, abs=0.03)
    assert drawn.smallest == 1 / 1001


def test_one_seed_or_a_missing_value_gives_no_answer():
    assert excess(table(3.0, 1.0, 1), [0]) is None
    distance = table(3.0, 1.0, 3)
    del distance[0, 0][1, 1]
    assert excess(distance, [0, 1, 2]) is None


def test_five_paired_seeds_cannot_fall_below_0_0625_and_six_can():
    for seeds, smallest in ((5, 0.0625), (6, 0.03125), (10, 2 / 1024)):
        found = sign_flip(np.arange(1.0, seeds + 1))
        assert found.p == found.smallest == smallest
        assert found.exact


def test_the_sign_flip_test_of_three_numbers_is_counted_by_hand():
    # of the eight sums of +-1 +-2 +-3, six are at least 2 in size
    found = sign_flip([3.0, -2.0, 1.0])
    assert found.effect == pytest.approx(2 / 3)
    assert found.p == 6 / 8


def test_five_against_five_models_cannot_fall_below_0_0079():
    found = relabelling([1.0, 2, 3, 4, 5], [11.0, 12, 13, 14, 15])
    assert found.effect == -10
    assert found.p == found.smallest == pytest.approx(2 / 252)
    assert round(found.p, 4) == 0.0079


def test_conditions_of_unequal_size_have_one_extreme_relabelling():
    found = relabelling([1.0, 2], [11.0, 12, 13])
    assert found.p == found.smallest == 1 / 10


def test_relabelling_agrees_with_scipy():
    from scipy.stats import permutation_test

    rng = np.random.default_rng(3)
    one, two = rng.normal(size=5), rng.normal(size=6) + 0.8
    theirs = permutation_test((one, two), lambda a, b, axis: a.mean(axis) - b.mean(axis), n_resamples=np.inf, vectorized=True)
    # theirs doubles the smaller tail; with unequal sizes that is close to, not equal to, the share of effects as large
    assert relabelling(one, two).p == pytest.approx(theirs.pvalue, abs=0.03)
    same = permutation_test((one, two), lambda a, b, axis: abs(a.mean(axis) - b.mean(axis)), n_resamples=np.inf, alternative="greater")
    assert relabelling(one, two).p == pytest.approx(same.pvalue, abs=1e-12)


def test_more_rearrangements_than_draws_are_drawn_and_agree():
    rng = np.random.default_rng(5)
    differences = rng.normal(0.4, 1, size=14)
    exact, drawn = sign_flip(differences), sign_flip(differences, draws=4000)
    assert (exact.exact, drawn.exact) == (True, False)
    assert drawn.p == pytest.approx(exact.p, abs=0.03)
    assert drawn.p >= drawn.smallest == 1 / 4001
    one, two = rng.normal(size=9), rng.normal(0.7, 1, size=9)
    assert relabelling(one, two, draws=4000).p == pytest.approx(relabelling(one, two).p, abs=0.03)
    assert relabelling(one, two, draws=4000, seed=1).p == relabelling(one, two, draws=4000, seed=1).p


def test_a_clear_separation_reaches_the_smallest_p_of_five_against_five():
    position = np.concatenate((np.linspace(0, 1, 5), np.linspace(10, 11, 5)))
    found = separation(np.abs(position[:, None] - position), 5)
    assert found.p == found.smallest == pytest.approx(1 / 126)
    assert found.effect == pytest.approx(10 - 0.5)


@pytest.mark.parametrize("test", ["sign_flip", "relabelling", "separation"])
def test_where_there_is_no_effect_small_p_are_as_rare_as_they_should_be(test):
    rng = np.random.default_rng(11)
    ps = []
    for _ in range(300 if test != "separation" else 200):
        x = rng.normal(size=(10, 2))
        if test == "separation":
            ps.append(separation(np.linalg.norm(x[:, None] - x, axis=2), 5).p)
        else:
            ps.append(sign_flip(x[:, 0]).p if test == "sign_flip" else relabelling(x[:5, 0], x[5:, 0]).p)
    # at most 0.1 by construction; 0.165 is three standard errors above it
    assert np.mean(np.array(ps) <= 0.1) < 0.165
    assert np.mean(ps) > 0.4


def test_too_few_models_are_no_test_and_missing_numbers_are_told():
    assert sign_flip([1.0]) is None
    assert relabelling([1.0], [2.0, 3.0]) is None
    assert separation(np.zeros((3, 3)), 1) is None
    with pytest.raises(ValueError, match="`differences` is a list of finite numbers"):
        sign_flip([1.0, np.nan])
    with pytest.raises(ValueError, match="between two models is missing"):
        separation(np.full((4, 4), np.nan), 2)
    with pytest.raises(ValueError, match="more than 4 models is wanted"):
        separation(np.zeros((4, 4)), 4)
