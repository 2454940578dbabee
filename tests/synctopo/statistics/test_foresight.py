"""Foresight of a loss: rank correlations with answers known beforehand, and the intervals and chances beside them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synctopo.statistics.foresight import across, rank_correlation, within


def table(loss_of, *, conditions=6, seeds=3, ways=5):
    rng = np.random.default_rng(0)
    found = {}
    for c in range(conditions):
        for s in range(seeds):
            distance = np.sort(rng.random(ways)) + 0.1 * c
            found[f"c{c}", s] = np.column_stack([distance, loss_of(distance, c, rng)])
    return found


def test_a_loss_that_grows_with_the_distance_is_foreseen_and_one_that_falls_is_foreseen_upside_down():
    up, down = (within(table(lambda d, _c, _r, k=k: k * d**3)) for k in (1, -1))
    assert (up.mean, up.low, up.high) == pytest.approx((1.0, 1.0, 1.0))
    assert up.models == 18
    assert (down.mean, down.low, down.high) == pytest.approx((-1.0, -1.0, -1.0))


def test_a_loss_that_has_nothing_to_do_with_the_distance_is_not_foreseen():
    one, many = within(table(lambda d, _c, r: r.random(len(d)))), across(table(lambda d, _c, r: r.random(len(d)), conditions=8))
    assert one.low < 0 < one.high
    assert many.low < 0 < many.high
    assert many.p > 0.05


def test_conditions_that_move_further_and_lose_more_are_foreseen_across_and_the_smallest_chance_is_never_zero():
    found = across(table(lambda d, c, _r: np.full(len(d), float(c))))
    assert found.mean > 0.9
    assert 0 < found.p < 0.02
    assert found.conditions == 6


def test_too_few_conditions_and_losses_that_are_all_the_same_have_no_foresight():
    assert across(table(lambda d, _c, _r: d, conditions=3)) is None
    assert within(table(lambda d, _c, _r: np.zeros(len(d)))) is None
    assert across(table(lambda d, _c, _r: np.zeros(len(d)))) is None
    assert rank_correlation(np.arange(2.0), np.arange(2.0)) is None


def test_one_seed_and_the_same_numbers_give_the_same_intervals():
    one = table(lambda d, _c, r: r.random(len(d)))
    assert within(one) == within(one)
    assert across(one, seed=3) == across(one, seed=3)


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=3, max_size=12))
def test_ranks_alone_matter(points):
    x, y = np.array(points, dtype=float).T
    rho = rank_correlation(x, y)
    assert rho == pytest.approx(rank_correlation(np.exp(x / 20), 7 * y - 3)) if rho is not None else np.ptp(x) == 0 or np.ptp(y) == 0
