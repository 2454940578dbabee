"""Figures of what oscillators do: energy over steps, groups beside the objects, boards being solved, and how sure a classifier is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from synctopo.figures.bands import line_with_band
from synctopo.figures.writing import COLOURS, MARKERS
from synctopo.tables.selection import Row
from synctopo.tables.solved import tried


def energy_over_steps(energies: Mapping[str, Float[np.ndarray, "step sample"]]) -> Figure:
    """Curves of energy, one for each name: mean over samples with a band of ± sd. Raises ValueError for what is not [step, sample]."""
    figure = Figure(figsize=(4.4, 3.0), layout="constrained")
    axes = figure.add_subplot()
    for k, (name, values) in enumerate(energies.items()):
        if values.ndim != 2 or 0 in values.shape:
            raise ValueError(f"the energies of {name!r} are to be [step, sample]; got {list(values.shape)}.")
        mean, sd, colour = values.mean(1), values.std(1), COLOURS[k % len(COLOURS)]
        marked = MARKERS[k % len(MARKERS)] if len(values) <= 40 else ""
        axes.plot(mean, color=colour, marker=marked, markersize=3.5, linewidth=1.3, label=name)
        axes.fill_between(np.arange(len(mean)), mean - sd, mean + sd, color=colour, alpha=0.18, linewidth=0)
    axes.set_xlabel("step")
    axes.set_ylabel("energy")
    axes.spines[["top", "right"]].set_visible(False)
    if len(energies) > 1:
        axes.legend(frameon=False, fontsize=8)
    return figure


def groups_beside_objects(
    images: Float[np.ndarray, "n channel r c"], found: Int[np.ndarray, "m r2 c2"], truth: Int[np.ndarray, "k r3 c3"]
) -> Figure:
    """A column for each image: the image, the groups that were found, the objects that are there (background white, overlap grey).

    Raises ValueError for other than as many masks, of the images' size, as images, and for none.
    """
    if not len(images) or found.shape != truth.shape or found.shape != (len(images), *images.shape[2:]):
        raise ValueError(
            f"groups and objects are masks of the images; got images {list(images.shape)}, groups {list(found.shape)}, "
            f"objects {list(truth.shape)}."
        )
    figure = Figure(figsize=(1.25 * len(images) + 0.7, 3.9), layout="constrained")
    grid: Any = figure.subplots(3, len(images), squeeze=False)
    groups = ListedColormap([*COLOURS, "#f0e442", "#999999"])
    objects = ListedColormap(["#999999", "#ffffff", *COLOURS])
    for k in range(len(images)):
        shown = images[k].transpose(1, 2, 0) if images.shape[1] == 3 else images[k].mean(0)
        grid[0, k].imshow(shown, cmap="grey", vmin=0, vmax=1, interpolation="nearest")
        grid[1, k].imshow(found[k] % groups.N, cmap=groups, vmin=0, vmax=groups.N - 1, interpolation="nearest")
        grid[2, k].imshow(truth[k], cmap=objects, vmin=-1, vmax=objects.N - 2, interpolation="nearest")
    for row, label in enumerate(("image", "groups found", "objects")):
        grid[row, 0].set_ylabel(label, fontsize=8.5)
    for axes in grid.flat:
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def board_course(
    board: Int[np.ndarray, "r c"], answers: Int[np.ndarray, "step r2 c2"], solution: Int[np.ndarray, "r3 c3"], *, steps: Sequence[int] = ()
) -> Figure:
    """A board being solved: the answer after each step, given digits in black, right ones in blue, wrong ones in orange and struck through.

    `steps` are the numbers above the boards, by default 0, 1, ... Raises ValueError for shapes that do not agree.
    """
    if answers.ndim != 3 or not len(answers) or answers.shape[1:] != board.shape or solution.shape != board.shape:
        raise ValueError(f"answers are [step, *board]; got a board {list(board.shape)} and answers {list(answers.shape)}.")
    named = list(steps) or list(range(len(answers)))
    if len(named) != len(answers):
        raise ValueError(f"{len(answers)} answers need as many steps; got {len(named)}.")
    side = len(board)
    across = min(5, len(answers))
    down = -(-len(answers) // across)
    figure = Figure(figsize=(1.7 * across, 1.85 * down), layout="constrained")
    grid: Any = figure.subplots(down, across, squeeze=False)
    for axes in grid.flat[len(answers) :]:
        axes.set_axis_off()
    for axes, answer, step in zip(grid.flat, answers, named, strict=False):
        axes.set_title(f"step {step}: {int(((answer != solution) & (board == 0)).sum())} wrong", fontsize=8)
        for row in range(side):
            for column in range(side):
                given, right = board[row, column] > 0, answer[row, column] == solution[row, column]
                colour = "black" if given else COLOURS[0] if right else COLOURS[1]
                said = str(int(answer[row, column])) + ("" if given or right else "\u0336")
                axes.text(column, row, said, ha="center", va="center", color=colour, fontsize=8, weight="bold" if given else "normal")
        for k in range(side + 1):
            axes.axhline(k - 0.5, color="#bbbbbb", linewidth=0.5)
            axes.axvline(k - 0.5, color="#bbbbbb", linewidth=0.5)
        axes.set_xlim(-0.5, side - 0.5)
        axes.set_ylim(side - 0.5, -0.5)
        axes.set_aspect("equal")
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def boards_over_steps(rows: Sequence[Row], conditions: Sequence[str]) -> Figure:
    """A panel for each kind of boards: the share that is solved after so many steps, mean over seeds with a band of ± sd.

    What was judged after one number of steps only is a level line. `rows` are those of models that solved boards.
    """
    every = tried(rows, conditions)
    figure = Figure(figsize=(2.7 * len(every) + 2.0, 3.1), layout="constrained")
    panels: Any = figure.subplots(1, len(every), sharey=True, squeeze=False)
    lines: dict[str, Any] = {}
    for axes, (name, of_condition) in zip(panels[0], every.items(), strict=True):
        for k, condition in enumerate(conditions):
            if condition not in of_condition:
                continue
            entries = of_condition[condition]
            steps, shares = entries[0]["steps"], 100 * np.array([[n / e["total"] for n in e["solved"]] for e in entries])
            lines[condition] = line_with_band(axes, steps, shares, k)
            if len(steps) == 1:
                continue
            axes.set_xscale("log", base=2)
            axes.set_xticks(steps, [str(s) for s in steps])
            axes.minorticks_off()
        axes.set_title(f"{name} boards", fontsize=9)
        axes.set_xlabel("steps at test time")
        axes.set_ylim(0, 102)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0][0].set_ylabel("boards solved (%)")
    figure.legend(list(lines.values()), list(lines), fontsize=8, frameon=False, loc="outside right upper")
    return figure


def reliability_diagram(confidence: Sequence[float], accuracy: Sequence[float], count: Sequence[int]) -> Figure:
    """Share right against confidence in bins, as areas by how many samples a bin holds; on the diagonal nobody is too sure.

    Raises ValueError for bins of unequal number, or none that holds a sample.
    """
    if not len(confidence) == len(accuracy) == len(count) or not sum(count):
        raise ValueError(f"every bin has a confidence, an accuracy and a count; got {len(confidence)}, {len(accuracy)}, {len(count)}.")
    held = [k for k, n in enumerate(count) if n]
    figure = Figure(figsize=(3.3, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="#888888", linewidth=0.9, linestyle="--")
    areas = [15 + 250 * count[k] / sum(count) for k in held]
    axes.scatter([confidence[k] for k in held], [accuracy[k] for k in held], s=areas, color=COLOURS[0], alpha=0.8, linewidths=0)
    axes.set_xlabel("confidence")
    axes.set_ylabel("share right")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
