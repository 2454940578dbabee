"""A point cloud with what is computed of it once, however many measures ask and however often its samples are reordered."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int, Shaped

import rtd


@dataclass(frozen=True)
class Quantity:
    """Something that is computed of a cloud once.

    of       cloud -> array
    samples  how many of the array's leading axes are the samples: 2 for [n, n], 1 for [n, ...], 0 for what ignores their order
    local    whether a sub-sample has the entries of the whole cloud, as distances do and ranks of distances do not
    """

    of: Callable[["Cloud"], np.ndarray]
    samples: int
    local: bool = False


class Cloud:
    """Points [sample, feature], and the quantities made of them."""

    def __init__(self, points: Shaped[np.ndarray, "n p"]) -> None:
        self._points: np.ndarray | None = points
        self.held: dict[Quantity, np.ndarray] = {}
        """What was computed of it so far."""
        self._whole: Cloud | None = None
        self._index = np.zeros(0, dtype=np.int64)
        self._permuted = False
        self._passing = 0

    @cached_property
    def points(self) -> Shaped[np.ndarray, "n p"]:
        """The points themselves, as they were recorded."""
        if self._points is not None:
            return self._points
        assert self._whole is not None
        return self._whole.points[self._index]

    def __len__(self) -> int:
        return len(self._index) if self._whole is not None else len(self.points)

    def quantity(self, what: Quantity) -> np.ndarray:
        """That quantity of this cloud: made when first asked for, of a reordered cloud by re-indexing the old one."""
        if what not in self.held:
            if self._whole is not None and (self._permuted or what.local):
                made = self._whole.quantity(what)
                if what.samples == 2:
                    made = made[np.ix_(self._index, self._index)]
                elif what.samples == 1:
                    made = made[self._index]
            else:
                made = what.of(self)
            self.held[what] = made
        return self.held[what]

    def reordered(self, order: Int[np.ndarray, " n"]) -> "Cloud":
        """The same cloud with sample `order[i]` at place i; nothing that was computed, or will be, is computed again for it.

        Raises ValueError for what is no permutation of the samples.
        """
        if not np.array_equal(np.sort(order), np.arange(len(self))):
            raise ValueError(f"an order of {len(self)} samples names each of 0 ... {len(self) - 1} once; use `taken` for some of them.")
        return self._child(order, permuted=True)

    def taken(self, indices: Int[np.ndarray, " m"]) -> "Cloud":
        """The cloud of the samples at `indices`, repeated or left out as in a bootstrap; its distances are the old ones re-indexed.

        Raises ValueError for an index of no sample.
        """
        if len(indices) and not 0 <= int(np.min(indices)) <= int(np.max(indices)) < len(self):
            raise ValueError(f"the indices of {len(self)} samples lie in 0 ... {len(self) - 1}.")
        return self._child(indices, permuted=False)

    def _child(self, index: np.ndarray, *, permuted: bool) -> "Cloud":
        found = Cloud.__new__(Cloud)
        found._points, found.held, found._passing = None, {}, 0
        found._whole, found._index, found._permuted = self, np.asarray(index, dtype=np.int64), permuted
        return found

    @property
    def distances(self) -> Float[np.ndarray, "n n"]:
        """Euclidean distances between the samples, float64."""
        return self.quantity(DISTANCES)

    def passing(self, pairs: int) -> bool:
        """Whether so many distances more are better made of the points, to be forgotten, than taken from those of all samples.

        They are until the forgotten ones have cost as much as the matrix: who rents until then and buys pays at most twice the least.
        """
        if self._whole is not None or DISTANCES in self.held:
            return False
        self._passing += pairs
        return self._passing <= len(self) ** 2

    @property
    def silent(self) -> bool:
        """Whether every entry is exactly zero: a layer that never fired."""
        return not self.points.any()

    @property
    def constant(self) -> bool:
        """Whether every sample has the same point."""
        return bool((self.points == self.points[:1]).all())


DISTANCES = Quantity(lambda cloud: np.asarray(rtd.distances(cloud.points.astype(np.float64))), samples=2, local=True)


def _centred(cloud: Cloud) -> np.ndarray:
    # first into reach: what is near the largest or the smallest number would overflow or vanish in a square
    points = cloud.points.astype(np.float64)
    points = points / (np.abs(points).max(initial=0.0) or 1.0)
    points -= points.mean(0)
    return points / (np.abs(points).max(initial=0.0) or 1.0)


def _gram(cloud: Cloud) -> np.ndarray:
    points = cloud.quantity(CENTRED)
    return points @ points.T


def _centred_gram(cloud: Cloud) -> np.ndarray:
    gram = cloud.quantity(GRAM)
    means = gram.mean(0)
    return gram - means - means[:, None] + means.mean()


def _principal(cloud: Cloud) -> np.ndarray:
    points = cloud.quantity(CENTRED)
    n, p = points.shape
    if p <= n:
        left, size, _ = np.linalg.svd(points, full_matrices=False)
        kept = size > size[:1] * max(n, p) * np.finfo(float).eps
    else:
        squared, left = np.linalg.eigh(cloud.quantity(CENTRED_GRAM))
        squared, left = squared[::-1], left[:, ::-1]
        kept = squared > squared[:1] * max(n, p) * np.finfo(float).eps
        size = np.sqrt(np.where(kept, squared, 0.0))
    return left[:, kept] * size[kept]


CENTRED = Quantity(_centred, samples=1)
"""The points less their mean, [n, p], in units of their largest entry."""

GRAM = Quantity(_gram, samples=2, local=True)
"""Inner products of the samples about the mean of the whole cloud, [n, n]."""

CENTRED_GRAM = Quantity(_centred_gram, samples=2)
"""Inner products of the samples about their mean, [n, n]."""

PRINCIPAL = Quantity(_principal, samples=1)
"""The principal components, [n, rank], the largest first: the same shape in no more dimensions than it fills."""
