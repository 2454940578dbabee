"""Distances inside one point cloud, safe in every digit, and the two ways to bring them to a common scale."""

import math
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from rtd.compilation import kernel
from rtd.inputs import as_cloud

Array = np.ndarray | Tensor
Convention = Callable[[Tensor, float], Tensor]


class DegenerateError(ValueError):
    """A representation without a scale: its quantile of distances is 0, or what is compared in it is constant."""


def distances(x: Any, metric: str = "euclidean") -> Array:
    """Dissimilarities between the n rows of `x`: [n, n] float64, exactly symmetric, 0 on the diagonal and between equal rows.

    `x` is [n, p], a numpy array, a list or a tensor of any real dtype; a tensor gives a tensor, on its device and differentiable.
    Differences are taken coordinate by coordinate: the matrix-product shortcut of `torch.cdist` loses four digits on activations that are
    not centred, and RTD then counts hundreds of bars between isometric clouds. Metrics: euclidean, sqeuclidean, cityblock, chebyshev,
    cosine and correlation (one minus the cosine, or the correlation, of two rows; not metrics, but RTD needs none).

    Raises ValueError for an unknown metric, a cloud that is not [n, p] or not finite, and rows without a direction (cosine, correlation).
    """
    if metric not in METRICS:
        raise ValueError(f"no metric {metric!r}; {_nearest(metric)}there are: {', '.join(METRICS)}.")
    d = METRICS[metric](as_cloud(x, "x"))
    return d if isinstance(x, Tensor) else d.numpy()


def normalise(d: Any, quantile: float = 0.9, convention: Convention | None = None) -> Array:
    """`d` divided by a quantile of its entries, so that representations of different scale can be compared.

    `convention` says which entries: `whole_matrix` (the default: the one of RTD and RTD-Lite) or `positive_pairs` (the one of SRTD).
    A tensor gives a tensor through which gradients flow, the quantile's own included.

    Raises DegenerateError where the quantile is 0, and ValueError for a quantile outside (0, 1] or an empty matrix.
    """
    if not 0 < quantile <= 1:
        raise ValueError(f"the quantile must lie in (0, 1], not {quantile:g}; 0.9 is what RTD is defined with.")
    t = d.double() if isinstance(d, Tensor) else torch.from_numpy(np.asarray(d, dtype=np.float64))
    if t.ndim != 2 or t.shape[0] != t.shape[1] or not len(t):
        raise ValueError(f"normalise needs a square matrix of distances, not shape {tuple(t.shape)}; rtd.distances(x) makes one.")
    scale = (convention or whole_matrix)(t, quantile)
    if not scale > 0:
        raise DegenerateError(
            f"the {quantile:g} quantile of the distances is 0: the representation is degenerate (constant, or nearly all of its points are "
            "equal), so it has no scale to compare in; leave it out."
        )
    return t / scale if isinstance(d, Tensor) else t.numpy() / float(scale)


def whole_matrix(d: Float64[Tensor, "n n"], quantile: float) -> Float64[Tensor, ""]:
    """The quantile over all n x n entries, both triangles and the zero diagonal: the official code of RTD and RTD-Lite."""
    return _quantile(d.flatten(), quantile)


def positive_pairs(d: Float64[Tensor, "n n"], quantile: float) -> Float64[Tensor, ""]:
    """The quantile over the positive entries above the diagonal: the official code of SRTD and NTS. 0 where there are none."""
    pairs = d[torch.ones_like(d, dtype=torch.bool).triu_(1) & (d > 0)]
    return _quantile(pairs, quantile) if len(pairs) else d.new_zeros(())


def standardise(x: Any) -> Array:
    """`x` with every feature at mean 0 and standard deviation 1; a constant feature becomes 0. [n, p], float64.

    Wang and Hu 2026 (arXiv 2606.06342), appendix K.1, need it before NTS on language models, where a few features have all the variance.
    """
    cloud = as_cloud(x, "x")
    centred = cloud - cloud.mean(0)
    constant = (cloud == cloud[:1]).all(0)
    spread = torch.where(constant, 1.0, centred.std(0, correction=0))
    z = torch.where(constant, 0.0, centred / spread)
    return z if isinstance(x, Tensor) else z.numpy()


def _quantile(values: Float64[Tensor, " value"], quantile: float) -> Float64[Tensor, ""]:
    """The value at position (len - 1) * quantile of the sorted values, interpolated: numpy's default, equal to it in the last digit."""
    position = (len(values) - 1) * quantile
    below = math.floor(position)
    above = min(below + 1, len(values) - 1)
    # torch.quantile refuses more than 2^24 values (4096 points), and sorts
    known = values.detach()
    if known.device.type == "cpu":
        known = torch.from_numpy(np.partition(known.numpy(), (below, above)))
    else:
        known = known.sort().values
    low, high = known[below], known[above]
    if values.requires_grad:
        # the entries that the quantile is, found by their values
        low, high = (values[(values == end).nonzero()[0, 0]] for end in (low, high))
    t = position - below
    return low + (high - low) * t if t < 0.5 else high - (high - low) * (1 - t)


