"""Two representations of the same samples as two distance matrices on a common scale, checked, on the CPU."""

from typing import Any

import numpy as np
from jaxtyping import Float64

from rtd.inputs import as_clouds, as_matrices
from rtd.metrics import Convention, DegenerateError, distances, normalise

Matrix = Float64[np.ndarray, "n n"]


def normalised_pair(x: Any, y: Any, metric: str, quantile: float, convention: Convention) -> tuple[Matrix, Matrix]:
    """Distances inside `x` and inside `y`, [n, n] each, each divided by its own quantile; all samples.

    Clouds [n, p] and [n, q], or [n, n] distances with metric="precomputed". Raises ValueError for what is neither, and DegenerateError
    (a ValueError) that names the representation without a scale.
    """
    if metric == "precomputed":
        a, b = as_matrices(x, y)
    else:
        a, b = (distances(cloud.detach(), metric).cpu().numpy() for cloud in as_clouds(x, y))  # type: ignore[union-attr]
    return scaled(a, "x", quantile, convention), scaled(b, "y", quantile, convention)


def scaled(d: Matrix, name: str, quantile: float, convention: Convention) -> Matrix:
    """`d` divided by its `quantile`; DegenerateError that begins with the `name` of the representation where that is 0."""
    try:
        return np.asarray(normalise(d, quantile, convention))
    except DegenerateError as error:
        raise DegenerateError(f"{name}: {error}") from None
