"""Ridge predictivity against scikit-learn's ridge, and against what a linear map can tell."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from rtd import DegenerateError
from synctopo.measures import MEASURES, Cloud
from synctopo.measures.predictivity import ALPHAS, folds, ridge, ridge_null

pytestmark = pytest.mark.smoke

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6)) + 3
Y = X[:, :4] @ RNG.normal(size=(4, 9)) + 0.5 * RNG.normal(size=(60, 9)) - 7


def by_scikit_learn(x: np.ndarray, y: np.ndarray, seed: int) -> float:
    """The same folds; the penalty by generalised cross-validation from the hat matrix, written out."""
    unit = ((x - x.mean(0)) ** 2).sum(1).mean()
    wrong = total = 0.0
    for test in folds(len(x), seed):
        train = np.setdiff1d(np.arange(len(x)), test)
        a, b = x[train], y[train]
        centred = a - a.mean(0)
        best, chosen = np.inf, None
        for alpha in ALPHAS:
            hat = centred @ np.linalg.solve(centred.T @ centred + alpha * unit * np.eye(x.shape[1]), centred.T) + 1 / len(a)
            error = ((b - hat @ b) ** 2).sum() / (len(a) - np.trace(hat)) ** 2
            best, chosen = min((best, chosen), (error, alpha))
        model = Ridge(alpha=chosen * unit).fit(a, b)
        wrong += ((y[test] - model.predict(x[test])) ** 2).sum()
        total += ((y[test] - b.mean(0)) ** 2).sum()
    return 1 - wrong / total


@pytest.mark.parametrize("seed", [0, 1])
def test_both_directions_are_those_of_scikit_learn(seed):
    found = ridge(Cloud(X), Cloud(Y), seed)
    assert found.forward == pytest.approx(by_scikit_learn(X, Y, seed), abs=1e-8)
    assert found.backward == pytest.approx(by_scikit_learn(Y, X, seed), abs=1e-8)
    assert found.value == pytest.approx((found.forward + found.backward) / 2)


def test_a_projection_is_predicted_perfectly_and_predicts_its_share():
    found = ridge(Cloud(X), Cloud(X[:, :3]))
    assert found.forward == pytest.approx(1, abs=1e-6)
    assert found.backward == pytest.approx(0.5, abs=0.15)


def test_unrelated_wide_clouds_are_not_predicted():
    # linear regression without a penalty or held-out samples has an R^2 of 1.000 here (ReSi)
    a, b = (Cloud(RNG.normal(size=(100, 512))) for _ in "ab")
    assert -0.1 < ridge(a, b).value < 0.02


@pytest.mark.slow
def test_the_null_is_that_of_reordered_clouds_without_factorising_again():
    a, b = Cloud(X), Cloud(RNG.normal(size=(60, 5)))
    fast = ridge_null(a, b, 30, 0)
    slow = np.array([ridge(a, b.reordered(RNG.permutation(60))).value for _ in range(30)])
    assert fast.mean() == pytest.approx(slow.mean(), abs=4 * slow.std() / np.sqrt(15))
    assert fast.std() == pytest.approx(slow.std(), rel=0.6)
    assert np.array_equal(fast, ridge_null(a, b, 30, 0))
    assert not np.array_equal(fast, ridge_null(a, b, 30, 1))


def test_few_samples_are_refused():
    with pytest.raises(DegenerateError, match="9 samples are too few for this measure; it needs at least 10"):
        MEASURES["ridge"].of(Cloud(X[:9]), Cloud(Y[:9]), 0)
