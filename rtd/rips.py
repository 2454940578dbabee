"""Ordinary Vietoris-Rips barcodes by Ripser or giotto-ph, with ends that are the entries of the matrix in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from rtd.inputs import as_matrix

# whole numbers up to here are exact in float32
DISTINCT = 2**24
Engine = Callable[[Float32[np.ndarray, "n n"], int], Float64[np.ndarray, "bar 2"]]


def persistence(d: Any, degree: int = 1, engine: str = "ripser") -> Float64[np.ndarray, "bar 2"]:
    """Vietoris-Rips bars of the distance matrix `d` in one degree, longest first: [m, 2] float64, over the field of two elements.

    A component that never dies (degree 0) is a bar with death inf. `engine` is "ripser" (Bauer 2021) or "giotto" (giotto-ph, Pérez et al.
    2021: faster, needs the extra `giotto`). Both compute in float32; here they are given the ranks of the entries instead, which a float32
    holds exactly, so that every end is an entry of `d` to the last digit.

    Raises ValueError for a `d` that is no distance matrix, a negative degree, an unknown engine, or more than 2^24 different distances;
    ImportError with the command that installs it where the extra is missing.
    """
    if engine not in ENGINES:
        raise ValueError(f"no engine {engine!r}; there are: {', '.join(ENGINES)}.")
    if isinstance(degree, bool) or not isinstance(degree, int | np.integer) or degree < 0:
        raise ValueError(f"the degree must be a whole number of at least 0, not {degree!r}; 1 counts loops.")
    return exact_bars(as_matrix(d, "d"), int(degree), ENGINES[engine])


def exact_bars(d: Float64[np.ndarray, "n n"], degree: int, engine: Engine | None = None) -> Float64[np.ndarray, "bar 2"]:
    """Bars of a symmetric matrix with zero diagonal and entries in [0, inf], computed on the ranks of its entries."""
    if not len(d):
        return np.zeros((0, 2))
    values, ranks = np.unique(d, return_inverse=True)
    if len(values) > DISTINCT:
        raise ValueError(f"{len(values)} different distances are more than the engine tells apart ({DISTINCT}); take fewer points.")
    # an edge at infinity is never there, so its rank must not be a number
    heights = np.arange(len(values), dtype=np.float32)
    heights[np.isinf(values)] = np.inf
    found = (engine or _ripser)(heights[ranks.reshape(d.shape)], degree)
    ends = np.append(values, np.inf)
    index = np.where(np.isinf(found), len(values), found).astype(np.int64)
    bars: np.ndarray = ends[index].reshape(-1, 2)
    bars = bars[bars[:, 1] > bars[:, 0]]
    return bars[np.lexsort((bars[:, 0], bars[:, 0] - bars[:, 1]))]


def _ripser(d: Float32[np.ndarray, "n n"], degree: int) -> Float64[np.ndarray, "bar 2"]:
    # imported here because it brings scikit-learn, half a second that `import rtd` does not need
    from ripser import ripser

    return np.asarray(ripser(d, maxdim=degree, distance_matrix=True)["dgms"][degree], dtype=np.float64).reshape(-1, 2)


def _giotto(d: Float32[np.ndarray, "n n"], degree: int) -> Float64[np.ndarray, "bar 2"]:
    try:
        from gph import ripser_parallel
    except ImportError:
        raise ImportError(
            "the engine 'giotto' needs the extra of that name: pip install 'synctopo[giotto]'; 'ripser' needs none."
        ) from None
    # one thread: more of them do not help at these sizes, and the machine may be shared
    dgms = ripser_parallel(d, maxdim=degree, metric="precomputed", n_threads=1)["dgms"]
    return np.asarray(dgms[degree], dtype=np.float64).reshape(-1, 2)


ENGINES: dict[str, Engine] = {"ripser": _ripser, "giotto": _giotto}
