"""Figures over time: every step against every step, curves along the steps of a model, and along its training."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from synctopo.figures.models import panels
from synctopo.figures.writing import COLOURS, MARKERS
from synctopo.tables.selection import Row, between


def time_matrix(frame: pd.DataFrame, *, title: str = "") -> Figure:
    """What `synctopo.compare_over_time` found: `measure(a@t, b@t')` as a matrix, and its diagonal, the same step in both, as a curve."""
    values = frame.assign(value=frame["value"].astype(float)).pivot(index="time_a", columns="time_b", values="value")
    first = frame.iloc[0]
    figure = Figure(figsize=(6.9, 3.2), layout="constrained")
    both: Any = figure.subplots(1, 2, width_ratios=[1, 1.05])
    square, line = both
    drawn = square.pcolormesh(np.arange(values.shape[1] + 1) - 0.5, np.arange(len(values) + 1) - 0.5, values.to_numpy(), cmap="cividis")
    drawn.set_rasterized(True)
    for ticks, steps in ((square.set_xticks, list(values.columns)), (square.set_yticks, list(values.index))):
        shown = range(0, len(steps), max(1, -(-len(steps) // 8)))
        ticks(list(shown), [str(steps[k]) for k in shown])
    square.set_xlabel(f"step of {first.model_b} ({first.site_b})", fontsize=8.5)
    square.set_ylabel(f"step of {first.model_a} ({first.site_a})", fontsize=8.5)
    square.set_aspect("equal")
    figure.colorbar(drawn, ax=square, label=f"{first.measure} ({first.closer}: more alike)", shrink=0.85)
    same = frame[frame["time_a"] == frame["time_b"]].sort_values("time_a")
    marked = MARKERS[0] if len(same) <= 40 else ""
    line.plot(same["time_a"], same["value"].astype(float), color=COLOURS[0], marker=marked, markersize=3.5, linewidth=1.3)
    line.set_xlabel("step of both")
    line.set_ylabel(str(first.measure))
    held = [0.0, *same["value"].astype(float).dropna()]
    line.set_ylim(min(held), 1.06 * max(held) or 1.0)
    line.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title or f"{first.measure} over time: {first.model_a} and {first.model_b}", fontsize=10)
    return figure


def time_profile(rows: Sequence[Row], contrasts: Sequence[tuple[str, str]], *, measure: str, site: str, title: str) -> Figure:
    """For each contrast, the distance between the two conditions along the steps, beside the distance between seeds of one condition."""
    here = [r for r in rows if r["kind"] == "pair" and r["measure"] == measure and r["site_a"] == site and r["time_a"] is not None]
    times = sorted({r["time_a"] for r in here})
    at = {time: [r for r in here if r["time_a"] == time] for time in times}
    found = [[[between(at[t], *pair) for t in times] for pair in ((a, b), (a, a), (b, b))] for a, b in contrasts]
    return panels(contrasts, found, times, measure=measure, title=title, along="step")


def over_training(
    epochs: Sequence[float | int], values: Mapping[str, Float[np.ndarray, "epoch seed"]], *, measure: str, along: str = "epoch"
) -> Figure:
    """Curves over training, one for each name: mean over seeds, with a band of ± sd where there are several; NaN leaves a gap.

    Raises ValueError for values that are not [epoch, seed].
    """
    figure = Figure(figsize=(4.4 + 0.07 * max(map(len, values), default=0), 3.0), layout="constrained")
    axes = figure.add_subplot()
    at = np.asarray(epochs, dtype=float)
    for k, (name, lines) in enumerate(values.items()):
        if lines.ndim != 2 or len(lines) != len(at):
            raise ValueError(f"the values of {name!r} are to be [{len(at)} epochs, seeds]; got {list(lines.shape)}.")
        look: dict[str, Any] = {"color": COLOURS[k % len(COLOURS)], "linestyle": ("-", "--", ":", "-.")[k // len(COLOURS) % 4]}
        axes.plot(at, lines.mean(1), marker=MARKERS[k % len(MARKERS)], markersize=4, linewidth=1.3, label=name, **look)
        if lines.shape[1] > 1:
            spread = lines.std(1, ddof=1)
            axes.fill_between(at, lines.mean(1) - spread, lines.mean(1) + spread, color=look["color"], alpha=0.18, linewidth=0)
    axes.set_xlabel(along)
    axes.set_ylabel(measure)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(fontsize=8, frameon=False, loc="outside right upper")
    return figure
