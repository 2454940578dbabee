"""Arrays of a user's own compared pair by pair: checked, measured, and told as text, tables or JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synctopo.arrays import read
from synctopo.comparison import Asked, Listener, rows_of_pair
from synctopo.measures import Cloud, measure_from, named
from synctopo.recording import Recording
from synctopo.statistics.significance import adjusted
from synctopo.tables.cells import ARROWS, Daggers, between, chance_of, daggers, digits_of, headed, most_alike, number
from synctopo.tables.formats import Table

Row = Mapping[str, Any]
PLAIN = ("n", "width_a", "width_b", "measure", "parameters", "closer", "identical", "seed", "value", "forward", "backward", "stderr")
ASKED = ("chance_mean", "chance_sd", "p", "permutations", "calibrated", "ci_low", "ci_high", "resamples")


def compared(
    paths: Sequence[Path],
    measures: Sequence[str] = ("rtd",),
    *,
    batch: int = 500,
    trials: int = 10,
    null: int = 0,
    bootstrap: int = 0,
    seed: int = 0,
    ready: Callable[[], None] | None = None,
    listen: Listener | None = None,
) -> list[dict[str, Any]]:
    """The rows of every pair of the arrays in `paths` by every measure, as `synctopo.compare` has them; a and b name the files.

    `ready` is called when every file is found to be good, before the work begins. Raises ValueError for files that do not fit together,
    for numbers out of range, and where not a single comparison has a value.
    """
    for name, least, value in (("batch", 2, batch), ("trials", 1, trials), ("null", 0, null), ("bootstrap", 0, bootstrap)):
        if value < least:
            raise ValueError(f"--{name} is a whole number from {least} on; got {value}.")
    if bootstrap == 1:
        raise ValueError("--bootstrap 1 makes no interval; 200 is usual.")
    if not 0 <= seed < 2**63:
        raise ValueError(f"--seed is a whole number of at most 63 bits, from 0 on; got {seed}.")
    for measure in measures:
        named(measure)
    chosen = [measure_from(name, batch=batch, trials=trials) for name in dict.fromkeys(measures)]
    arrays = _checked(paths)
    if ready is not None:
        ready()
    names = _names(paths)
    recordings = [Recording({"array": a[:, None]}, "none", (), np.arange(len(a))) for a in arrays]
    clouds: dict[tuple[str, str, int | None], Cloud] = {}
    found = []
    for i, j in combinations(range(len(paths)), 2):
        pair = (names[i], recordings[i], names[j], recordings[j])
        for row in rows_of_pair(*pair, chosen, Asked(null, bootstrap, seed), clouds=clouds, listen=listen):
            kept = {name: row[name] for name in (*PLAIN, *ASKED, "status", "reason", "hash_a", "hash_b")}
            found.append({"a": names[i], "b": names[j], **kept})
    if all(row["value"] is None for row in found):
        raise ValueError(f"there is nothing to compare: {found[0]['reason'].rstrip('.')}.")
    corrected = adjusted([row["p"] for row in found])
    return [{**row, "q": q} for row, q in zip(found, corrected, strict=True)]


def as_json(rows: Sequence[Row]) -> str:
    """The rows as JSON; the value stands under the name of its measure too."""
    return json.dumps([{**row, row["measure"]: row["value"]} for row in rows], indent=1, allow_nan=False)


def told(rows: Sequence[Row]) -> str | None:
    """The answer as plain text where it is one value, or one matrix of values alone; None where it wants a table."""
    names = list(dict.fromkeys(row[side] for row in rows for side in "ab"))
    if len({row["measure"] for row in rows}) > 1:
        return None
    if len(names) == 2:
        return _value(rows[0])
    if any(row["permutations"] or row["resamples"] for row in rows):
        return None
    return _matrix(rows, names)


def tables(rows: Sequence[Row]) -> list[Table]:
    """The pairs, a line for each pair and measure; before them, for three arrays or more, the matrix of each measure."""
    names = list(dict.fromkeys(row[side] for row in rows for side in "ab"))
    measures = list(dict.fromkeys(row["measure"] for row in rows))
    matrices = [_pivot([r for r in rows if r["measure"] == m], names) for m in measures] if len(names) > 2 else []
    return [*matrices, _pairs(rows, measures)]


def tidy(rows: Sequence[Row]) -> Table:
    """All that is known of every pair, unrounded."""
    return Table("tidy", "All rows", pd.DataFrame(rows))


def _pairs(rows: Sequence[Row], measures: Sequence[str]) -> Table:
    asked_null, asked_interval = (any(row[name] for row in rows) for name in ("permutations", "resamples"))
    marks = _daggers(rows)
    lines = []
    for row, sign in zip(rows, marks.signs, strict=True):
        digits = digits_of(row["closer"])
        value = number(row["value"], digits) + sign if row["value"] is not None else row["status"]
        line = {"a": row["a"], "b": row["b"]}
        line |= {"measure": headed(row["measure"], row["closer"]), "value": value} if len(measures) > 1 else {_head(row): value}
        if asked_interval:
            line["95 % interval"] = between(row["ci_low"], row["ci_high"], digits)
        if asked_null:
            by_chance = number(row["chance_mean"], digits) + (
                f" ± {number(row['chance_sd'], digits)}" if row["chance_sd"] is not None else ""
            )
            line |= {"by chance": by_chance, "p": chance_of(row["p"]), "calibrated": number(row["calibrated"], 3)}
        lines.append(line)
    column = 3 if len(measures) > 1 else 2
    best = set()
    for measure in measures:
        places = [i for i, row in enumerate(rows) if row["measure"] == measure]
        nearest = most_alike([rows[i]["value"] for i in places], rows[places[0]]["closer"])
        best |= {(places[nearest], column)} if nearest is not None else set()
    said = [f"{len(rows)} comparison{'s' if len(rows) > 1 else ''} of n = {rows[0]['n']} samples"]
    said += [f"{arrow}: {word} is more alike" for word, arrow in ARROWS.items() if any(row["closer"] == word for row in rows)]
    said += ["bold: the most alike pair"] if best else []
    if asked_interval:
        said.append("95 % interval: over stimuli, from random halves")
    if asked_null:
        draws = max(row["permutations"] or 0 for row in rows)
        said.append(f"by chance: mean ± sd of {draws} random matchings of the samples; p: more alike than by chance, one-sided")
        said.append("calibrated: 0 by chance, 1 for identical")
    said += [marks.said] if marks.said else []
    return Table("pairs", "; ".join(said), pd.DataFrame(lines), frozenset(best))


def _pivot(rows: Sequence[Row], names: Sequence[str]) -> Table:
    marks = _daggers(rows)
    held = {frozenset((row["a"], row["b"])): (row, sign) for row, sign in zip(rows, marks.signs, strict=True)}
    closer, digits = rows[0]["closer"], digits_of(rows[0]["closer"])
    lines: list[dict[str, str]] = []
    best: set[tuple[int, int]] = set()
    for i, one in enumerate(names):
        line: dict[str, str] = {"": one}
        values: list[float | None] = []
        for other in names:
            if one == other:
                values.append(None)
                line[other] = ""
                continue
            row, sign = held[frozenset((one, other))]
            values.append(row["value"])
            line[other] = row["status"] if row["value"] is None else number(row["value"], digits) + sign
        nearest = most_alike(values, closer)
        best |= {(i, nearest + 1)} if nearest is not None else set()
        lines.append(line)
    title = f"{_head(rows[0])} between arrays of n = {rows[0]['n']} samples; {closer} is more alike; bold: the nearest other array"
    title += f"; {marks.said}" if marks.said else ""
    return Table(f"{rows[0]['measure']}_matrix", title, pd.DataFrame(lines), frozenset(best))


def _daggers(rows: Sequence[Row]) -> Daggers:
    return daggers([[row["p"]] if row["p"] is not None else [] for row in rows], max(row["permutations"] or 0 for row in rows))


def _head(row: Row) -> str:
    return headed(row["measure"], row["closer"])


def _value(row: Row) -> str:
    error = ""
    if row["stderr"]:
        drawn = json.loads(row["parameters"])
        over = f" over {drawn['trials']} trials of {drawn['batch']}" if {"trials", "batch"} <= set(drawn) else ""
        error = f" ± {row['stderr']:.4f} (standard error{over})"
    parts = [f"{row['measure']} {row['value']:.6f}{error}", f"n = {row['n']}"]
    if row["forward"] is not None:
        parts += [f"forward {row['forward']:.6f}", f"backward {row['backward']:.6f}"]
    lines = ["   ".join([*parts, f"({row['identical']:g}: the same{' shape' if row['identical'] == 0 else ''})"])]
    digits = digits_of(row["closer"]) + 1
    if row["permutations"]:
        spread = f" ± {number(row['chance_sd'], digits)}" if row["chance_sd"] is not None else ""
        calibrated = f"; calibrated {row['calibrated']:.3f} (0: chance, 1: identical)" if row["calibrated"] is not None else ""
        drawn = f"p = {row['p']:.4g} (more alike than by chance; {row['permutations']} random matchings)"
        lines.append(f"by chance {number(row['chance_mean'], digits)}{spread}; {drawn}{calibrated}")
    if row["resamples"]:
        lines.append(f"over stimuli {between(row['ci_low'], row['ci_high'], digits)} (95 %, from {row['resamples']} random halves)")
    return "\n".join([*lines, *([row["reason"]] if row["reason"] else [])])


def _matrix(rows: Sequence[Row], names: Sequence[str]) -> str:
    held = {frozenset((row["a"], row["b"])): row for row in rows}
    width = max(map(len, names))
    lines = [" " * width + "".join(f"  {name:>{max(10, len(name))}}" for name in names)]
    for one in names:
        cells = []
        for other in names:
            row = held.get(frozenset((one, other)))
            text = (
                f"{rows[0]['identical']:.4f}"
                if one == other or row is None
                else row["status"]
                if row["value"] is None
                else f"{row['value']:.4f}"
            )
            cells.append(f"  {text:>{max(10, len(other))}}")
        lines.append(f"{one:>{width}}" + "".join(cells))
    return "\n".join([*lines, *dict.fromkeys(row["reason"] for row in rows if row["reason"])])


def _names(paths: Sequence[Path]) -> list[str]:
    short = [path.name for path in paths]
    long = short if len(set(short)) == len(set(paths)) else [str(path) for path in paths]
    # the same file twice is compared with itself, and needs two names
    return [name if long.index(name) == k else f"{name} ({long[:k].count(name) + 1})" for k, name in enumerate(long)]


def _checked(paths: Sequence[Path]) -> list[np.ndarray]:
    if len(paths) < 2:
        raise ValueError(f"RTD compares two arrays or more; got {len(paths)} file.")
    arrays = [read(p) for p in paths]
    for path, array in zip(paths, arrays, strict=True):
        if len(array) != len(arrays[0]):
            raise ValueError(f"{paths[0]} holds {len(arrays[0])} samples and {path} {len(array)}; the same samples are wanted in both.")
        if len(array) < 2:
            raise ValueError(f"{path} holds one sample; RTD compares the distances between two or more.")
        if not np.isfinite(array).all():
            raise ValueError(f"{path} holds NaN or infinity; remove those samples from every array.")
        if (array == array[0]).all():
            raise ValueError(f"{path} is the same for every sample, so it has no shape to compare.")
    return arrays
