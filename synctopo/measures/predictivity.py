"""Predictivity: how much of one cloud a linear map of the other tells, for samples that the map has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from synctopo.measures.cloud import GRAM, PRINCIPAL, Cloud
from synctopo.measures.measure import SHAPE, Measure, Measured, first_line, must_vary

FOLDS = 5

ALPHAS = tuple(10.0**k for k in range(-6, 4))
"""Ridge penalties tried, in units of the mean squared distance of a sample from the mean of the predicting cloud."""

Targets = Float64[np.ndarray, "n r"]
Index = Int[np.ndarray, " m"]
Held = Int[np.ndarray, " t"]


def ridge(a: Cloud, b: Cloud, seed: int = 0) -> Measured:
    """Cross-validated ridge regression: R^2 of held-out samples over all units, mean of both directions; at most 1, below 0 is possible.

    R^2 = 1 - sum |y - y_predicted|^2 / sum |y - mean of the training samples|^2 over the samples of 5 random folds, drawn by `seed`.
    The penalty is chosen inside each training set among 10^-6 ... 10^3 mean squared norms by generalised cross-validation (Golub, Heath
    and Wahba 1979). forward: a predicts b. A cloud predicts itself perfectly only where samples outnumber its dimensions. Raises
    DegenerateError for fewer than ten samples.
    """
    must_vary(a, b, 2 * FOLDS)
    parts = folds(len(a), seed)
    forward, backward = (_score(_fitted(x, parts), y.quantity(PRINCIPAL)) for x, y in ((a, b), (b, a)))
    return Measured((forward + backward) / 2, forward, backward)


def ridge_null(a: Cloud, b: Cloud, permutations: int, seed: int) -> Float64[np.ndarray, " permutation"]:
    """`ridge` with the samples matched at random: only the targets of either direction are reordered, so nothing is factorised again."""
    must_vary(a, b, 2 * FOLDS)
    rng = np.random.default_rng([seed, 1])
    parts = folds(len(a), seed)
    x, y = (_fitted(cloud, parts) for cloud in (a, b))
    targets_x, targets_y = a.quantity(PRINCIPAL), b.quantity(PRINCIPAL)
    found = np.empty(permutations)
    for k in range(permutations):
        order = rng.permutation(len(a))
        found[k] = (_score(x, targets_y[order]) + _score(y, targets_x[np.argsort(order)])) / 2
    return found


def folds(n: int, seed: int) -> tuple[Int[np.ndarray, " _"], ...]:
    """The samples of each of the folds, at random."""
    return tuple(np.sort(part) for part in np.array_split(np.random.default_rng(seed).permutation(n), FOLDS))


@dataclass(frozen=True, eq=False)
class _Fold:
    """Kernel ridge on one training set: the centred kernel of its samples is Q diag(values) Q'; `seen` is the tested ones' times Q."""

    train: Index
    test: Held
    vectors: Float64[np.ndarray, "m m"]
    values: Float64[np.ndarray, " m"]
    seen: Float64[np.ndarray, "t m"]
    unit: float


def _fitted(cloud: Cloud, parts: Sequence[np.ndarray]) -> list[_Fold]:
    gram = cloud.quantity(GRAM)
    unit = float((np.trace(gram) - gram.mean(0).sum()) / len(gram))
    return [_fold(gram, np.setdiff1d(np.arange(len(gram)), test), test, unit) for test in parts]


def _fold(gram: Float64[np.ndarray, "n n"], train: Index, test: Held, unit: float) -> _Fold:
    inner, across = gram[np.ix_(train, train)], gram[np.ix_(test, train)]
    means = inner.mean(0)
    values, vectors = np.linalg.eigh(inner - means - means[:, None] + means.mean())
    values = np.where(values > values[-1] * len(values) * np.finfo(float).eps, values, 0.0)
    seen = (across - across.mean(1, keepdims=True) - means + means.mean()) @ vectors
    return _Fold(train, test, vectors, values, seen, unit)


def _score(fitted: Sequence[_Fold], targets: Targets) -> float:
    """R^2 of held-out samples, pooled over targets and folds."""
    wrong = total = 0.0
    for fold in fitted:
        mean = targets[fold.train].mean(0)
        parts = fold.vectors.T @ (targets[fold.train] - mean)
        shrunk = parts / (fold.values + _penalty(fold, (parts**2).sum(1)))[:, None]
        held = targets[fold.test] - mean
        wrong += float(((held - fold.seen @ shrunk) ** 2).sum())
        total += float((held**2).sum())
    return 1 - wrong / total


def _penalty(fold: _Fold, power: Float64[np.ndarray, " m"]) -> float:
    """The penalty with the least generalised cross-validation error; `power` of the targets along each eigenvector."""
    penalties = np.array(ALPHAS) * fold.unit
    left = penalties[:, None] / (fold.values + penalties[:, None])
    # the mean is fitted too, and is one of the eigenvectors of value 0
    freedom = left.sum(1) - 1
    return float(penalties[np.argmin((left**2 * power).sum(1) / freedom**2)])


def _ridge(a: Cloud, b: Cloud, seed: int) -> Measured:
    return ridge(a, b, seed)


PREDICTIVITY = (
    Measure(
        "ridge",
        _ridge,
        closer="higher",
        symmetric=True,
        identical=1.0,
        invariances=SHAPE,
        chance="0 or a little below",
        about=first_line(ridge),
        parameters={"folds": FOLDS, "alphas": list(ALPHAS)},
        null=ridge_null,
    ),
)
