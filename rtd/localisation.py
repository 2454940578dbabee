"""Where two representations differ: the samples that make the bars, and how much of the divergence is each one's."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from rtd.barcode import Barcode
from rtd.engine import cross_barcodes
from rtd.inputs import as_positive, device_of
from rtd.lite import spanning_tree
from rtd.metrics import Convention, whole_matrix
from rtd.pairs import normalised_pair

Matrix = Float64[np.ndarray, "n n"]


@dataclass(frozen=True)
class Difference:
    """One bar, told in samples: `edge` are near in one representation (at `birth`), and in the other one are joined only by way of `path`.

    `path` leads from one end of the edge to the other over the smallest possible steps of the other representation, the longest of which
    is `step`; `death` is where the bar ends. Both distances are normalised. `nearer_in_y`: the edge is short in y and long in x.
    """

    edge: tuple[int, int]
    birth: float
    death: float
    path: tuple[int, ...]
    step: float
    nearer_in_y: bool


@dataclass(frozen=True, eq=False, repr=False)
class Localisation:
    """RTD taken apart: both barcodes of all samples, and the normalised distances that they are made of.

    `forward` is the barcode of what `y` joins before `x` does, `backward` the other direction.
    """

    forward: Barcode
    backward: Barcode
    x_distances: Matrix
    y_distances: Matrix

    def __repr__(self) -> str:
        return f"Localisation({self.value:.6g}, {len(self.x_distances)} samples, forward={self.forward!r}, backward={self.backward!r})"

    @property
    def value(self) -> float:
        """RTD of all samples: half of the total length of both barcodes."""
        return (self.forward.total() + self.backward.total()) / 2

    @property
    def contributions(self) -> Float64[np.ndarray, " sample"]:
        """Each sample's part of `value`, to which they add up; see `contributions`."""
        samples = len(self.x_distances)
        parts: np.ndarray = (contributions(self.forward, samples) + contributions(self.backward, samples)) / 2
        return parts

    def longest(self, count: int = 10) -> tuple[Difference, ...]:
        """The longest bars of both directions together, longest first."""
        as_positive(count, "count")
        sides = ((self.forward, self.x_distances, True), (self.backward, self.y_distances, False))
        found = [
            _difference(barcode, k, other, nearer_in_y) for barcode, other, nearer_in_y in sides for k in range(min(count, len(barcode)))
        ]
        return tuple(sorted(found, key=lambda difference: difference.birth - difference.death)[:count])


def localise(
    x: Any,
    y: Any,
    *,
    metric: str = "euclidean",
    quantile: float = 0.9,
    convention: Convention = whole_matrix,
    threads: int = 1,
) -> Localisation:
    """Which samples make the RTD of two clouds, [n, p] and [n, q], of the same n samples, or of two [n, n] with metric="precomputed".

    All samples at once, no batches: `value` is that of `rtd.rtd(x, y, batch=None)`. Each distance matrix is divided by its `quantile`.

    Raises ValueError for what `rtd.rtd` refuses, and DegenerateError (a ValueError) for a representation without a scale.
    """
    w, v = normalised_pair(x, y, metric, quantile, convention)
    forward, backward = cross_barcodes(w, v, threads=as_positive(threads, "threads"), device=device_of(x, y))
    return Localisation(forward, backward, w, v)


def contributions(barcode: Barcode, samples: int) -> Float64[np.ndarray, " sample"]:
    """Each sample's part of the total length of a cross-barcode, to which the parts add up: [samples], none negative.

    The length of a bar goes in equal halves to the two ends of its birth edge. In the mapping cone that edge alone is a cycle, and it is
    the one that represents the class of the bar (Morse: the critical cell that creates it), so no other edge has a better claim. Our
    definition; the papers on RTD have none.

    Raises ValueError where the barcode names a sample beyond `samples`.
    """
    if len(barcode) and barcode.births.max() >= samples:
        raise ValueError(f"this barcode names sample {int(barcode.births.max())}; give the number of points it was made of, not {samples}.")
    parts = np.zeros(samples)
    for end in barcode.births.T:
        np.add.at(parts, end, barcode.lengths() / 2)
    return parts


def detour(d: Matrix, start: int, stop: int) -> Int64[np.ndarray, " step"]:
    """The points from `start` to `stop` on the way whose longest step is the shortest possible, along a minimum spanning tree of `d`."""
    tree, _ = spanning_tree(d)
    above = np.full(len(d), -1)
    above[tree[:, 1]] = tree[:, 0]
    first, second = (_upwards(above, point) for point in (start, stop))
    shared = set(first.tolist()) & set(second.tolist())
    head = [point for point in first.tolist() if point not in shared]
    tail = [point for point in second.tolist() if point not in shared]
    top = first[len(head)]
    return np.array([*head, top, *tail[::-1]], dtype=np.int64)


def _upwards(above: Int64[np.ndarray, " point"], point: int) -> Int64[np.ndarray, " step"]:
    way = [point]
    while above[way[-1]] >= 0:
        way.append(int(above[way[-1]]))
    return np.array(way, dtype=np.int64)


def _difference(barcode: Barcode, k: int, other: Matrix, nearer_in_y: bool) -> Difference:
    i, j = (int(point) for point in barcode.births[k])
    path = detour(other, i, j)
    birth, death = (float(end) for end in barcode.bars[k])
    step = float(other[path[:-1], path[1:]].max())
    return Difference((i, j), birth, death, tuple(path.tolist()), step, nearer_in_y)
