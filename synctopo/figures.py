"""Figures of a study, made from its rows: drawn without a screen, the same bytes for the same rows."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.text import Text

from rtd import Localisation
from synctopo.tables import Row, between, mean_matrix

FORMATS = ("png", "pdf", "svg")


def rtd_matrix(rows: Sequence[Row], conditions: Sequence[str], *, measure: str, site: str) -> Figure:
    """Conditions against conditions: mean over pairs of different seeds, the diagonal between seeds of one condition."""
    here = [r for r in rows if r["kind"] == "pair" and r["measure"] == measure and r["site_a"] == site]
    held = [c for c in conditions if any(c in (r["condition_a"], r["condition_b"]) for r in here)]
    values = mean_matrix(here, held)
    size = 2.2 + 0.55 * len(held)
    figure = Figure(figsize=(size + 0.9, size), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(values, cmap="cividis")
    axes.set_xticks(range(len(held)), held, rotation=45, ha="right")
    axes.set_yticks(range(len(held)), held)
    middle = np.nanmean([np.nanmin(values), np.nanmax(values)]) if np.isfinite(values).any() else 0.0
    for i in range(len(held)):
        for j in range(len(held)):
            text = f"{values[i, j]:.1f}" if np.isfinite(values[i, j]) else "–"
            axes.text(j, i, text, ha="center", va="center", fontsize=8, color="white" if values[i, j] < middle else "black")
    axes.set_title(f"{measure} at {site}\nmean over pairs of different seeds", fontsize=10)
    figure.colorbar(image, ax=axes, shrink=0.8, label=f"{measure} (lower: more alike)")
    return figure


def layer_profile(rows: Sequence[Row], contrasts: Sequence[tuple[str, str]], *, measure: str, sites: Sequence[str], title: str) -> Figure:
    """For each contrast, the distance between the two conditions along the layers, beside the distance between seeds of one condition."""
    here = [r for r in rows if r["kind"] == "pair" and r["measure"] == measure]
    across = min(4, len(contrasts))
    down = -(-len(contrasts) // across)
    figure = Figure(figsize=(3.1 * across, 3.0 * down + 0.3), layout="constrained")
    panels: Any = figure.subplots(down, across, sharey=True, squeeze=False).ravel()
    for axes, (a, b) in zip(panels, contrasts, strict=False):
        for one, two, style, colour in ((a, b, "o-", "#0072b2"), (a, a, "s--", "#d55e00"), (b, b, "^:", "#009e73")):
            found = [between([r for r in here if r["site_a"] == site], one, two) for site in sites]
            means = [np.mean(f) if f else np.nan for f in found]
            spreads = [np.std(f, ddof=1) if len(f) > 1 else 0.0 for f in found]
            label = "between the two" if one != two else f"between seeds of {one}"
            where = range(len(sites))
            axes.errorbar(where, means, yerr=spreads, fmt=style, color=colour, capsize=2, label=label, markersize=4, linewidth=1.2)
        axes.set_xticks(range(len(sites)), [s.removeprefix("random.") for s in sites])
        axes.set_title(f"{a}\nand {b}", fontsize=9)
        axes.legend(fontsize=6.5, frameon=False, loc="lower left")
    for axes in panels[len(contrasts) :]:
        axes.set_axis_off()
    for axes in panels[::across]:
        axes.set_ylabel(measure)
    panels[0].set_ylim(0, None)
    figure.suptitle(title, fontsize=10)
    return figure


def barcode(bars: Float[np.ndarray, "bar 2"], title: str) -> Figure:
    """A barcode, longest bar at the bottom: birth to death, in units of the normalised distance."""
    figure = Figure(figsize=(4.2, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.hlines(np.arange(len(bars)), bars[:, 0], bars[:, 1], color="#0072b2", linewidth=max(0.3, min(2.0, 120 / max(1, len(bars)))))
    axes.set_xlabel("normalised distance")
    axes.set_ylabel("bar")
    axes.set_title(f"{title}: {len(bars)} bars, total {np.diff(bars).sum():.3f}", fontsize=10)
    return figure


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
            axes.plot(*flat[list(difference.edge)].T, color="#d55e00", linewidth=1.2, linestyle="-" if near else ":", zorder=1)
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


def write(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure in every format; without dates, so that the same figure is the same file."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.{form}" for form in FORMATS]
    for path in paths:
        save(figure, path)
    return paths


def save(figure: Figure, path: Path) -> None:
    """Write a figure to one file, in the format of its ending."""
    undated = {".png": {"Software": None}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
    for text in figure.findobj(Text):
        # a $ in a name is a dollar, not the start of a formula
        text.set_parse_math(False)
    with matplotlib.rc_context({"svg.hashsalt": "synctopo", "font.size": 9}), warnings.catch_warnings():
        # a name in a script that the font lacks shows as boxes; the tables have it
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(path, dpi=160, metadata=undated[path.suffix])
