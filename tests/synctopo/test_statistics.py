"""Statistics over models as units, against values that can be worked out by hand."""

import numpy as np
import pytest

from synctopo.statistics import excess

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
