"""Contrasts: two conditions held against each other, with trained models as the units, corrected over the table."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from synctopo.statistics.significance import adjusted, reach, stars
from synctopo.statistics.units import Excess, excess, sign_flip
from synctopo.tables.cells import chance_of, digits_of, headed, number, spread
from synctopo.tables.formats import Table
from synctopo.tables.selection import Row, closer_of, distances, ordered, pairs, status, values

Pair = tuple[str, str]
Cell = tuple[str, str, str]
"""A contrast and a site."""


def contrasts(rows: Sequence[Row], of: Sequence[Pair], measure: str) -> Table:
    """Contrast by site, a line each: how much further apart two conditions are than two seeds of one condition, with its p and q."""
    closer = closer_of(rows)
    digits = digits_of(closer)
    found = _excesses(rows, of)
    corrected = _corrected(found)
    lines = []
    for (a, b, site), e in found.items():
        here = [r for r in rows if r["site_a"] == site]
        line = {"contrast": f"{a} ~ {b}", "site": site, "same seed": spread(values(pairs(here, a, b, same_seed=True)), digits)}
        if e is None:
            line |= {
                "between": spread(values(pairs(here, a, b, same_seed=False)), digits),
                "within": "",
                "excess": "",
                "p": status(here, a, b),
                "q": "",
            }
        else:
            q = corrected[a, b, site]
            line |= {
                "between": number(e.between, digits),
                "within": number(e.within, digits),
                "excess": number(e.excess, digits, sign=True),
                "p": chance_of(e.p) + (" (smallest possible)" if e.p == e.smallest else ""),
                "q": chance_of(q) + stars(q),
            }
        lines.append(line)
    title = (
        f"{headed(measure, closer)}, contrast by site: `between` two conditions and `within` one (different seeds), how much further apart "
        f"the two are: `excess`, its p (conditions swapped within seeds), and q, the p corrected over this table{_reach(found)}; "
        "`same seed`: both from the same first weights"
    )
    return Table(f"{measure}_contrasts", title, pd.DataFrame(lines))


def layers(rows: Sequence[Row], of: Sequence[Pair], measure: str) -> Table:
    """The contrasts at a glance: `excess (p)` along the sites, starred by the corrected p; random partitions, the control, as one mean."""
    digits = digits_of(closer_of(rows))
    found = _excesses(rows, of)
    corrected = _corrected({cell: e for cell, e in found.items() if not cell[2].startswith("random.")})
    lines = []
    for a, b in of:
        line = {"contrast": f"{a} ~ {b}"}
        control: list[float] = []
        for site in ordered(r["site_a"] for r in rows):
            e = found[a, b, site]
            if site.startswith("random."):
                control += [e.excess] if e is not None else []
            elif e is None:
                line[site] = status([r for r in rows if r["site_a"] == site], a, b)
            else:
                line[site] = f"{number(e.excess, digits, sign=True)} ({chance_of(e.p, 2)}){stars(corrected[a, b, site])}"
        if control:
            line["random layers"] = number(float(np.mean(control)), digits, sign=True)
        lines.append(line)
    title = (
        f"{headed(measure, closer_of(rows))}: how much further apart two conditions are than two seeds of one, site by site (p in "
        f"brackets, * for a p of at most 0.05 after correction over this table{_reach(found)})"
    )
    return Table(f"{measure}_layers", title, pd.DataFrame(lines).fillna(""))


def steps(rows: Sequence[Row], of: Sequence[Pair], measure: str, *, most: int = 12) -> Table:
    """`layers` along the steps of one site: of many steps at most `most`, evenly spread, the first and the last among them."""
    times = sorted({r["time_a"] for r in rows})
    shown = [times[k] for k in sorted({round(k) for k in np.linspace(0, len(times) - 1, most)})]
    table = layers([{**r, "site_a": f"step {r['time_a']}"} for r in rows if r["time_a"] in shown], of, measure)
    left = f" ({len(shown)} of {len(times)} steps)" if len(shown) < len(times) else ""
    site = rows[0]["site_a"]
    return Table(f"{measure}_time", table.title.replace("site by site", f"at {site}, step by step{left}"), table.frame, table.best)


def performance(rows: Sequence[Row], of: Sequence[Pair], fields: dict[str, tuple[str, int, int]]) -> Table | None:
    """Contrast by number of a model: the difference (second less first) over seeds, its p by sign flips, starred after correction.

    `fields`: heading -> field, scale, digits. None where no contrast has two seeds.
    """
    tested = {}
    models = [r for r in rows if r["kind"] == "model"]
    for a, b in of:
        for title, (field, scale, _) in fields.items():
            one, two = ({r["seed"]: last(r.get(field)) for r in models if r["condition"] == c} for c in (a, b))
            differences = [scale * (two[s] - one[s]) for s in one if s in two and one[s] is not None and two[s] is not None]  # type: ignore[operator]
            tested[a, b, title] = (differences, sign_flip(np.array(differences)) if differences else None)
    if not any(found is not None for _, found in tested.values()):
        return None
    corrected = dict(zip(tested, adjusted([None if f is None else f.p for _, f in tested.values()]), strict=True))
    lines = []
    for a, b in of:
        line = {"contrast": f"{a} → {b}"}
        for title, (_, _, digits) in fields.items():
            differences, found = tested[a, b, title]
            line[title] = spread(differences, digits)
            if found is not None:
                line[title] += f" ({chance_of(found.p, 2)}){stars(corrected[a, b, title])}"
        lines.append(line)
    smallest, seeds = min((f.smallest, f.models) for _, f in tested.values() if f is not None)
    title = (
        "What changes from the first condition to the second: mean ± sd of the differences over seeds (p of a sign-flip test in brackets, "
        f"* for at most 0.05 after correction over this table; {reach(smallest, seeds)})"
    )
    frame = pd.DataFrame(lines)
    return Table("models_contrasts", title, frame.loc[:, (frame != "").any()])


def last(value: object) -> float | None:
    """The number, or the last one of a list; None for nothing."""
    if isinstance(value, list):
        return last(value[-1]) if value else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _excesses(rows: Sequence[Row], of: Sequence[Pair]) -> dict[Cell, Excess | None]:
    """The excess of each contrast at each site; of a similarity `between` and `within` have its sign again."""
    found: dict[Cell, Excess | None] = {}
    similarity = closer_of(rows) == "higher"
    for a, b in of:
        for site in ordered(r["site_a"] for r in rows):
            e = excess(*distances([r for r in rows if r["site_a"] == site], a, b))
            found[a, b, site] = e if e is None or not similarity else replace(e, between=-e.between, within=-e.within)
    return found


def _corrected(found: dict[Cell, Excess | None]) -> dict[Cell, float | None]:
    return dict(zip(found, adjusted([None if e is None else e.p for e in found.values()]), strict=True))


def _reach(found: dict[Cell, Excess | None]) -> str:
    known = [(e.smallest, e.seeds) for e in found.values() if e is not None]
    return f"; {reach(*min(known))}" if known else ""
