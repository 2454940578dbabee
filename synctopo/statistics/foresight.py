"""Foresight: whether a measure of how far a representation moves tells how much accuracy is lost."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy import stats

DRAWS = 2000
LEVELS = 0.95
Table = Mapping[tuple[str, int], Float64[np.ndarray, "way 2"]]
"""(condition, seed) -> for each way of spoiling images, (distance from the clean representation, loss of accuracy)."""


@dataclass(frozen=True)
class Within:
    """Inside one model, over the ways of spoiling its images: Spearman's rank correlation of distance and loss.

    mean        over models
    low, high   95 % of the mean over conditions, by drawing conditions with replacement and then their seeds
    models      how many models there were
    """

    mean: float
    low: float
    high: float
    models: int


@dataclass(frozen=True)
class Across:
    """Across conditions, at one way of spoiling images at a time: Spearman's correlation of their mean distance and mean loss.

    mean        over the ways in which conditions differ at all
    low, high   95 %, by drawing conditions with replacement
    p           two-sided: how often the losses of conditions dealt out at random correlate as much, the observed deal included
    """

    mean: float
    low: float
    high: float
    p: float
    conditions: int


def rank_correlation(x: Float64[np.ndarray, " n"], y: Float64[np.ndarray, " n"]) -> float | None:
    """Spearman's rho; None where one of the two is the same everywhere, or fewer than three are there."""
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(stats.spearmanr(x, y).statistic)


def within(table: Table, *, seed: int = 0) -> Within | None:
    """Foresight inside a model; None where no model has a correlation."""
    by: dict[str, list[float]] = {}
    for (condition, _), points in table.items():
        rho = rank_correlation(points[:, 0], points[:, 1])
        if rho is not None:
            by.setdefault(condition, []).append(rho)
    if not by:
        return None
    every = [rho for held in by.values() for rho in held]
    groups = [np.array(held) for held in by.values()]
    rng = np.random.default_rng(seed)
    # the mean over its seeds drawn anew, for every condition and draw, of which each draw takes as many conditions as there are
    resampled = np.array([group[rng.integers(len(group), size=(DRAWS, len(group)))].mean(1) for group in groups])
    chosen = rng.integers(len(groups), size=(len(groups), DRAWS))
    low, high = _bounds(np.take_along_axis(resampled, chosen, axis=0).mean(0))
    return Within(float(np.mean(every)), low, high, len(every))


def across(table: Table, *, seed: int = 0) -> Across | None:
    """Foresight across conditions; None for fewer than four conditions, or where none differ."""
    names = list(dict.fromkeys(condition for condition, _ in table))
    if len(names) < 4:
        return None
    means = np.array([np.mean([points for (c, _), points in table.items() if c == name], axis=0) for name in names])
    distances, losses = means[:, :, 0], means[:, :, 1]
    observed = _mean_rhos(distances[None], losses[None])[0]
    if np.isnan(observed):
        return None
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(names), size=(DRAWS, len(names)))
    low, high = _bounds(_mean_rhos(distances[drawn], losses[drawn]))
    dealt = np.nan_to_num(
        _mean_rhos(
            np.broadcast_to(distances, (DRAWS, *distances.shape)), losses[rng.permuted(np.tile(np.arange(len(names)), (DRAWS, 1)), axis=1)]
        )
    )
    p = (1 + int((np.abs(dealt) >= abs(observed) - 1e-12).sum())) / (1 + DRAWS)
    return Across(float(observed), low, high, p, len(names))


def _mean_rhos(
    distances: Float64[np.ndarray, "draw condition way"], losses: Float64[np.ndarray, "draw condition way"]
) -> Float64[np.ndarray, " draw"]:
    """Of each draw the mean correlation over the ways that have one; NaN where none has."""
    x, y = (r - r.mean(1, keepdims=True) for r in (stats.rankdata(v, axis=1) for v in (distances, losses)))
    scale = np.sqrt((x * x).sum(1) * (y * y).sum(1))
    there = scale > 0
    rho = np.where(there, (x * y).sum(1) / np.where(there, scale, 1.0), 0.0)
    count = there.sum(1)
    return np.where(count > 0, rho.sum(1) / np.maximum(count, 1), np.nan)


def _bounds(drawn: Float64[np.ndarray, " draw"]) -> tuple[float, float]:
    low, high = np.nanquantile(drawn, [(1 - LEVELS) / 2, (1 + LEVELS) / 2])
    return float(low), float(high)
