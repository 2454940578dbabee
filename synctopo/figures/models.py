"""Figures of how models lie to each other: matrices, their dendrogram, their map, and profiles along the layers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import dendrogram, linkage
from scipy.spatial.distance import squareform

from synctopo.figures.writing import COLOURS, MARKERS, ON_BRIGHT, ON_DARK
from synctopo.tables.pivots import mean_matrix
from synctopo.tables.selection import Row, between, over


def rtd_matrix(rows: Sequence[Row], conditions: Sequence[str], *, measure: str, site: str) -> Figure:
    """Conditions against conditions: mean over pairs of different seeds, the diagonal between seeds of one condition."""
    held, values, closer, _ = _of_conditions(rows, conditions, measure, site)
    figure, (axes, bar) = _square(held, beside=0.0)
    image = _cells(axes, values, held, held)
    axes.set_title(f"{measure} at {site}\nmean over {over(rows).partition(' (')[0]}", fontsize=10)
    figure.colorbar(image, cax=bar, label=f"{measure} ({closer}: more alike)")
    return figure


def clustered_matrix(rows: Sequence[Row], conditions: Sequence[str], *, measure: str, site: str) -> Figure:
    """`rtd_matrix` with the conditions in the order of their dendrogram (average linkage), which stands beside it.

    Raises ValueError where a pair has no value, or there are fewer than two conditions.
    """
    held, values, closer, identical = _of_conditions(rows, conditions, measure, site)
    distances = _distances(np.abs(values - identical), held)
    tree = dendrogram(linkage(squareform(distances, checks=False), "average"), no_plot=True)
    order = tree["leaves"]
    names = [held[k] for k in order]
    figure, (axes, bar, side) = _square(names, beside=1.3)
    image = _cells(axes, values[np.ix_(order, order)], names, names)
    for far, at in zip(tree["dcoord"], tree["icoord"], strict=True):
        side.plot(far, (np.array(at) - 5) / 10, color=COLOURS[0], linewidth=1.1)
    side.set_xlim(max(max(line) for line in tree["dcoord"]) * 1.05 or 1.0, 0)
    side.set_ylim(len(names) - 0.5, -0.5)
    side.set_yticks([])
    side.spines[["left", "top", "right"]].set_visible(False)
    side.tick_params(labelsize=7)
    side.set_xlabel(f"{measure if closer == 'lower' else f'{identical:g} - {measure}'} at\nwhich they join", fontsize=8)
    axes.set_title(f"{measure} at {site}, by average linkage\nmean over {over(rows).partition(' (')[0]}", fontsize=10)
    figure.colorbar(image, cax=bar, label=f"{measure} ({closer}: more alike)")
    return figure


def model_map(distances: Float[np.ndarray, "m k"], kinds: Sequence[str], *, measure: str) -> Figure:
    """Models as points in the plane, as far apart as `distances` [m, m] says, as well as a plane can (`scaled`); stress-1 is said.

    `kinds`: what the colour and shape of each model stand for: its condition, or its own name. Raises ValueError as `scaled` does.
    """
    points, stress = scaled(distances)
    if len(kinds) != len(points):
        raise ValueError(f"a map of {len(points)} models needs as many names; got {len(kinds)}.")
    figure = Figure(figsize=(4.6 + 0.075 * max(map(len, kinds)), 3.9), layout="constrained")
    axes = figure.add_subplot()
    for k, kind in enumerate(dict.fromkeys(kinds)):
        x, y = points[[other == kind for other in kinds]].T
        axes.scatter(x, y, s=34, label=kind, linewidths=1.2, zorder=3, **_look(k))
    figure.legend(fontsize=8, frameon=False, loc="outside right upper")
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.1)
    axes.set_xlabel(f"first axis ({measure})")
    axes.set_ylabel(f"second axis ({measure})")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"map of the models by {measure}; stress {stress:.2f}", fontsize=10)
    return figure


def scaled(distances: Float[np.ndarray, "m k"], *, rounds: int = 500) -> tuple[Float[np.ndarray, "m 2"], float]:
    """Metric multidimensional scaling in the plane: points and Kruskal's stress-1 (0: the distances are kept; 1: nothing is).

    SMACOF (de Leeuw 1977) from the classical solution (Torgerson 1952), so without chance; the point set is centred and on its axes.
    Raises ValueError for what is no symmetric matrix of finite distances.
    """
    d = np.asarray(distances, dtype=float)
    if d.ndim != 2 or d.shape[0] != d.shape[1] or not np.isfinite(d).all() or not np.allclose(d, d.T):
        raise ValueError(
            f"a map needs a symmetric matrix of finite distances; got {list(d.shape)}, {int((~np.isfinite(d)).sum())} not finite."
        )
    m = len(d)
    d = d * ~np.eye(m, dtype=bool)
    centring = np.eye(m) - 1 / m
    points = _axes(-centring @ d**2 @ centring / 2)
    for _ in range(rounds):
        near = np.linalg.norm(points[:, None] - points[None], axis=-1)
        ratio = np.divide(d, near, out=np.zeros_like(d), where=near > 0)
        guttman = np.diag(ratio.sum(1)) - ratio
        moved = guttman @ points / m
        done = np.abs(moved - points).max() <= 1e-9 * max(d.max(), 1e-300)
        points = moved
        if done:
            break
    points = _axes(points @ points.T)
    near = np.linalg.norm(points[:, None] - points[None], axis=-1)
    total = (near**2).sum()
    return points, float(np.sqrt(((near - d) ** 2).sum() / total)) if total else 0.0


def layer_profile(rows: Sequence[Row], contrasts: Sequence[tuple[str, str]], *, measure: str, sites: Sequence[str], title: str) -> Figure:
    """For each contrast, the distance between the two conditions along the layers, beside the distance between seeds of one condition."""
    here = [r for r in rows if r["kind"] == "pair" and r["measure"] == measure]
    found = [
        [[between([r for r in here if r["site_a"] == site], *pair) for site in sites] for pair in ((a, b), (a, a), (b, b))]
        for a, b in contrasts
    ]
    # the step is the same for all, and stands in the title
    names, _, step = zip(*(s.removeprefix("random.").partition("@") for s in sites), strict=True)
    title += f", step {step[0]}" if step[0] else ""
    return panels(contrasts, found, list(range(len(sites))), measure=measure, title=title, along="layer", ticks=list(names))


def panels(
    contrasts: Sequence[tuple[str, str]],
    found: Sequence[Sequence[Sequence[Sequence[float]]]],
    at: Sequence[float | int],
    *,
    measure: str,
    title: str,
    along: str,
    ticks: Sequence[str] | None = None,
) -> Figure:
    """A panel for each contrast with three lines, between the two and between seeds of each.

    found[contrast][line][place] are the values of which mean and sd are drawn, at the places `at` of what is named by `along`.
    """
    across = min(4, len(contrasts))
    down = -(-len(contrasts) // across)
    figure = Figure(figsize=(max(4.6, 2.7 * across), 2.5 * down + 0.7), layout="constrained")
    drawn: Any = figure.subplots(down, across, sharey=True, squeeze=False).ravel()
    labels = ("between the two", "between seeds of the first", "between seeds of the second")
    for axes, (a, b), lines in zip(drawn, contrasts, found, strict=False):
        for k, (label, line) in enumerate(zip(labels, lines, strict=True)):
            means = np.array([np.mean(f) if len(f) else np.nan for f in line])
            spreads = np.array([np.std(f, ddof=1) if len(f) > 1 else 0.0 for f in line])
            look: dict[str, Any] = {"color": COLOURS[k], "linestyle": ("-", "--", ":")[k], "label": label, "linewidth": 1.3}
            if ticks is not None:
                axes.errorbar(at, means, yerr=spreads, marker=MARKERS[k], capsize=2, markersize=4, **look)
            else:
                axes.plot(at, means, **look)
                axes.fill_between(at, means - spreads, means + spreads, color=COLOURS[k], alpha=0.18, linewidth=0)
        if ticks is not None:
            axes.set_xticks(at, ticks)
        axes.set_title(f"{a}\nand {b}", fontsize=8.5)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in drawn[len(contrasts) :]:
        axes.set_axis_off()
    for axes in drawn[::across]:
        axes.set_ylabel(measure)
    for axes in drawn[max(0, len(contrasts) - across) : len(contrasts)]:
        axes.set_xlabel(along)
    drawn[0].set_ylim(0, None)
    figure.suptitle(title, fontsize=10)
    handles, said = drawn[0].get_legend_handles_labels()
    figure.legend(handles, said, fontsize=8, frameon=False, loc="outside lower center", ncols=min(3, 1 + 2 * (across > 1)))
    return figure


def _of_conditions(rows: Sequence[Row], conditions: Sequence[str], measure: str, site: str) -> tuple[list[str], np.ndarray, str, float]:
    """The conditions that have rows, their matrix of means, which values are more alike, and the value of a model with itself."""
    here = [r for r in rows if r["kind"] == "pair" and r["measure"] == measure and r["site_a"] == site]
    held = [c for c in conditions if any(c in (r["condition_a"], r["condition_b"]) for r in here)]
    closer, identical = (here[0]["closer"], here[0]["identical"]) if here else ("lower", 0.0)
    return held, mean_matrix(here, held), closer, identical


def _distances(values: np.ndarray, names: Sequence[str]) -> np.ndarray:
    d = np.where(np.eye(len(names), dtype=bool), 0.0, values) if len(names) > 1 else np.array([np.nan])
    if not np.isfinite(d).all():
        raise ValueError(
            f"a dendrogram needs two conditions or more and a value for every pair; of {', '.join(names) or 'none'} some have none."
        )
    return d


def _square(names: Sequence[str], *, beside: float) -> tuple[Figure, list[Axes]]:
    """Axes for a square matrix of so many names, a colour bar and, with room `beside` it (inches), a dendrogram."""
    size = 0.42 * len(names) + 0.4
    room = 0.062 * max(map(len, names), default=0)
    figure = Figure(figsize=(max(3.9, size + 1.1 + room) + beside, size + 1.0 + 0.8 * room), layout="constrained")
    if not beside:
        found: Any = figure.subplots(1, 2, width_ratios=[size, 0.16])
        return figure, list(found)
    side, axes, bar = figure.subplots(1, 3, width_ratios=[beside, size, 0.16])
    return figure, [axes, bar, side]


def _cells(axes: Axes, values: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> Any:
    image = axes.imshow(values, cmap="cividis", aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=50, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    there = values[np.isfinite(values)]
    middle = (there.min() + there.max()) / 2 if len(there) else 0.0
    digits = 1 if len(there) and np.abs(there).max() >= 1 else 2
    for (i, j), value in np.ndenumerate(values):
        text = f"{value:.{digits}f}" if np.isfinite(value) else "–"
        colour = "#000000" if not np.isfinite(value) else ON_DARK if value < middle else ON_BRIGHT
        axes.text(j, i, text, ha="center", va="center", fontsize=7.5, color=colour)
    return image


def _look(k: int) -> Mapping[str, Any]:
    """Colour and shape of the k-th kind; past the sixth the shapes are hollow."""
    colour, marker = COLOURS[k % len(COLOURS)], MARKERS[(k + k // len(COLOURS)) % len(MARKERS)]
    return {"edgecolors": colour, "facecolors": colour if k < len(COLOURS) else "none", "marker": marker}


def _axes(gram: np.ndarray) -> np.ndarray:
    """The points of a Gram matrix on its two principal axes; the sign of an axis is such that its largest entry is positive."""
    value, vector = np.linalg.eigh(gram)
    flat = vector[:, ::-1][:, :2] * np.sqrt(np.maximum(value[::-1][:2], 0.0))
    flat = flat * np.where(flat[np.abs(flat).argmax(0), np.arange(flat.shape[1])] < 0, -1.0, 1.0)
    return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))
