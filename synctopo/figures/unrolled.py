"""The figure of an unrolled recurrent layer: its layers in a row, and the weight that runs between them."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch

from synctopo.figures.writing import COLOURS

KINDS = {"forward": COLOURS[0], "skip": COLOURS[1], "feedback": COLOURS[3], "within a layer": COLOURS[2]}

BEND = 0.62
"""Of an arc: it rises by half of this times the number of layers that it passes."""


def unrolled_graph(mass: Float[np.ndarray, "source target"], sizes: Sequence[int], *, names: Sequence[str] = (), title: str = "") -> Figure:
    """A recurrent layer as auto-encoder, as `rtd.unroll_graph(net)` has it in `.mass`, `.sizes` and `.names` (L1, L2, ... by default).

    Discs are layers with their number of neurons; widths are shares of the sum of |weight|, in per cent where they are 2 or more. Forward
    runs along the row, skips above it, feedback (one step later) below it; what stays within a layer is the rim of its disc.
    Raises ValueError for a mass that is not [layer, layer], negative, or nothing, and sizes or names that are not as many.
    """
    layers = len(sizes)
    called = list(names) or [f"L{k + 1}" for k in range(layers)]
    if mass.shape != (layers, layers) or len(called) != layers:
        raise ValueError(f"{layers} layers need a mass [{layers}, {layers}] and as many names; got {list(mass.shape)} and {len(called)}.")
    if not (np.isfinite(mass).all() and (mass >= 0).all() and mass.sum() > 0):
        raise ValueError("the mass between layers is sums of |weight|: none is negative, and some are more than 0.")
    share = mass / mass.sum()
    radius = 0.32 * np.sqrt(np.asarray(sizes) / max(sizes))
    figure = Figure(figsize=(max(4.8, 1.25 * layers + 0.4), 0.9 + 0.75 * layers), layout="constrained")
    axes = figure.add_subplot()
    for i, j in sorted(np.ndindex(layers, layers), key=lambda pair: share[pair]):
        if i != j and share[i, j] > 0:
            _arrow(axes, i, j, float(share[i, j]), radius)
    for k, name in enumerate(called):
        rim = 0.8 + 40 * share[k, k]
        axes.add_patch(Circle((k, 0), radius[k], facecolor="#f3f3f3", edgecolor=KINDS["within a layer"], linewidth=rim, zorder=4))
        axes.text(k, 0, f"{name}\n{sizes[k]}", ha="center", va="center", fontsize=8, color="#010101", zorder=5, linespacing=1.25)
    totals = {
        "forward": float(np.triu(share).trace(1)),
        "skip": float(np.triu(share, 2).sum()),
        "feedback": float(np.tril(share, -1).sum()),
        "within a layer": float(share.trace()),
    }
    handles = [Line2D([], [], color=colour, linewidth=3) for colour in KINDS.values()]
    said = [f"{kind} {100 * totals[kind]:.0f} %" for kind in KINDS]
    figure.legend(handles, said, loc="outside lower center", ncols=4, fontsize=8, frameon=False, handlelength=1.2, columnspacing=1.2)
    reach = max(0.55, BEND / 2 * (layers - 1) + 0.2)
    axes.set_xlim(-0.6, layers - 0.4)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_title(title or "weight between the layers, by its share", fontsize=10)
    return figure


def _arrow(axes: Axes, i: int, j: int, share: float, radius: Float[np.ndarray, " layer"]) -> None:
    kind = "feedback" if j < i else "forward" if j == i + 1 else "skip"
    span = abs(j - i)
    bend = 0.0 if kind == "forward" else BEND
    side = 1 if j > i else -1
    start, end = np.array([i, 0.0]), np.array([j, 0.0])
    angle = np.arctan(2 * bend) * side
    toward = np.array([np.cos(angle) * np.sign(j - i), abs(np.sin(angle)) * side])
    back = toward * [-1, 1]
    patch = FancyArrowPatch(
        tuple(start + toward * radius[i]),
        tuple(end + back * (radius[j] + 0.03)),
        connectionstyle=f"arc3,rad={-bend}",
        arrowstyle="-|>",
        mutation_scale=7,
        linewidth=max(0.4, 45 * share),
        color=KINDS[kind],
        alpha=0.9,
        linestyle="-",
        zorder=2,
        shrinkA=0,
        shrinkB=0,
    )
    axes.add_patch(patch)
    if share >= 0.02:
        middle = (i + j) / 2
        height = 0.1 if kind == "forward" else side * (bend * span / 2 - 0.06)
        axes.text(middle, height, f"{100 * share:.0f}", ha="center", va="center", fontsize=7, zorder=6)
