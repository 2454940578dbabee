"""How well groups of pixels are the objects: clustering of maps, FG-ARI and MBO."""

import numpy as np
from jaxtyping import Float, Int
from scipy.cluster.hierarchy import fcluster, linkage

Masks = Int[np.ndarray, "sample row column"]


def clustered(states: Float[np.ndarray, "sample channel row column"], groups: int) -> Masks:
    """Every map's places in at most so many groups, 0, 1, ..., by agglomerative clustering with average linkage of their states.

    Raises ValueError for fewer groups than one, or states that are not finite.
    """
    if groups < 1 or not np.isfinite(states).all():
        raise ValueError(
            f"wanted: finite states, and one group or more; got {groups} groups, states finite: {bool(np.isfinite(states).all())}."
        )
    samples, channels, rows, columns = states.shape
    found = np.zeros((samples, rows, columns), dtype=np.int64)
    for state, labels in zip(states.reshape(samples, channels, -1), found, strict=True):
        tree = linkage(state.T.astype(np.float64), method="average")
        labels[:] = fcluster(tree, groups, criterion="maxclust").reshape(rows, columns) - 1
    return found


def enlarged(masks: Masks, shape: tuple[int, int]) -> Int[np.ndarray, "sample pixel_row pixel_column"]:
    """Masks of places as masks of pixels. Raises ValueError where the pixels are no multiple of the places."""
    rows, columns = masks.shape[1:]
    if shape[0] % rows or shape[1] % columns:
        raise ValueError(f"an image of {shape[0]} x {shape[1]} is no multiple of a map of {rows} x {columns}.")
    return np.repeat(np.repeat(masks, shape[0] // rows, 1), shape[1] // columns, 2)


def rand_index(found: Int[np.ndarray, " n"], truth: Int[np.ndarray, " m"]) -> float:
    """The adjusted Rand index (Hubert and Arabie 1985): 1 for the same groups, 0 for as alike as by chance."""
    if len(found) != len(truth) or not len(truth):
        raise ValueError(f"the index compares two labels of each point; got {len(found)} and {len(truth)} points.")
    table = _table(found, truth)
    pairs = (table * (table - 1)).sum() / 2
    down, across = (c * (c - 1) / 2 for c in (table.sum(1), table.sum(0)))
    every = len(found) * (len(found) - 1) / 2
    chance = down.sum() * across.sum() / every if every else 0.0
    most = (down.sum() + across.sum()) / 2
    # both all in one group, or all apart: nothing could be better
    return 1.0 if most == chance else float((pairs - chance) / (most - chance))


def fg_ari(found: Masks, truth: Int[np.ndarray, "image r c"]) -> Float[np.ndarray, " sample"]:
    """FG-ARI: the adjusted Rand index of each image over the pixels of objects, without background and overlap."""
    _same(found, truth)
    return np.array([rand_index(f[t > 0], t[t > 0]) for f, t in zip(found, truth, strict=True)])


def mean_best_overlap(found: Masks, truth: Int[np.ndarray, "image r c"]) -> Float[np.ndarray, " sample"]:
    """MBO: for every object the largest intersection over union with a group, averaged over the objects of each image.

    Pixels where objects overlap (-1) are left out.
    """
    _same(found, truth)
    values = []
    for f, t in zip(found, truth, strict=True):
        known = t >= 0
        table = _table(f[known], t[known])
        union = table.sum(1, keepdims=True) + table.sum(0, keepdims=True) - table
        best = (table / union).max(0)
        names = np.unique(t[known])
        values.append(best[names > 0].mean())
    return np.array(values)


def _same(found: np.ndarray, truth: np.ndarray) -> None:
    if found.shape != truth.shape:
        raise ValueError(f"groups and objects are masks of one shape; got {list(found.shape)} and {list(truth.shape)}.")
    if not (truth > 0).any((1, 2)).all():
        raise ValueError("an image without any object has no score; leave it out.")


def _table(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How many points have each pair of labels, [group, object]."""
    groups, of = np.unique(found, return_inverse=True)
    objects, at = np.unique(truth, return_inverse=True)
    return np.bincount(of.ravel() * len(objects) + at.ravel(), minlength=len(groups) * len(objects)).reshape(len(groups), len(objects))
