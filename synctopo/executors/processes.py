"""Processes: blocks done in several processes of this machine, of which any may die over its work."""

import signal
import threading
import warnings
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from multiprocessing import resource_tracker as processes_tracker
from pathlib import Path

from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.backend import resource_tracker as tracker
from joblib.externals.loky.process_executor import BrokenProcessPool

from synctopo import claims
from synctopo.executors.attempt import Outcome, attempt, broken, lost
from synctopo.executors.executor import Executor, serial
from synctopo.work import Block

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "BLIS_NUM_THREADS"), "1")
AT_HAND = 2  # blocks for each process: what waits outside the pool's own queue when it is shut down makes its thread fail
KILLED = "the process that worked on it was ended by the system, most often for want of memory"


def processes(jobs: int) -> Executor:
    """In `jobs` processes, each with one thread, so that results do not depend on how many there are."""

    def execute(blocks: Sequence[Block], root: Path) -> Iterator[Outcome]:
        if len(blocks) < 2:
            yield from serial(blocks, root)
            return
        suspects: list[Block] = []
        left = list(blocks)
        while left:
            before = len(left)
            left, begun = yield from _in_pool(left, root, jobs)
            # one that dies before it begins anything would die for ever
            suspects += begun or (left if len(left) == before else [])
            left = left if begun or len(left) < before else []
        # one of several that were at work when a process died is to blame: alone, each shows whether it is
        for block in suspects:
            never, again = yield from _in_pool([block], root, 1)
            for one in (*never, *again):
                yield from lost(one, root, KILLED)

    return execute


def _in_pool(blocks: Sequence[Block], root: Path, jobs: int) -> Generator[Outcome, None, tuple[list[Block], list[Block]]]:
    """Do blocks in a pool of processes; returns, where one of these died, the blocks that are left and those that were being done."""
    todo = list(reversed(blocks))
    # where the processes were started may be another folder than this one is in now
    place = root.resolve()
    doing: dict[Future[list[Outcome]], Block] = {}
    # a process that grows is replaced, of which joblib warns; where warnings are errors, that would end the thread that replaces it
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given", category=UserWarning)
    # the same processes from stage to stage: each takes seconds to load what it needs
    pool = get_reusable_executor(max_workers=jobs, timeout=300, env=THREADS)
    try:
        while todo or doing:
            with deaf():
                while todo and len(doing) < AT_HAND * jobs:
                    doing[pool.submit(attempt, todo[-1], place)] = todo[-1]
                    todo.pop()
            for future in wait(doing, return_when=FIRST_COMPLETED).done:
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    raise error
                block = doing.pop(future)
                yield from future.result() if error is None else broken(block, root, error)
        return [], []
    except BrokenProcessPool:
        begun = [block for block in doing.values() if _begun(block, root)]
        return [*(block for block in doing.values() if block not in begun), *reversed(todo)], begun
    except BaseException:
        # of a run that is stopped nobody waits for the pieces
        pool.shutdown(wait=True, kill_workers=True)
        raise


def _begun(block: Block, root: Path) -> bool:
    claim = claims.read(claims.path_of(root, block.key))
    return claim is not None and claim.process.alive is False


@contextmanager
def deaf() -> Iterator[None]:
    """What is started inside never hears Ctrl-C, which a terminal sends to everybody: this process ends its workers itself."""
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    # where these are started they would hear again
    processes_tracker.ensure_running()
    tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
