"""Spoilt images: tables of what every family still tells apart, how far its representation moves, and if that foresees the loss."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from synctopo.statistics.foresight import Table as Points
from synctopo.statistics.foresight import across, within
from synctopo.tables.cells import between, chance_of, headed, number, spread
from synctopo.tables.formats import Table
from synctopo.tables.selection import Row, measures_within, ordered


def spoilt(rows: Sequence[Row], conditions: Sequence[str]) -> list[Table]:
    """Accuracy and distance by corruption, and foresight of each measure; no table where no model was judged so."""
    here = spoilt_rows(rows)
    if not here:
        return []
    shown = [c for c in conditions if any(r["condition"] == c for r in here)]
    measures = measures_within(here)
    foreseen = _foresight(here, measures)
    return [_accuracies(here, shown), *(_moved(here, shown, m) for m in measures), *([foreseen] if foreseen is not None else [])]


def spoilt_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows that say how a model fares on spoilt images."""
    return [r for r in rows if r["kind"] == "spoilt"]


def way_of(row: Row) -> str:
    """How the images of a row were spoilt, in words: "clean", "gaussian noise 0.3"."""
    return "clean" if row["corruption"] == "clean" else f"{row['corruption'].replace('_', ' ')} {row['amount']:g}"


def points_of(rows: Sequence[Row], measure: str, field: str) -> Points:
    """(condition, seed) -> for each way of spoiling images (distance, loss), of models that have both: the distance from 0, identity, to 1,
    chance; the loss of `field` since the clean images."""
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    clean = {(r["condition"], r["seed"]): r[field] for r in rows if r["corruption"] == "clean"}
    for r in rows:
        at = (r["condition"], r["seed"])
        place = r["measures"].get(measure, {}).get("calibrated")
        if place is not None and clean.get(at) is not None:
            found.setdefault(at, []).append((1.0 - place, clean[at] - r[field]))
    most = max(map(len, found.values()), default=0)
    # a model whose representation died under one of them cannot be ranked with the others
    return {at: np.array(points) for at, points in found.items() if len(points) == most}


def _accuracies(rows: Sequence[Row], conditions: Sequence[str]) -> Table:
    lines = []
    for condition in conditions:
        line = {"condition": condition}
        for way in ordered(map(way_of, rows)):
            cell = [r for r in rows if r["condition"] == condition and way_of(r) == way]
            own, shared = spread([r["own"] for r in cell], 1, 100), spread([r["readout"] for r in cell], 1, 100)
            line[way] = f"{own or '-'} / {shared}" if cell else ""
        lines.append(line)
    title = (
        "Right (%) on spoilt images, by the model's own read-out / by logistic regression on its main site, fitted to clean samples: mean "
        "± sd over seeds; every model sees the same spoilt images"
    )
    return Table("spoilt", title, pd.DataFrame(lines))


def _moved(rows: Sequence[Row], conditions: Sequence[str], measure: str) -> Table:
    lines = []
    for condition in conditions:
        line = {"condition": condition}
        for way in ordered(way_of(r) for r in rows if r["measures"]):
            cell = [r["measures"][measure] for r in rows if r["condition"] == condition and way_of(r) == way and measure in r["measures"]]
            held = [1.0 - c["calibrated"] for c in cell if c["calibrated"] is not None]
            line[way] = spread(held, 2) or ", ".join(ordered(c["status"] for c in cell if c["status"] != "ok"))
        lines.append(line)
    title = (
        f"How far the main site moves from the clean representation of the same samples by {measure}: 0 is not at all, 1 as far as samples "
        "matched at random (mean ± sd over seeds)"
    )
    return Table(f"spoilt_{measure}", title, pd.DataFrame(lines))


def _foresight(rows: Sequence[Row], measures: Sequence[str]) -> Table | None:
    closer = {m: next(r["measures"][m]["closer"] for r in rows if m in r["measures"]) for m in measures}
    lines = []
    for field, said in (("own", "own read-out"), ("readout", "shared read-out")):
        for measure in measures:
            table = points_of(rows, measure, field)
            one, all_ = within(table), across(table)
            if one is None:
                continue
            line = {"measure": headed(measure, closer[measure]), "loss of": said, "models": str(one.models)}
            line["within a model"] = f"{number(one.mean, 2, sign=True)} {between(one.low, one.high, 2)}"
            if all_ is not None:
                line["across conditions"] = f"{number(all_.mean, 2, sign=True)} {between(all_.low, all_.high, 2)}"
                line["p"] = chance_of(all_.p)
            lines.append(line)
    if not lines:
        return None
    title = (
        "Does the distance from the clean representation foresee the loss of accuracy? Spearman's correlation of both [95 %], `within a "
        "model` over the ways of spoiling its images (interval: drawing conditions and seeds), `across conditions` at one way at a time "
        "(means over seeds; interval: drawing conditions; p: dealing losses out at random)"
    )
    return Table("foresight", title, pd.DataFrame(lines).fillna(""))
