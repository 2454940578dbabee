"""The exact degree-1 barcode of a mapping cone of Vietoris-Rips complexes, on n points instead of a matrix of 2n.

VR(w) lies in VR(m) where m <= w. In degree 1 the cone of this inclusion is a complex with a loop for each edge, born at its length in m,
a triangle for each three points, and a cap for each edge at its length in w. Discrete Morse theory leaves few of these: the loops of edges
whose lune (points nearer to both ends than these are to each other) is empty in m; a triangle for each further component of a lune; caps of
edges with an empty lune in w. What is left is one small matrix over F2.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Float64, Int16, Int64, Shaped

from rtd import cells, compilation, edges, lunes, sweep, torch_sweep
from rtd.barcode import Barcode

MOST_POINTS = 65535  # the id of an edge is 2 x 16 bits
# each about half of the time to compile
KERNELS_HERE, KERNELS_BESIDE = ["rtd.cells", "rtd.edges", "rtd.sweep"], ["rtd.lunes"]
__all__ = ["Place", "Progress", "cone_barcode", "cross_barcodes", "is_compiled", "warm_up"]

Progress = Callable[[float], object]


@dataclass(frozen=True)
class Place:
    """Where the sweep runs: in `threads` on the CPU, compiled, or, with a `device`, there in torch operations."""

    threads: int = 1
    device: torch.device | None = None


def cone_barcode(
    small: Shaped[np.ndarray, "..."],
    big: Shaped[np.ndarray, "..."],
    *,
    threads: int = 1,
    device: torch.device | None = None,
    progress: Progress | None = None,
) -> Barcode:
    """Exact bars of degree 1 of the mapping cone of VR(big) -> VR(small), for small <= big entrywise.

    Both matrices are [n, n], symmetric, finite, non-negative and zero on the diagonal; they need not be metric and may have ties and
    zeros. Everything is computed in float64 by comparisons alone: ends of bars are entries of the matrices, births of `small` at edges
    where it is smaller, deaths of either. Any number of threads gives the same barcode. `progress` is called with the share of the edges
    that are done, in [0, 1]; what it raises ends the work.

    Memory above the two matrices in float64: 12 n^2 bytes, n^2/8 for each thread, and up to 100 MB (measured: 12 n^2 in all at n = 10,000).
    ValueError for matrices that are not as described.
    """
    smaller, larger = _checked(small, big)
    if not (small <= big).all():
        i, j = np.argwhere(small > big)[0]
        raise ValueError(f"small must be <= big in every entry, but at ({i}, {j}) they are {small[i, j]:g} and {big[i, j]:g}; swap them?")
    return _barcodes(larger, smaller, 1, Place(threads, device), progress)[0]


def cross_barcodes(
    w: Shaped[np.ndarray, "..."],
    v: Shaped[np.ndarray, "..."],
    *,
    threads: int = 1,
    device: torch.device | None = None,
    progress: Progress | None = None,
) -> tuple[Barcode, Barcode]:
    """The R-Cross-Barcodes of degree 1 of (w, v) and of (v, w): cones of VR(w) and of VR(v) in VR(min(w, v)), from one sweep.

    Barannikov et al., "Representation Topology Divergence", 2022, def. 3.1. Arguments, memory and errors as for `cone_barcode`.
    """
    forward, backward = _barcodes(*_checked(w, v), 2, Place(threads, device), progress)
    return forward, backward


def is_compiled() -> bool:
    """Whether the engine will start at once: its kernels are compiled, in this process or in a file of an earlier one."""
    return compilation.is_compiled(KERNELS_HERE + KERNELS_BESIDE)


@cache
def warm_up() -> None:
    """Compile what is not compiled yet, in two processes where there are two processors; else the first barcode does."""
    compilation.compile_kernels(KERNELS_HERE, KERNELS_BESIDE)


def _checked(a: np.ndarray, b: np.ndarray) -> tuple[Int64[np.ndarray, "n n"], Int64[np.ndarray, "n n"]]:
    """The bits of both matrices, as integers."""
    warm_up()
    for d in (a, b):
        if d.ndim != 2 or d.shape[0] != d.shape[1] or d.dtype.kind not in "biuf":
            raise ValueError(f"a distance matrix must be square, of real numbers, not {d.dtype} of shape {d.shape}.")
    if a.shape != b.shape:
        raise ValueError(f"both matrices must be on the same points, but their shapes are {a.shape} and {b.shape}.")
    if len(a) > MOST_POINTS:
        raise ValueError(f"the engine takes up to {MOST_POINTS} points, not {len(a)}; take batches of them.")
    return _bits(a), _bits(b)


def _bits(a: np.ndarray) -> Int64[np.ndarray, "n n"]:
    d = np.require(a, np.float64, ["C", "W"])  # numba would compile everything again for a matrix that is read-only
    if not lunes.is_distance(d.view(np.int64)):
        d = d + 0.0  # -0.0 has a sign bit
        if not lunes.is_distance(d.view(np.int64)):
            raise ValueError(_complaint(d))
    return d.view(np.int64)


def _complaint(d: Float64[np.ndarray, "n n"]) -> str:
    """What is wrong with the matrix."""
    wrong = ~((d >= 0) & (d < np.inf))
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        return f"every distance must be finite and >= 0, but ({i}, {j}) is {d[i, j]:g}."
    if d.diagonal().any():
        i = int(np.flatnonzero(d.diagonal())[0])
        return f"the diagonal of a distance matrix must be 0, but ({i}, {i}) is {d[i, i]:g}."
    i, j = np.argwhere(d != d.T)[0]
    return f"a distance matrix must be symmetric, but ({i}, {j}) is {d[i, j]:.17g} and ({j}, {i}) is {d[j, i]:.17g}; give (d + d.T) / 2."


def _barcodes(
    w: Int64[np.ndarray, "n n"], v: Int64[np.ndarray, "n n"], directions: int, place: Place, progress: Progress | None
) -> list[Barcode]:
    n, threads = len(w), place.threads
    if n < 2:
        return [Barcode.empty()] * directions
    m = np.minimum(w, v)
    # no edge that matters is longer than the least of the rows' maxima
    radii = [a.max(axis=1).min() for a in (w, v, m)]
    spread = m.view(np.float64).sum(axis=1)
    with ThreadPoolExecutor(threads) if threads > 1 else nullcontext() as pool:
        each = pool.map if pool else map
        radius = float(max(radii).view(np.float64))
        scale = (int(lunes.TOP) - 1) / radius if radius > 1e-300 else 0.0
        (graph_w, coarse_w), (graph_v, coarse_v) = (_graph(a, r, scale, threads, each) for a, r in ((w, radii[0]), (v, radii[1])))
        parts = [_parts(a, m, ids, coarse_w, coarse_v) for a, ids in ((w, graph_w), (v, graph_v))]
        del coarse_w, coarse_v
        graph = cells.Neighbourhood(m, np.union1d(parts[0][0], parts[1][0]))
        todo = [cells.Direction(m, a, graph, late, flat) for a, (_, late, flat) in list(zip((w, v), parts, strict=True))[:directions]]
        if not all(d.done for d in todo):
            lengths, radius = m.view(np.float64), float(radii[2].view(np.float64))
            if place.device is not None:
                swept = torch_sweep.chunks(torch.from_numpy(lengths).to(place.device), radius)
            else:
                swept = sweep.chunks(edges.runs(lengths, radius), np.argsort(spread, kind="stable").astype(np.int32), threads, each)
            for chunk in swept:
                list(each(cells.Direction.advance, todo, [chunk] * directions))
                if progress is not None:
                    progress(chunk.done)
                if all(d.done for d in todo):
                    break
        return [d.barcode() for d in todo]


def _graph(
    a: Int64[np.ndarray, "n n"], radius: np.int64, scale: float, threads: int, each: sweep.Map
) -> tuple[Int64[np.ndarray, " edge"], Int16[np.ndarray, "n n"]]:
    """The relative neighbourhood graph of a, as ids of the edges with an empty lune, increasing; and a * scale, coarsely."""
    n = len(a)
    coarse = np.empty((n, n), np.int16)
    near, far = np.empty((n, lunes.NEAR), np.uint16), np.empty((n, lunes.NEAR), np.int16)
    limit = int(radius.view(np.float64) * scale)
    bounds = [n * t // threads for t in range(threads + 1)]
    list(each(lambda start, stop: lunes.coarsen(a.view(np.float64), scale, start, stop, coarse, near, far), bounds[:-1], bounds[1:]))
    found = each(lambda start, stop: lunes.candidates(coarse, limit, near, far, start, stop), bounds[:-1], bounds[1:])
    kept = each(lambda ids: _split(a, coarse, coarse, ids)[0], [ids[:count] for ids, count in found])
    return np.concatenate(list(kept)), coarse


def _split(
    a: Int64[np.ndarray, "n n"], first: Int16[np.ndarray, "n n"], second: Int16[np.ndarray, "n n"], ids: Int64[np.ndarray, " edge"]
) -> tuple[Int64[np.ndarray, " empty"], Int64[np.ndarray, " other"]]:
    """Those of the edges that have an empty lune in a, which is coarsely the least of two matrices, and the others."""
    empty, other = np.empty_like(ids), np.empty_like(ids)
    count = lunes.part(a, first, second, ids, empty, other)
    return empty[:count], other[: len(ids) - count]


def _parts(
    a: Int64[np.ndarray, "n n"],
    m: Int64[np.ndarray, "n n"],
    ids: Int64[np.ndarray, " edge"],
    coarse_w: Int16[np.ndarray, "n n"],
    coarse_v: Int16[np.ndarray, "n n"],
) -> tuple[Int64[np.ndarray, " empty"], Int64[np.ndarray, " late"], Int64[np.ndarray, " flat"]]:
    """Edges of the graph of a: those that are in the graph of m too, with the same length; those longer than in m; and the rest."""
    is_late = cells.at(a, ids) > cells.at(m, ids)
    empty, flat = _split(m, coarse_w, coarse_v, ids[~is_late])
    return empty, ids[is_late], flat
