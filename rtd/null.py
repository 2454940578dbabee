"""Is a divergence small or large? RTD against the chance that samples are matched at random, and its spread over sub-samples."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64

from rtd import engine
from rtd.divergence import Comparison, rtd
from rtd.inputs import as_positive
from rtd.lite import tree_weight
from rtd.metrics import Convention, whole_matrix
from rtd.pairs import normalised_pair

Matrix = Float64[np.ndarray, "n n"]
Statistic = Callable[[Matrix, Matrix], float]


@dataclass(frozen=True, eq=False)
class Null:
    """A divergence beside its values for samples matched at random: `value` and `permuted` [permutation], of the same `samples` samples."""

    value: float
    permuted: Float64[np.ndarray, " permutation"]
    samples: int

    @property
    def mean(self) -> float:
        """The divergence to expect by chance."""
        return float(self.permuted.mean())

    @property
    def sd(self) -> float | None:
        """The standard deviation over permutations; None where there is only one."""
        return float(self.permuted.std(ddof=1)) if len(self.permuted) > 1 else None

    @property
    def p(self) -> float:
        """Chance of a divergence this small if samples were matched at random: (1 + permuted values <= value) / (1 + permutations).

        The observed matching counts as one of the permutations, so p is valid and never 0 (Phipson and Smyth 2010). Sums of equal bars
        can differ in their last digits with the order of the samples, so values within 1e-12 of each other are equal.
        """
        as_small = self.permuted <= self.value + 1e-12 * abs(self.value)
        return float((1 + as_small.sum()) / (1 + len(self.permuted)))

    @property
    def relative(self) -> float:
        """The value in units of chance: 0 for equal representations, around 1 for unrelated ones, whatever the width and the sample size.

        Raises ValueError where chance is 0 (every matching is as good: all samples are at equal distances).
        """
        if self.mean == 0:
            raise ValueError("the divergence is 0 however the samples are matched, so chance is no scale to divide by.")
        return self.value / self.mean

    def __repr__(self) -> str:
        spread = "" if self.sd is None else f" ± {self.sd:.2g}"
        return f"Null({self.value:.6g}, by chance {self.mean:.6g}{spread}, p = {self.p:.3g}, {len(self.permuted)} permutations)"


@dataclass(frozen=True, eq=False)
class Subsampling:
    """A divergence on `per_trial` random sub-samples of `batch` of `samples` samples, with what that says about batches of that size."""

    per_trial: Float64[np.ndarray, " trial"]
    batch: int
    samples: int

    @property
    def value(self) -> float:
        return float(self.per_trial.mean())

    @property
    def sd(self) -> float:
        """The standard deviation of one batch of new samples of the same population.

        Two sub-samples of one data set share samples, so their spread is too small by sqrt(1 - batch / samples) (sampling without
        replacement); here that is undone.
        """
        return float(self.per_trial.std(ddof=1) / math.sqrt(1 - self.batch / self.samples))

    @property
    def error(self) -> float:
        """At most this is the standard error of `value` as the mean over all batches of the population.

        A mean over all batches of a data set has at most batch / samples times the variance of one batch (Hoeffding 1948, for any
        U-statistic); the finite number of trials adds its own. Measured on correlated Gaussians: 1.6 times the true error.
        """
        share = self.batch / self.samples
        return self.sd * math.sqrt(share + (1 - share) / len(self.per_trial))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The interval value ± z x error that holds the mean over batches of the population with probability `level` or more (normal).

        Raises ValueError for a level outside (0, 1).
        """
        if not 0 < level < 1:
            raise ValueError(f"the level of an interval lies between 0 and 1; got {level:g}.")
        half = math.sqrt(2) * float(torch.erfinv(torch.tensor(level, dtype=torch.float64))) * self.error
        return self.value - half, self.value + half


def rtd_statistic(w: Matrix, v: Matrix) -> float:
    """RTD of two normalised distance matrices."""
    forward, backward = engine.cross_barcodes(w, v)
    return (forward.total() + backward.total()) / 2


def rtd_lite_statistic(w: Matrix, v: Matrix) -> float:
    """RTD-lite of two normalised distance matrices, less a part that no permutation of one of them changes."""
    return (tree_weight(w) + tree_weight(v)) / 2 - tree_weight(np.minimum(w, v))


def srtd_statistic(w: Matrix, v: Matrix) -> float:
    """SRTD of two normalised distance matrices."""
    return engine.cone_barcode(np.minimum(w, v), np.maximum(w, v)).total()


def permutation_null(
    x: Any,
    y: Any,
    *,
    permutations: int = 200,
    statistic: Statistic = rtd_statistic,
    metric: str = "euclidean",
    quantile: float = 0.9,
    convention: Convention = whole_matrix,
    generator: torch.Generator | None = None,
) -> Null:
    """RTD of two clouds, [n, p] and [n, q], beside its values when the samples of y are matched to those of x at random.

    All samples at once; take a sub-sample of a few hundred where there are more. Checks, distances, quantiles and normalisation are made
    once, since no permutation changes them; each permutation reorders one matrix and runs the engine. `statistic` is any function of two
    normalised distance matrices; metric="precomputed" takes the [n, n] distances themselves. None as `generator`: a new one with seed 0.

    Raises ValueError for what `rtd.rtd` refuses, DegenerateError (a ValueError) for a representation without a scale.
    """
    as_positive(permutations, "permutations")
    w, v = normalised_pair(x, y, metric, quantile, convention)
    generator = torch.Generator().manual_seed(0) if generator is None else generator
    value = statistic(w, v)
    permuted = np.empty(permutations)
    for k in range(permutations):
        order = torch.randperm(len(w), generator=generator, device=generator.device).cpu().numpy()
        permuted[k] = statistic(w, np.ascontiguousarray(v[np.ix_(order, order)]))
    return Null(value, permuted, len(w))


def subsampling(
    x: Any,
    y: Any,
    *,
    batch: int,
    trials: int = 30,
    divergence: Comparison = rtd,
    metric: str = "euclidean",
    generator: torch.Generator | None = None,
) -> Subsampling:
    """A divergence on random sub-samples of `batch` samples, with error bars that hold for new data and not only for this data set.

    `divergence` is `rtd.rtd` or another of its family; `batch` must be less than the number of samples, and should be at most half of it.
    Raises ValueError for a batch that holds all samples, fewer than two trials, and what the divergence refuses.
    """
    if as_positive(trials, "trials") < 2:
        raise ValueError("error bars need at least two trials; got trials=1.")
    measured = divergence(x, y, batch=batch, trials=trials, metric=metric, generator=generator)
    if measured.batch >= measured.samples:
        half = measured.samples // 2
        raise ValueError(f"a sub-sample must leave samples out: of {measured.samples}, take at most {half} at a time; got batch={batch}.")
    return Subsampling(measured.per_trial.mean(1), measured.batch, measured.samples)
