"""Canonical correlation between clouds: SVCCA and PWCCA, kept for comparison with older work; both are high by chance."""

import numpy as np
from jaxtyping import Float64

from rtd import DegenerateError
from synctopo.measures.cloud import CENTRED, PRINCIPAL, Cloud
from synctopo.measures.measure import SHAPE, Measure, Measured, first_line, must_vary, similarity

VARIANCE = 0.99
"""Share of the variance that SVCCA's principal components keep (Raghu et al. 2017)."""

Basis = Float64[np.ndarray, "n r"]
Other = Float64[np.ndarray, "n q"]


def svcca(a: Cloud, b: Cloud, *, variance: float = VARIANCE) -> float:
    """SVCCA (Raghu et al. 2017): mean canonical correlation of the components with 99 % of the variance; high by chance where width ~ n.

    Raises DegenerateError where these components of one cloud fill all n - 1 dimensions: every correlation is then 1 whatever the other.
    """
    x, y = (_leading(cloud, variance) for cloud in (a, b))
    _room(x, y)
    return float(np.linalg.svd(x.T @ y, compute_uv=False).clip(0, 1).mean())


def pwcca(a: Cloud, b: Cloud) -> tuple[float, float]:
    """PWCCA (Morcos et al. 2018, eq. 2): canonical correlations weighted by what the units see of them; 0.4 by chance at width n / 5.

    sum_i w_i r_i / sum_i w_i with w_i = sum_j |<h_i, x_j>|, h_i the canonical variates of one cloud and x_j its centred units: weighted
    by the first cloud, and by the second. Raises DegenerateError where one cloud fills all n - 1 dimensions: every correlation is then 1.
    """
    x, y = (_leading(cloud, 1.0) for cloud in (a, b))
    _room(x, y)
    u, r, v = np.linalg.svd(x.T @ y, full_matrices=False)
    sides = ((x @ u, a), (y @ v.T, b))
    weights = [np.abs(variates.T @ cloud.quantity(CENTRED)).sum(1) for variates, cloud in sides]
    forward, backward = (float(w @ r.clip(0, 1) / w.sum()) for w in weights)
    return forward, backward


def _leading(cloud: Cloud, share: float) -> Basis:
    """An orthonormal basis [n, r] of the fewest principal components that hold `share` of the variance."""
    components = cloud.quantity(PRINCIPAL)
    size = np.linalg.norm(components, axis=0)
    held = np.cumsum(size**2) / np.sum(size**2)
    count = len(size) if share == 1 else int(np.searchsorted(held, share - 1e-12)) + 1
    return components[:, :count] / size[:count]


def _room(x: Basis, y: Other) -> None:
    for name, basis in (("x", x), ("y", y)):
        if basis.shape[1] >= len(basis) - 1:
            raise DegenerateError(
                f"{name}: it fills all {len(basis) - 1} dimensions that {len(basis)} samples have, so every canonical correlation is 1 "
                "whatever the other cloud; take more samples."
            )


def _pwcca(a: Cloud, b: Cloud, _seed: int) -> Measured:
    must_vary(a, b)
    forward, backward = pwcca(a, b)
    return Measured((forward + backward) / 2, forward, backward)


CANONICAL = (
    similarity("svcca", svcca, SHAPE, "high where width ~ n", variance=VARIANCE),
    Measure("pwcca", _pwcca, "higher", True, 1.0, SHAPE - {"rotation"}, "0.4 at width n / 5", first_line(pwcca)),
)
