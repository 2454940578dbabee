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


@dataclass(frozen=True)
class Projection:
    """What the same study would cost with so many models, each compared with each: seconds of one processor."""

    models: int
    pairs: int
    per_model: float
    per_pair: float

    @property
    def seconds(self) -> float:
        return self.models * self.per_model + self.pairs * self.per_pair


def projected(plan: Plan, root: Path, models: int) -> Projection:
    """The cost of the study with `models` models, by the medians of its pieces so far; a pair is compared by every measure.

    Raises ValueError for fewer than two models, and where a stage or measure has not been measured.
    """
    if models < 2:
        raise ValueError(f"--models is a number of models to be compared, from 2 on; got {models}.")
    # on a busy machine a piece takes longer than it costs
    measured = _measured(root, "processor_seconds")
    each: dict[str, list[float]] = {}
    for (stage, like), held in measured.items():
        if like in {p.like for p in plan.of(stage)}:
            each.setdefault(stage, []).append(median(held))
    missing = [stage for stage in STAGES if stage not in each] or [
        like for like in dict.fromkeys(p.like for p in plan.of("compare")) if ("compare", like) not in measured
    ]
    if missing:
        raise ValueError(f"no piece of {missing[0]} has been measured in {root} yet; run the study first.")
    per_model = sum(sum(each[stage]) / len(each[stage]) for stage in STAGES if stage != "compare")
    return Projection(models, models * (models - 1) // 2, per_model, sum(each["compare"]))


def told_of(found: Projection) -> list[str]:
    """Lines for a person: what so many models cost, and how long that takes on how many processors."""
    hours = found.seconds / 3600
    lines = [
        f"{found.models:,} models: {found.models * found.per_model / 3600:,.1f} core hours ({found.per_model:.2f} s each)",
        f"{found.pairs:,} pairs: {found.pairs * found.per_pair / 3600:,.1f} core hours ({found.per_pair:.2f} s each)",
        f"together {hours:,.1f} core hours, as the finished pieces took:",
    ]
    return [*lines, *(f"  {cores:5} processors  {duration(found.seconds / cores)}" for cores in (1, 16, 128, 1024))]


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


def _measured(root: Path, field: str = "seconds") -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = {}
    for folder in sorted(set(FOLDERS.values())):
        for file in sorted((root / folder).glob("*.meta.json")):
            about = read_json(file)
            if isinstance(about, dict) and isinstance(about.get(field), int | float) and {"stage", "like"} <= set(about):
                found.setdefault((str(about["stage"]), str(about["like"])), []).append(float(about[field]))
    return found
