"""Neighbourhoods: whether the nearest samples of a sample are the same in both clouds."""

from functools import cache

import numpy as np
from jaxtyping import Float64

from synctopo.measures.cloud import Cloud, Quantity
from synctopo.measures.measure import SHAPE, need, similarity

NEIGHBOURS = (5, 10, 20)

ALIKE = 1e-9
"""Distances whose ratio is this near to 1 are ties: a rotation changes the last digits."""


def mutual_knn(a: Cloud, b: Cloud, *, k: int) -> float:
    """Mutual kNN (Huh et al. 2024, eq. 3): the share of the k nearest samples (Euclidean) that both clouds have in common.

    Mean over samples of |N_a(i) & N_b(i)| / k, chance k / (n - 1). Samples tied at the k-th distance share the places that are left, so
    that the order of the samples does not matter. Raises DegenerateError for fewer than k + 2 samples, whose neighbours are all others.
    """
    need(len(a), k + 2)
    x, y = a.quantity(places(k)), b.quantity(places(k))
    return float(np.minimum(x, y).sum() / (k * len(x)))


def jaccard_knn(a: Cloud, b: Cloud, *, k: int) -> float:
    """Jaccard similarity of the sets of the k nearest samples (Euclidean), mean over samples (Wang et al. 2020; ReSi).

    Mean over samples of |N_a(i) & N_b(i)| / |N_a(i) | N_b(i)|; ties and errors as in `mutual_knn`.
    """
    need(len(a), k + 2)
    x, y = a.quantity(places(k)), b.quantity(places(k))
    return float((np.minimum(x, y).sum(1) / np.maximum(x, y).sum(1)).mean())


@cache
def places(k: int) -> Quantity:
    """[n, n]: 1 where the second sample is among the k nearest of the first, a share of a place where it ties for the last."""
    return Quantity(lambda cloud: _places(cloud.distances, k), samples=2)


def _places(d: Float64[np.ndarray, "n n"], k: int) -> Float64[np.ndarray, "n n"]:
    d = d + np.diag(np.full(len(d), np.inf))
    last = np.partition(d, k - 1, axis=1)[:, k - 1 : k]
    nearer = d < last * (1 - ALIKE)
    tied = (d <= last * (1 + ALIKE)) & ~nearer
    left = k - nearer.sum(1, keepdims=True)
    return np.where(nearer, 1.0, tied * (left / tied.sum(1, keepdims=True)))


NEIGHBOURHOODS = (
    *(similarity(f"mutual_knn_{k}", mutual_knn, SHAPE, "k / (n - 1)", k=k) for k in NEIGHBOURS),
    *(similarity(f"jaccard_knn_{k}", jaccard_knn, SHAPE, "about k / (2n)", k=k) for k in NEIGHBOURS),
)
