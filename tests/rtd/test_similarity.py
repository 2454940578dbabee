from itertools import combinations

import numpy as np
import pytest
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.spatial.distance import squareform
from scipy.stats import spearmanr

import rtd
from rtd.lite import spanning_tree
from rtd.similarity import core_edges, edge_similarity, merge_similarity, merge_times, spearman

pytestmark = pytest.mark.smoke


def cloud(n: int, p: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, p))


def by_definition(w: np.ndarray, v: np.ndarray) -> tuple[float, float]:
    """NTS-E and NTS-M by scipy: an edge is in a spanning tree where it is as long as the merge time of its ends (no ties)."""
    merges = [squareform(cophenet(linkage(squareform(d), "single"))) for d in (w, v)]
    core = [e for e in combinations(range(len(w)), 2) if any(d[e] == m[e] for d, m in zip((w, v), merges, strict=True))]
    i, j = np.array(core).T
    return spearmanr(w[i, j], v[i, j]).statistic, spearmanr(merges[0][i, j], merges[1][i, j]).statistic


def test_both_are_their_definitions_by_scipys_single_linkage():
    for seed in range(5):
        w, v = rtd.distances(cloud(30, 3, seed)), rtd.distances(cloud(30, 2, seed + 99))
        e, m = by_definition(w, v)
        assert edge_similarity(w, v) == pytest.approx(e, rel=1e-12)
        assert merge_similarity(w, v) == pytest.approx(m, rel=1e-12)


def test_merge_times_are_single_linkage_heights():
    d = rtd.distances(cloud(40, 2, 0))
    everything = np.array(list(combinations(range(40), 2)))
    np.testing.assert_array_equal(merge_times(*spanning_tree(d), everything), cophenet(linkage(squareform(d), "single")))


def test_core_edges_are_those_of_either_tree_once():
    w, v = (rtd.distances(cloud(20, 2, seed)) for seed in (0, 1))
    core = core_edges(spanning_tree(w), spanning_tree(v))
    assert 19 < len(core) <= 38
    assert (core[:, 0] < core[:, 1]).all()
    assert len(core_edges(spanning_tree(w), spanning_tree(w))) == 19


def test_spearman_is_scipys_with_ties_shared():
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.integers(0, 6, 15).astype(float), rng.integers(0, 6, 15).astype(float)
        assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic, rel=1e-12)
    assert spearman(a, np.exp(a)) == 1
    assert spearman(a, -a) == -1


@pytest.mark.parametrize("member", [rtd.nts, rtd.nts_e, rtd.nts_m])
def test_a_similarity_has_no_direction_and_is_symmetric_and_one_for_itself(member):
    x, y = cloud(40, 5, 0), cloud(40, 3, 1)
    d = member(x, y, batch=20, trials=4)
    assert np.array_equal(d.per_trial[:, 0], d.per_trial[:, 1])
    assert np.array_equal(member(y, x, batch=20, trials=4).per_trial, d.per_trial)
    assert (np.abs(d.per_trial) <= 1).all()
    assert member(x, 3 * x + 1).value == pytest.approx(1)


def test_nts_is_the_stricter_of_the_two():
    x, y = cloud(40, 5, 0), cloud(40, 3, 1)
    assert rtd.nts(x, y).value == rtd.nts_e(x, y).value


def test_unrelated_clouds_lie_below_zero_as_the_docstring_says():
    rng = np.random.RandomState(7)
    x, y = rng.rand(100, 10), rng.rand(100, 10)
    assert rtd.nts_e(x, y).value == pytest.approx(-0.70, abs=0.005)
    assert rtd.nts_m(x, y).value == pytest.approx(-0.20, abs=0.005)


def test_standardising_first_is_a_choice_that_matters():
    x = cloud(60, 6, 0)
    y = x * np.array([100, 1, 1, 1, 1, 1])
    assert rtd.nts(rtd.standardise(x), rtd.standardise(y)).value == pytest.approx(1)
    assert rtd.nts(x, y).value < 0.9


@pytest.mark.parametrize("member", [rtd.nts, rtd.nts_e, rtd.nts_m])
def test_a_representation_without_an_order_is_degenerate(member):
    equal = 1 - np.eye(6)
    with pytest.raises(rtd.DegenerateError, match="all core edges are equally long in one representation"):
        member(equal, rtd.distances(cloud(6, 2, 0)), metric="precomputed")
