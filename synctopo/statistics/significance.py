"""Significance: p-values of many cells of one table, and the marks that they may carry."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import false_discovery_control

LEVELS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))
"""Star marks, of a p that is corrected for the size of its table."""

LEVEL = 0.05


def adjusted(ps: Sequence[float | None]) -> list[float | None]:
    """p corrected for there being many (Benjamini and Hochberg 1995): marking those at most q marks a share of at most q wrongly.

    None stays None and does not count. Raises ValueError for a p outside 0 to 1.
    """
    held = [p for p in ps if p is not None]
    if any(not 0 <= p <= 1 for p in held):
        raise ValueError(f"a p lies between 0 and 1; got {next(p for p in held if not 0 <= p <= 1)}.")
    corrected = iter(false_discovery_control(held) if held else ())
    return [None if p is None else float(next(corrected)) for p in ps]


def together(ps: Sequence[float]) -> float | None:
    """One p for several that need not be independent: twice their median, at most 1 (Rüschendorf 1982); None for none.

    Pairs of models that share a model are not independent, so their p cannot be multiplied or counted.
    """
    if not len(ps):
        return None
    return float(ps[0]) if len(ps) == 1 else float(min(1.0, 2 * float(np.median(ps))))


def stars(p: float | None) -> str:
    """`*`, `**`, `***` for a corrected p of at most 0.05, 0.01, 0.001; "" else.

    A p never falls below the smallest that its seeds can give, so where that is above 0.05 there is no star.
    """
    return "" if p is None else next((mark for level, mark in LEVELS if p <= level), "")


def reach(smallest: float, seeds: int) -> str:
    """A clause that says how small a p so many seeds can give, and whether that is enough for a star."""
    said = f"with {seeds} seeds p cannot fall below {smallest:.2g}"
    return said if smallest <= LEVEL else f"{said}, so nothing can reach {LEVEL:g}"
