"""Sequences of conditions: whether what a measure says grows along them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from synctopo.tables.cells import digits_of, headed, number
from synctopo.tables.formats import Table
from synctopo.tables.selection import Row, closer_of, ordered, pairs, values


def tau(numbers: Sequence[float]) -> float | None:
    """Kendall's tau-b (1945) of numbers with their places in the sequence: 1 where each is larger than the last; None where all are equal.

    Raises ValueError for fewer than two numbers.
    """
    if len(numbers) < 2:
        raise ValueError(f"a trend needs two numbers or more; got {len(numbers)}.")
    if len(set(numbers)) == 1:
        return None
    return float(kendalltau(np.arange(len(numbers)), numbers).statistic)


def trends(rows: Sequence[Row], sequence: Sequence[str]) -> Table:
    """Measure by condition of the sequence: its mean value to the first condition (same seeds), and tau along the sequence.

    Tau stands there twice: of the values, and of the dissimilarity, which is the value with a minus where higher means more alike; the
    latter is 1 for each measure that finds every step further from the first condition.
    """
    first, *others = sequence
    lines = []
    for measure in ordered(r["measure"] for r in rows):
        of = [r for r in rows if r["measure"] == measure]
        closer = closer_of(of)
        cells = [values(pairs(of, first, other, same_seed=True)) for other in others]
        middles = [float(np.mean(cell)) if cell else None for cell in cells]
        held = [m for m in middles if m is not None]
        found = tau(held) if len(held) == len(others) else None
        line = {
            "measure": headed(measure, closer),
            "tau": _signed(found),
            "tau of dissimilarity": _signed(found if found is None or closer == "lower" else -found),
        }
        lines.append(line | {o: "" if m is None else number(m, digits_of(closer)) for o, m in zip(others, middles, strict=True)})
    title = f"Do the measures follow the sequence? Their values to {first!r}, and Kendall's tau of these with the place in the sequence"
    return Table("sequence", title, pd.DataFrame(lines))


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f}"
