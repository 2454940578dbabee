"""The pipeline: fit -> record -> judge and compare -> tables, where a file that is there is not made again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from synctopo.executors import Executor, Outcome
from synctopo.store import read_json, sweep, write_json
from synctopo.work import STAGES, Piece, Plan


@dataclass(frozen=True)
class Progress:
    """How far a stage is: pieces in all, pieces done, pieces that failed with their reasons."""

    stage: str
    pieces: int
    done: int
    failures: tuple[tuple[str, str], ...]


Listener = Callable[[str, int, int, Outcome | None], None]
"""Called with (stage, pieces done, pieces in all, outcome) after each piece; with no outcome when the stage starts."""


def run(plan: Plan, root: Path, execute: Executor, listen: Listener) -> tuple[Outcome, ...]:
    """Do every piece that is not done; returns the failures. What needs a failed piece is left out and comes next time."""
    root.mkdir(parents=True, exist_ok=True)
    sweep(root)
    failed: list[Outcome] = []
    lost: set[str] = set()
    for stage in STAGES:
        pieces = plan.of(stage)
        todo = [p for p in pieces if not p.done(root)]
        able = [p for p in todo if not lost & set(p.needs)]
        lost |= {p.key for p in todo} - {p.key for p in able}
        done = len(pieces) - len(todo)
        listen(stage, done, len(pieces), None)
        for outcome in execute(able, root):
            mark = root / "failed" / f"{outcome.piece.key}.json"
            if outcome.failure:
                failed.append(outcome)
                lost.add(outcome.piece.key)
                write_json(mark, {"label": outcome.piece.label, "stage": stage, "reason": outcome.failure, "log": outcome.log})
            else:
                done += 1
                mark.unlink(missing_ok=True)
            listen(stage, done, len(pieces), outcome)
    return tuple(failed)


def status(plan: Plan, root: Path) -> tuple[Progress, ...]:
    """How far each stage of the study is in that folder."""
    return tuple(Progress(stage, len(p), sum(x.done(root) for x in p), _failures(p, root)) for stage in STAGES for p in [plan.of(stage)])


def _failures(pieces: Sequence[Piece], root: Path) -> tuple[tuple[str, str], ...]:
    found = []
    for piece in pieces:
        mark = root / "failed" / f"{piece.key}.json"
        if mark.is_file():
            about = read_json(mark)
            if not isinstance(about, dict) or "reason" not in about:
                raise ValueError(f"{mark} names no reason of a failure; delete it.")
            found.append((piece.label, str(about["reason"])))
    return tuple(found)
