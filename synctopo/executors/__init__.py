"""How blocks of work are done: one after another, in processes, or by a Dask cluster, all agreeing by files alone."""

from synctopo.executors.attempt import Outcome
from synctopo.executors.choice import executor
from synctopo.executors.executor import Executor, processors, serial
from synctopo.executors.processes import processes

__all__ = ["Executor", "Outcome", "executor", "processes", "processors", "serial"]
