"""Provenance: from what a study's results come, by whom and how long it took, as the files beside the results say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synctopo.data import load
from synctopo.store import code_version, read_json
from synctopo.tables.selection import Row
from synctopo.work import FOLDERS, STAGES, Plan

NOTED = ("seconds", "python", "torch", "numpy", "machine", "processors", "when", "code")
"""What a note beside a result says."""


@dataclass(frozen=True)
class Stage:
    """A stage of the pipeline: pieces that are done, and the seconds that they took in all."""

    name: str
    done: int
    pieces: int
    seconds: float


@dataclass(frozen=True)
class Provenance:
    """What a reader needs to trust the results or to make them again.

    made  what made them, as text: machines, versions, the day of the first and the last piece
    """

    code: str
    data: str
    stages: tuple[Stage, ...]
    made: tuple[tuple[str, str], ...]


def provenance(plan: Plan, root: Path) -> Provenance:
    """The provenance of a study from the `.meta.json` beside its results; a piece whose file was lost counts no seconds."""
    stages = []
    notes: list[dict[str, Any]] = []
    for stage in STAGES:
        pieces = plan.of(stage)
        paths = [root / FOLDERS[stage] / f"{p.key}.meta.json" for p in pieces]
        found = [_whole(read_json(path), path) for path in paths if path.is_file()]
        stages.append(Stage(stage, sum(p.done(root) for p in pieces), len(pieces), sum(float(n["seconds"]) for n in found)))
        notes += found
    made = []
    for title, field in (
        ("Python", "python"),
        ("torch", "torch"),
        ("numpy", "numpy"),
        ("machine", "machine"),
        ("processors", "processors"),
    ):
        if notes:
            made.append((title, ", ".join(sorted({str(n[field]) for n in notes}))))
    if notes:
        days = sorted(str(n["when"]) for n in notes)
        made.append(("made", days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"))
        others = {str(n["code"]) for n in notes} - {code_version()}
        if others:
            made.append(("made by other code", ", ".join(sorted(others))))
    return Provenance(code_version(), load(plan.study.data.name).fingerprint, tuple(stages), tuple(made))


def _whole(note: Any, path: Path) -> dict[str, Any]:
    """The note of a result. Raises ValueError for one that lacks what it was written with."""
    lacks = [field for field in NOTED if not isinstance(note, dict) or field not in note]
    if lacks or not isinstance(note["seconds"], int | float):
        raise ValueError(f"{path} is no whole note ({', '.join(lacks) or 'seconds'}); delete it and its result, and run again.")
    return dict(note)


def controls(rows: Sequence[Row]) -> list[str]:
    """What was done against being fooled, and what it gave, a sentence each; read from the rows alone."""
    pairs = [r for r in rows if r["kind"] == "pair"]
    said = []
    same = [r for r in pairs if r["recording_a"] == r["recording_b"]]
    if same:
        off = [r for r in same if r["value"] is not None and abs(r["value"] - r.get("identical", 0.0)) > 1e-9]
        verdict = "all have the value of a model with itself" if not off else f"{len(off)} have NOT the value of a model with itself"
        said.append(f"Conditions that are the same network: {len(same)} values compare one with itself; {verdict}.")
    seeds = {r[f"seed_{s}"] for r in pairs for s in "ab"}
    if len(seeds) > 1:
        said.append(
            f"Models are the units: each condition was trained from {len(seeds)} seeds, and what lies between conditions is held against "
            "what lies between seeds of one."
        )
    elif pairs:
        said.append("There is one seed only: nothing here says whether a difference is more than that between two seeds.")
    if any(r["site_a"].startswith("random.") for r in pairs):
        said.append("Random partitions of the same sizes stand beside the unrolled layers: what both show is not due to the layers.")
    tested = [r for r in pairs if r.get("p") is not None]
    if tested:
        chance = sum(r["p"] > 0.05 for r in tested)
        said.append(
            f"Chance: {len(tested)} values were held against {max(r['permutations'] for r in tested)} random matchings of the samples; "
            f"{chance} of them do not differ from it at 0.05."
        )
    elif pairs:
        said.append("Values were not held against chance; [compare] null = 200 does that.")
    missing: dict[str, int] = {}
    for r in pairs:
        if r["status"] != "ok":
            missing[r["status"]] = missing.get(r["status"], 0) + 1
    lost = ", ".join(f"{k} {status}" for status, k in sorted(missing.items()))
    none = f"{sum(missing.values())} have no value ({lost}); each such row says why" if lost else "each has a value"
    said.append(f"Of {len(pairs)} comparisons {none}.")
    return said
