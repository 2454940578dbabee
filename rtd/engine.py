"""The exact degree-1 barcode of a mapping cone of Vietoris-Rips complexes, on n points instead of a matrix of 2n.

VR(w) lies in VR(m) where m <= w. In degree 1 the cone of this inclusion is a complex with a loop for each edge, born at its length in m,
a triangle for each three points, and a cap for each edge at its length in w. Discrete Morse theory leaves few of these: the loops of edges
whose lune (points nearer to both ends than these are to each other) is empty in m; a triangle for each further component of a lune; caps of
edges with an empty lune in w. What is left is one small matrix over F2.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Float, Int, UInt32

from rtd import cells, lunes, sweep
from rtd.barcode import Barcode

MOST_POINTS = 65535  # the id of an edge is 2 x 16 bits
Progress = Callable[[float], object]


def cone_barcode(
    small: Float[np.ndarray, "n n"], big: Float[np.ndarray, "n n"], *, threads: int = 1, progress: Progress | None = None
) -> Barcode:
    """Exact bars of degree 1 of the mapping cone of VR(big) -> VR(small), for small <= big entrywise.

    Both matrices are symmetric, finite, non-negative and zero on the diagonal, of one dtype, float64 or float32; they need not be
    metric and may have ties and zeros. Ends of bars are entries of them: births of `small`, at edges where it is smaller, deaths of either.
    Any number of threads gives the same barcode. `progress` is called with the share of the work that is done, in [0, 1]; what it raises
    ends the work. Memory above the input: one matrix more, n^2/8 bytes for each thread and at most 12 n^2 bytes, 100 MB where few distances
    are equal, to sort. ValueError for matrices that are not as described.
    """
    smaller, larger = _checked(small, big)
    if not (small <= big).all():
        i, j = np.argwhere(small > big)[0]
        raise ValueError(f"small must be <= big in every entry, but at ({i}, {j}) they are {small[i, j]:g} and {big[i, j]:g}; swap them?")
    return _barcodes(larger, smaller, 1, threads, progress)[0]


def cross_barcodes(
    w: Float[np.ndarray, "n n"], v: Float[np.ndarray, "n n"], *, threads: int = 1, progress: Progress | None = None
) -> tuple[Barcode, Barcode]:
    """The R-Cross-Barcodes of degree 1 of (w, v) and of (v, w): cones of VR(w) and of VR(v) in VR(min(w, v)), from one sweep.

    Barannikov et al., "Representation Topology Divergence", 2022, def. 3.1. Arguments, memory and errors as for `cone_barcode`.
    """
    forward, backward = _barcodes(*_checked(w, v), 2, threads, progress)
    return forward, backward


def _checked(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bits of both matrices, as integers."""
    for d in (a, b):
        if d.ndim != 2 or d.shape[0] != d.shape[1] or d.dtype not in (np.float64, np.float32):
            raise ValueError(f"a distance matrix must be square, of float64 or float32, not {d.dtype} of shape {d.shape}.")
    if a.shape != b.shape or a.dtype != b.dtype:
        raise ValueError(f"both matrices must have one shape and dtype, but they are {a.dtype} {a.shape} and {b.dtype} {b.shape}.")
    if len(a) > MOST_POINTS:
        raise ValueError(f"the engine takes up to {MOST_POINTS} points, not {len(a)}; take batches of them.")
    integer = np.int64 if a.dtype == np.float64 else np.int32
    first, second = (np.ascontiguousarray(d).view(integer) for d in (a, b))
    return first, second


def _complaint(d: np.ndarray) -> str | None:
    if not np.isfinite(d).all() or (d < 0).any():
        i, j = np.argwhere(~((d >= 0) & (d < np.inf)))[0]
        return f"every distance must be finite and >= 0, but ({i}, {j}) is {d[i, j]:g}."
    if not np.array_equal(d, d.T):
        i, j = np.argwhere(d != d.T)[0]
        return (
            f"a distance matrix must be symmetric, but ({i}, {j}) is {d[i, j]:.17g} and ({j}, {i}) is {d[j, i]:.17g}; give (d + d.T) / 2."
        )
    if d.diagonal().any():
        i = int(np.flatnonzero(d.diagonal())[0])
        return f"the diagonal of a distance matrix must be 0, but ({i}, {i}) is {d[i, i]:g}."
    return None


def _barcodes(
    w: Int[np.ndarray, "n n"], v: Int[np.ndarray, "n n"], directions: int, threads: int, progress: Progress | None
) -> list[Barcode]:
    n = len(w)
    if n < 2:
        return [Barcode.empty()] * directions
    dtype = np.dtype(np.float64 if w.itemsize == 8 else np.float32)
    m = np.empty_like(w)
    spread = np.empty(n, np.int64)
    radii = np.empty(3, w.dtype)
    if not lunes.prepare(w, v, m, spread, radii):
        for d in (w, v):
            complaint = _complaint(d.view(dtype))
            if complaint:
                raise ValueError(complaint)
        # what is left is -0.0
        w, v = ((d.view(dtype) + np.zeros(1, dtype)).view(w.dtype) for d in (w, v))
        lunes.prepare(w, v, m, spread, radii)
    with ThreadPoolExecutor(threads) as pool:
        graph_w, graph_v = (_graph(a, r, pool, threads) for a, r in ((w, radii[0]), (v, radii[1])))
        shared = np.union1d(graph_w[_same(w, m, graph_w)], graph_v[_same(v, m, graph_v)])
        graph_m = lunes.empty_among(m, shared)
        todo = [cells.Direction(m, a, graph_m, graph) for a, graph in ((w, graph_w), (v, graph_v))[:directions]]
        if not all(d.done for d in todo):
            order = np.argsort(spread, kind="stable").astype(np.int32)
            for chunk in sweep.chunks(m.view(dtype), radii[2:].view(dtype)[0], order, pool, threads):
                for direction in todo:
                    direction.advance(chunk)
                if progress is not None:
                    progress(chunk.done)
                if all(d.done for d in todo):
                    break
        return [d.barcode(dtype) for d in todo]


def _graph(a: Int[np.ndarray, "n n"], radius: np.integer, pool: ThreadPoolExecutor, threads: int) -> UInt32[np.ndarray, " edge"]:
    """The relative neighbourhood graph of a: ids of the edges with an empty lune, increasing."""
    n = len(a)
    dtype = np.dtype(np.float64 if a.itemsize == 8 else np.float32)
    limit = float(np.array([radius], a.dtype).view(dtype)[0])
    scale = dtype.type(2.0 ** -np.frexp(limit)[1])
    coarse = np.empty((n, n), np.float32)
    near, far = np.empty((n, 16), np.int32), np.empty((n, 16), np.int32)
    bounds = [(n * t // threads, n * (t + 1) // threads) for t in range(threads)]
    longest = int(np.array([limit * scale], np.float32).view(np.int32)[0])
    run = pool.map if threads > 1 else map
    list(run(lambda b: lunes.coarsen(a.view(dtype), scale, b[0], b[1], coarse, near, far), bounds))
    bits = coarse.view(np.int32)
    return np.concatenate(list(run(lambda b: lunes.graph(a, bits, longest, near, far, b[0], b[1]), bounds)))


def _same(a: np.ndarray, m: np.ndarray, ids: np.ndarray) -> np.ndarray:
    equal: np.ndarray = cells.at(a, ids) == cells.at(m, ids)
    return equal
