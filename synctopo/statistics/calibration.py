"""What a value is worth: its values when samples are matched at random, and how far it would move with other stimuli."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

import rtd
from synctopo.measures import Cloud, Measure

LEVEL = 0.95
"""Of the intervals."""


@dataclass(frozen=True)
class Chance:
    """A value against the same clouds with their samples matched at random.

    mean, sd    of the values by chance; no sd of one permutation
    p           one-sided: the share of matchings that make the clouds at least as alike, the observed one included
    calibrated  (value - mean) / (identical - mean): 1 for a cloud with itself, 0 on average for clouds that have nothing to do with each
                other, whatever their widths and number; None where chance is as good as identity
    """

    mean: float
    sd: float | None
    p: float
    calibrated: float | None
    permutations: int


@dataclass(frozen=True)
class Interval:
    """Where the value would lie for other stimuli of the same kind, as many as these, in 95 of 100 cases (about)."""

    low: float
    high: float
    draws: int


def chance(measure: Measure, a: Cloud, b: Cloud, value: float, *, permutations: int, seed: int = 0) -> Chance | None:
    """`value` of `measure` against `permutations` random matchings of the samples of `b` to those of `a`.

    The observed matching counts as one of them, so p is valid and never 0 (Phipson and Smyth 2010). Nothing that is a matter of one cloud
    alone is computed again; a measure that draws sub-samples draws the same ones for every matching. Every call with the same seed and
    number of samples draws the same matchings, so that the maximum over layers can be held against the maximum of their chance. None for a
    measure that does not look at which sample is which.
    Raises rtd.DegenerateError where a matching has no value.
    """
    if not measure.matched:
        return None
    if measure.null is not None:
        found = np.asarray(measure.null(a, b, permutations, seed), dtype=np.float64)
    else:
        rng = np.random.default_rng(seed)
        orders = (rng.permutation(len(b)) for _ in range(permutations))
        found = np.array([measure.of(a, b.reordered(order), seed).value for order in orders], dtype=np.float64)
    return against(found, value, closer=measure.closer, identical=measure.identical)


def against(found: Float64[np.ndarray, " permutation"], value: float, *, closer: str, identical: float) -> Chance:
    """A value against its values by chance; see `Chance`."""
    # sums in another order differ in their last digits
    slack = 1e-12 * max(abs(value), abs(identical))
    alike = found <= value + slack if closer == "lower" else found >= value - slack
    mean = float(found.mean())
    span = identical - mean
    return Chance(
        mean,
        float(found.std(ddof=1)) if len(found) > 1 else None,
        float((1 + alike.sum()) / (1 + len(found))),
        (value - mean) / span if abs(span) > slack else None,
        len(found),
    )


def interval(measure: Measure, a: Cloud, b: Cloud, value: float, *, draws: int, seed: int = 0) -> Interval | None:
    """The interval of `value` over stimuli, from `draws` random halves of the samples.

    A bootstrap draws samples twice. Two equal samples are at distance 0: each other's nearest neighbour, a point less for a topology, a
    copy in the fold that predicts it; nearly every measure of this package would be biased. So halves are drawn without replacement
    (the delete-d jackknife, Shao and Wu 1989): a value that is a smooth mean over stimuli has over halves the spread that it has over new
    sets of all n, since halves differ as much as they are smaller. A divergence, which is 0 for identical clouds and grows with the number
    of samples, is first scaled to the value at n. Measured at n = 100 (Gaussians from unrelated to nearly equal, clusters; rtd, rtd_lite,
    srtd, max_rtd, cka, procrustes, rsa, knn): it held the mean over new sets in 90 to 100 of 100 cases, most where the two clouds have
    nothing in common. The interval is `value` less the 97.5 % and 2.5 % quantiles of the deviations, and ends
    where the measure does. None for fewer than 8 samples, of which halves say nothing, and where halves have no value.
    """
    n = len(a)
    if n < 8:
        return None
    rng = np.random.default_rng(seed)
    halves = (np.sort(rng.permutation(n)[: n // 2]) for _ in range(draws))
    try:
        found = np.array([measure.of(a.taken(half), b.taken(half), seed).value for half in halves])
    except rtd.DegenerateError:
        return None
    mean = float(found.mean())
    ratio = value / mean if measure.closer == "lower" and measure.identical == 0 and mean > 0 else 1.0
    correction = float(np.sqrt((n // 2) / (n - n // 2)))
    low, high = np.quantile(found - mean, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)) * ratio * correction
    ends = (value - high, value - low)
    if measure.closer == "lower":
        return Interval(float(max(ends[0], min(measure.identical, value))), float(ends[1]), draws)
    return Interval(float(ends[0]), float(min(ends[1], max(measure.identical, value))), draws)
