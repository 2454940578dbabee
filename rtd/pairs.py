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
        return _scaled(as_matrices(x, y), quantile, convention)
    a, b = (distances(cloud.detach(), metric).cpu().numpy() for cloud in as_clouds(x, y))  # type: ignore[union-attr]
    return _scaled((a, b), quantile, convention)


def _scaled(pair: tuple[Matrix, Matrix], quantile: float, convention: Convention) -> tuple[Matrix, Matrix]:
    scaled = []
    for d, name in zip(pair, "xy", strict=True):
        try:
            scaled.append(np.asarray(normalise(d, quantile, convention)))
        except DegenerateError as error:
            raise DegenerateError(f"{name}: {error}") from None
    return scaled[0], scaled[1]
