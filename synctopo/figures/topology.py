"""Figures of topology: barcodes, and where in the samples two representations differ."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rtd import Localisation
from synctopo.figures.writing import COLOURS


def barcode(bars: Float[np.ndarray, "bar 2"], title: str) -> Figure:
    """A barcode, longest bar at the bottom: birth to death, in units of the normalised distance."""
    figure = Figure(figsize=(4.2, 3.2), layout="constrained")
    axes = figure.add_subplot()
    _bars(axes, bars, title, COLOURS[0])
    return figure


def cross_barcodes(
    forward: Float[np.ndarray, "bar 2"], backward: Float[np.ndarray, "other 2"], names: tuple[str, str] = ("a", "b")
) -> Figure:
    """Both R-Cross-Barcodes of a pair on one scale: RTD is the mean of the two totals."""
    figure = Figure(figsize=(6.6, 3.2), layout="constrained")
    panels: Any = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, bars, order, colour in zip(panels, (forward, backward), (names, names[::-1]), COLOURS, strict=False):
        _bars(axes, bars, " to ".join(order), colour)
    panels[1].set_ylabel("")
    total = (float(np.diff(forward).sum()) + float(np.diff(backward).sum())) / 2
    figure.suptitle(f"R-Cross-Barcodes; RTD {total:.3f}", fontsize=10)
    return figure


def _bars(axes: Axes, bars: np.ndarray, title: str, colour: str) -> None:
    axes.hlines(np.arange(len(bars)), bars[:, 0], bars[:, 1], color=colour, linewidth=max(0.3, min(2.0, 120 / max(1, len(bars)))))
    axes.set_xlabel("birth to death (0.9 quantile of the distances = 1)", fontsize=8)
    axes.set_ylabel("bar")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"{title}\n{len(bars)} bar{'s' * (len(bars) != 1)}, total {np.diff(bars).sum():.3f}", fontsize=9.5)


def localisation(found: Localisation, clouds: Mapping[str, Float[np.ndarray, "sample feature"]], *, longest: int = 12) -> Figure:
    """Where two representations differ: both clouds on their first two principal components, each sample coloured and sized by its part of
    the RTD, and the birth edges of the longest bars, which are short in one of the clouds and long in the other.
    """
    parts = found.contributions
    differences = found.longest(longest)
    figure = Figure(figsize=(9.2, 4.2), layout="constrained")
    panels: Any = figure.subplots(1, 2)
    order = np.argsort(parts, kind="stable")
    for axes, (name, cloud) in zip(panels, clouds.items(), strict=True):
        flat = _plane(cloud)
        for difference in differences:
            near = difference.nearer_in_y == (axes is panels[1])
            axes.plot(*flat[list(difference.edge)].T, color=COLOURS[1], linewidth=1.2, linestyle="-" if near else ":", zorder=1)
        size = 10 + 60 * parts / max(parts.max(), 1e-300)
        shown = axes.scatter(*flat[order].T, c=parts[order], s=size[order], cmap="cividis", edgecolor="none", zorder=2)
        axes.set_title(name, fontsize=10)
        axes.set_xticks([])
        axes.set_yticks([])
    figure.colorbar(shown, ax=panels, shrink=0.85, label=f"part of the RTD of {found.value:.3f}")
    figure.suptitle("lines: birth edges of the longest bars; solid where the two samples are near, dotted where they are not", fontsize=9)
    return figure


def _plane(cloud: Float[np.ndarray, "sample feature"]) -> Float[np.ndarray, "sample 2"]:
    centred = cloud - cloud.mean(0)
    left, scale, _ = np.linalg.svd(centred, full_matrices=False)
    flat = left * scale
    # the sign of a component is arbitrary: the entry that sticks out most points up
    flat = flat * np.sign(flat[np.abs(flat).argmax(0), np.arange(flat.shape[1])])
    return np.pad(flat, ((0, 0), (0, max(0, 2 - flat.shape[1]))))[:, :2]
