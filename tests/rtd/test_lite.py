from itertools import combinations

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree

import rtd
from rtd.lite import spanning_tree, tree_weight

pytestmark = pytest.mark.smoke


def find(parent: list[int], i: int) -> int:
    while parent[i] != i:
        i = parent[i]
    return i


def kruskal(d: np.ndarray) -> list[tuple[float, int, int]]:
    """Edges of a minimum spanning tree, in increasing order."""
    parent = list(range(len(d)))
    tree = []
    for weight, i, j in sorted((float(d[i, j]), i, j) for i, j in combinations(range(len(d)), 2)):
        a, b = find(parent, i), find(parent, j)
        if a != b:
            parent[a] = b
            tree.append((weight, i, j))
    return tree


def kernel_bars(small: np.ndarray, big: np.ndarray) -> list[tuple[float, float]]:
    """The RTD-L-barcode by its definition: an edge of the tree of `small` dies where earlier ones and edges of `big` join its ends."""
    born, later = kruskal(small), kruskal(big)
    bars = []
    for k, (birth, i, j) in enumerate(born):
        parent = list(range(len(small)))
        for _, a, b in born[:k]:
            parent[find(parent, a)] = find(parent, b)
        death = np.inf
        for weight, a, b in later:
            parent[find(parent, a)] = find(parent, b)
            if find(parent, i) == find(parent, j):
                death = weight
                break
        if death > birth:
            bars.append((birth, death))
    return sorted(bars)


def test_the_spanning_tree_is_kruskals_in_weight_and_spans(pair, kinds):
    for kind in kinds:
        for n in (1, 2, 3, 17):
            d = pair(kind, n, 2)[0]
            edges, weights = spanning_tree(d)
            assert sorted(weights.tolist()) == [weight for weight, _, _ in kruskal(d)]
            assert all(d[i, j] == weight for (i, j), weight in zip(edges, weights, strict=True))
            assert {0, *edges[:, 1].tolist()} == set(range(n))


def test_edges_of_zero_count_where_scipys_tree_forgets_them():
    x = np.repeat(np.random.default_rng(0).normal(size=(15, 3)), 2, axis=0)
    d = rtd.distances(x)
    assert tree_weight(d) == pytest.approx(sum(weight for weight, _, _ in kruskal(d)), rel=1e-12)
    assert tree_weight(d) == pytest.approx(tree_weight(rtd.distances(x[::2])), rel=1e-12)
    y = np.random.default_rng(1).normal(size=(30, 3))
    least = np.minimum(d, rtd.distances(y))
    assert minimum_spanning_tree(least).sum() > tree_weight(least) + 1


def test_a_tree_of_no_points_and_of_one_has_no_edges():
    assert tree_weight(np.zeros((0, 0))) == tree_weight(np.zeros((1, 1))) == 0


def test_the_barcode_is_that_of_its_definition_for_every_kind_of_matrix(pair, kinds):
    found = 0
    for kind in kinds:
        for n in (0, 1, 2, 3, 7, 16):
            for seed in range(3):
                w, v = pair(kind, n, seed)
                least, most = np.minimum(w, v), np.maximum(w, v)
                for small, big in ((least, w), (least, v), (w, most), (least, most)):
                    code = rtd.lite_cone_barcode(small, big)
                    assert sorted(map(tuple, code.bars.tolist())) == kernel_bars(small, big)
                    found += len(code)
                assert rtd.lite_cross_barcode(w, v) == rtd.lite_cone_barcode(least, w)
    assert found > 100


def test_ends_are_entries_at_their_edges_and_each_edge_is_used_once(pair):
    w, v = pair("cubes", 25, 3)
    code = rtd.lite_cross_barcode(w, v)
    assert len(code) > 3
    np.testing.assert_array_equal(np.minimum(w, v)[tuple(code.births.T)], code.bars[:, 0])
    np.testing.assert_array_equal(w[tuple(code.deaths.T)], code.bars[:, 1])
    for edges in (code.births, code.deaths):
        assert (edges[:, 0] < edges[:, 1]).all()
        assert len(np.unique(edges, axis=0)) == len(code)


def test_the_lite_divergences_are_differences_of_kruskals_trees():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 6))
    w, v = (rtd.normalise(rtd.distances(c)) for c in (x, y))
    a, b, least, most = (sum(e[0] for e in kruskal(d)) for d in (w, v, np.minimum(w, v), np.maximum(w, v)))
    expected = {rtd.rtd_lite: (a - least, b - least), rtd.max_rtd_lite: (most - a, most - b), rtd.srtd_lite: (most - least, most - least)}
    for member, directions in expected.items():
        d = member(x, y)
        assert (d.forward, d.backward) == pytest.approx(directions, rel=1e-12)
    assert a - least > 0.1


def test_the_exchange_along_a_path_of_600_points_keeps_the_sum():
    at = np.arange(600.0)
    w = np.abs(at[:, None] - at)
    v = w[::-1][:, np.argsort(np.argsort(np.sin(at)))]
    v = np.minimum(v, v.T)
    np.fill_diagonal(v, 0)
    code = rtd.lite_cross_barcode(w, v)
    assert code.total() == pytest.approx(tree_weight(w) - tree_weight(np.minimum(w, v)), rel=1e-12)
