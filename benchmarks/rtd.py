"""Exact RTD_1, both directions, against Ripser, giotto-ph and GUDHI on the doubled matrix; RTD-Lite against its definition."""

import importlib.util
import math
from collections.abc import Callable, Iterator

import numpy as np

import rtd
from benchmarks.interleaved import Row, compare, options, report
from rtd.engine import cross_barcodes, warm_up
from rtd.reference import zero_block

Pair = tuple[np.ndarray, np.ndarray]


def correlated(n: int) -> Pair:
    """Gaussians in 64 dimensions, and the same with noise of half their width."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 64))
    return _distances(x), _distances(x + 0.5 * rng.normal(size=(n, 64)))


def clusters(n: int) -> Pair:
    """A Gaussian in the plane, and the same split into 12 clusters on a circle, as in the RTD paper."""
    x = np.random.default_rng(0).normal(size=(n, 2))
    angle = 2 * np.pi * (np.arange(n) % 12) / 12
    return _distances(x), _distances(x + 10 * np.column_stack((np.cos(angle), np.sin(angle))))


def independent(n: int) -> Pair:
    """Two Gaussians in 64 dimensions."""
    rng = np.random.default_rng(0)
    return _distances(rng.normal(size=(n, 64))), _distances(rng.normal(size=(n, 64)))


CASES: dict[str, Callable[[int], Pair]] = {"correlated 64-D": correlated, "12 clusters 2-D": clusters, "independent 64-D": independent}


def _distances(x: np.ndarray) -> np.ndarray:
    return np.asarray(rtd.normalise(rtd.distances(x)))


def by_ripser(w: np.ndarray, v: np.ndarray) -> float:
    from ripser import ripser

    return sum(_length(ripser(d, maxdim=1, distance_matrix=True)["dgms"][1]) for d in doubled(w, v))


def by_giotto(w: np.ndarray, v: np.ndarray, threads: int) -> float:
    from gph import ripser_parallel

    return sum(_length(ripser_parallel(d, maxdim=1, metric="precomputed", n_threads=threads)["dgms"][1]) for d in doubled(w, v))


def by_gudhi(w: np.ndarray, v: np.ndarray) -> float:
    # not the simplex tree, which holds every triangle and takes a hundred times as long
    from gudhi.sklearn import RipsPersistence

    persistence = RipsPersistence(homology_dimensions=1, input_type="full distance matrix", homology_coeff_field=2)
    return sum(_length(bars) for bars in persistence.fit_transform(list(doubled(w, v))))


def doubled(w: np.ndarray, v: np.ndarray) -> Iterator[np.ndarray]:
    small = np.minimum(w, v)
    for big in (w, v):
        yield zero_block(small, big)


def _length(bars: np.ndarray) -> float:
    return float((bars[:, 1].astype(np.float64) - bars[:, 0]).sum())


def lite_by_definition(w: np.ndarray, v: np.ndarray) -> float:
    """Both RTD-L-barcodes edge by edge as they are defined: each bar joins the tree of w again onto a copy of the forest so far."""
    small = np.minimum(w, v)
    least = _tree(small)
    total = 0.0
    for big in (w, v):
        tree = _tree(big)
        for k, (birth, i, j) in enumerate(least):
            parent = list(range(len(w)))
            for _, a, b in least[:k]:
                parent[_root(parent, a)] = _root(parent, b)
            for death, a, b in tree:
                if _root(parent, i) == _root(parent, j):
                    break
                parent[_root(parent, a)] = _root(parent, b)
                last = death
            total += max(0.0, last - birth)
    return total


def _root(parent: list[int], a: int) -> int:
    while parent[a] != a:
        parent[a] = a = parent[parent[a]]
    return a


def _tree(d: np.ndarray) -> list[tuple[float, int, int]]:
    """Edges of a minimum spanning tree by Prim, in order."""
    near, via = d[0].copy(), np.zeros(len(d), dtype=int)
    outside = np.ones(len(d), dtype=bool)
    outside[0] = False
    edges = []
    for _ in range(len(d) - 1):
        k = int(np.argmin(np.where(outside, near, np.inf)))
        edges.append((float(d[k, via[k]]), int(via[k]), k))
        outside[k] = False
        closer = d[k] < near
        near[closer], via[closer] = d[k][closer], k
    return sorted(edges)


def lite(w: np.ndarray, v: np.ndarray) -> float:
    return rtd.lite_cross_barcode(w, v).total() + rtd.lite_cross_barcode(v, w).total()


def rows(quick: bool) -> Iterator[Row]:
    giotto, gudhi = (importlib.util.find_spec(name) is not None for name in ("gph", "gudhi"))
    # compiling and importing is nobody's time
    warm_up()
    few = correlated(8)
    for peer in (by_ripser, *([lambda w, v: by_giotto(w, v, 1)] if giotto else []), *([by_gudhi] if gudhi else [])):
        peer(*few)
    for n in (100, 250, 500) if quick else (100, 250, 500, 1000, 2000):
        for name, make in CASES.items():
            w, v = make(n)
            rounds = {100: 5, 250: 3}.get(n, 1) if quick else {100: 9, 250: 5, 500: 3}.get(n, 1)
            peers = {}
            if giotto:
                peers["giotto-ph, 1 thread"] = (lambda w=w, v=v: by_giotto(w, v, 1), rounds)
            if giotto and n < (250 if quick else 1000):
                peers["giotto-ph, 2 threads"] = (lambda w=w, v=v: by_giotto(w, v, 2), rounds)
            if n < (500 if quick else 1001):
                peers["ripser"] = (lambda w=w, v=v: by_ripser(w, v), 1 if quick else rounds)
            if gudhi and n < (500 if quick else 1001):
                peers["gudhi"] = (lambda w=w, v=v: by_gudhi(w, v), 1 if quick else rounds)
            yield from compare(
                f"{name}, n={n}",
                lambda w=w, v=v: sum(b.total() for b in cross_barcodes(w, v)),
                peers,
                # the peers round distances to single precision
                lambda a, b: math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-6),
            )
    for n in (1000, 2000) if quick else (1000, 2000, 5000, 10000):
        for name, make in CASES.items():
            w, v = make(n)
            two = (lambda w=w, v=v: cross_barcodes(w, v, threads=2), 1)
            yield from compare(f"{name}, n={n}", lambda w=w, v=v: cross_barcodes(w, v), {"ours, 2 threads": two}, lambda a, b: a == b)
    for n in (100,) if quick else (100, 250, 500):
        for name, make in CASES.items():
            w, v = make(n)
            peer = (lambda w=w, v=v: lite_by_definition(w, v), 1)
            yield from compare(f"lite, {name}, n={n}", lambda w=w, v=v: lite(w, v), {"RTD-Lite by definition": peer}, math.isclose)


if __name__ == "__main__":
    chosen = options(__doc__ or "")
    report(rows(chosen.quick), chosen.json)
