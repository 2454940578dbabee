"""Cost: how long the pieces that are left will take, told from what finished pieces like them took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from synctopo.store import read_json
from synctopo.work import FOLDERS, STAGES, Piece, Plan


@dataclass(frozen=True)
class Cost:
    """What is left of one stage: so many pieces, and the seconds of one processor that they should take.

    seconds  None where a piece is left that no piece like it has been measured for
    """

    stage: str
    pieces: int
    seconds: float | None


def costs(plan: Plan, root: Path) -> tuple[Cost, ...]:
    """What is left of each stage, by the median of what pieces like it took, of this code or an older one: the first of a process also
    waits for what is loaded or compiled. A model that nothing is known of should take as long as the others, a comparison need not.
    """
    measured = _measured(root)
    return tuple(_cost(stage, plan.of(stage), root, measured) for stage in STAGES)


def left(found: Sequence[Cost], processors: int) -> float | None:
    """The seconds that `processors` need for all that is left; None where some of it has not been measured."""
    if any(cost.seconds is None for cost in found):
        return None
    return sum(max(cost.seconds or 0.0, 0.0) / max(1, min(processors, cost.pieces)) for cost in found)


def told(found: Sequence[Cost], processors: int) -> str:
    """A line for a person: how many pieces are left and how long they should take, or why that cannot be told yet."""
    pieces = sum(cost.pieces for cost in found)
    if not pieces:
        return "nothing is left to do"
    seconds = left(found, processors)
    on = f"on {processors} processor{'s' if processors > 1 else ''}"
    said = f"{pieces} piece{'s' if pieces > 1 else ''} left"
    if seconds is not None:
        return f"{said}: about {duration(seconds)} {on}, as the finished ones took"
    known = [cost for cost in found if cost.seconds is not None and cost.pieces]
    unknown = ", ".join(cost.stage for cost in found if cost.seconds is None)
    if not known:
        return f"{said}; how long they take is not known yet: no piece of {unknown} has been measured"
    return f"{said}: about {duration(left(known, processors) or 0.0)} {on} without {unknown}, of which no piece has been measured yet"


def duration(seconds: float) -> str:
    """A time for a person: 12 s, 5 min, 3 h 20 min."""
    if seconds < 99.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def _cost(stage: str, pieces: Sequence[Piece], root: Path, measured: Mapping[tuple[str, str], Sequence[float]]) -> Cost:
    todo = [p for p in pieces if not p.done(root)]
    others = [s for (where, _), held in measured.items() if where == stage != "compare" for s in held]
    seconds = 0.0
    for piece in todo:
        held = measured.get((stage, piece.like), others)
        if not held:
            return Cost(stage, len(todo), None)
        seconds += median(held)
    return Cost(stage, len(todo), seconds)


def _measured(root: Path) -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = {}
    for folder in sorted(set(FOLDERS.values())):
        for file in sorted((root / folder).glob("*.meta.json")):
            about = read_json(file)
            if isinstance(about, dict) and isinstance(about.get("seconds"), int | float) and {"stage", "like"} <= set(about):
                found.setdefault((str(about["stage"]), str(about["like"])), []).append(float(about["seconds"]))
    return found
