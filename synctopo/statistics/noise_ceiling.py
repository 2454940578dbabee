"""Noise ceilings: how alike two models can be expected to be, when models of one condition differ by their seed alone."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64


@dataclass(frozen=True)
class Ceiling:
    """The range in which a comparison with the models of a condition is as good as it can be.

    lower  what another model of the same condition reaches: less alike than this, something is left to explain
    upper  what no single model surpasses on average over these very models: it knows all of them, so it is optimistic
    seeds  the number of models

    `upper` is more alike than `lower`: the larger number of a similarity, the smaller one of a divergence.
    """

    lower: float
    upper: float
    seeds: int


def ceiling(values: Float64[np.ndarray, "model model"], *, closer: str, identical: float) -> Ceiling | None:
    """The ceiling from the values between all models of one condition (seeds); the diagonal is not read.

    The bounds of Nili et al. 2014 (as rsatoolbox has them) hold each subject's matrix against the mean of the others (lower) and of all
    (upper). Networks of several seeds have no mean network, so a model stands in for the mean: for `lower`, each model is held against
    each other, left out; for `upper`, the best of the models is held against all of them, itself included with the value `identical`.
    None for fewer than two models. Raises ValueError for a missing value and for a direction that is neither lower nor higher.
    """
    k = len(values)
    if closer not in ("lower", "higher"):
        raise ValueError(f"`closer` is lower or higher; got {closer!r}.")
    if k < 2:
        return None
    off = ~np.eye(k, dtype=bool)
    if not np.isfinite(values[off]).all():
        raise ValueError("a value between two models of the condition is missing (NaN); leave that model out.")
    means = np.where(off, values, identical).mean(1)
    return Ceiling(float(values[off].mean()), float(means.min() if closer == "lower" else means.max()), k)
