"""The tables of a study, assembled from its rows."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from synctopo.statistics.noise_ceiling import ceiling
from synctopo.statistics.significance import adjusted
from synctopo.tables.bound import scenes
from synctopo.tables.cells import spread
from synctopo.tables.conditions import contrasts, last, layers, performance, steps
from synctopo.tables.corrupted import resilience
from synctopo.tables.courses import courses
from synctopo.tables.formats import Table
from synctopo.tables.pivots import calibrated, matrix, measures
from synctopo.tables.selection import Row, at_one_step, between_seeds, closer_of, ordered
from synctopo.tables.sequences import trends
from synctopo.tables.solved import boards
from synctopo.tables.spoilt import spoilt

PERFORMANCE = {
    "read-out accuracy (%)": ("readout_accuracy", 100, 1),
    "own accuracy (%)": ("own_accuracy", 100, 1),
    "objects named (%)": ("each", 100, 1),
    "images named whole (%)": ("whole", 100, 1),
    "synchrony within objects": ("synchrony", 1, 2),
    "boards solved (%)": ("boards_solved_test", 100, 1),
    "hard boards solved (%)": ("boards_solved_hard", 100, 1),
    "blanks right (%)": ("cells_right_test", 100, 1),
    "FG-ARI (%)": ("fg_ari", 100, 1),
    "MBO (%)": ("mbo", 100, 1),
    "FG-ARI of patches (%)": ("patches_fg_ari", 100, 1),
    "MBO of patches (%)": ("patches_mbo", 100, 1),
    "FG-ARI of places (%)": ("places_fg_ari", 100, 1),
    "MBO of places (%)": ("places_mbo", 100, 1),
    "calibration error (%)": ("ece", 100, 1),
    "rate (Hz)": ("rate_hz", 1, 1),
    "spikes per sample": ("spikes_per_sample", 1, 0),
    "silent units (%)": ("silent_units", 100, 1),
    "weights moved (%)": ("recurrent_weight_moved", 100, 1),
}
"""What is known of a model: heading -> field of its row, scale, digits."""

COLUMNS = (
    *("study", "condition_a", "seed_a", "site_a", "time_a", "condition_b", "seed_b", "site_b", "time_b", "reduction", "maps", "n"),
    *("width_a", "width_b", "measure", "parameters", "closer", "identical", "value", "forward", "backward", "stderr"),
    *("chance_mean", "chance_sd", "p", "q", "permutations", "calibrated", "ci_low", "ci_high", "resamples"),
    *("ceiling_lower", "ceiling_upper", "status", "reason", "seed"),
)
"""The order of the columns of `tidy`; names and hashes come behind."""

EDGES = {
    "forward (%)": "edges_forward",
    "skip (%)": "edges_skip",
    "within a layer (%)": "edges_intra",
    "feedback (%)": "edges_feedback",
    "forward, random layers (%)": "random_edges_forward",
    "feedback, random layers (%)": "random_edges_feedback",
    "layers kept (%)": "stability_layers",
    "bottleneck kept (%)": "stability_bottleneck",
}


def tidy(rows: Sequence[Row]) -> pd.DataFrame:
    """The rows of all pairs as one frame, a value a line: the source of every other table.

    Beside what a pair's row holds: q, its p corrected over all rows (Benjamini and Hochberg), and the noise ceiling of the two conditions
    by that measure at that site (`synctopo.statistics.ceiling`; the mean of both), ceiling_lower and ceiling_upper, the upper more alike.
    """
    pairs = [r for r in rows if r["kind"] == "pair"]
    if not pairs:
        return pd.DataFrame()
    held: dict[tuple[object, ...], list[Row]] = {}
    for r in pairs:
        if r["condition_a"] == r["condition_b"]:
            held.setdefault((r["condition_a"], r["measure"], r["site_a"], r.get("time_a")), []).append(r)
    ceilings = {}
    for key, of in held.items():
        table = between_seeds(of, str(key[0]))
        if len(table) > 1 and np.isfinite(table[~np.eye(len(table), dtype=bool)]).all():
            ceilings[key] = ceiling(table, closer=closer_of(of), identical=float(of[0].get("identical", 0.0)))
    lines = []
    for r, q in zip(pairs, adjusted([r.get("p") for r in pairs]), strict=True):
        both = [ceilings.get((r[f"condition_{s}"], r["measure"], r["site_a"], r.get("time_a"))) for s in "ab"]
        bounds: dict[str, float | None] = {"ceiling_lower": None, "ceiling_upper": None}
        if all(c is not None for c in both):
            bounds = {f"ceiling_{end}": float(np.mean([getattr(c, end) for c in both])) for end in ("lower", "upper")}
        lines.append({**{name: value for name, value in r.items() if name != "kind"}, "q": q, **bounds})
    return pd.DataFrame(lines, columns=[*(c for c in COLUMNS if c in lines[0]), *sorted(c for c in lines[0] if c not in COLUMNS)])


def study_tables(
    rows: Sequence[Row], conditions: Sequence[str], chosen: Sequence[tuple[str, str]], sequence: Sequence[str] | None = None
) -> list[Table]:
    """Every table of a study: its models, then for each measure the contrasts layer by layer and the matrices of conditions, then all
    measures side by side where there are several, and how they follow the sequence where one is named."""
    found = [models(rows, conditions)]
    changes = performance(rows, chosen, PERFORMANCE)
    structure = edges(rows, conditions)
    found += [table for table in (changes, structure) if table is not None]
    found += resilience(rows, conditions)
    found += scenes(rows, conditions)
    found += boards(rows, conditions)
    found += spoilt(rows, conditions)
    found += courses(rows, conditions)
    pairs = at_one_step([r for r in rows if r["kind"] == "pair"])
    names = ordered(r["measure"] for r in pairs)
    for measure in names:
        of = [r for r in pairs if r["measure"] == measure]
        if chosen:
            found += [layers(of, chosen, measure), contrasts(of, chosen, measure)]
            timed = [r for r in rows if r["kind"] == "pair" and r["measure"] == measure and r.get("time_a") is not None]
            if timed:
                found.append(steps([r for r in timed if r["site_a"] == timed[0]["site_a"]], chosen, measure))
        for site in ordered(r["site_a"] for r in of):
            here = [r for r in of if r["site_a"] == site]
            placed = None if site.startswith("random.") else calibrated(here, conditions, measure, site)
            found += [matrix(here, conditions, measure, site), *([placed] if placed is not None else [])]
    if len(names) > 1:
        for site in ordered(r["site_a"] for r in pairs):
            found.append(measures([r for r in pairs if r["site_a"] == site], conditions, site))
    if sequence and pairs:
        found.append(trends(pairs, sequence))
    return found


def models(rows: Sequence[Row], conditions: Sequence[str]) -> Table:
    """A line for each condition: accuracies, activity, how far training moved the weights; mean ± sd over seeds."""
    by = _by_condition(rows, conditions)
    lines = []
    for condition in conditions:
        mine = by[condition]
        line = {"condition": condition, "seeds": str(len(mine))}
        sizes = sorted({r["parameters"] for r in mine if r.get("parameters")})
        line["parameters"] = " to ".join(f"{n:,}" for n in (sizes if len(sizes) < 2 else (sizes[0], sizes[-1])))
        for title, (field, scale, digits) in PERFORMANCE.items():
            line[title] = spread([last(r.get(field)) for r in mine], digits, scale)
        lines.append(line)
    frame = pd.DataFrame(lines)
    chance = {r["classes"] / r.get("objects", 1) for r in rows if r["kind"] == "model" and "classes" in r}
    said = f"; chance is {100 / max(chance):.0f} %" if chance else ""
    if frame["parameters"].nunique() < 2:
        # said where it differs
        frame = frame.drop(columns="parameters")
    frame = frame.loc[:, (frame != "").any()]
    return Table("models", f"Models: mean ± sd over seeds{said}", frame)


def edges(rows: Sequence[Row], conditions: Sequence[str]) -> Table | None:
    """Where the weight of the unrolled recurrent layer runs, and how firm its partition is; None where nothing was unrolled."""
    by = _by_condition(rows, conditions)
    if not any("edges_forward" in r for mine in by.values() for r in mine):
        return None
    lines = [
        {"condition": c, **{t: spread([r.get(f) for r in by[c]], 1, 100) for t, f in EDGES.items()}}
        for c in conditions
        if any("edges_forward" in r for r in by[c])
    ]
    title = "Unrolled recurrent layer: shares of the weight mass, and what stays in its layer under 5 % weight noise"
    return Table("edges", title, pd.DataFrame(lines))


def _by_condition(rows: Sequence[Row], conditions: Sequence[str]) -> dict[str, list[Row]]:
    return {c: [r for r in rows if r["kind"] == "model" and r["condition"] == c] for c in conditions}
