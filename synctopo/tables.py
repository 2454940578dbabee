"""Tables: rows arranged for a reader; nothing is computed here but means, spreads and what statistics.py says."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from synctopo.naming import unknown
from synctopo.statistics import excess

FORMATS = ("md", "csv", "latex", "html")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """A table ready for print: `frame` holds text, `title` says what it shows and in which unit."""

    name: str
    title: str
    frame: pd.DataFrame


def tidy(rows: Sequence[Row]) -> pd.DataFrame:
    """The rows of all pairs as one frame, a value a line: the source of every other table."""
    return pd.DataFrame([r for r in rows if r["kind"] == "pair"]).drop(columns=["kind"], errors="ignore")


def study_tables(rows: Sequence[Row], conditions: Sequence[str], chosen: Sequence[tuple[str, str]]) -> list[Table]:
    """Every table of a study: its models, then for each measure the contrasts layer by layer and the matrices of conditions."""
    found = [models(rows, conditions)]
    structure = edges(rows, conditions)
    if structure is not None:
        found.append(structure)
    pairs = [r for r in rows if r["kind"] == "pair"]
    for measure in _ordered(r["measure"] for r in pairs):
        of = [r for r in pairs if r["measure"] == measure]
        if chosen:
            found += [layers(of, chosen, measure), contrasts(of, chosen, measure)]
        for site in _ordered(r["site_a"] for r in of):
            found.append(matrix([r for r in of if r["site_a"] == site], conditions, measure, site))
    return found


def models(rows: Sequence[Row], conditions: Sequence[str]) -> Table:
    """A line for each condition: accuracies, activity, how far training moved the weights; mean ± sd over seeds."""
    columns = {
        "read-out accuracy (%)": ("readout_accuracy", 100, 1),
        "own accuracy (%)": ("own_accuracy", 100, 1),
        "rate (Hz)": ("rate_hz", 1, 1),
        "spikes per sample": ("spikes_per_sample", 1, 0),
        "silent units (%)": ("silent_units", 100, 1),
        "weights moved (%)": ("recurrent_weight_moved", 100, 1),
    }
    by = _by_condition(rows, conditions)
    lines = []
    for condition in conditions:
        mine = by[condition]
        line = {"condition": condition, "seeds": str(len(mine))}
        for title, (field, scale, digits) in columns.items():
            line[title] = spread([_last(r.get(field)) for r in mine], digits, scale)
        lines.append(line)
    frame = pd.DataFrame(lines)
    chance = {r["classes"] for r in rows if r["kind"] == "model"}
    said = f"; chance is {100 / max(chance):.0f} %" if chance else ""
    frame = frame.loc[:, (frame != "").any()]
    return Table("models", f"Models: mean ± sd over seeds{said}", frame)


def edges(rows: Sequence[Row], conditions: Sequence[str]) -> Table | None:
    """Where the weight of the unrolled recurrent layer runs, and how firm its partition is; None where nothing was unrolled."""
    columns = {
        "forward (%)": "edges_forward",
        "skip (%)": "edges_skip",
        "within a layer (%)": "edges_intra",
        "feedback (%)": "edges_feedback",
        "forward, random layers (%)": "random_edges_forward",
        "feedback, random layers (%)": "random_edges_feedback",
        "layers kept (%)": "stability_layers",
        "bottleneck kept (%)": "stability_bottleneck",
    }
    by = _by_condition(rows, conditions)
    if not any("edges_forward" in r for mine in by.values() for r in mine):
        return None
    lines = [
        {"condition": c, **{t: spread([r.get(f) for r in by[c]], 1, 100) for t, f in columns.items()}}
        for c in conditions
        if any("edges_forward" in r for r in by[c])
    ]
    title = "Unrolled recurrent layer: shares of the weight mass, and what stays in its layer under 5 % weight noise"
    return Table("edges", title, pd.DataFrame(lines))


def matrix(rows: Sequence[Row], conditions: Sequence[str], measure: str, site: str) -> Table:
    """Condition by condition, mean ± sd over pairs of different seeds; the diagonal is the spread between seeds of one condition."""
    held = [c for c in conditions if any(c in (r["condition_a"], r["condition_b"]) for r in rows)]
    cells = {a: {b: between(rows, a, b) for b in held} for a in held}
    lines = [{"": a, **{b: spread(cells[a][b], 2) for b in held}} for a in held]
    title = f"{measure} at {site}: mean ± sd over pairs of different seeds (diagonal: between seeds of one condition); lower is more alike"
    return Table(f"{measure}_{site}", title, pd.DataFrame(lines))


def means(rows: Sequence[Row], conditions: Sequence[str], measure: str, site: str) -> Table:
    """`matrix` for a terminal: means alone, the columns by number."""
    held = [c for c in conditions if any(c in (r["condition_a"], r["condition_b"]) for r in rows)]
    values = mean_matrix(rows, held)
    lines = []
    for i, condition in enumerate(held):
        cells = {str(j + 1): "" if np.isnan(values[i, j]) else f"{values[i, j]:.1f}" for j in range(len(held))}
        lines.append({"": f"{i + 1}  {condition}", **cells})
    title = f"{measure} at {site}: means over pairs of different seeds (diagonal: between seeds of one condition); lower is more alike"
    return Table(f"{measure}_{site}_means", title, pd.DataFrame(lines))


def contrasts(rows: Sequence[Row], of: Sequence[tuple[str, str]], measure: str) -> Table:
    """Contrast by site, a line each: how much further apart two conditions are than two seeds of one condition, with its p."""
    lines = []
    for a, b in of:
        for site in _ordered(r["site_a"] for r in rows):
            here = [r for r in rows if r["site_a"] == site]
            line = {"contrast": f"{a} ~ {b}", "site": site, "same seed": spread(_same_seed(here, a, b), 2)}
            found = excess(*_distances(here, a, b))
            if found is None:
                line |= {"between": spread(between(here, a, b), 2), "within": "", "excess": "", "p": _status(here, a, b)}
            else:
                line |= {
                    "between": f"{found.between:.2f}",
                    "within": f"{found.within:.2f}",
                    "excess": f"{found.excess:+.2f}",
                    "p": f"{found.p:.3f}" + (" (smallest possible)" if found.p == found.smallest else ""),
                }
            lines.append(line)
    title = (
        f"{measure}, contrast by site: `between` two conditions and `within` one (different seeds), their difference `excess`, and its p "
        "(conditions swapped within seeds); `same seed`: both from the same first weights"
    )
    return Table(f"{measure}_contrasts", title, pd.DataFrame(lines))


def layers(rows: Sequence[Row], of: Sequence[tuple[str, str]], measure: str) -> Table:
    """The contrasts at a glance: `excess (p)` along the sites; random partitions, the control, as one mean."""
    lines = []
    smallest = None
    for a, b in of:
        line = {"contrast": f"{a} ~ {b}"}
        control: list[float] = []
        for site in _ordered(r["site_a"] for r in rows):
            here = [r for r in rows if r["site_a"] == site]
            found = excess(*_distances(here, a, b))
            if site.startswith("random."):
                control += [found.excess] if found is not None else []
                continue
            line[site] = f"{found.excess:+.2f} ({found.p:.2f})" if found is not None else _status(here, a, b)
            smallest = found.smallest if found is not None else smallest
        if control:
            line["random layers"] = f"{np.mean(control):+.2f}"
        lines.append(line)
    floor = f"; with so many seeds p cannot fall below {smallest:.3g}" if smallest is not None else ""
    title = f"{measure} between two conditions minus {measure} between seeds of one, site by site (p in brackets{floor})"
    return Table(f"{measure}_layers", title, pd.DataFrame(lines))


def mean_matrix(rows: Sequence[Row], conditions: Sequence[str]) -> np.ndarray:
    """[condition, condition] means over pairs of different seeds, for figures; NaN where there is no value."""
    cells = [[between(rows, a, b) for b in conditions] for a in conditions]
    return np.array([[np.mean(c) if c else np.nan for c in line] for line in cells])


def spread(values: Sequence[float | None], digits: int, scale: float | int = 1) -> str:
    """Mean ± standard deviation of those that are there, as text; "" for none, no spread for one."""
    held = np.array([v for v in values if v is not None], dtype=float) * scale
    if not len(held):
        return ""
    if len(held) == 1:
        return f"{held[0]:.{digits}f}"
    return f"{held.mean():.{digits}f} ± {held.std(ddof=1):.{digits}f}"


def rendered(table: Table, form: str) -> str:
    """The table as text in one of FORMATS. Raises ValueError for another."""
    if form == "csv":
        return table.frame.to_csv(index=False)
    if form == "md":
        plain = table.frame.rename(columns=_markdown).map(_markdown)
        return f"**{table.title}**\n\n{plain.to_markdown(index=False, disable_numparse=True)}\n"
    if form == "latex":
        # DataFrame.to_latex leaves _ and % as they are, which does not compile
        style = table.frame.style.hide(axis="index").format(_latex).format_index(_latex, axis=1)
        label = table.name.replace("_", "-").replace(".", "-")
        caption = _latex(table.title.replace("`", ""))
        text: str = style.to_latex(hrules=True, caption=caption, label=f"tab:{label}", position="htbp")
        return text
    if form == "html":
        # the name stands in the ids; pandas would draw other ones in every run
        style = table.frame.style.hide(axis="index").set_uuid(re.sub(r"\W", "-", table.name))
        text = style.format(escape="html").format_index(escape="html", axis=1).to_html()
        return f"<h3>{escape(table.title)}</h3>\n{text}"
    raise unknown("format", form, FORMATS)


ENDINGS = {"md": "md", "csv": "csv", "latex": "tex", "html": "html"}


def _markdown(text: Any) -> str:
    return str(text).replace("|", r"\|").replace("<", "&lt;")


# A [ at the start of a line would be the argument of the \\ before it.
_LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",
    "±": r"$\pm$",
}


def _latex(text: Any) -> str:
    return "".join(_LATEX.get(c, c) for c in str(text))


def _last(value: Any) -> float | None:
    return value[-1] if isinstance(value, list) and value else value if isinstance(value, int | float) else None


def _by_condition(rows: Sequence[Row], conditions: Sequence[str]) -> dict[str, list[Row]]:
    return {c: [r for r in rows if r["kind"] == "model" and r["condition"] == c] for c in conditions}


def _ordered(values: Any) -> list[str]:
    return list(dict.fromkeys(values))


def _is(row: Row, a: str, b: str) -> bool:
    return (row["condition_a"], row["condition_b"]) in ((a, b), (b, a))


def between(rows: Sequence[Row], a: str, b: str) -> list[float]:
    """The values of pairs of conditions a and b with different seeds."""
    return [r["value"] for r in rows if _is(r, a, b) and r["seed_a"] != r["seed_b"] and r["value"] is not None]


def _same_seed(rows: Sequence[Row], a: str, b: str) -> list[float]:
    return [r["value"] for r in rows if _is(r, a, b) and r["seed_a"] == r["seed_b"] and r["value"] is not None]


def _status(rows: Sequence[Row], a: str, b: str) -> str:
    worst = _ordered(r["status"] for r in rows if _is(r, a, b) and r["status"] != "ok")
    return ", ".join(worst)


def _distances(rows: Sequence[Row], a: str, b: str) -> tuple[dict[tuple[int, int], dict[tuple[int, int], float]], list[int]]:
    label = {a: 0, b: 1}
    table: dict[tuple[int, int], dict[tuple[int, int], float]] = {}
    seeds: set[int] = set()
    for row in rows:
        if row["condition_a"] in label and row["condition_b"] in label and row["value"] is not None:
            one = (label[row["condition_a"]], row["seed_a"])
            two = (label[row["condition_b"]], row["seed_b"])
            table.setdefault(one, {})[two] = row["value"]
            table.setdefault(two, {})[one] = row["value"]
            seeds |= {row["seed_a"], row["seed_b"]}
    return table, sorted(seeds)
