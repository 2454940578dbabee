"""Alignment of whole clouds: centred kernel alignment and the angle that is left after the best rotation."""

import numpy as np
from jaxtyping import Float64

from rtd import DegenerateError
from synctopo.measures.cloud import CENTRED_GRAM, PRINCIPAL, Cloud, Quantity
from synctopo.measures.measure import SHAPE, distance, need, similarity

Kernel = Float64[np.ndarray, "n n"]

BANDWIDTH = 0.8
"""Of the RBF kernel, in medians of the distance between two samples (Kornblith et al. 2019 try 0.2, 0.4 and 0.8)."""


def cka(a: Cloud, b: Cloud) -> float:
    """Linear CKA from debiased HSIC (Kornblith et al. 2019; Song et al. 2012, eq. 5): 0 by chance, may be negative.

    <K, L> / sqrt(<K, K> <L, L>) of the U-centred Gram matrices (Székely and Rizzo 2014, eq. 2.1). Raises DegenerateError for fewer than
    four samples, and for a cloud whose U-centred matrix is 0: its squared distances are sums of one number for each of the two samples.
    """
    need(len(a), 4)
    return _cosine(_told(a, U_CENTRED, "x"), _told(b, U_CENTRED, "y"))


def cka_biased(a: Cloud, b: Cloud) -> float:
    """Linear CKA as first published (Kornblith et al. 2019, eq. 4), in [0, 1]: unrelated wide clouds are near 1, see `cka`.

    |X'Y|^2 / (|X'X| |Y'Y|) of the centred clouds, in Frobenius norms.
    """
    return _cosine(a.quantity(CENTRED_GRAM), b.quantity(CENTRED_GRAM))


def cka_rbf(a: Cloud, b: Cloud) -> float:
    """CKA with Gaussian kernels, 0.8 median distances wide, from debiased HSIC (Kornblith et al. 2019; Song et al. 2012, eq. 5).

    K_ij = exp(-|x_i - x_j|^2 / (2 s^2)), s = 0.8 x the median distance between two samples. Raises DegenerateError for fewer than four
    samples, and where more than half of the pairs of samples are equal.
    """
    need(len(a), 4)
    return _cosine(_told(a, U_CENTRED_RBF, "x"), _told(b, U_CENTRED_RBF, "y"))


def procrustes(a: Cloud, b: Cloud) -> float:
    """Angular Procrustes distance, the angle in radians after the best rotation (Williams et al. 2021, netrep), in [0, pi / 2].

    arccos |X'Y|_* of the centred clouds of Frobenius norm 1 (nuclear norm; the narrower one padded with zeros).
    """
    x, y = a.quantity(PRINCIPAL), b.quantity(PRINCIPAL)
    overlap = np.linalg.svd(x.T @ y, compute_uv=False).sum() / (np.linalg.norm(x) * np.linalg.norm(y))
    return float(np.arccos(min(overlap, 1.0)))


def _cosine(k: Kernel, m: Kernel) -> float:
    return float(np.vdot(k, m) / (np.linalg.norm(k) * np.linalg.norm(m)))


def u_centred(kernel: Kernel) -> Kernel:
    """The kernel with zero diagonal and rows that sum to 0, whose inner products are unbiased (Székely and Rizzo 2014, eq. 2.1)."""
    n = len(kernel)
    off = kernel - np.diag(np.diag(kernel))
    rows = off.sum(0) / (n - 2)
    found: Kernel = off - rows - rows[:, None] + off.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(found, 0.0)
    if np.linalg.norm(found) < 1e-10 * np.linalg.norm(kernel):
        raise DegenerateError("each distance is told by how far out its two samples lie, so nothing is left to align.")
    return found


def _rbf(cloud: Cloud) -> Kernel:
    d = cloud.distances
    median = float(np.median(d[np.triu_indices(len(d), 1)]))
    if median == 0:
        raise DegenerateError("more than half of the pairs of samples are equal, so the median distance, the scale of the kernel, is 0.")
    return np.exp(-((d / (BANDWIDTH * median)) ** 2) / 2)


U_CENTRED = Quantity(lambda cloud: u_centred(cloud.quantity(CENTRED_GRAM)), samples=2)
U_CENTRED_RBF = Quantity(lambda cloud: u_centred(_rbf(cloud)), samples=2)


def _told(cloud: Cloud, what: Quantity, name: str) -> np.ndarray:
    """That quantity; a DegenerateError in it says which cloud it is about."""
    try:
        return cloud.quantity(what)
    except DegenerateError as error:
        raise DegenerateError(f"{name}: {error}") from None


ALIGNMENT = (
    similarity("cka", cka, SHAPE, "0"),
    similarity("cka_biased", cka_biased, SHAPE, "near 1 where width > n"),
    similarity("cka_rbf", cka_rbf, SHAPE, "0"),
    distance("procrustes", procrustes, SHAPE, "falls with width, to 0.3 where width > n"),
)
