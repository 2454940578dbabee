"""RTD-lite and its kin: what RTD sees of connected components alone, from spanning trees in O(n^2)."""

from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from rtd.barcode import Barcode
from rtd.compilation import kernel
from rtd.cone import ordered
from rtd.divergence import over_batches
from rtd.engine import Place
from rtd.inputs import as_matrices

Matrix = Float64[np.ndarray, "n n"]


@over_batches
def rtd_lite(w: Matrix, v: Matrix, _place: Place) -> tuple[float, float]:
    """RTD-lite: half of MST(w) + MST(v), minus MST(min(w, v)); Tulchinskii et al. 2025, arXiv 2503.11910.

    MST is the weight of a minimum spanning tree, entries of 0 included. `forward` is MST(w) - MST(min), the total length of
    `lite_cross_barcode(w, v)`, and a lower bound of the forward RTD; `backward` is MST(v) - MST(min).
    """
    least = tree_weight(np.minimum(w, v))
    return tree_weight(w) - least, tree_weight(v) - least


@over_batches
def max_rtd_lite(w: Matrix, v: Matrix, _place: Place) -> tuple[float, float]:
    """Max-RTD-lite: MST(max(w, v)) minus half of MST(w) + MST(v); what Max-RTD sees of components.

    Wang and Hu 2026, arXiv 2606.06342. `forward` is MST(max) - MST(w), `backward` is MST(max) - MST(v). At least half of SRTD-lite, which
    is at least RTD-lite.
    """
    most = tree_weight(np.maximum(w, v))
    return most - tree_weight(w), most - tree_weight(v)


@over_batches
def srtd_lite(w: Matrix, v: Matrix, _place: Place) -> tuple[float, float]:
    """SRTD-lite: MST(max(w, v)) - MST(min(w, v)), one number for both directions.

    Wang and Hu 2026, arXiv 2606.06342, def. 3.2. It is the sum of RTD-lite and Max-RTD-lite.
    """
    value = tree_weight(np.maximum(w, v)) - tree_weight(np.minimum(w, v))
    return value, value


def lite_cross_barcode(w: Any, v: Any) -> Barcode:
    """The RTD-L-barcode of two distance matrices: bars of the kernel of H_0(VR(w)) -> H_0(VR(min(w, v))).

    Its total is MST(w) - MST(min), and each of its bars has a bar of `cross_barcode(w, v)` with the same birth and no earlier death
    (Tulchinskii et al. 2025, arXiv 2503.11910). Births are edges of the spanning tree of min, deaths of that of w.

    Raises ValueError for what is no distance matrix, as `cross_barcode` does.
    """
    a, b = as_matrices(w, v)
    return _kernel_barcode(np.minimum(a, b), a)


def lite_cone_barcode(small: Any, big: Any) -> Barcode:
    """The bars of the kernel of H_0(VR(big)) -> H_0(VR(small)), for `small` <= `big` entrywise; min and max give those of SRTD-lite.

    Raises ValueError for what is no distance matrix, and where an entry of `small` exceeds that of `big`.
    """
    return _kernel_barcode(*ordered(small, big))


def tree_weight(d: Matrix) -> float:
    """The weight of a minimum spanning tree; an entry of 0 is an edge like any other."""
    # sorted, so that trees with the same weights have the same sum and the sum of a smaller tree is never the larger one
    return float(np.sort(spanning_tree(d)[1]).sum())


def spanning_tree(d: Matrix) -> tuple[Int64[np.ndarray, "edge 2"], Float64[np.ndarray, " edge"]]:
    """The n - 1 edges of a minimum spanning tree and their weights, in the order in which Prim's algorithm adds them from point 0.

    The second end of each edge is the point that it adds.
    """
    return _prim(d)


def _kernel_barcode(small: Matrix, big: Matrix) -> Barcode:
    births, born = spanning_tree(small)
    tree, weights = spanning_tree(big)
    order = np.lexsort((births[:, 1], births[:, 0], born))
    births, born = births[order], born[order]
    deaths, died = _exchange(births, tree, weights)
    lasting = died > born
    return Barcode.from_pairs(np.column_stack((born, died))[lasting], np.sort(births[lasting], axis=1), np.sort(deaths[lasting], axis=1))


@kernel
def _prim(d):  # type: ignore[no-untyped-def]
    n = len(d)
    edges = np.empty((max(n - 1, 0), 2), np.int64)
    weights = np.empty(max(n - 1, 0))
    near = np.full(n, np.inf)
    source = np.zeros(n, np.int64)
    out = np.arange(1, n)
    last = 0
    for step in range(n - 1):
        best, at = np.inf, -1
        for k in range(n - 1 - step):
            i = out[k]
            if d[last, i] < near[i]:
                near[i], source[i] = d[last, i], last
            if near[i] < best:
                best, at = near[i], k
        last = out[at]
        edges[step, 0], edges[step, 1], weights[step] = source[last], last, best
        out[at] = out[n - 2 - step]
    return edges, weights


@kernel
def _exchange(births, tree, weights):  # type: ignore[no-untyped-def]
    """For each edge of `births` in turn, the heaviest edge of `tree` that it replaces, with its weight.

    The tree of `big` is turned into the tree of `small` edge by edge. Edges that came in weigh nothing, so the heaviest edge on the path
    between the ends of the next one is where those ends meet in `big` joined with all earlier births: its death.
    """
    n = len(tree) + 1
    above = np.full(n, -1)  # the tree hangs from point 0; each other point knows its edge upwards
    weight = np.full(n, -1.0)
    edge = np.full(n, -1)
    for k in range(n - 1):
        above[tree[k, 1]], weight[tree[k, 1]], edge[tree[k, 1]] = tree[k, 0], weights[k], k
    seen = np.full(n, -1)
    deaths = np.empty((n - 1, 2), np.int64)
    died = np.empty(n - 1)
    for k in range(n - 1):
        i, j = births[k]
        at = i
        while at != -1:
            seen[at] = k
            at = above[at]
        top = j
        while seen[top] != k:
            top = above[top]
        heaviest, low, side = -1.0, -1, -1
        for start in (i, j):
            at = start
            while at != top:
                if weight[at] > heaviest or (weight[at] == heaviest and edge[at] > edge[low]):
                    heaviest, low, side = weight[at], at, start
                at = above[at]
        deaths[k], died[k] = tree[edge[low]], heaviest
        # what hung from the edge that goes is hung from the other end of the edge that comes
        at, parent, w, e = side, (j if side == i else i), -1.0, -1
        while True:
            next_parent, next_w, next_e = above[at], weight[at], edge[at]
            above[at], weight[at], edge[at] = parent, w, e
            if at == low:
                break
            at, parent, w, e = next_parent, at, next_w, next_e
    return deaths, died
