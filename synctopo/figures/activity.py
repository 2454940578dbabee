"""Figures of activity: spike rasters, and phases of oscillators."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped
from matplotlib.figure import Figure

from synctopo.figures.writing import COLOURS


def raster(spikes: Shaped[np.ndarray, "..."], *, dt: float = 1.0, title: str = "", sort: bool = False) -> Figure:
    """Which unit fired when, [time, unit] of one sample, above the rate of the population in Hz; a step is `dt` ms.

    `sort`: units by their number of spikes, the busiest at the bottom. Raises ValueError for what is not [time, unit].
    """
    if spikes.ndim != 2 or 0 in spikes.shape:
        raise ValueError(f"a raster needs the spikes of one sample, [time, unit]; got {list(spikes.shape)}.")
    fired = np.asarray(spikes) > 0
    order = np.argsort(-fired.sum(0), kind="stable") if sort else np.arange(fired.shape[1])
    times, units = np.nonzero(fired[:, order])
    figure = Figure(figsize=(5.2, 3.6), layout="constrained")
    both: Any = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    above, below = both
    high = 72 * 2.2 / fired.shape[1]
    above.scatter(times * dt, units, marker="|", s=max(6.0, min(40.0, high * high)), linewidths=0.9, color=COLOURS[0])
    above.set_ylabel("unit" + (", by spikes" if sort else ""))
    above.set_ylim(-0.5, fired.shape[1] - 0.5)
    silent = int((~fired.any(0)).sum())
    said = f"{int(fired.sum())} spikes of {fired.shape[1]} units, {silent} silent"
    above.set_title(f"{title}: {said}" if title else said, fontsize=9.5)
    below.step(np.arange(len(fired)) * dt, fired.mean(1) * 1000 / dt, where="mid", color=COLOURS[1], linewidth=1.0)
    below.set_ylabel("rate (Hz)")
    below.set_ylim(0, None)
    below.set_xlim(-0.5 * dt, (len(fired) - 0.5) * dt)
    below.set_xlabel("time (ms)")
    for axes in both:
        axes.spines[["top", "right"]].set_visible(False)
    figure.align_ylabels(both)
    return figure


def phase_map(phases: Float[np.ndarray, "..."], *, titles: Sequence[str] = ()) -> Figure:
    """Phases in radians as a picture, or several side by side, in cyclic colours whose key is a ring.

    One picture is [row, column], several are [map, row, column]; NaN, where there is no phase, stays empty. Raises ValueError for other
    shapes, and for titles that are not as many as the maps.
    """
    maps = phases[None] if phases.ndim == 2 else phases
    if maps.ndim != 3 or not len(maps):
        raise ValueError(f"phases are [row, column], or [map, row, column] for several; got {list(phases.shape)}.")
    if titles and len(titles) != len(maps):
        raise ValueError(f"{len(maps)} maps need as many titles; got {len(titles)}.")
    across = min(5, len(maps))
    down = -(-len(maps) // across)
    figure = Figure(figsize=(1.7 * across + 1.5, 1.75 * down + 0.35), layout="constrained")
    grid = figure.add_gridspec(down, across + 1, width_ratios=[1.0] * across + [0.75])
    for k, picture in enumerate(maps):
        axes = figure.add_subplot(grid[k // across, k % across])
        # from -pi to pi, and the ends are the same colour
        axes.imshow(np.angle(np.exp(1j * picture)), cmap="twilight", vmin=-np.pi, vmax=np.pi, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        if titles:
            axes.set_title(titles[k], fontsize=8.5)
    ring: Any = figure.add_subplot(grid[0, across], projection="polar")
    edges = np.linspace(0, 2 * np.pi, 181)
    shown = np.angle(np.exp(1j * (edges[:-1] + np.pi / 180)))[None]
    ring.pcolormesh(edges, [0.6, 1.0], shown, cmap="twilight", vmin=-np.pi, vmax=np.pi, rasterized=True)
    ring.set_xticks([0, np.pi / 2, np.pi, 3 * np.pi / 2], ["0", "π/2", "π", "-π/2"], fontsize=7.5)
    ring.set_yticks([])
    ring.set_ylim(0, 1)
    ring.grid(visible=False)
    ring.spines["polar"].set_visible(False)
    ring.set_title("phase (rad)", fontsize=8)
    ring.tick_params(pad=-2)
    return figure
