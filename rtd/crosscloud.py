"""Two clouds in one space: the cross-barcode and the manifold topology divergence, which need no pairing of samples."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float64

from rtd.divergence import Divergence
from rtd.inputs import as_cloud, as_positive
from rtd.metrics import distances
from rtd.rips import ENGINES, exact_bars


def cloud_barcode(p: Any, q: Any, degree: int = 1, *, metric: str = "euclidean", engine: str = "ripser") -> Float64[np.ndarray, "bar 2"]:
    """The cross-barcode of cloud `p` against cloud `q`, [n, d] and [m, d]: Vietoris-Rips bars of their union with `q` shrunk to a point.

    Barannikov et al. 2021, "Manifold Topology Divergence", arXiv 2106.04024: distances inside `q` are set to 0, so what remains are
    features of `p` that are not in `q`. Bars of one degree, longest first; in degree 0 their total (without the infinite bar) is the
    weight of the forest that attaches `p` to `q`. Distances are not normalised, since both clouds lie in one space.

    Raises ValueError for clouds that are not [n, d] in one d, not finite or empty, and what `rtd.persistence` raises.
    """
    a, b = _in_one_space(p, q)
    return _bars(a, b, degree, metric, engine)


def mtopdiv(
    p: Any,
    q: Any,
    *,
    batch: int = 100,
    against: int = 1000,
    trials: int = 10,
    generator: torch.Generator | None = None,
    metric: str = "euclidean",
    engine: str = "ripser",
) -> Divergence:
    """Manifold topology divergence: the total length of the degree-1 cross-barcode over random batches of two clouds in one space.

    Barannikov et al. 2021, arXiv 2106.04024. `forward` is MTop-Div(p, q), of `batch` points of p against `against` points of q; `backward`
    is MTop-Div(q, p), of `batch` points of q against `against` of p; `value` is the mean of both, which the authors advise for generative
    models. Drawn without replacement by `generator` (None: a new one with seed 0). The record's `samples` is the larger cloud.

    Raises ValueError for clouds that are not [n, d] in one d, not finite or empty.
    """
    a, b = _in_one_space(p, q)
    batch, against, trials = as_positive(batch, "batch"), as_positive(against, "against"), as_positive(trials, "trials")
    generator = torch.Generator().manual_seed(0) if generator is None else generator
    whole = max(len(a), len(b)) <= min(batch, against)

    def one(near: torch.Tensor, far: torch.Tensor) -> float:
        bars = _bars(_draw(near, batch, generator), _draw(far, against, generator), 1, metric, engine)
        return float((bars[:, 1] - bars[:, 0]).sum())

    per_trial = [(one(a, b), one(b, a)) for _ in range(1 if whole else trials)]
    return Divergence(np.array(per_trial), min(batch, against), max(len(a), len(b)))


def _bars(a: torch.Tensor, b: torch.Tensor, degree: int, metric: str, engine: str) -> Float64[np.ndarray, "bar 2"]:
    if engine not in ENGINES:
        raise ValueError(f"no engine {engine!r}; there are: {', '.join(ENGINES)}.")
    both = torch.cat((a, b)).detach()
    d: np.ndarray = distances(both, metric).cpu().numpy()  # type: ignore[union-attr]
    d[len(a) :, len(a) :] = 0
    return exact_bars(d, degree, ENGINES[engine])


def _draw(cloud: torch.Tensor, size: int, generator: torch.Generator) -> torch.Tensor:
    if size >= len(cloud):
        return cloud
    return cloud[torch.randperm(len(cloud), generator=generator, device=generator.device)[:size].to(cloud.device)]


def _in_one_space(p: Any, q: Any) -> tuple[torch.Tensor, torch.Tensor]:
    a, b = as_cloud(p, "p"), as_cloud(q, "q")
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"p and q must lie in one space, but p has {a.shape[1]} features and q has {b.shape[1]}; rtd.rtd compares across spaces."
        )
    if not len(a) or not len(b):
        raise ValueError(f"both clouds need a point, but p has {len(a)} and q has {len(b)}.")
    return a, b.to(a.device)
