"""Which executor is meant by what a person says."""

from synctopo.executors.executor import Executor, serial
from synctopo.executors.processes import processes


def executor(jobs: int, dask: str = "") -> Executor:
    """The executor for that many processes, or for a Dask cluster: `local`, with so many workers, or a scheduler's address.

    Raises ValueError for fewer processes than one, and for `dask` where the package is missing.
    """
    if jobs < 1:
        raise ValueError(f"--jobs is a whole number from 1 on; got {jobs}.")
    if dask:
        from synctopo.executors.cluster import cluster

        return cluster(dask, jobs)
    return serial if jobs == 1 else processes(jobs)
