"""What it costs to have a piece of work done: by each executor, over making nothing; and how much sooner two processors end a study."""

import importlib.util
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from joblib.externals.loky import get_reusable_executor

from benchmarks.interleaved import Row, options, report
from synctopo.executors import Executor, executor, processes, serial
from synctopo.pipeline import run
from synctopo.study import Study
from synctopo.work import STAGES, Piece, Plan, part_of, plan

STUDY = {
    "name": "pairs",
    "question": "How much sooner?",
    "seeds": list(range(11)),
    "data": {"name": "digits", "train": 100, "test": 300},
    "models": {"perceptron": {"family": "mlp", "hidden": [32]}},
}


def nothing(_root: Path, target: Path) -> None:
    """Make the smallest file."""
    target.write_text("[]\n")


def quiet(*_: object) -> None:
    """Hear nothing."""


def idle(pieces: int) -> Plan:
    """A plan of pieces that take no time, and its code is ours."""
    whole = plan(Study.from_table(STUDY))
    return Plan(whole.study, tuple(Piece("judge", f"{k:020x}", str(k), (), nothing) for k in range(pieces)), whole.code)


def shard(part: str, root: Path, pieces: int) -> None:
    """Do one share of idle pieces."""
    made = idle(pieces)
    run(made, root, serial, quiet, pieces=part_of(made, part))


def in_shards(parts: int) -> Callable[[Plan, Path], None]:
    """Idle pieces by so many processes that know nothing of each other."""

    def work(made: Plan, root: Path) -> None:
        pool = get_reusable_executor(max_workers=parts, timeout=300)
        for share in [pool.submit(shard, f"{k + 1}/{parts}", root, len(made.pieces)) for k in range(parts)]:
            share.result()

    return work


def by(execute: Executor) -> Callable[[Plan, Path], None]:
    def work(made: Plan, root: Path) -> None:
        failures = run(made, root, execute, quiet)
        assert not failures, failures

    return work


def timed(work: Callable[[Plan, Path], None], made: Plan) -> tuple[float, float, dict[str, bytes]]:
    """Wall seconds and processor seconds of doing a plan in a new folder, and what rows it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), spent()
        work(made, Path(folder))
        return time.perf_counter() - wall, spent() - cpu, rows_of(Path(folder))


def spent() -> float:
    """Processor seconds so far of this process and of all that it, and they, have started."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = file.read_text(errors="replace").rpartition(")")[2].split()
            parents[int(file.parent.name)] = int(fields[1])
            used[int(file.parent.name)] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    mine = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return sum(used.get(pid, 0.0) for pid in mine)


def rows_of(root: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (root / "rows").glob("*.json") if not p.name.endswith(".meta.json")}


def overheads(pieces: int) -> list[Row]:
    """Processor seconds for each idle piece, by processes that have started and loaded what they need."""
    ways: dict[str, Callable[[Plan, Path], None]] = {"serial": by(serial), "2 processes": by(processes(2)), "3 shards": in_shards(3)}
    if importlib.util.find_spec("distributed"):
        ways["Dask, 2 workers"] = by(executor(2, "local"))
    found: list[Row] = []
    first: tuple[float, dict[str, bytes]] | None = None
    made = idle(pieces)
    for name, work in ways.items():
        timed(work, idle(max(8, pieces // 10)))
        wall, cpu, held = timed(work, made)
        each = cpu / pieces
        first = first or (each, held)
        print(f"{name}: {1000 * each:.1f} ms of processor, {1000 * wall / pieces:.1f} ms of wall for each of {pieces} pieces")
        load = os.getloadavg()[0]
        found.append(Row(f"nothing made: {name}", "serial", each, first[0], first[0] / each, held == first[1], None, None, 1, load))
    return found


def scaling(null: int) -> list[Row]:
    """55 pairs with their chance levels by one process and by two: seconds of comparing alone."""
    made = plan(Study.from_table(STUDY | {"compare": {"null": null}}))
    ready = [p for stage in STAGES if stage != "compare" for p in made.of(stage)]
    pairs = made.of("compare")
    found: list[tuple[float, float, dict[str, bytes]]] = []
    ways: Sequence[Executor] = (serial, processes(2))
    for execute in ways:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            # compiled, started and loaded before the clock is
            run(made, root, execute, quiet, pieces=(*ready, *pairs[:4]))
            wall, cpu = time.perf_counter(), spent()
            run(made, root, execute, quiet)
            found.append((time.perf_counter() - wall, spent() - cpu, rows_of(root)))
    one, two = found
    for name, (wall, cpu, _) in zip(("one process", "two processes"), found, strict=True):
        print(f"{name}: {wall:.1f} s of wall, {cpu:.1f} s of processor for {len(pairs) - 4} pairs with null {null}")
    same, load = one[2] == two[2], os.getloadavg()[0]
    return [Row(f"{len(pairs)} pairs: 2 processes, wall", "serial", two[0], one[0], one[0] / two[0], same, None, None, 1, load)]


def main() -> None:
    """Print, and write, a row for each way to have work done."""
    asked = options(__doc__ or "")
    report([*overheads(100 if asked.quick else 1000), *scaling(20 if asked.quick else 200)], asked.json)


if __name__ == "__main__":
    main()
