"""Figures of resilience: accuracy after each step, for each way in which the images were spoilt."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from synctopo.evaluation.robustness import Accuracy
from synctopo.figures.bands import line_with_band
from synctopo.tables.corrupted import Entry, all_said, entries_of
from synctopo.tables.selection import Row

ACROSS = 3
"""Panels side by side."""


def accuracy_over_steps(rows: Sequence[Row], conditions: Sequence[str]) -> Figure:
    """A panel for clean images and for each corruption: accuracy after each step, mean over seeds with a band of ± sd.

    The bar at the last step is the interval of Wilson (95 %) of the mean, over the test images alone. What has no steps is a level line.
    `rows` are those of models that were judged under corruption.
    """
    panels = all_said(rows)
    across = min(ACROSS, len(panels))
    down = -(-len(panels) // across)
    figure = Figure(figsize=(2.3 * across + 1.9, 2.1 * down + 0.3), layout="constrained")
    every: Any = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    flat: list[Axes] = list(every.flat)
    lines: dict[str, Any] = {}
    for axes, said in zip(flat, panels, strict=False):
        for k, condition in enumerate(conditions):
            entries = entries_of(rows, condition, said)
            if entries:
                lines[condition] = _drawn(axes, entries, k)
        axes.set_title(said, fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylim(0, 102)
    for axes in flat[len(panels) :]:
        axes.set_visible(False)
    for k, axes in enumerate(flat[: len(panels)]):
        if k + across >= len(panels):
            axes.set_xlabel("step")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.tick_params(labelbottom=True)
        if k % across == 0:
            axes.set_ylabel("accuracy (%)")
    figure.legend(list(lines.values()), list(lines), fontsize=8, frameon=False, loc="outside right upper")
    return figure


def _drawn(axes: Axes, entries: Sequence[Entry], k: int) -> Any:
    shares = 100 * np.array([[right / e["total"] for right in e["right"]] for e in entries])
    line = line_with_band(axes, range(shares.shape[1]), shares, k)
    if shares.shape[1] > 1:
        total = entries[0]["total"]
        low, high = Accuracy(round(shares.mean(0)[-1] / 100 * total), total).interval()
        # where several end together their bars would hide each other
        axes.vlines(shares.shape[1] - 1 + 0.15 * (k + 1), 100 * low, 100 * high, color=line.get_color(), linewidth=1.1)
    return line
