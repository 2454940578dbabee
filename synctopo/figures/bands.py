"""A course over steps as figures draw it: the mean over seeds with a band."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from synctopo.figures.writing import COLOURS, MARKERS


def line_with_band(axes: Axes, at: Sequence[int], shares: Float[np.ndarray, "seed place"], k: int) -> Line2D:
    """Draw the mean over seeds at each place, in the look of line `k`, with a band of ± sd; a level line where there is one place only."""
    colour, style = COLOURS[k % len(COLOURS)], ("-", "--", ":", "-.")[k // len(COLOURS) % 4]
    means = shares.mean(0)
    if len(means) == 1:
        return axes.axhline(means[0], color=colour, linestyle=":", linewidth=1.1)
    (line,) = axes.plot(at, means, color=colour, linestyle=style, marker=MARKERS[k % len(MARKERS)], markersize=3, linewidth=1.2)
    if len(shares) > 1:
        spread = shares.std(0, ddof=1)
        axes.fill_between(at, means - spread, means + spread, color=colour, alpha=0.13, linewidth=0)
    return line
