"""Normalised topological similarity: do two representations join their points in the same order? A rank correlation in [-1, 1]."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, Int64

from rtd.compilation import kernel
from rtd.divergence import Divergence, average
from rtd.lite import spanning_tree
from rtd.metrics import DegenerateError

Matrix = Float64[np.ndarray, "n n"]
Tree = tuple[Int64[np.ndarray, "edge 2"], Float64[np.ndarray, " edge"]]


def nts(
    x: Any,
    y: Any,
    *,
    batch: int | None = 500,
    trials: int = 10,
    generator: torch.Generator | None = None,
    metric: str = "euclidean",
) -> Divergence:
    """The normalised topological similarity of Wang and Hu 2026 (arXiv 2606.06342): here `nts_e`, the stricter of their two.

    NTS-E = 1 makes NTS-M = 1, not the other way round (their theorem 4.2), and NTS-E told the layers of two networks apart more often
    (97.22 against 94.72 %, their table). Called like `rtd.rtd`; see `nts_e`.
    """
    return nts_e(x, y, batch=batch, trials=trials, generator=generator, metric=metric)


def nts_e(
    x: Any,
    y: Any,
    *,
    batch: int | None = 500,
    trials: int = 10,
    generator: torch.Generator | None = None,
    metric: str = "euclidean",
) -> Divergence:
    """NTS-E: Spearman's rank correlation of the lengths in x and in y of the core edges (Wang and Hu 2026, arXiv 2606.06342).

    Core edges are those of a minimum spanning tree of either matrix. The value is a similarity, no divergence: 1 for the same order, also
    after any increasing change of the distances. Unrelated representations lie well below 0, not at 0: a core edge is short in one of the
    two by choice and ordinary in the other (-0.70 for 100 points drawn twice from a 10-dimensional cube; NTS-M -0.20). It has no direction,
    so forward = backward = value. Distances are not normalised, since only their order counts; features of very different variance want
    `standardise` first (appendix K.1).

    Raises what `rtd.rtd` raises, and DegenerateError where all core edges have the same length in one of the two.
    """
    return average(_both(edge_similarity), x, y, batch=batch, trials=trials, generator=generator, metric=metric)


def nts_m(
    x: Any,
    y: Any,
    *,
    batch: int | None = 500,
    trials: int = 10,
    generator: torch.Generator | None = None,
    metric: str = "euclidean",
) -> Divergence:
    """NTS-M: Spearman's rank correlation of the merge times in x and in y of the core edges (Wang and Hu 2026, arXiv 2606.06342).

    The merge time of an edge is the scale at which its ends become connected: the longest edge between them in a minimum spanning tree.
    Otherwise as `nts_e`.
    """
    return average(_both(merge_similarity), x, y, batch=batch, trials=trials, generator=generator, metric=metric)


def edge_similarity(w: Matrix, v: Matrix) -> float:
    """NTS-E of two distance matrices."""
    i, j = core_edges(spanning_tree(w), spanning_tree(v)).T
    return spearman(w[i, j], v[i, j])


def merge_similarity(w: Matrix, v: Matrix) -> float:
    """NTS-M of two distance matrices."""
    a, b = spanning_tree(w), spanning_tree(v)
    edges = core_edges(a, b)
    return spearman(merge_times(*a, edges), merge_times(*b, edges))


def core_edges(a: Tree, b: Tree) -> Int64[np.ndarray, "core 2"]:
    """The edges i < j of either tree, each once."""
    return np.unique(np.sort(np.concatenate((a[0], b[0])), axis=1), axis=0)


def merge_times(
    tree: Int64[np.ndarray, "edge 2"], weights: Float64[np.ndarray, " edge"], edges: Int64[np.ndarray, "core 2"]
) -> Float64[np.ndarray, " core"]:
    """The heaviest edge on the path of the tree (as `spanning_tree` gives it) between the ends of each edge."""
    times: np.ndarray = _merge_times(tree, weights, edges)
    return times


def spearman(a: Float64[np.ndarray, " pair"], b: Float64[np.ndarray, " pair"]) -> float:
    """Spearman's rank correlation, ties sharing their mean rank; exactly 1 for equal orders."""
    p, q = _centred_ranks(a), _centred_ranks(b)
    spread = float(p @ p) * float(q @ q)
    if spread == 0:
        raise DegenerateError(
            "all core edges are equally long in one representation, so it has no order to compare: NTS is undefined there; "
            "leave it out, or give it as a row with status 'degenerate'."
        )
    return float(p @ q) / float(np.sqrt(spread))


def _centred_ranks(values: Float64[np.ndarray, " pair"]) -> Float64[np.ndarray, " pair"]:
    """Twice the mean rank, less its mean: whole numbers, so that no rounding enters their products."""
    _, inverse, count = np.unique(values, return_inverse=True, return_counts=True)
    doubled = 2 * np.cumsum(count) - count
    return (doubled[inverse] - len(values)).astype(np.float64)


def _both(similarity: Any) -> Any:
    def directions(w: Matrix, v: Matrix) -> tuple[float, float]:
        value = similarity(w, v)
        return value, value

    return directions


@kernel
def _merge_times(tree, weights, edges):  # type: ignore[no-untyped-def]
    n = len(tree) + 1
    above = np.full(n, -1)
    weight = np.zeros(n)
    depth = np.zeros(n, np.int64)
    for k in range(n - 1):  # Prim adds a point after the one it hangs from
        i, j = tree[k]
        above[j], weight[j], depth[j] = i, weights[k], depth[i] + 1
    times = np.zeros(len(edges))
    for k in range(len(edges)):
        i, j = edges[k]
        while i != j:
            if depth[i] < depth[j]:
                i, j = j, i
            times[k] = max(times[k], weight[i])
            i = above[i]
    return times
