"""What several tests of rtd share: pairs of matrices of every kind, and a homology that owes nothing to any library."""

from collections.abc import Callable, Iterable
from itertools import combinations

import numpy as np
import pytest

Bars = list[tuple[float, float]]

KINDS = ("cubes", "clusters", "rings", "grid", "integers", "duplicates", "equal", "scaled", "partly equal")


def _euclid(x: np.ndarray) -> np.ndarray:
    return np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))


def _integers(rng: np.random.Generator, n: int) -> np.ndarray:
    upper = np.triu(rng.integers(0, 5, (n, n)), 1).astype(float)
    return upper + upper.T


def make_pair(kind: str, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two distance matrices on n points: metric or not, tied or not, with zeros or without, more or less alike."""
    rng = np.random.default_rng(seed)
    x = rng.random((n, 3))
    angle = 2 * np.pi * np.arange(n) / max(n, 1)
    w = _euclid(x)
    if kind == "cubes":
        return w, _euclid(rng.random((n, 2)))
    if kind == "clusters":
        return w, _euclid(x + 3 * (np.arange(n) % 3)[:, None])
    if kind == "rings":
        ring = np.column_stack((np.cos(angle), np.sin(angle)))
        return _euclid(ring), _euclid(ring * (1 + np.arange(n) % 2)[:, None])
    if kind == "grid":
        grid = np.column_stack((np.arange(n) % 3, np.arange(n) // 3)).astype(float)
        return np.abs(grid[:, None] - grid[None]).sum(-1), _euclid(grid[rng.permutation(n)])
    if kind == "integers":
        return _integers(rng, n), _integers(rng, n)
    if kind == "duplicates":
        return _euclid(x[np.arange(n) % max(n // 2, 1)]), _euclid(x[np.arange(n) // 2])
    if kind == "equal":
        return w, w.copy()
    if kind == "scaled":
        return w, w * 1.5
    other = _euclid(x + 0.3 * rng.random((n, 3)))
    other[: n // 2, : n // 2] = w[: n // 2, : n // 2]
    return w, other


def reduce_by_hand(cells: Iterable[tuple[float, tuple[int, ...]]], degree: int) -> Bars:
    """Bars of one degree of a filtered simplicial complex, by the textbook reduction over the field of two elements, longest first."""
    order = sorted(cells, key=lambda cell: (cell[0], len(cell[1]), cell[1]))
    position = {simplex: k for k, (_, simplex) in enumerate(order)}
    pivots: dict[int, set[int]] = {}
    born = set()
    bars = []
    for k, (value, simplex) in enumerate(order):
        column = {position[face] for face in combinations(simplex, len(simplex) - 1) if face}
        while column and max(column) in pivots:
            column ^= pivots[max(column)]
        if not column:
            if len(simplex) == degree + 1:
                born.add(k)
            continue
        low = max(column)
        pivots[low] = column
        if low in born:
            born.discard(low)
            if value > order[low][0]:
                bars.append((order[low][0], value))
    bars += [(order[k][0], np.inf) for k in born]
    return sorted(bars, key=lambda bar: (bar[0] - bar[1], bar[0]))


def diameter(d: np.ndarray, simplex: tuple[int, ...]) -> float:
    return float(max((d[i, j] for i, j in combinations(simplex, 2)), default=0.0))


def rips_by_hand(d: np.ndarray, degree: int) -> Bars:
    """Vietoris-Rips bars by listing every simplex."""
    simplices = [s for k in range(1, degree + 3) for s in combinations(range(len(d)), k)]
    return reduce_by_hand([(diameter(d, s), s) for s in simplices], degree)


def cone_by_hand(small: np.ndarray, big: np.ndarray, degree: int) -> Bars:
    """Bars of the cone on n + 1 vertices: each simplex at its diameter in `small`, and joined with the apex at that in `big`."""
    n = len(small)
    simplices = [s for k in range(1, degree + 3) for s in combinations(range(n), k)]
    cells = [(diameter(small, s), s) for s in simplices] + [(0.0, (n,))]
    cells += [(diameter(big, s), (*s, n)) for s in simplices if len(s) < degree + 2]
    return [bar for bar in reduce_by_hand(cells, degree) if np.isfinite(bar[1])]


@pytest.fixture(scope="session")
def pair() -> Callable[[str, int, int], tuple[np.ndarray, np.ndarray]]:
    return make_pair


@pytest.fixture(scope="session")
def kinds() -> tuple[str, ...]:
    return KINDS


@pytest.fixture(scope="session")
def rips_bars() -> Callable[[np.ndarray, int], Bars]:
    return rips_by_hand


@pytest.fixture(scope="session")
def cone_cells_bars() -> Callable[[np.ndarray, np.ndarray, int], Bars]:
    return cone_by_hand
