"""Selection: which rows of a study speak of which conditions, measures and seeds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from synctopo.measures import MEASURES

Row = Mapping[str, Any]
Distances = dict[tuple[int, int], dict[tuple[int, int], float]]


def ordered(values: Iterable[str]) -> list[str]:
    """Each value once, in the order in which they come."""
    return list(dict.fromkeys(values))


def held(rows: Sequence[Row], conditions: Sequence[str]) -> list[str]:
    """Those of `conditions` that any of the rows is about."""
    named = {r[f"condition_{s}"] for r in rows for s in "ab"}
    return [c for c in conditions if c in named]


def measures_within(rows: Sequence[Row]) -> list[str]:
    """The measures that rows with several of them hold, in the order in which `synctopo ls measures` lists them."""
    return sorted({m for r in rows for m in r["measures"]}, key=list(MEASURES).index)


def at_one_step(rows: Sequence[Row]) -> list[Row]:
    """The rows of the last step, their site named with it, where recordings keep steps; a mean over steps would count a pair many times."""
    last = max((r["time_a"] for r in rows if r.get("time_a") is not None), default=None)
    return [
        r if r.get("time_a") is None else {**r, "site_a": f"{r['site_a']}@{r['time_a']}"}
        for r in rows
        if r.get("time_a") is None or r["time_a"] == last
    ]


def one_seed(rows: Sequence[Row]) -> bool:
    """Whether all rows are of one seed, so that no pair has two."""
    return len({r[f"seed_{s}"] for r in rows for s in "ab"}) == 1


def over(rows: Sequence[Row]) -> str:
    """Which pairs `pairs` gives, in words."""
    return "pairs of the one seed" if one_seed(rows) else "pairs of different seeds (diagonal: between seeds of one condition)"


def pairs(rows: Sequence[Row], a: str, b: str, *, same_seed: bool | None = None) -> list[Row]:
    """The rows of conditions a and b, in either order: of the same seed or of different ones, which is the default where there are two."""
    same_seed = one_seed(rows) if same_seed is None else same_seed
    return [r for r in rows if (r["condition_a"], r["condition_b"]) in ((a, b), (b, a)) and (r["seed_a"] == r["seed_b"]) == same_seed]


def values(rows: Sequence[Row]) -> list[float]:
    """The values that are there."""
    return [r["value"] for r in rows if r["value"] is not None]


def between(rows: Sequence[Row], a: str, b: str) -> list[float]:
    """The values of pairs of conditions a and b with different seeds, or with the one seed that there is."""
    return values(pairs(rows, a, b))


def closer_of(rows: Sequence[Row]) -> str:
    """Which values of the measure of these rows mean more alike: lower or higher."""
    return rows[0].get("closer", "lower") if rows else "lower"


def status(rows: Sequence[Row], a: str, b: str) -> str:
    """Why there is no value between a and b."""
    return ", ".join(ordered(r["status"] for same in (False, True) for r in pairs(rows, a, b, same_seed=same) if r["status"] != "ok"))


def distances(rows: Sequence[Row], a: str, b: str) -> tuple[Distances, list[int]]:
    """The values between the models of a (0) and b (1) by (condition, seed), as divergences: similarities with a minus; and the seeds."""
    label = {a: 0, b: 1}
    sign = 1.0 if closer_of(rows) == "lower" else -1.0
    table: Distances = {}
    seeds: set[int] = set()
    for row in rows:
        if row["condition_a"] in label and row["condition_b"] in label and row["value"] is not None:
            one = (label[row["condition_a"]], row["seed_a"])
            two = (label[row["condition_b"]], row["seed_b"])
            table.setdefault(one, {})[two] = table.setdefault(two, {})[one] = sign * row["value"]
            seeds |= {row["seed_a"], row["seed_b"]}
    return table, sorted(seeds)


def between_seeds(rows: Sequence[Row], condition: str) -> np.ndarray:
    """[seed, seed] the values between the models of one condition; NaN on the diagonal and where there is none."""
    found = [r for r in pairs(rows, condition, condition, same_seed=False) if r["value"] is not None]
    seeds = sorted({r[f"seed_{s}"] for r in found for s in "ab"})
    table = np.full((len(seeds), len(seeds)), np.nan)
    for r in found:
        i, j = seeds.index(r["seed_a"]), seeds.index(r["seed_b"])
        table[i, j] = table[j, i] = r["value"]
    return table
