"""Figures of phases that mark objects: hue on the image over steps, directions of each object, scenes with their masks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped
from matplotlib import colormaps
from matplotlib.figure import Figure

from synctopo.figures.writing import COLOURS

HUES = "hsv"
"""Cyclic and bright everywhere, so that brightness is left to say how strong a unit is."""


def phase_steps(
    phases: Float[np.ndarray, "step channel row column"],
    amplitude: Float[np.ndarray, "channel_ row_ column_"],
    *,
    image: Float[np.ndarray, "height width"] | None = None,
    steps: Sequence[int] = (),
    title: str = "",
) -> Figure:
    """Phases in radians as hue, with brightness for amplitude, after several steps; of several channels the mean phasor is shown.

    `image` stands in front; `steps` numbers the pictures. Raises ValueError where the shapes do not fit, or for other than as many steps.
    """
    if phases.shape[1:] != amplitude.shape or not len(phases):
        raise ValueError(
            f"phases [step, channel, row, column] and an amplitude for each unit are wanted; got {phases.shape} and {amplitude.shape}."
        )
    if steps and len(steps) != len(phases):
        raise ValueError(f"{len(phases)} pictures need as many numbers of steps; got {len(steps)}.")
    field = (amplitude * np.exp(1j * phases)).sum(1)
    bright = amplitude.sum(0) / max(float(amplitude.sum(0).max()), 1e-12)
    shown: list[tuple[str, Any]] = [] if image is None else [("image", image)]
    turn = (np.angle(field) / (2 * np.pi)) % 1
    for k, hue in enumerate(turn):
        shown.append((f"step {steps[k]}" if steps else f"step {k + 1}", colormaps[HUES](hue)[..., :3] * bright[..., None] ** 0.5))
    across = min(6, len(shown))
    down = -(-len(shown) // across)
    figure = Figure(figsize=(1.35 * across + 1.1, 1.5 * down + (0.35 if title else 0.1)), layout="constrained")
    grid = figure.add_gridspec(down, across + 1, width_ratios=[1.0] * across + [0.7])
    for k, (said, picture) in enumerate(shown):
        axes = figure.add_subplot(grid[k // across, k % across])
        axes.imshow(picture, cmap="gray", interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(said, fontsize=8.5)
    _ring(figure.add_subplot(grid[0, across], projection="polar"))
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def phase_directions(
    phases: Float[np.ndarray, "channel row column"],
    masks: Shaped[np.ndarray, "object row_ column_"],
    active: Shaped[np.ndarray, "channel_ row__ column__"] | None = None,
    *,
    bins: int = 24,
    title: str = "",
) -> Figure:
    """A polar histogram of the phases (radians) in each object: shares of its active units, with their mean phasor as a line.

    Raises ValueError where masks or `active` are not of the same rows and columns as the phases.
    """
    if masks.shape[1:] != phases.shape[1:] or (active is not None and active.shape != phases.shape):
        raise ValueError(
            f"masks [object, row, column] must fit phases [channel, row, column]; got {list(masks.shape)} and {list(phases.shape)}."
        )
    counted = np.ones(phases.shape, bool) if active is None else np.asarray(active) > 0
    edges = np.linspace(-np.pi, np.pi, bins + 1)
    figure = Figure(figsize=(2.1 * len(masks) + 0.3, 2.5), layout="constrained")
    for g, mask in enumerate(masks):
        axes: Any = figure.add_subplot(1, len(masks), g + 1, projection="polar")
        chosen = np.angle(np.exp(1j * phases[counted & (np.asarray(mask) > 0)]))
        share = np.histogram(chosen, edges)[0] / max(len(chosen), 1)
        axes.bar((edges[:-1] + edges[1:]) / 2, share, width=2 * np.pi / bins, color=COLOURS[g % len(COLOURS)], alpha=0.75)
        mean = np.exp(1j * chosen).mean() if len(chosen) else 0j
        top = max(float(share.max()), 1e-12)
        axes.plot([np.angle(mean)] * 2, [0, top * abs(mean)], color="#333333", linewidth=1.5)
        axes.set_xticks([0, np.pi / 2, np.pi, 3 * np.pi / 2], ["0", "π/2", "π", "-π/2"], fontsize=7.5)
        axes.set_yticks([])
        axes.tick_params(pad=-3)
        axes.set_title(f"object {g + 1}: synchrony {abs(mean):.2f}", fontsize=8.5)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def scene_gallery(
    images: Float[np.ndarray, "sample row column"],
    masks: Shaped[np.ndarray, "sample_ object row_ column_"],
    *,
    across: int = 6,
    title: str = "",
) -> Figure:
    """Scenes of several objects, each object outlined in its colour. Raises ValueError for no scene, or masks of other samples."""
    if not len(images) or masks.shape[:1] + masks.shape[2:] != images.shape:
        raise ValueError(f"scenes need images with the masks of each; got {list(images.shape)} and {list(masks.shape)}.")
    across = min(across, len(images))
    down = -(-len(images) // across)
    figure = Figure(figsize=(1.3 * across, 1.3 * down + (0.35 if title else 0.0)), layout="constrained")
    grid: Any = figure.subplots(down, across, squeeze=False)
    for axes in grid.ravel():
        axes.set_axis_off()
    for axes, image, inside in zip(grid.ravel(), images, masks, strict=False):
        axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        for g, mask in enumerate(inside):
            if mask.any():
                axes.contour(np.asarray(mask, float), [0.5], colors=[COLOURS[g % len(COLOURS)]], linewidths=0.9)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _ring(axes: Any) -> None:
    edges = np.linspace(0, 2 * np.pi, 181)
    axes.pcolormesh(edges, [0.6, 1.0], np.linspace(0, 1, 180)[None], cmap=HUES, rasterized=True)
    axes.set_xticks([0, np.pi / 2, np.pi, 3 * np.pi / 2], ["0", "π/2", "π", "-π/2"], fontsize=7)
    axes.set_yticks([])
    axes.set_ylim(0, 1)
    axes.grid(visible=False)
    axes.spines["polar"].set_visible(False)
    axes.set_title("phase (rad)", fontsize=7.5)
    axes.tick_params(pad=-3)
