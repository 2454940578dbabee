"""Shared neighbours against scikit-learn's, and ties against arithmetic."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from rtd import DegenerateError
from synctopo.measures import MEASURES, Cloud
from synctopo.measures.neighbours import jaccard_knn, mutual_knn, places

pytestmark = pytest.mark.smoke

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6))
Y = X[:, :4] + RNG.normal(size=(60, 4))


def nearest(points: np.ndarray, k: int) -> list[set[int]]:
    found = NearestNeighbors(n_neighbors=k + 1).fit(points).kneighbors(points, return_distance=False)[:, 1:]
    return [set(map(int, row)) for row in found]


@pytest.mark.parametrize("k", [1, 5, 20])
def test_values_are_those_of_the_sets_of_neighbours(k):
    pairs = list(zip(nearest(X, k), nearest(Y, k), strict=True))
    assert mutual_knn(Cloud(X), Cloud(Y), k=k) == pytest.approx(np.mean([len(a & b) / k for a, b in pairs]))
    assert jaccard_knn(Cloud(X), Cloud(Y), k=k) == pytest.approx(np.mean([len(a & b) / len(a | b) for a, b in pairs]))


def test_jaccard_of_directions_is_what_resi_computes():
    # ReSi (2025-04): jaccard_similarity(k=10), whose neighbours are by cosine, as Euclidean ones are on the sphere
    x, y = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (X, Y))
    assert jaccard_knn(Cloud(x), Cloud(y), k=10) == pytest.approx(0.21398348813209495, abs=1e-12)


def test_samples_tied_for_the_last_place_share_it():
    # of the middle point of three on a line, both others are nearest
    line = Cloud(np.array([[0.0], [1.0], [2.0]]))
    assert line.quantity(places(1)).tolist() == [[0, 1, 0], [0.5, 0, 0.5], [0, 1, 0]]


def test_ties_do_not_depend_on_the_order_of_the_samples():
    counts = RNG.integers(0, 3, (40, 3)).astype(float)
    order = RNG.permutation(40)
    assert mutual_knn(Cloud(counts), Cloud(Y[:40]), k=5) == pytest.approx(mutual_knn(Cloud(counts[order]), Cloud(Y[:40][order]), k=5))
    assert mutual_knn(Cloud(counts), Cloud(counts), k=5) == pytest.approx(1)


def test_chance_is_k_of_the_others():
    other = RNG.normal(size=(60, 512))
    values = [mutual_knn(Cloud(X), Cloud(other).reordered(RNG.permutation(60)), k=10) for _ in range(30)]
    assert np.mean(values) == pytest.approx(10 / 59, abs=0.01)


def test_neighbourhoods_of_everybody_are_refused():
    with pytest.raises(DegenerateError, match="11 samples are too few for this measure; it needs at least 12"):
        MEASURES["mutual_knn_10"].of(Cloud(X[:11]), Cloud(Y[:11]), 0)
