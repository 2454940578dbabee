"""SVCCA and PWCCA against scikit-learn's canonical correlations, their definition, and their chance level."""

import numpy as np
import pytest
import scipy.linalg

from rtd import DegenerateError
from synctopo.measures import MEASURES, Cloud
from synctopo.measures.canonical import pwcca, svcca

pytestmark = pytest.mark.smoke

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 6))
Y = X[:, :4] + RNG.normal(size=(80, 4))


def correlations(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Canonical correlations and the variates of x, by the generalised eigenvalue problem (Hotelling 1936)."""
    x, y = x - x.mean(0), y - y.mean(0)
    across = x.T @ y
    squared, directions = scipy.linalg.eigh(across @ np.linalg.solve(y.T @ y, across.T), x.T @ x)
    order = np.argsort(-squared)[: min(x.shape[1], y.shape[1])]
    return np.sqrt(squared[order].clip(0)), x @ directions[:, order]


def test_svcca_of_full_variance_is_the_mean_canonical_correlation():
    assert svcca(Cloud(X), Cloud(Y), variance=1.0) == pytest.approx(correlations(X, Y)[0].mean(), abs=1e-10)


def test_svcca_drops_what_holds_a_hundredth_of_the_variance():
    faint = np.hstack([X, 0.01 * RNG.normal(size=(80, 1))])
    assert svcca(Cloud(faint), Cloud(Y)) == pytest.approx(correlations(X, Y)[0].mean(), abs=2e-3)


def test_pwcca_weights_correlations_by_what_the_units_see():
    for x, y, found in ((X, Y, pwcca(Cloud(X), Cloud(Y))[0]), (Y, X, pwcca(Cloud(X), Cloud(Y))[1])):
        r, variates = correlations(x, y)
        weights = np.abs(variates.T @ (x - x.mean(0))).sum(1)
        assert found == pytest.approx(weights @ r / weights.sum(), abs=1e-10)


def test_by_chance_pwcca_is_0_4_at_a_width_of_a_fifth():
    # 0.41 to 0.43 with google/svcca at n = 100, width 20
    a, b = (Cloud(RNG.normal(size=(100, 20))) for _ in "ab")
    assert np.mean(pwcca(a, b)) == pytest.approx(0.42, abs=0.03)


@pytest.mark.parametrize("name", ["svcca", "pwcca"])
def test_a_cloud_that_fills_all_dimensions_is_refused(name):
    with pytest.raises(DegenerateError, match="y: it fills all 29 dimensions that 30 samples have"):
        MEASURES[name].of(Cloud(X[:30]), Cloud(RNG.normal(size=(30, 300))), 0)
