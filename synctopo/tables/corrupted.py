"""Resilience: tables of how conditions fare under corruption, step by step."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from synctopo.evaluation.robustness import Accuracy, mean_corruption_error
from synctopo.tables.cells import between, number, spread
from synctopo.tables.formats import Table
from synctopo.tables.selection import Row, ordered

Entry = dict[str, Any]


def resilience(rows: Sequence[Row], conditions: Sequence[str]) -> list[Table]:
    """Accuracy by corruption and step, mCE, and what became of the values; no table where no model was judged so."""
    judged = judged_rows(rows)
    held = [c for c in conditions if any(r["condition"] == c for r in judged)]
    if not held:
        return []
    found = [_accuracies(judged, held)]
    errors = _errors(judged, held)
    moved = _moved(judged, held)
    return found + [table for table in (errors, moved) if table is not None]


def judged_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows of models that were judged under corruption."""
    return [r for r in rows if r["kind"] == "model" and r.get("robustness")]


def entries_of(rows: Sequence[Row], condition: str, said: str) -> list[Entry]:
    """What the rows of the condition say of images so spoilt, one entry for each seed."""
    return [e for r in rows if r["condition"] == condition for e in r["robustness"] if _said(e) == said]


def _said(entry: Entry) -> str:
    return "clean" if entry["corruption"] == "clean" else f"{entry['corruption'].replace('_', ' ')} {entry['amount']:g}"


def all_said(rows: Sequence[Row]) -> list[str]:
    """Every way in which images were spoilt, in words: "clean", "additive noise 0.6"."""
    return ordered(_said(e) for r in rows for e in r["robustness"])


def _accuracies(rows: Sequence[Row], conditions: Sequence[str]) -> Table:
    lines = []
    for said in all_said(rows):
        for condition in conditions:
            entries = entries_of(rows, condition, said)
            if not entries:
                continue
            last = len(entries[0]["right"]) - 1
            line = {"images": said, "condition": condition}
            for step in sorted({0, 1, 2, 5, last} & set(range(last + 1))):
                line[f"t = {step}"] = spread([e["right"][step] / e["total"] for e in entries], 1, 100)
            total = entries[0]["total"]
            low, high = Accuracy(round(sum(e["right"][last] for e in entries) / len(entries)), total).interval()
            line["interval at the end"] = between(100 * low, 100 * high, 1)
            lines.append(line)
    frame = pd.DataFrame(lines).fillna("")
    steps = sorted((c for c in frame.columns if c.startswith("t = ")), key=lambda c: int(c[4:]))
    title = (
        "Accuracy (%) after each step: mean ± sd over seeds; interval: 95 % of Wilson for the mean, over the test images alone "
        "(t = 0 is the feed-forward pass)"
    )
    return Table("robustness", title, frame[["images", "condition", *steps, "interval at the end"]])


def _errors(rows: Sequence[Row], conditions: Sequence[str]) -> Table | None:
    """Against the first condition, seed by seed."""
    ratios: dict[str, list[float]] = {}
    plain = {r["seed"]: _levels(r) for r in rows if r["condition"] == conditions[0]}
    for row in rows:
        if row["seed"] in plain and plain[row["seed"]] and set(_levels(row)) == set(plain[row["seed"]]):
            try:
                ratios.setdefault(row["condition"], []).append(mean_corruption_error(_levels(row), plain[row["seed"]]))
            except ValueError:
                # a net without an error has no ratio to it
                continue
    lines = [{"condition": c, "mCE": spread(ratios.get(c, []), 1, 100)} for c in conditions if ratios.get(c)]
    if not lines:
        return None
    title = (
        f"Mean corruption error after the last step, % of that of {conditions[0]!r} with the same seed; below 100 is more robust "
        "(mean ± sd over seeds)"
    )
    return Table("mce", title, pd.DataFrame(lines))


def _levels(row: Row) -> dict[str, list[list[Accuracy]]]:
    levels: dict[str, list[list[Accuracy]]] = {}
    for entry in row["robustness"]:
        if entry["corruption"] != "clean":
            levels.setdefault(entry["corruption"], []).append([Accuracy(right, entry["total"]) for right in entry["right"]])
    return levels


def _moved(rows: Sequence[Row], conditions: Sequence[str]) -> Table | None:
    lines = []
    for said in all_said(rows):
        for condition in conditions:
            entries = [e for e in entries_of(rows, condition, said) if "correlation_distance" in e]
            for site in entries[0]["correlation_distance"] if entries else ():
                line = {"images": said, "condition": condition, "site": site}
                for key, title, digits in (
                    ("correlation_distance", "1 - r to clean", 3),
                    ("rtd_to_clean", "RTD to clean", 2),
                    ("rtd_from_start", "RTD to t = 0", 2),
                ):
                    ends = (0, -1) if key != "rtd_from_start" else (-1,)
                    means = [sum(e[key][site][t] for e in entries) / len(entries) for t in ends]
                    line[title] = " → ".join(number(m, digits) for m in means)
                lines.append(line)
    if not lines:
        return None
    title = (
        "What became of the values from t = 0 to the last step, means over seeds: correlation distance and RTD to the clean values at "
        "t = 0, and RTD to the values at t = 0 under the same corruption"
    )
    return Table("robustness_values", title, pd.DataFrame(lines))
