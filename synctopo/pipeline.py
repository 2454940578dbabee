"""The pipeline: fit -> record -> judge and compare -> tables, where a file that is there is not made again."""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from synctopo import claims
from synctopo.claims import Claim, Watch
from synctopo.executors import Executor, Outcome
from synctopo.ledger import Failure, failure, forgive, open_store
from synctopo.work import STAGES, Piece, Plan, blocks


@dataclass(frozen=True)
class Progress:
    """How far a stage is: pieces in all, pieces done, the failures with their reasons, and who is working on it."""

    stage: str
    pieces: int
    done: int
    failures: tuple[tuple[str, str], ...]
    running: tuple[Claim, ...] = ()


Listener = Callable[[str, int, int, Outcome | None], None]
"""Called with (stage, pieces done, pieces in all, outcome) after each piece; with no outcome when the stage starts."""


def run(
    plan: Plan, root: Path, execute: Executor, listen: Listener, *, pieces: Sequence[Piece] | None = None, retry_failed: bool = False
) -> tuple[Outcome, ...]:
    """Do every piece that is not done, or those of `pieces`, the share of one of several workers; returns the failures.

    What others are working on is waited for. What needs a failed piece is left out, and what has failed before is not tried again unless
    `retry_failed` says so or what it needs has been made anew.
    Raises ValueError for a folder with results of other code, OSError for one that cannot be written to.
    """
    open_store(root, plan.code)
    failed: list[Outcome] = []
    lost: set[str] = set()
    for stage in STAGES:
        wanted = [p for p in (plan.pieces if pieces is None else pieces) if p.stage == stage]
        todo = [p for p in wanted if not p.done(root)]
        able = [p for p in todo if not lost & set(p.needs)]
        lost |= {p.key for p in todo} - {p.key for p in able}
        done = len(wanted) - len(todo)
        listen(stage, done, len(wanted), None)
        for outcome in _stage(able, root, execute, retry_failed):
            if outcome.failure:
                failed.append(outcome)
                lost.add(outcome.piece.key)
            else:
                done += 1
            listen(stage, done, len(wanted), outcome)
    return tuple(failed)


def _stage(pieces: Sequence[Piece], root: Path, execute: Executor, retry_failed: bool) -> Generator[Outcome, None, None]:
    left: list[Piece] = []
    for piece in pieces:
        if retry_failed:
            forgive(root, piece)
        before = failure(root, piece)
        if before is None:
            left.append(piece)
        else:
            yield _failed(piece, before)
    watch = Watch()
    while left:
        busy = []
        for outcome in execute(blocks(left), root):
            if outcome.busy:
                busy.append(outcome.piece)
            else:
                yield outcome
        left = []
        if busy:
            left = yield from _waited(busy, root, watch)


def _waited(pieces: Sequence[Piece], root: Path, watch: Watch) -> Generator[Outcome, None, list[Piece]]:
    """Wait until one of the blocks that others hold is free again; returns the pieces that are still to do."""
    pause = 0.05
    while True:
        left, free = [], False
        for block in blocks(pieces):
            path = claims.path_of(root, block.key)
            dead = watch.dead(path)
            if dead is not None:
                claims.break_claim(path, dead)
            held = path.exists()
            for piece in block.pieces:
                if piece.done(root):
                    yield Outcome(piece, 0.0, found=True)
                    continue
                reason = failure(root, piece)
                if reason is not None:
                    yield _failed(piece, reason)
                    continue
                left.append(piece)
                free = free or not held
        if free or not left:
            return left
        pieces = left
        time.sleep(pause)
        pause = min(2.0, 1.5 * pause)


def _failed(piece: Piece, why: Failure) -> Outcome:
    return Outcome(piece, 0.0, why.reason, f"see {why.log}")


def status(plan: Plan, root: Path) -> tuple[Progress, ...]:
    """How far each stage of the study is in that folder."""
    at_work = claims.claims(root)
    found = []
    for stage in STAGES:
        pieces = plan.of(stage)
        keys = {p.block or p.key for p in pieces}
        todo = [p for p in pieces if not p.done(root)]
        failures = [(p.label, why.reason) for p in todo if (why := failure(root, p)) is not None]
        found.append(Progress(stage, len(pieces), len(pieces) - len(todo), tuple(failures), tuple(c for c in at_work if c.key in keys)))
    return tuple(found)
