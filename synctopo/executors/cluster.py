"""A Dask cluster: blocks done by the workers of a scheduler, on machines that share the study's folder."""

import logging
import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from synctopo.executors.attempt import Outcome, attempt, broken, lost
from synctopo.executors.executor import Executor
from synctopo.executors.processes import KILLED, THREADS, deaf
from synctopo.ledger import STORE
from synctopo.store import code_version
from synctopo.work import Block


def cluster(address: str, jobs: int) -> Executor:
    """By Dask: `local` starts `jobs` workers of this machine, else the workers of the scheduler at that address.

    Raises ValueError where Dask is missing; the executor raises it where no scheduler answers, or its workers have other code or no view of
    the study's folder.
    """
    try:
        import distributed
    except ImportError:
        raise ValueError("--dask needs the package distributed; install it with: pip install 'synctopo[dask]'.") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)

    stack = ExitStack()
    held: list[Any] = []

    def execute(blocks: Sequence[Block], root: Path) -> Iterator[Outcome]:
        if not blocks:
            return
        if not held:
            try:
                with deaf():
                    client = stack.enter_context(_client(distributed, address, jobs, stack))
            except (OSError, ValueError, TypeError) as error:
                raise ValueError(
                    f"no Dask scheduler answers at {address} ({error}); start one with `dask scheduler`, or say --dask local."
                ) from None
            _agree(client, root.resolve())
            held.append(client)
        yield from _done(distributed, held[0], blocks, root.resolve())

    # the workers serve from stage to stage, and end with the executor
    weakref.finalize(execute, stack.close)
    return execute


def _client(distributed: Any, address: str, jobs: int, stack: ExitStack) -> Any:
    if address != "local":
        return distributed.Client(address, timeout="10s", set_as_default=False)
    own = distributed.LocalCluster(
        n_workers=jobs,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        memory_limit=0,
        env=THREADS,
        silence_logs=logging.CRITICAL,
    )
    return distributed.Client(stack.enter_context(own), set_as_default=False)


def _agree(client: Any, root: Path) -> None:
    """Raise ValueError unless every worker computes by the code of this process, and sees the folder."""
    for worker, code in client.run(code_version).items():
        if code != code_version():
            raise ValueError(
                f"the Dask worker {worker} has other code ({code}; this is {code_version()}); install the same on all machines."
            )
    for worker, sees in client.run(_sees, str(root)).items():
        if not sees:
            raise ValueError(f"the Dask worker {worker} does not see the folder {root}; name one that all machines share with --out.")


def _sees(root: str) -> bool:
    return (Path(root) / STORE).is_file()


def _done(distributed: Any, client: Any, blocks: Sequence[Block], root: Path) -> Iterator[Outcome]:
    todo = list(reversed(blocks))
    doing: dict[Any, Block] = {}
    finished = distributed.as_completed(loop=client.loop)
    # few at a time: a scheduler with a hundred thousand tasks is slow
    room = 3 * max(1, sum(client.nthreads().values()))
    while todo or doing:
        while todo and len(doing) < room:
            future = client.submit(attempt, todo[-1], root, pure=False)
            doing[future] = todo.pop()
            finished.add(future)
        future = next(finished)
        block = doing.pop(future)
        error = future.exception()
        if error is None:
            yield from future.result()
        elif isinstance(error, distributed.KilledWorker):
            yield from lost(block, root, KILLED)
        else:
            yield from broken(block, root, error)
        future.release()
