"""What an executor is, and the simplest: one block after another, in this process."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from synctopo.executors.attempt import Outcome, attempt
from synctopo.work import Block

Executor = Callable[[Sequence[Block], Path], Iterator[Outcome]]
"""Tries blocks of pieces that do not wait for each other; yields what became of every piece, in any order.

Whoever executes agrees with all others about who does what by the claims in the folder alone, so that executors of any kind, on any
machines, can work in one folder at a time."""


def serial(blocks: Sequence[Block], root: Path) -> Iterator[Outcome]:
    """One block after another, in this process."""
    for block in blocks:
        yield from attempt(block, root)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
