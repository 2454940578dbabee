"""Statistics over trained models as units: what lies between conditions beyond what lies between seeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np


@dataclass(frozen=True)
class Excess:
    """How much further apart two conditions are than two seeds of one condition.

    between   mean over pairs of different conditions and different seeds
    within    mean over pairs of one condition and different seeds
    excess    between - within: 0 in expectation where the conditions make no difference
    p         one-sided: the share of relabellings (conditions swapped within seeds) with at least this excess, the observed one included
    smallest  the smallest p that so many seeds can give
    """

    between: float
    within: float
    excess: float
    p: float
    smallest: float
    seeds: int


def excess(distance: Mapping[tuple[int, int], Mapping[tuple[int, int], float]], seeds: list[int], *, draws: int = 4096) -> Excess | None:
    """The excess of two conditions, 0 and 1, each trained with every one of `seeds`.

    `distance[(c, s)][(d, t)]` is the value between condition c with seed s and condition d with seed t. Only pairs of different seeds
    enter, since models of one seed share their first weights. Under the null hypothesis a seed's two models can be swapped, so p counts
    over all 2^(seeds - 1) distinct swaps, or `draws` random ones where there are more (add-one: Phipson and Smyth 2010).
    None where fewer than two seeds or a value is missing.
    """
    k = len(seeds)
    if k < 2:
        return None
    table = np.full((2, k, 2, k), np.nan)
    for c, i, d, j in product(range(2), range(k), range(2), range(k)):
        if i != j:
            value = distance.get((c, seeds[i]), {}).get((d, seeds[j]))
            if value is None:
                return None
            table[c, i, d, j] = value

    off = ~np.eye(k, dtype=bool)

    def means(labels: np.ndarray) -> tuple[float, float]:
        # labels[i] = 1: the two models of seed i swap their conditions
        rows = np.arange(k)
        cross: list[float] = []
        same: list[float] = []
        for c, d in product(range(2), range(2)):
            values = table[(c ^ labels)[:, None], rows[:, None], (d ^ labels)[None, :], rows[None, :]][off]
            (same if c == d else cross).append(float(values.mean()))
        return float(np.mean(cross)), float(np.mean(same))

    between, within = means(np.zeros(k, dtype=int))
    observed = between - within
    distinct = 2 ** (k - 1)
    if distinct <= draws:
        swaps = [np.array((0, *rest)) for rest in product(range(2), repeat=k - 1)]
        others = [np.subtract(*means(labels)) for labels in swaps]
        p = sum(value >= observed - 1e-12 for value in others) / distinct
        smallest = 1.0 / distinct
    else:
        rng = np.random.default_rng(0)
        others = [np.subtract(*means(rng.integers(0, 2, k))) for _ in range(draws)]
        p = (1 + sum(value >= observed - 1e-12 for value in others)) / (1 + draws)
        smallest = 1.0 / (1 + draws)
    return Excess(between, within, observed, float(p), smallest, k)
