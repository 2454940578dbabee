"""Representational similarity analysis: whether the dissimilarities between samples have the same order in both clouds."""

from functools import cache

import numpy as np
from jaxtyping import Float64
from scipy import stats

import rtd
from rtd import DegenerateError
from synctopo.measures.cloud import DISTANCES, Cloud, Quantity
from synctopo.measures.measure import SHAPE, need, similarity

RDM = Float64[np.ndarray, "n n"]

PRIOR, WEIGHT = 1.0, 0.1
"""The Gamma prior of spike counts: its mean, and how many observations it counts as (rsatoolbox's defaults)."""


def rsa_spearman(a: Cloud, b: Cloud, *, rdm: str) -> float:
    """RSA (Kriegeskorte et al. 2008): Spearman's rank correlation of the Euclidean distances between samples.

    The ranks of the n (n - 1) / 2 dissimilarities, ties at their mean rank. Raises DegenerateError where all of one cloud are equal, or
    where the dissimilarity does not exist for one of its samples.
    """
    need(len(a), 3)
    x, y = (_ranks(cloud, name, rdm) for name, cloud in (("x", a), ("y", b)))
    return float(np.vdot(x, y) / (np.linalg.norm(x) * np.linalg.norm(y)))


def rsa_tau(a: Cloud, b: Cloud, *, rdm: str) -> float:
    """RSA by Kendall's tau-a of the Euclidean distances between samples (Nili et al. 2014): 1 only where no two of them are equal.

    (concordant - discordant) / all pairs of the n (n - 1) / 2 dissimilarities. Raises DegenerateError as `rsa_spearman`.
    """
    need(len(a), 3)
    x, y = (_ranks(cloud, name, rdm) for name, cloud in (("x", a), ("y", b)))
    upper = np.triu_indices(len(x), 1)
    x, y = x[upper], y[upper]
    pairs = len(x) * (len(x) - 1) / 2
    ties = [sum(c * (c - 1) / 2 for c in np.unique(r, return_counts=True)[1].astype(float)) for r in (x, y)]
    # tau-b divides by the pairs that are no ties
    return float(stats.kendalltau(x, y).statistic * np.sqrt((pairs - ties[0]) * (pairs - ties[1])) / pairs)


def rsa_correlation(a: Cloud, b: Cloud) -> float:
    """RSA by Spearman of correlation distances between samples, 1 - r over units (Kriegeskorte et al. 2008); no rotation leaves it alone.

    Raises DegenerateError as `rsa_spearman`, and for a sample that is the same in every unit, such as a silent one.
    """
    return rsa_spearman(a, b, rdm="correlation")


def rsa_poisson(a: Cloud, b: Cloud) -> float:
    """RSA by Spearman of the Kullback-Leibler divergence between Poisson rates, for spike counts (rsatoolbox: 'poisson').

    sum over units of (m_i - m_j)(log m_i - log m_j), m = (counts + 0.1) / 1.1. Raises DegenerateError for numbers below 0.
    """
    return rsa_spearman(a, b, rdm="poisson")


def _correlations(cloud: Cloud) -> RDM:
    points = cloud.points.astype(np.float64)
    flat = (points == points[:, :1]).all(1)
    if flat.any():
        raise DegenerateError(f"sample {int(flat.argmax())} is the same in every unit, so its correlation distances do not exist.")
    return np.asarray(rtd.distances(points, "correlation"))


def _divergences(cloud: Cloud) -> RDM:
    counts = cloud.points.astype(np.float64)
    if counts.min() < 0:
        raise DegenerateError(f"spike counts are wanted, but it holds {counts.min():g}.")
    rates = (counts + PRIOR * WEIGHT) / (1 + WEIGHT)
    # in units of the largest rate, for which only the order matters; sums of squares cannot overflow then
    scale = rates.max()
    k = (rates / scale) @ np.log(rates).T
    own = np.diag(k)
    found: RDM = own + own[:, None] - k - k.T
    np.fill_diagonal(found, 0.0)
    return np.maximum(found, 0.0)


RDMS = {
    "euclidean": DISTANCES,
    "correlation": Quantity(_correlations, samples=2, local=True),
    "poisson": Quantity(_divergences, samples=2, local=True),
}


def _ranks(cloud: Cloud, name: str, rdm: str) -> RDM:
    try:
        return cloud.quantity(ranks(rdm))
    except DegenerateError as error:
        raise DegenerateError(f"{name}: {error}") from None


@cache
def ranks(rdm: str) -> Quantity:
    """[n, n]: ranks of the dissimilarities less their mean, 0 on the diagonal; ten digits count, so that rounding makes no order."""
    return Quantity(lambda cloud: _ranked(cloud.quantity(RDMS[rdm])), samples=2)


def _ranked(d: RDM) -> RDM:
    upper = np.triu_indices(len(d), 1)
    held = d[upper]
    rounded = np.round(held / held.max(initial=0.0), 10) if held.any() else held
    if (rounded == rounded[0]).all():
        raise DegenerateError("all pairs of samples are equally far apart, so there is no order to compare.")
    found = np.zeros_like(d)
    found[upper] = stats.rankdata(rounded) - (len(rounded) + 1) / 2
    return found + found.T


CORRELATION = frozenset({"isotropic scaling", "permutation of units"})
POISSON = frozenset({"permutation of units", "dead units"})

RSA = (
    similarity("rsa_spearman", rsa_spearman, SHAPE, "0", rdm="euclidean"),
    similarity("rsa_tau", rsa_tau, SHAPE, "0", rdm="euclidean"),
    similarity("rsa_correlation", rsa_correlation, CORRELATION, "0"),
    similarity("rsa_poisson", rsa_poisson, POISSON, "0"),
)
