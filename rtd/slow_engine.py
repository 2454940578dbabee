"""interim"""

import numpy as np

from rtd.barcode import Barcode
from rtd.reference import cone_bars


def cone_barcode(small: np.ndarray, big: np.ndarray, *, threads: int = 1) -> Barcode:  # noqa: ARG001
    bars = cone_bars(small, big)
    z = np.zeros((len(bars), 2), dtype=np.int64)
    return Barcode.from_pairs(bars, z, z)


def cross_barcodes(w: np.ndarray, v: np.ndarray, *, threads: int = 1) -> tuple[Barcode, Barcode]:  # noqa: ARG001
    m = np.minimum(w, v)
    return cone_barcode(m, w), cone_barcode(m, v)
