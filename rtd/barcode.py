"""A barcode: intervals, longest first, each with the edge that gave birth to it and the edge that ended it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64


@dataclass(frozen=True, eq=False)
class Barcode:
    """Finite bars of one degree, with the entries of the distance matrices that their ends are.

    `bars[k]` is the interval [birth, death); `births[k]` and `deaths[k]` are the pairs i < j of points whose distance is that birth
    or death. Two barcodes are equal when all three arrays are. Made by `from_pairs`, a barcode has its longest bar first; bars of the same
    length come by birth, then by birth edge, then by death edge.
    """

    bars: Float64[np.ndarray, "bar 2"]
    births: Int64[np.ndarray, "bar 2"]
    deaths: Int64[np.ndarray, "bar 2"]

    @classmethod
    def from_pairs(
        cls,
        bars: Float64[np.ndarray, "bar 2"],
        births: Int64[np.ndarray, "bar 2"],
        deaths: Int64[np.ndarray, "bar 2"],
    ) -> "Barcode":
        """The barcode of these bars in the fixed order; the arrays it holds cannot be written to."""
        length = bars[:, 1] - bars[:, 0]
        order = np.argsort(-length)
        if (np.diff(length[order]) == 0).any():
            order = np.lexsort((deaths[:, 1], deaths[:, 0], births[:, 1], births[:, 0], bars[:, 0], -length))
        arrays = tuple(a[order] for a in (bars, births, deaths))
        for a in arrays:
            a.flags.writeable = False
        return cls(*arrays)

    @classmethod
    def empty(cls) -> "Barcode":
        """The barcode without bars."""
        none = np.zeros((0, 2), dtype=np.int64)
        return cls.from_pairs(np.zeros((0, 2)), none, none.copy())

    def __len__(self) -> int:
        return len(self.bars)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Barcode):
            return NotImplemented
        return all(np.array_equal(a, b) for a, b in zip(self._arrays(), other._arrays(), strict=True))

    def __hash__(self) -> int:
        return hash(tuple(a.tobytes() for a in self._arrays()))

    def __repr__(self) -> str:
        longest = f", longest [{self.bars[0, 0]:.6g}, {self.bars[0, 1]:.6g})" if len(self) else ""
        return f"Barcode({len(self)} bars, total {self.total():.6g}{longest})"

    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.bars, self.births, self.deaths

    def lengths(self) -> Float64[np.ndarray, " bar"]:
        """Death minus birth of each bar."""
        lengths: np.ndarray = self.bars[:, 1] - self.bars[:, 0]
        return lengths

    def total(self) -> float:
        """The sum of the lengths of the bars."""
        return float(self.lengths().sum())