def _minkowski(order: float) -> Callable[[Tensor], Tensor]:
    def between_rows(x: Float64[Tensor, "n p"]) -> Float64[Tensor, "n n"]:
        if x.requires_grad or x.device.type != "cpu":
            scale = _power_of_two(float(x.detach().abs().max()) if x.numel() else 0.0)
            return _square(torch.nn.functional.pdist(x / scale, order), len(x)) * scale
        # numpy, whose one thread never waits for another: torch's take tens of ms for these small steps on a busy machine
        points = x.numpy()
        scale = _power_of_two(max(points.max(), -points.min()) if points.size else 0.0)
        d: np.ndarray = _between_columns(np.ascontiguousarray(points.T) / scale, order)
        return torch.from_numpy(d * scale if scale != 1 else d)

    return between_rows


def _power_of_two(size: float) -> float:
    """What to divide by so that no square overflows or vanishes; 1 for ordinary sizes."""
    return 2.0 ** math.frexp(size)[1] if size and not 1e-100 < size < 1e100 else 1.0


def _square(pairs: Float64[Tensor, " pair"], n: int) -> Float64[Tensor, "n n"]:
    """The symmetric matrix on `n` points with zero diagonal whose upper triangle, row by row, is `pairs`."""
    upper = pairs.new_ones((n, n), dtype=torch.bool).triu_(1)
    half = pairs.new_zeros((n, n)).masked_scatter(upper, pairs)
    return half + half.T


@kernel
def _between_columns(x, order):  # type: ignore[no-untyped-def]
    """Minkowski distances of order 1, 2 or infinity between the columns of `x`, each summed in the order of the rows.

    In the blocks of rows and columns that a core's cache holds, coordinate by coordinate over many columns at once: that is a vector
    instruction, and faster than `torch.nn.functional.pdist` on one thread.
    """
    p, n = x.shape
    d = np.zeros((n, n))
    for left in range(0, n, 512):
        right = min(left + 512, n)
        for top in range(0, p, 64):
            bottom = min(top + 64, p)
            # squares by fours, so that the sums are read and written a quarter as often
            fours = bottom - (bottom - top) % 4 if order == 2 else top
            for i in range(right):
                first = max(left, i + 1)
                row = d[i, first:right]
                for k in range(top, fours, 4):
                    a, b, c, e = x[k, i], x[k + 1, i], x[k + 2, i], x[k + 3, i]
                    of_a, of_b, of_c, of_e = x[k, first:right], x[k + 1, first:right], x[k + 2, first:right], x[k + 3, first:right]
                    for j in range(len(row)):
                        row[j] = row[j] + (of_a[j] - a) ** 2 + (of_b[j] - b) ** 2 + (of_c[j] - c) ** 2 + (of_e[j] - e) ** 2
                for k in range(fours, bottom):
                    here, there = x[k, i], x[k, first:right]
                    if order == 2:
                        for j in range(len(row)):
                            row[j] += (there[j] - here) ** 2
                    elif order == 1:
                        for j in range(len(row)):
                            row[j] += abs(there[j] - here)
                    else:
                        for j in range(len(row)):
                            row[j] = max(row[j], abs(there[j] - here))
    if order == 2:
        for i in range(n):
            row = d[i, i + 1 :]
            for j in range(len(row)):
                row[j] = np.sqrt(row[j])
    for i in range(n):
        for j in range(i):
            d[i, j] = d[j, i]
    return d


_euclidean = _minkowski(2.0)


def _squared(x: Float64[Tensor, "n p"]) -> Float64[Tensor, "n n"]:
    return _euclidean(x) ** 2


def _cosine(x: Float64[Tensor, "n p"]) -> Float64[Tensor, "n n"]:
    """1 - cos = |u - v|^2 / 2 of the unit vectors: no cancellation between near directions, exactly 0 between equal rows."""
    size = x.abs().amax(1, keepdim=True) if x.shape[1] else x.new_zeros((len(x), 1))
    if (size == 0).any():
        raise ValueError(
            f"row {int((size == 0).nonzero()[0, 0])} of x has no direction, so its cosine distance is undefined; drop such rows."
        )
    x = x / size
    return _squared(x / x.norm(dim=1, keepdim=True)) / 2


def _correlation(x: Float64[Tensor, "n p"]) -> Float64[Tensor, "n n"]:
    constant = (x == x[:, :1]).all(1)
    if constant.any():
        raise ValueError(f"row {int(constant.nonzero()[0, 0])} of x is constant, so its correlation distance is undefined; drop such rows.")
    return _cosine(x - x.mean(1, keepdim=True))


METRICS: dict[str, Callable[[Tensor], Tensor]] = {
    "euclidean": _euclidean,
    "sqeuclidean": _squared,
    "cityblock": _minkowski(1.0),
    "chebyshev": _minkowski(math.inf),
    "cosine": _cosine,
    "correlation": _correlation,
}


def _nearest(word: str) -> str:
    near = get_close_matches(word, METRICS, n=1, cutoff=0.4)
    return f"the nearest is {near[0]!r}; " if near else ""
