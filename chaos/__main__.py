"""The command: every fault in its turn, as often as asked or as the time allows; counts are kept, a stopped run goes on."""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

# sums in another order have other last digits, and a process with threads cannot be copied
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from chaos import cluster, damaged, disturbed, fuzzed, subject, tally  # noqa: E402

Case = Callable[[random.Random, subject.Subject, Path], tuple[disturbed.Came, str]]

FUZZED = {"study files": "studies", "recordings": "recordings", "array files": "arrays", "arguments": "commands"}
SHARES = {"study files": 0.1, "recordings": 0.3, "array files": 0.585, "arguments": 0.015}

SHARE_OF_TIME = {"SIGKILL at any moment": 5.0, "fuzzed array files": 4.0, "fuzzed recordings": 3.0, "fuzzed study files": 3.0}

# fault -> how often in a whole run, and what does it
CASES: dict[str, tuple[int, Case]] = {
    "SIGKILL at any moment": (27, disturbed.killed),
    "SIGKILL of a run in two processes": (6, disturbed.group_killed),
    "SIGINT or SIGTERM": (20, disturbed.asked_to_end),
    "2 processes on one folder": (12, partial(disturbed.raced, 2)),
    "8 processes on one folder": (5, partial(disturbed.raced, 8)),
    "disk full, by RLIMIT_FSIZE": (25, disturbed.full_disk),
    "disk full, by a tmpfs": (15, disturbed.full_tmpfs),
    "folder read-only": (15, disturbed.read_only),
    "clock jumps by years": (15, disturbed.clock),
    "study edited while it runs": (15, disturbed.edited),
    "files damaged": (80, damaged.damaged),
    "Dask worker killed mid-piece": (5, cluster.worker_killed),
    "ten thousand pieces": (1, disturbed.many),
}


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    asked.add_argument(
        "--seconds", type=float, default=600, help="stop after so long, with what was tried until then; the next run goes on"
    )
    asked.add_argument("--size", type=float, default=1.0, help="try every fault so many times as often as in a whole run")
    asked.add_argument("--inputs", type=int, default=100_000, help="fuzzed inputs of a whole run")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--only", action="append", metavar="WORD", help="only faults with this word in their name; may be given again")
    asked.add_argument("--to", type=Path, default=Path("results/chaos"), help="where the counts and the table are kept")
    given = asked.parse_args()
    begin = time.time()
    # in memory where that can be: what is killed is a process, not a machine
    place = Path(tempfile.mkdtemp(prefix="synctopo-chaos-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
    os.chmod(place, 0o755)
    tallies: list[tally.Tally] = []
    try:
        subject.load(place)
        of = subject.made(place)
        wanted = [name for name in (*(f"fuzzed {kind}" for kind in FUZZED), *CASES) if not given.only or any(w in name for w in given.only)]
        for k, name in enumerate(wanted):
            count = tally.resumed(name, given.seed, given.to)
            tallies.append(count)
            # what one fault leaves of its time the others share
            shares = [SHARE_OF_TIME.get(other, 1.0) for other in wanted[k:]]
            until = time.time() + (begin + given.seconds - time.time()) * shares[0] / sum(shares)
            if name.startswith("fuzzed "):
                _fuzz(count, name.removeprefix("fuzzed "), given, of, place / "fuzz", until)
            else:
                _try(count, name, given, of, place / "fault", until)
            print(f"{name}: {count.tried} tried, {count.came}", flush=True)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    text = tally.table(tallies)
    given.to.mkdir(parents=True, exist_ok=True)
    (given.to / "table.md").write_text(text, encoding="utf-8")
    print(text)
    for count in tallies:
        for example in count.bad:
            print(f"--- {count.fault}\n{example}", file=sys.stderr)
    return 0 if all(count.clean for count in tallies) else 1


def _try(count: tally.Tally, name: str, given: argparse.Namespace, of: subject.Subject, place: Path, until: float) -> None:
    target, case = CASES[name]
    while count.tried < max(1, round(target * given.size)) and time.time() < until:
        began = time.time()
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        os.chmod(place, 0o755)
        came, said = case(random.Random(f"{given.seed} {name} {count.tried}"), of, place)
        count.add(came, f"case {count.tried}: {dict(came)}\n{said[-6000:]}")
        count.seconds += time.time() - began
        count.save(given.to)
    count.save(given.to)


def _fuzz(count: tally.Tally, kind: str, given: argparse.Namespace, of: subject.Subject, place: Path, until: float) -> None:
    target = max(1, round(given.inputs * given.size * SHARES[kind]))
    while count.tried < target and time.time() < until:
        began = time.time()
        found, _ = fuzzed.many(FUZZED[kind], count.tried, min(2000, target - count.tried), given.seed, of, place, until)
        for came, said in found:
            count.add(came, said)
        count.seconds += time.time() - began
        count.save(given.to)


if __name__ == "__main__":
    sys.exit(main())
