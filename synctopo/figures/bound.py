"""Figures of scenes: how many objects are named, and how well phases mark them, over steps and over images to learn from."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from synctopo.figures.bands import line_with_band
from synctopo.tables.selection import Row


def named_over_steps(rows: Sequence[Row], conditions: Sequence[str]) -> Figure:
    """Share of objects named after each step and, of networks with phases, synchrony within objects; images as learned.

    Mean over seeds with a band of ± sd. `rows` are those of models that were judged on scenes.
    """
    figure = Figure(figsize=(7.6, 3.2), layout="constrained")
    panels: Any = figure.subplots(1, 2)
    lines: dict[str, Any] = {}
    for k, condition in enumerate(conditions):
        entries = [r["scenes"][0] for r in rows if r["condition"] == condition]
        if not entries:
            continue
        steps = range(1, 1 + len(entries[0]["right"]))
        lines[condition] = line_with_band(panels[0], steps, np.array([[100 * n / e["classes"] for n in e["right"]] for e in entries]), k)
        if all("within" in e for e in entries):
            line_with_band(panels[1], steps, np.array([e["within"] for e in entries]), k)
    for axes, said, most in zip(panels, ("objects named (%)", "synchrony within objects"), (100, 1), strict=True):
        axes.set_xlabel("step of the phases")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel(said)
        axes.set_ylim(0, 1.02 * most)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(list(lines.values()), list(lines), fontsize=8, frameon=False, loc="outside right upper")
    return figure


def named_over_images(rows: Sequence[Row], learned: Sequence[Mapping[int, str]]) -> Figure:
    """Share of objects named after the last step against the images that were learned from: mean over seeds with a band of ± sd.

    rows     of models that were judged on scenes
    learned  a line each: images -> condition; it has the name of the condition with most of them
    """
    figure = Figure(figsize=(4.6, 3.2), layout="constrained")
    axes = figure.subplots()
    for k, conditions in enumerate(learned):
        shares = [_named(rows, condition) for condition in conditions.values()]
        seeds = sorted(set.intersection(*map(set, shares)))
        line = line_with_band(axes, list(conditions), np.array([[100 * share[seed] for share in shares] for seed in seeds]), k)
        line.set_label(conditions[max(conditions)])
    axes.set_xscale("log")
    counts = sorted({n for conditions in learned for n in conditions})
    axes.set_xticks(counts, [f"{n:,}" for n in counts])
    axes.minorticks_off()
    axes.set_ylim(0, 102)
    axes.set_xlabel("images learned from")
    axes.set_ylabel("objects named (%)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)
    return figure


def _named(rows: Sequence[Row], condition: str) -> dict[int, float]:
    """Seed -> share of the objects named after the last step in images as learned."""
    return {r["seed"]: r["scenes"][0]["right"][-1] / r["scenes"][0]["classes"] for r in rows if r["condition"] == condition}
