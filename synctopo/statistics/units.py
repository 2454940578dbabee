"""Statistics over trained models as units: what lies between conditions beyond what lies between seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import comb

import numpy as np
from jaxtyping import Float64

Numbers = Sequence[float | int] | np.ndarray


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


@dataclass(frozen=True)
class Tested:
    """A test of trained models against chance.

    effect    what was tested
    p         the share of rearrangements with at least this effect, the observed one included
    smallest  the smallest p that so many models can give: above the level, no result can reach it
    models    how many trained models it rests on
    exact     whether every rearrangement was counted, or `draws` random ones
    """

    effect: float
    p: float
    smallest: float
    models: int
    exact: bool


def smallest_paired(seeds: int) -> float:
    """The smallest two-sided p of a sign-flip test: 2 / 2^seeds, so 0.0625 for five seeds and 0.031 for six."""
    return 2.0 / 2**seeds


def smallest_unpaired(first: int, second: int) -> float:
    """The smallest two-sided p of a relabelling of `first` and `second` models: 0.0079 for five against five."""
    return min(1.0, (2.0 if first == second else 1.0) / comb(first + second, first))


def sign_flip(differences: Numbers, *, draws: int = 65536, seed: int = 0) -> Tested | None:
    """Whether the mean of `differences`, one for each seed, is not 0: two-sided, by the signs of the differences.

    For two conditions trained with the same seeds: under the null hypothesis each seed's difference may have either sign, so p counts over
    all 2^seeds of them, or `draws` random ones where there are more (add-one: Phipson and Smyth 2010). None for fewer than two seeds.
    Raises ValueError for a difference that is not finite.
    """
    held = _finite(differences, "differences")
    if len(held) < 2:
        return None
    exact = 2 ** len(held) <= draws
    if exact:
        signs = np.array(list(product((1.0, -1.0), repeat=len(held))))
    else:
        signs = np.random.default_rng(seed).choice((1.0, -1.0), size=(draws, len(held)))
    return _two_sided(float(held.mean()), signs @ held / len(held), smallest_paired(len(held)), len(held), exact)


def relabelling(first: Numbers, second: Numbers, *, draws: int = 65536, seed: int = 0) -> Tested | None:
    """Whether the means of a number of trained models differ between two conditions with seeds of their own: mean(first) - mean(second).

    Two-sided; p counts over every way to call as many of the models `first`, or `draws` random ones where there are more than that. None
    for fewer than two models of a condition. Raises ValueError for a number that is not finite.
    """
    one, two = _finite(first, "first"), _finite(second, "second")
    if min(len(one), len(two)) < 2:
        return None
    pooled = np.concatenate((one, two))
    members, exact = _labels(len(one), len(pooled), draws, seed)
    sums = members @ pooled
    effects = sums / len(one) - (pooled.sum() - sums) / len(two)
    smallest = smallest_unpaired(len(one), len(two))
    return _two_sided(float(one.mean() - two.mean()), effects, smallest, len(pooled), exact)


def separation(distance: Float64[np.ndarray, "model model"], first: int, *, draws: int = 65536, seed: int = 0) -> Tested | None:
    """How much further apart two conditions are than models of one condition, where the seeds of the two have nothing in common.

    `distance` holds the `first` models of one condition, then those of the other. The effect is the mean between the conditions less the
    mean of the two means within; p is one-sided and counts over all relabellings of models, never of pairs, or `draws` random ones. With
    the same seeds in both conditions use `excess`, which leaves out the pairs that share their first weights. None for fewer than two
    models of a condition. Raises ValueError for a matrix that is not square and finite off its diagonal.
    """
    total = len(distance)
    if distance.shape != (total, total) or not 0 < first < total:
        raise ValueError(f"a square matrix of the distances of more than {first} models is wanted; got shape {list(distance.shape)}.")
    if first < 2 or total - first < 2:
        return None
    clean = np.where(np.eye(total, dtype=bool), 0.0, distance)
    if not np.isfinite(clean).all():
        raise ValueError("a distance between two models is missing (NaN); leave that model out.")
    members, exact = _labels(first, total, draws, seed)

    def effects(one: np.ndarray) -> np.ndarray:
        other = 1 - one
        a, b = first, total - first
        cross = np.einsum("ri,ij,rj->r", one, clean, other, optimize=True) / (a * b)
        within_one = np.einsum("ri,ij,rj->r", one, clean, one, optimize=True) / (a * (a - 1))
        within_other = np.einsum("ri,ij,rj->r", other, clean, other, optimize=True) / (b * (b - 1))
        return np.asarray(cross - (within_one + within_other) / 2)

    observed = float(effects((np.arange(total) < first).astype(float)[None])[0])
    found = effects(members)
    as_large = int((found >= observed - _slack(observed)).sum())
    p = as_large / len(found) if exact else (1 + as_large) / (1 + len(found))
    smallest = smallest_unpaired(first, total - first) if exact else max(1 / (1 + draws), smallest_unpaired(first, total - first))
    return Tested(observed, float(p), smallest, total, exact)


def _two_sided(observed: float, effects: np.ndarray, smallest: float, models: int, exact: bool) -> Tested:
    as_large = int((np.abs(effects) >= abs(observed) - _slack(observed)).sum())
    p = as_large / len(effects) if exact else (1 + as_large) / (1 + len(effects))
    return Tested(observed, float(p), smallest if exact else max(smallest, 1 / (1 + len(effects))), models, exact)


def _labels(first: int, total: int, draws: int, seed: int) -> tuple[np.ndarray, bool]:
    """[relabelling, model] 1 for members of the first condition: all of them, or random ones where there are more than `draws`."""
    exact = comb(total, first) <= draws
    if exact:
        chosen = np.array(list(combinations(range(total), first)))
    else:
        rng = np.random.default_rng(seed)
        chosen = np.argsort(rng.random((draws, total)), axis=1)[:, :first]
    members = np.zeros((len(chosen), total))
    np.put_along_axis(members, chosen, 1.0, axis=1)
    return members, exact


def _finite(values: Numbers, name: str) -> np.ndarray:
    held = np.asarray(values, dtype=float)
    if held.ndim != 1 or not np.isfinite(held).all():
        raise ValueError(f"`{name}` is a list of finite numbers, one for each trained model; got {list(np.ravel(held))}.")
    return held


def _slack(observed: float) -> float:
    # sums of the same numbers in another order differ in their last digits
    return 1e-12 * max(1.0, abs(observed))
