"""Barcodes of each cloud by itself: distances between them and between their vectorisations, blind to which sample is which."""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from jaxtyping import Float64
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

import rtd
from rtd import DegenerateError
from synctopo.measures.cloud import Cloud, Quantity
from synctopo.measures.measure import SHAPE, Measure, distance

Bars = Float64[np.ndarray, "bar 2"]
Others = Float64[np.ndarray, "other 2"]

LOOPS = 1
"""The degree of the homology whose bars are compared."""

QUANTILE = 0.9
"""Of the distances, which is 1 in each cloud, as in RTD."""

# the bars are the same to the last digit; giotto-ph takes a third of the time where it is installed
ENGINE = "giotto" if find_spec("gph") else "ripser"

BINS, LAYERS = 100, 5
"""Of giotto-tda's vectorisations: points of the grid, and landscapes."""


def bottleneck(a: Cloud, b: Cloud) -> float:
    """Bottleneck distance between the barcodes of loops (Edelsbrunner and Harer 2010, VIII.2), each in units of its 0.9 quantile.

    The least over matchings of bars, with each other or with the diagonal, of the largest distance max(|births|, |deaths|).
    """
    x, y = bars_of(a, b)
    costs = _costs(x, y)
    steps = np.unique(np.append(costs[np.isfinite(costs)], 0.0))
    low, high = 0, len(steps) - 1
    while low < high:
        middle = (low + high) // 2
        matching = maximum_bipartite_matching(csr_matrix(costs <= steps[middle]), perm_type="column")
        low, high = (low, middle) if (matching >= 0).all() else (middle + 1, high)
    return float(steps[low])


def wasserstein(a: Cloud, b: Cloud) -> float:
    """1-Wasserstein distance between the barcodes of loops (Edelsbrunner and Harer 2010, VIII.2), each in units of its 0.9 quantile.

    The least over matchings, as in `bottleneck`, of the sum of the distances max(|births|, |deaths|).
    """
    x, y = bars_of(a, b)
    costs = _costs(x, y)
    costs[~np.isfinite(costs)] = 2 * costs[np.isfinite(costs)].sum() + 1
    rows, columns = linear_sum_assignment(costs)
    return float(costs[rows, columns].sum())


def entropy(a: Cloud, b: Cloud) -> float:
    """Difference of persistence entropies of the barcodes of loops (Rucco et al. 2016): |E - E'| in bits, E = -sum p log2 p.

    p are the lengths of the bars by their sum; no bar has entropy 0.
    """
    x, y = bars_of(a, b)
    return abs(_entropy(x) - _entropy(y))


def landscape(a: Cloud, b: Cloud) -> float:
    """L2 distance between the first five persistence landscapes of loops (Bubenik 2015), by giotto-tda; needs the extra `giotto`."""
    return _by_giotto(a, b, "landscape", {"p": 2, "n_layers": LAYERS, "n_bins": BINS})


def betti(a: Cloud, b: Cloud) -> float:
    """L1 distance between the Betti curves of loops, how many are alive at each scale, by giotto-tda; needs the extra `giotto`."""
    return _by_giotto(a, b, "betti", {"p": 1, "n_bins": BINS})


def bars_of(a: Cloud, b: Cloud) -> tuple[Bars, Others]:
    """The bars of loops in both clouds, each cloud in units of the 0.9 quantile of its distances, longest first."""
    found = []
    for name, cloud in (("x", a), ("y", b)):
        try:
            found.append(cloud.quantity(barcode(LOOPS)))
        except DegenerateError as error:
            raise DegenerateError(f"{name}: {error}") from None
    return found[0], found[1]


@cache
def barcode(degree: int) -> Quantity:
    """The Vietoris-Rips bars [bar, 2] of one degree, in units of the 0.9 quantile of the distances."""
    return Quantity(lambda cloud: rtd.persistence(np.asarray(rtd.normalise(cloud.distances, QUANTILE)), degree, ENGINE), samples=0)


def _costs(x: Bars, y: Others) -> Float64[np.ndarray, "m m"]:
    """What it costs to match each bar with another, or with the diagonal: [bars of x and one diagonal for each of y, and the other way]."""
    m, k = len(x), len(y)
    costs = np.zeros((m + k, m + k))
    costs[:m, :k] = np.abs(x[:, None] - y[None]).max(-1)
    for block, bars in ((costs[:m, k:], x), (costs[m:, :k].T, y)):
        block[:] = np.inf
        np.fill_diagonal(block, (bars[:, 1] - bars[:, 0]) / 2)
    return costs


def _entropy(bars: Bars) -> float:
    lengths = bars[:, 1] - bars[:, 0]
    share = lengths / lengths.sum()
    return float(-(share * np.log2(share)).sum()) if len(bars) else 0.0


def _by_giotto(a: Cloud, b: Cloud, metric: str, parameters: dict[str, Any]) -> float:
    try:
        from gtda.diagrams import PairwiseDistance
    except ImportError:
        raise ValueError(
            f"the measure {metric!r} needs giotto-tda: pip install 'synctopo[giotto]' (Python 3.11 or 3.12); bottleneck, wasserstein and "
            "entropy need nothing."
        ) from None
    found = bars_of(a, b)
    if not any(map(len, found)):
        return 0.0
    longest = max(map(len, found))
    # giotto-tda wants as many bars in each; those of length 0 count for nothing
    diagrams = np.zeros((2, longest, 3))
    diagrams[:, :, 2] = LOOPS
    for diagram, bars in zip(diagrams, found, strict=True):
        diagram[: len(bars), :2] = bars
    return float(PairwiseDistance(metric=metric, metric_params=parameters, order=2.0, n_jobs=1).fit_transform(diagrams)[0, 1])


INVARIANCES = SHAPE | {"order of samples"}

Function = Callable[[Cloud, Cloud], float]


def _measure(function: Function, **parameters: Any) -> Measure:
    found = distance(function.__name__, function, INVARIANCES, "none: samples are not matched")
    return Measure(**{**vars(found), "parameters": {"degree": LOOPS, **parameters}})


BARCODES = (
    _measure(bottleneck),
    _measure(wasserstein),
    _measure(entropy),
    _measure(landscape, layers=LAYERS, bins=BINS, p=2),
    _measure(betti, bins=BINS, p=1),
)
