"""Pivots: values arranged as models by models and as pairs of models by measures, with what chance and seeds say of them."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from synctopo.tables.cells import Daggers, daggers, digits_of, headed, most_alike, number, spread
from synctopo.tables.formats import Table
from synctopo.tables.selection import Row, between, closer_of, held, one_seed, ordered, over, pairs, values


def matrix(rows: Sequence[Row], conditions: Sequence[str], measure: str, site: str) -> Table:
    """Condition by condition, mean ± sd (n) over pairs of different seeds; the diagonal is the spread between seeds of one condition."""
    shown = held(rows, conditions)
    closer = closer_of(rows)
    cells = {(a, b): pairs(rows, a, b) for i, a in enumerate(shown) for b in shown[i:]}
    marks = _daggers(list(cells.values()))
    text = {
        ends: spread(values(cell), digits_of(closer), count=True) + sign
        for (pair, cell), sign in zip(cells.items(), marks.signs, strict=True)
        for ends in (pair, pair[::-1])
    }
    lines = [{"": a, **{b: text[a, b] for b in shown}} for a in shown]
    means_ = mean_matrix(rows, shown)
    best = set()
    for i in range(len(shown)):
        others = [None if i == j or np.isnan(means_[i, j]) else float(means_[i, j]) for j in range(len(shown))]
        nearest = most_alike(others, closer)
        if nearest is not None:
            best.add((i, nearest + 1))
    title = (
        f"{headed(measure, closer)} at {site}: mean ± sd (n) over {over(rows)}; "
        f"{closer} is more alike; bold: the nearest other condition" + (f"; {marks.said}" if marks.said else "")
    )
    return Table(f"{measure}_{site}", title, pd.DataFrame(lines), frozenset(best))


def calibrated(rows: Sequence[Row], conditions: Sequence[str], measure: str, site: str) -> Table | None:
    """Condition by condition, where each pair stands between chance, 0, and identity, 1: mean ± sd over pairs of different seeds.

    So values between layers of unlike width compare. None where no value was held against chance.
    """
    if not any(r.get("calibrated") is not None for r in rows):
        return None
    placed = [{**r, "value": r.get("calibrated")} for r in rows]
    shown = held(rows, conditions)
    text = {frozenset((a, b)): spread(values(pairs(placed, a, b)), 2) for i, a in enumerate(shown) for b in shown[i:]}
    lines = [{"": a, **{b: text[frozenset((a, b))] for b in shown}} for a in shown]
    title = (
        f"{measure} at {site} on a scale from 0, samples matched at random, to 1, identical: mean ± sd over {over(rows)}; layers of unlike "
        "width compare on it"
    )
    return Table(f"{measure}_{site}_calibrated", title, pd.DataFrame(lines))


def means(rows: Sequence[Row], conditions: Sequence[str], measure: str, site: str) -> Table:
    """`matrix` for a terminal: means alone, the columns by number."""
    shown = held(rows, conditions)
    closer = closer_of(rows)
    found = mean_matrix(rows, shown)
    digits = digits_of(closer) - 1
    lines = []
    for i, condition in enumerate(shown):
        cells = {str(j + 1): "" if np.isnan(found[i, j]) else number(float(found[i, j]), digits) for j in range(len(shown))}
        lines.append({"": f"{i + 1}  {condition}", **cells})
    title = f"{measure} at {site}: means over {over(rows)}; {closer} is more alike"
    return Table(f"{measure}_{site}_means", title, pd.DataFrame(lines))


def measures(rows: Sequence[Row], conditions: Sequence[str], site: str) -> Table:
    """Pair of conditions by measure at one site, mean ± sd (n) over pairs of different seeds; below, each condition between its seeds."""
    shown = held(rows, conditions)
    pairs_of = [*combinations(shown, 2), *((c, c) for c in shown if not one_seed(rows))]
    columns: dict[str, list[str]] = {"": [f"{a} ~ {b}" if a != b else f"{a}, between seeds" for a, b in pairs_of]}
    best = set()
    said = ""
    for k, measure in enumerate(ordered(r["measure"] for r in rows), 1):
        of = [r for r in rows if r["measure"] == measure]
        closer = closer_of(of)
        cells = [pairs(of, a, b) for a, b in pairs_of]
        marks = _daggers(cells)
        said = said or marks.said
        columns[headed(measure, closer)] = [
            spread(values(cell), digits_of(closer), count=True) + sign for cell, sign in zip(cells, marks.signs, strict=True)
        ]
        middles = [float(np.mean(v)) if (v := values(cell)) and a != b else None for cell, (a, b) in zip(cells, pairs_of, strict=True)]
        nearest = most_alike(middles, closer)
        best |= {(nearest, k)} if nearest is not None else set()
    title = (
        f"All measures at {site}: mean ± sd (n) over {over(rows).partition(' (')[0]}; bold: the two conditions most alike by that measure"
        + (f"; {said}" if said else "")
    )
    return Table(f"measures_{site}", title, pd.DataFrame(columns), frozenset(best))


def mean_matrix(rows: Sequence[Row], conditions: Sequence[str]) -> np.ndarray:
    """[condition, condition] means over pairs of different seeds, for figures; NaN where there is no value."""
    cells = [[between(rows, a, b) for b in conditions] for a in conditions]
    return np.array([[np.mean(c) if c else np.nan for c in line] for line in cells])


def _daggers(cells: Sequence[Sequence[Row]]) -> Daggers:
    permutations = max((r.get("permutations") or 0 for cell in cells for r in cell), default=0)
    return daggers([[r["p"] for r in cell if r.get("p") is not None] for cell in cells], permutations)
