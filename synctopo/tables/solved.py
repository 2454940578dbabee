"""Boards: how many are solved after how many steps, and by which vote among starts."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from synctopo.tables.cells import spread
from synctopo.tables.formats import Table
from synctopo.tables.selection import Row

VOTES = {"one by one": "one_by_one", "last energy": "last_energy", "sum of energies": "energy_sum", "mean read-out": "mean_readout"}


def tried(rows: Sequence[Row], conditions: Sequence[str]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """What was counted of each kind of boards and condition that has any, an entry for each seed."""
    judged = [r for r in rows if r["kind"] == "model" and r.get("boards")]
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name in dict.fromkeys(e["boards"] for r in judged for e in r["boards"]):
        found[name] = {}
        for condition in conditions:
            entries = [e for r in judged if r["condition"] == condition for e in r["boards"] if e["boards"] == name]
            if entries:
                found[name][condition] = entries
    return found


def boards(rows: Sequence[Row], conditions: Sequence[str]) -> list[Table]:
    """Boards solved over steps, and by votes where any were asked for; no table where no model solved boards."""
    every = tried(rows, conditions)
    if not every:
        return []
    lines, votes = [], []
    for name, of_condition in every.items():
        for condition, entries in of_condition.items():
            line = {"boards": name, "condition": condition}
            for k, step in enumerate(entries[0]["steps"]):
                line[f"{step} steps"] = spread([e["solved"][k] / e["total"] for e in entries], 1, 100)
            lines.append(line)
            held = [e["vote"] for e in entries if "vote" in e]
            if held:
                said = {title: spread([v[field] / v["boards"] for v in held], 1, 100) for title, field in VOTES.items()}
                votes.append({"boards": name, "condition": condition, **said})
    frame = pd.DataFrame(lines).fillna("")
    steps = sorted((c for c in frame.columns if c.endswith(" steps")), key=lambda c: int(c.split()[0]))
    found = [
        Table(
            "boards",
            "Boards solved (%) after so many steps at test time: mean ± sd over seeds (hard: fewer digits given than in training)",
            frame[["boards", "condition", *steps]],
        )
    ]
    if votes:
        title = "Boards solved (%) where several starts vote, and by the starts one by one: mean ± sd over seeds"
        found.append(Table("boards_votes", title, pd.DataFrame(votes)))
    return found
