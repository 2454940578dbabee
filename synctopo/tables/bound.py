"""Scenes: tables of how many objects of an image conditions name, and how well phases mark them, over images and steps."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from synctopo.tables.cells import spread
from synctopo.tables.formats import Table
from synctopo.tables.selection import Row, ordered

SHOWN = (1, 2, 4, 8, 12)
"""After which steps, beside the last, the table over steps has a column."""


def scenes(rows: Sequence[Row], conditions: Sequence[str]) -> list[Table]:
    """Named objects by kind of image, synchrony by kind of image, and both over steps; no table where no model was judged on scenes."""
    judged = scene_rows(rows)
    held = [c for c in conditions if any(r["condition"] == c for r in judged)]
    if not held:
        return []
    kinds = ordered(_said(e) for r in judged for e in r["scenes"])
    return [_named(judged, held, kinds), *_marked(judged, held, kinds), _over_steps(judged, held)]


def scene_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows of models that were judged on scenes."""
    return [r for r in rows if r["kind"] == "model" and r.get("scenes")]


def _said(entry: dict[str, Any]) -> str:
    if entry["images"] == "noise":
        return f"noise {entry['amount']:g}"
    kind = str(entry["images"]).removeprefix("overlapping").removesuffix("_mnist").removesuffix("_digits").strip("_")
    return "as learned" if entry["images"] == "test" else kind or "apart"


def _entries(rows: Sequence[Row], condition: str, kind: str) -> list[dict[str, Any]]:
    return [e for r in rows if r["condition"] == condition for e in r["scenes"] if _said(e) == kind]


def _named(rows: Sequence[Row], conditions: Sequence[str], kinds: Sequence[str]) -> Table:
    lines = []
    for condition in conditions:
        line = {"condition": condition}
        for kind in kinds:
            found = _entries(rows, condition, kind)
            each = spread([e["right"][-1] / e["classes"] for e in found], 1, 100)
            whole = spread([e["whole"][-1] / e["total"] for e in found], 1, 100)
            line[kind] = f"{each} / {whole}" if found else ""
        lines.append(line)
    title = (
        "Objects named right (%), each / all of an image, after the last step: mean ± sd over seeds. With k objects in an image the k "
        "highest scores count; noise: variance of Gaussian noise; the other columns are data sets that nothing was learned from"
    )
    return Table("scenes", title, pd.DataFrame(lines))


def _marked(rows: Sequence[Row], conditions: Sequence[str], kinds: Sequence[str]) -> list[Table]:
    lines = []
    for condition in conditions:
        line = {"condition": condition}
        for kind in kinds:
            found = [e for e in _entries(rows, condition, kind) if "within" in e]
            within = spread([e["within"][-1] for e in found], 2)
            loss = spread([e["group_loss"][-1] for e in found], 3)
            line[kind] = f"{within} / {loss}" if found else ""
        if any(line[kind] for kind in kinds):
            lines.append(line)
    title = (
        "Phases of the oscillators: synchrony within objects (1: one phase) / group loss (0: each object one phase, far from the others'), "
        "after the last step, mean ± sd over seeds"
    )
    return [Table("scenes_synchrony", title, pd.DataFrame(lines))] if lines else []


def _over_steps(rows: Sequence[Row], conditions: Sequence[str]) -> Table:
    last = max(len(r["scenes"][0]["right"]) for r in rows)
    lines = []
    for condition in conditions:
        mine = [r["scenes"][0] for r in rows if r["condition"] == condition]
        line = {"condition": condition}
        for step in sorted({*(s for s in SHOWN if s < last), last}):
            there = [e for e in mine if len(e["right"]) >= step]
            each = spread([e["right"][step - 1] / e["classes"] for e in there], 1, 100)
            within = spread([e["within"][step - 1] for e in there if "within" in e], 2)
            line[f"step {step}"] = f"{each}, {within}" if within else each
        lines.append(line)
    title = (
        "Objects named right (%) after each step, of images as learned, and synchrony within objects: mean ± sd over seeds. What is above "
        "the oscillators learned from the phases after the last step"
    )
    return Table("scenes_steps", title, pd.DataFrame(lines))
