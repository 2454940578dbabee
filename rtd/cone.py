"""Degree-1 barcodes of the inclusion of one Vietoris-Rips filtration in another, from matrices that are checked first."""

from typing import Any

import numpy as np

from rtd import engine
from rtd.barcode import Barcode
from rtd.inputs import as_matrices, as_positive, device_of


def cross_barcode(w: Any, v: Any, *, threads: int = 1, progress: engine.Progress | None = None) -> Barcode:
    """The exact degree-1 R-Cross-Barcode of two distance matrices on the same n points: what `v` joins before `w` does.

    It is the barcode of H_1 of the mapping cone of VR(w) -> VR(min(w, v)) over the field of two elements (Barannikov et al. 2022,
    arXiv 2201.00058). All bars are finite; each birth is an entry of `v` and each death an entry of `w`
    or `v`, with the edge where it stands. Not symmetric in its arguments. [n, n] arrays, lists or tensors, of any real dtype; not
    normalised here. Where one lives on a GPU, the sweep over the edges runs there. For large n, `progress` is called with the share of the
    work that is done; what it raises ends the work.

    Raises ValueError unless both matrices are square, symmetric, finite, non-negative, 0 on the diagonal, and on the same points.
    """
    a, b = as_matrices(w, v)
    return engine.cone_barcode(np.minimum(a, b), a, threads=as_positive(threads, "threads"), progress=progress, device=device_of(w, v))


def cone_barcode(small: Any, big: Any, *, threads: int = 1, progress: engine.Progress | None = None) -> Barcode:
    """The degree-1 barcode of the mapping cone of VR(big) -> VR(small), for `small` <= `big` entrywise.

    With small = min(w, v) and big = w it is the R-Cross-Barcode; with small = w and big = max(w, v) that of Max-RTD; with min and max that
    of SRTD (Wang and Hu 2026, arXiv 2606.06342, def. 3.1 and C.1).

    Raises ValueError for what is no distance matrix, and where an entry of `small` exceeds that of `big`.
    """
    low, high = ordered(small, big)
    return engine.cone_barcode(low, high, threads=as_positive(threads, "threads"), progress=progress, device=device_of(small, big))


def ordered(small: Any, big: Any) -> tuple[np.ndarray, np.ndarray]:
    """Two distance matrices on the same points, the first at most the second in every entry."""
    low, high = as_matrices(small, big, ("small", "big"))
    if (low > high).any():
        i, j = np.unravel_index(int((low - high).argmax()), low.shape)
        raise ValueError(
            f"small must be <= big in every entry, but at ({i}, {j}) it is {low[i, j]:g} > {high[i, j]:g}; np.minimum(small, big) would do."
        )
    return low, high
