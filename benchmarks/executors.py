"""What it costs to have a piece of work done: by each executor, over making nothing; and how much sooner two processors end a study."""

import importlib.util
import os
import tempfile
import time
from collections.abc import Callable, Sequence
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


def timed(work: Callable[[Plan, Path], None], made: Plan) -> tuple[float, dict[str, bytes]]:
    """Wall seconds of doing a plan in a new folder, and what rows it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        work(made, Path(folder))
        seconds = time.perf_counter() - started
        return seconds, rows_of(Path(folder))


def rows_of(root: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (root / "rows").glob("*.json") if not p.name.endswith(".meta.json")}


def overheads(pieces: int) -> list[Row]:
    """Wall seconds for each idle piece, without the time to start: that of few pieces is taken off."""
    ways: dict[str, Callable[[Plan, Path], None]] = {"serial": by(serial), "2 processes": by(processes(2)), "3 shards": in_shards(3)}
    if importlib.util.find_spec("distributed"):
        ways["Dask, 2 workers"] = by(executor(2, "local"))
    rows: list[Row] = []
    first: tuple[float, dict[str, bytes]] | None = None
    for name, work in ways.items():
        few, many = idle(pieces // 10), idle(pieces)
        # the first time processes are started and load what they need; Dask does so each time, which the difference takes off
        timed(work, few)
        short, _ = timed(work, few)
        seconds, held = timed(work, many)
        each = max(seconds - short, 1e-9) / (len(many.pieces) - len(few.pieces))
        first = first or (each, held)
        same = held == first[1]
        rows.append(Row(f"a piece of no work: {name}", "serial", each, first[0], first[0] / each, same, None, None, 1, os.getloadavg()[0]))
    return rows


def scaling(null: int) -> list[Row]:
    """55 pairs with their chance levels by one process and by two, wall seconds of comparing alone."""
    study = Study.from_table(STUDY | {"compare": {"null": null}})
    made = plan(study)
    ready = [p for stage in STAGES if stage != "compare" for p in made.of(stage)]
    pairs = made.of("compare")
    seconds: list[float] = []
    rows: list[dict[str, bytes]] = []
    ways: Sequence[Executor] = (serial, processes(2))
    # compiled and started before the clock is
    run(idle(4), Path(tempfile.mkdtemp()), processes(2), quiet)
    for execute in ways:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            run(made, root, execute, quiet, pieces=(*ready, *pairs[:2], pairs[-1]))
            started = time.perf_counter()
            run(made, root, execute, quiet)
            seconds.append(time.perf_counter() - started)
            rows.append(rows_of(root))
    one, two = seconds
    case = f"{len(pairs)} pairs, null {null}: 2 processes"
    return [Row(case, "serial", two, one, one / two, rows[0] == rows[1], None, None, 1, os.getloadavg()[0])]


def main() -> None:
    """Print, and write, a row for each way to have work done."""
    asked = options(__doc__ or "")

    def rows() -> list[Row]:
        return [*overheads(200 if asked.quick else 1000), *scaling(20 if asked.quick else 200)]

    print("wall seconds here, not of the processor: ours is the way that the case names")
    report(rows(), asked.json)


if __name__ == "__main__":
    main()
