"""Courses: tables of how far representations are from their end, along the steps of a model and along its training."""

from collections.abc import Callable, Sequence

import pandas as pd

from synctopo.tables.cells import spread
from synctopo.tables.formats import Table
from synctopo.tables.selection import Row, measures_within, ordered

SAID = {
    "steps": "along the steps of a model, at moments evenly spread (in brackets: after which step; of spiking networks the spikes so far)",
    "training": "along training, by epochs that are done (0: untrained)",
}


def courses(rows: Sequence[Row], conditions: Sequence[str]) -> list[Table]:
    """One table for each course and measure, and the accuracies; none where nothing was followed."""
    found = []
    for along in SAID:
        here = course_rows(rows, along)
        if not here:
            continue
        found += [_table(here, conditions, along, m) for m in measures_within(here)]
        if any(r["own"] is not None for r in here):
            found.append(_accuracy(here, conditions, along))
    return found


def course_rows(rows: Sequence[Row], along: str) -> list[Row]:
    """The rows of one of the two courses."""
    # a model of one step has no course
    return [r for r in rows if r["kind"] == "course" and r["along"] == along and (along == "training" or r["of"] > 1)]


def place_of(row: Row) -> float:
    """Where on its course a row stands: the share of the steps, or the number of epochs."""
    return row["place"] / row["of"] if row["along"] == "steps" else float(row["place"])


def distance_of(row: Row, measure: str) -> float | None:
    """How far from the end: 0 there, 1 as far as samples matched at random."""
    place = row["measures"].get(measure, {}).get("calibrated")
    return None if place is None else 1.0 - place


def _table(rows: Sequence[Row], conditions: Sequence[str], along: str, measure: str) -> Table:
    title = f"How far the main site is from its end by {measure}, {SAID[along]}: 0 is there, 1 as far as by chance (mean ± sd over seeds)"
    return Table(f"course_{along}_{measure}", title, _frame(rows, conditions, along, lambda r: distance_of(r, measure), 2, 1))


def _accuracy(rows: Sequence[Row], conditions: Sequence[str], along: str) -> Table:
    title = f"Right (%) by the model's own read-out, {SAID[along]}: mean ± sd over seeds, on the samples of the course"
    return Table(f"course_{along}_accuracy", title, _frame(rows, conditions, along, lambda r: r["own"], 1, 100))


def _frame(
    rows: Sequence[Row], conditions: Sequence[str], along: str, of: Callable[[Row], float | None], digits: int, scale: int
) -> pd.DataFrame:
    lines = []
    for condition in conditions:
        mine = [r for r in rows if r["condition"] == condition]
        if not mine or all(of(r) is None for r in mine):
            continue
        line = {"condition": condition}
        if along == "steps":
            line["steps"] = str(mine[0]["of"])
        for k, place in enumerate(sorted({r["place"] for r in mine})):
            there = [r for r in mine if r["place"] == place]
            cell = spread([of(r) for r in there], digits, scale) or ", ".join(ordered(_why(r) for r in there))
            if along == "steps":
                line[f"moment {k + 1}"] = f"{cell} ({place})"
            else:
                line["end" if place == mine[0]["of"] else f"epoch {place}"] = cell
        lines.append(line)
    frame = pd.DataFrame(lines).fillna("")
    return frame[[c for c in frame.columns if c != "end"] + [c for c in frame.columns if c == "end"]]


def _why(row: Row) -> str:
    """Why a row has no distance: a site that is silent so far, or the same for every sample."""
    return ", ".join(ordered(m["status"] for m in row["measures"].values() if m["status"] != "ok"))
