"""CKA and Procrustes, against their formulas written out, against scipy, and against published chance levels."""

import numpy as np
import pytest
import scipy.linalg
import scipy.spatial

from synctopo.measures import MEASURES, Cloud
from synctopo.measures.alignment import BANDWIDTH, cka, cka_biased, cka_rbf, procrustes

pytestmark = pytest.mark.smoke

# numpy promises these numbers for ever
RANDOM = np.random.RandomState(0)
X = RANDOM.standard_normal((20, 6))
Y = X[:, :4] + RANDOM.standard_normal((20, 4))


def hsic_1(k: np.ndarray, m: np.ndarray) -> float:
    """Song et al. 2012, eq. 5, as it stands there."""
    n = len(k)
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    one = np.ones(n)
    inner = np.trace(k @ m) + (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ m @ one)
    return inner / (n * (n - 3))


def debiased(k: np.ndarray, m: np.ndarray) -> float:
    return hsic_1(k, m) / np.sqrt(hsic_1(k, k) * hsic_1(m, m))


def test_biased_cka_is_what_rsatoolbox_computes():
    # rsatoolbox 0.3.2: compare(..., method="cosine_cov") of Euclidean RDMs, which is biased CKA
    assert cka_biased(Cloud(X), Cloud(Y)) == pytest.approx(0.6341202750624931, abs=1e-12)


def test_debiased_cka_is_the_ratio_of_unbiased_hsic():
    assert cka(Cloud(X), Cloud(Y)) == pytest.approx(debiased(X @ X.T, Y @ Y.T), abs=1e-12)


def test_rbf_cka_has_gaussian_kernels_of_0_8_medians():
    kernels = []
    for z in (X, Y):
        d = scipy.spatial.distance.pdist(z)
        kernels.append(np.exp(-(scipy.spatial.distance.squareform(d) ** 2) / (2 * (0.8 * np.median(d)) ** 2)))
    assert BANDWIDTH == 0.8
    assert cka_rbf(Cloud(X), Cloud(Y)) == pytest.approx(debiased(*kernels), abs=1e-12)


def test_procrustes_is_the_angle_after_scipys_best_rotation():
    x, y = X - X.mean(0), np.hstack([Y - Y.mean(0), np.zeros((20, 2))])
    rotation, _ = scipy.linalg.orthogonal_procrustes(y, x)
    aligned = y @ rotation
    angle = np.arccos((x * aligned).sum() / np.linalg.norm(x) / np.linalg.norm(aligned))
    assert procrustes(Cloud(X), Cloud(Y)) == pytest.approx(angle, abs=1e-12)
    assert np.sin(angle) ** 2 == pytest.approx(scipy.spatial.procrustes(x, y)[2], abs=1e-12)


def test_procrustes_is_what_netrep_and_resi_compute():
    # netrep (2024-07): LinearMetric(alpha=1.0, center_columns=True, zero_pad=True, score_method="angular");
    # ReSi (2025-04): orthogonal_angular_shape_metric_centered
    assert procrustes(Cloud(X), Cloud(Y)) == pytest.approx(0.7768214504228564, abs=1e-12)


def test_biased_cka_is_what_resi_computes():
    # ReSi (2025-04): centered_kernel_alignment
    assert cka_biased(Cloud(X), Cloud(Y)) == pytest.approx(0.6341202750624932, abs=1e-12)


def test_a_linear_map_of_two_levels_has_the_cka_of_its_singular_values():
    # orthonormal columns scaled by s: CKA = sum s^2 / sqrt(k sum s^4)
    basis = np.linalg.qr(X - X.mean(0))[0]
    s = np.array([1, 1, 1, 2, 2, 3.0])
    assert cka_biased(Cloud(basis), Cloud(basis * s)) == pytest.approx((s**2).sum() / np.sqrt(6 * (s**4).sum()), abs=1e-12)
    assert procrustes(Cloud(basis), Cloud(basis * s)) == pytest.approx(np.arccos(s.sum() / np.sqrt(6 * (s**2).sum())), abs=1e-12)


def test_chance_levels_are_the_published_ones():
    # measured with ReSi, ckatorch and netrep: n = 100, width 512: biased 0.837, debiased -0.004, angle 0.31; width 20: angle 1.16
    rng = np.random.default_rng(0)
    wide = [Cloud(rng.normal(size=(100, 512))) for _ in "ab"]
    narrow = [Cloud(rng.normal(size=(100, 20))) for _ in "ab"]
    assert cka_biased(*wide) == pytest.approx(0.837, abs=2e-3)
    assert abs(cka(*wide)) < 0.02
    assert procrustes(*wide) == pytest.approx(0.31, abs=0.01)
    assert procrustes(*narrow) == pytest.approx(1.16, abs=0.03)


def test_the_default_cka_is_the_debiased_one():
    assert MEASURES["cka"].of(Cloud(X), Cloud(Y), 0).value == cka(Cloud(X), Cloud(Y))
