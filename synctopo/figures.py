"""Figures of a study, made from its rows: drawn without a screen, the same bytes for the same rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

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
    figure = Figure(figsize=(3.1 * len(contrasts), 3.2), layout="constrained")
    panels: Any = figure.subplots(1, len(contrasts), sharey=True, squeeze=False)[0]
    for axes, (a, b) in zip(panels, contrasts, strict=True):
        for one, two, style in ((a, b, "o-"), (a, a, "s--"), (b, b, "^:")):
            found = [between([r for r in here if r["site_a"] == site], one, two) for site in sites]
            means = [np.mean(f) if f else np.nan for f in found]
            spreads = [np.std(f, ddof=1) if len(f) > 1 else 0.0 for f in found]
            label = "between the two" if one != two else f"between seeds of {one}"
            axes.errorbar(range(len(sites)), means, yerr=spreads, fmt=style, capsize=2, label=label, markersize=4, linewidth=1.2)
        axes.set_xticks(range(len(sites)), sites, rotation=45, ha="right")
        axes.set_title(f"{a}\nand {b}", fontsize=9)
        axes.legend(fontsize=6.5, frameon=False)
        axes.set_ylim(bottom=0)
    panels[0].set_ylabel(measure)
    figure.suptitle(title, fontsize=10)
    return figure


def write(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure in every format; without dates, so that the same figure is the same file."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    empty = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
    with matplotlib.rc_context({"svg.hashsalt": "synctopo", "font.size": 9}):
        for form in FORMATS:
            path = folder / f"{name}.{form}"
            figure.savefig(path, dpi=160, metadata=empty[form])
            paths.append(path)
    return paths
