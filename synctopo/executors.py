"""Executors: how pieces of work that do not wait for each other are done, one after another or in processes."""

import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from joblib import Parallel, delayed

from synctopo.work import Piece, note


@dataclass(frozen=True)
class Outcome:
    """What became of a piece: `failure` is empty where its file is written, else one sentence; `log` is the traceback."""

    piece: Piece
    seconds: float
    failure: str = ""
    log: str = ""


Executor = Callable[[Sequence[Piece], Path], Iterator[Outcome]]


def serial(pieces: Sequence[Piece], root: Path) -> Iterator[Outcome]:
    """One after another, in this process."""
    for piece in pieces:
        yield attempt(piece, root)


def processes(jobs: int) -> Executor:
    """In `jobs` processes, each with one thread, so that results do not depend on how many there are."""

    def execute(pieces: Sequence[Piece], root: Path) -> Iterator[Outcome]:
        if len(pieces) < 2:
            yield from serial(pieces, root)
            return
        workers = Parallel(n_jobs=jobs, return_as="generator_unordered", max_nbytes=None, pre_dispatch="2*n_jobs")
        yield from workers(delayed(attempt)(piece, root) for piece in pieces)

    return execute


def executor(jobs: int) -> Executor:
    """The executor for that many processes. Raises ValueError for fewer than one."""
    if jobs < 1:
        raise ValueError(f"--jobs is a whole number from 1 on; got {jobs}.")
    return serial if jobs == 1 else processes(jobs)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def attempt(piece: Piece, root: Path) -> Outcome:
    """Do one piece; a failure is an outcome like any other, so that the rest goes on."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    start = time.perf_counter()
    try:
        piece.make(root)
        seconds = time.perf_counter() - start
        note(root, piece, seconds)
        return Outcome(piece, seconds)
    except OSError as error:
        reason = f"{error.strerror or error} ({error.filename or root})"
        return Outcome(piece, time.perf_counter() - start, reason, traceback.format_exc())
    except Exception as error:
        text = str(error) or type(error).__name__
        reason = text if isinstance(error, ValueError) else f"{type(error).__name__}: {text}"
        return Outcome(piece, time.perf_counter() - start, reason, traceback.format_exc())
    finally:
        torch.set_num_threads(threads)
