"""Figures of courses and of spoilt images: how far representations are from their end, and what distance has to do with lost accuracy."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from synctopo.figures.writing import COLOURS, MARKERS
from synctopo.tables.courses import course_rows, distance_of, place_of
from synctopo.tables.selection import Row, measures_within
from synctopo.tables.spoilt import points_of, spoilt_rows

LINES = ("-", "--", ":", "-.")


def course(rows: Sequence[Row], conditions: Sequence[str], *, along: str, measure: str) -> Figure:
    """A line for each condition: how far its main site is from its end (1: as far as by chance), mean over seeds with a band of ± sd.

    `along`: "steps", by the share of the steps that is done, or "training", by epochs.
    """
    here = course_rows(rows, along)
    figure = Figure(figsize=(6.4, 3.5), layout="constrained")
    axes = figure.add_subplot()
    for k, condition in enumerate(c for c in conditions if any(r["condition"] == c for r in here)):
        mine = [r for r in here if r["condition"] == condition]
        places = sorted({place_of(r) for r in mine})
        cells = [[d for r in mine if place_of(r) == p and (d := distance_of(r, measure)) is not None] for p in places]
        held = [(p, np.array(c)) for p, c in zip(places, cells, strict=True) if c]
        if not held:
            continue
        at, means = [p for p, _ in held], np.array([c.mean() for _, c in held])
        spread = np.array([c.std(ddof=1) if len(c) > 1 else 0.0 for _, c in held])
        axes.plot(at, means, label=condition, markersize=4, linewidth=1.2, **_look(k))
        axes.fill_between(at, means - spread, means + spread, color=_look(k)["color"], alpha=0.12, linewidth=0)
    axes.set_xlabel("share of the model's steps" if along == "steps" else "epoch (0: untrained)")
    axes.set_ylabel(f"distance from its end by {measure}\n(1: chance)")
    if along == "training":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(fontsize=8, frameon=False, loc="outside right upper")
    return figure


def foresight(rows: Sequence[Row], conditions: Sequence[str], *, field: str = "readout") -> Figure:
    """For each measure, the distance from the clean representation against the accuracy lost, a point for each condition and way of
    spoiling its images (means over seeds).

    field  whose loss: "own", of the model's own read-out, or "readout", of the one that all share
    """
    here = spoilt_rows(rows)
    measures = measures_within(here)
    figure = Figure(figsize=(3.0 * len(measures) + 2.0, 3.3), layout="constrained")
    panels: Any = figure.subplots(1, len(measures), squeeze=False, sharey=True)
    drawn: dict[str, Any] = {}
    for axes, measure in zip(panels[0], measures, strict=True):
        _scatter(axes, here, conditions, measure, field, drawn)
        axes.set_xlabel(f"distance from clean by {measure} (1: chance)", fontsize=8.5)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0][0].set_ylabel("accuracy lost (points)")
    figure.legend(list(drawn.values()), list(drawn), fontsize=8, frameon=False, loc="outside right upper")
    return figure


def _scatter(axes: Axes, rows: Sequence[Row], conditions: Sequence[str], measure: str, field: str, drawn: dict[str, Any]) -> None:
    table = points_of(rows, measure, field)
    for k, condition in enumerate(conditions):
        mine = [points for (c, _), points in table.items() if c == condition]
        if not mine:
            continue
        x, y = np.mean(mine, axis=0).T
        look = _look(k)
        order = np.argsort(x, kind="stable")
        (drawn[condition],) = axes.plot(x[order], 100 * y[order], markersize=4, linewidth=0.7, **look)


def _look(k: int) -> dict[str, Any]:
    return {
        "color": COLOURS[k % len(COLOURS)],
        "marker": MARKERS[(k + k // len(COLOURS)) % len(MARKERS)],
        "linestyle": LINES[k // len(COLOURS) % 4],
    }
