"""The slow oracle: barcodes of a mapping cone by Ripser on a doubled matrix, as the papers and the authors' code define them."""

import numpy as np
from jaxtyping import Float64

from rtd.rips import exact_bars


def cone_bars(small: Float64[np.ndarray, "n n"], big: Float64[np.ndarray, "n n"], degree: int = 1) -> Float64[np.ndarray, "bar 2"]:
    """Bars, longest first, of degree `degree` of the mapping cone of VR(big) -> VR(small), for small <= big entrywise.

    The R-Cross-Barcode of (w, v) is that of small = min(w, v), big = w (Barannikov et al. 2022, arXiv 2201.00058). Degree 1
    uses the matrix of the authors' code, which has the right homology in that degree only; every other degree uses the paper's matrix with
    its apex. Ends are entries of the matrices, in float64.
    """
    doubled = zero_block(small, big) if degree == 1 else with_apex(small, big)
    bars = exact_bars(doubled, degree)
    # degree 0 of the cone is 0: what stays is the one component that every complex has
    return bars[np.isfinite(bars[:, 1])]


def zero_block(small: Float64[np.ndarray, "n n"], big: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, "m m"]:
    """[[0, big], [big, small]]: the authors' matrix, right in degree 1."""
    return np.block([[np.zeros_like(small), big], [big, small]])


def with_apex(small: Float64[np.ndarray, "n n"], big: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, "m m"]:
    """[[big, big+', 0], [big+, small, inf], [0, inf, 0]], big+ infinite above its diagonal: the paper's matrix, right in every degree."""
    n = len(small)
    lower = np.where(np.triu(np.ones((n, n), dtype=bool), 1), np.inf, big)
    far, near = np.full((n, 1), np.inf), np.zeros((n, 1))
    return np.block([[big, lower.T, near], [lower, small, far], [near.T, far.T, np.zeros((1, 1))]])
