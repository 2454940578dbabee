"""Runs of ours and of a peer in turn on the same input: medians of CPU seconds, the ratio, peak memory, and a table of rows."""

import argparse
import gc
import json
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Work = Callable[[], Any]


@dataclass(frozen=True)
class Row:
    """One case and one peer. `ratio` > 1: ours is faster. `peak_mb` is what ours took above what was in use, `load` the machine's."""

    case: str
    peer: str
    ours_seconds: float
    peer_seconds: float
    ratio: float
    equal: bool
    peak_mb: float | None
    peer_peak_mb: float | None
    rounds: int
    load: float


def compare(case: str, ours: Work, peers: dict[str, tuple[Work, int]], equal: Callable[[Any, Any], bool]) -> list[Row]:
    """One row for each peer. A peer is its work and in how many rounds it takes part; ours runs in each round, before each peer."""
    mine: dict[str, list[float]] = {peer: [] for peer in peers}
    theirs: dict[str, list[float]] = {peer: [] for peer in peers}
    results: dict[str, Any] = {}
    result, my_peak = peak_mb(ours)
    peaks: dict[str, float | None] = {}
    load = []
    for k in range(max((rounds for _, rounds in peers.values()), default=0)):
        for peer, (work, rounds) in peers.items():
            if k >= rounds:
                continue
            load.append(os.getloadavg()[0])
            mine[peer].append(cpu_seconds(ours))
            if k == 0:
                started = cpu()
                results[peer], peaks[peer] = peak_mb(work)
                theirs[peer].append(cpu() - started)
            else:
                theirs[peer].append(cpu_seconds(work))
    rows = []
    for peer, (_, rounds) in peers.items():
        a, b = statistics.median(mine[peer]), statistics.median(theirs[peer])
        same = bool(equal(result, results[peer]))
        rows.append(Row(case, peer, a, b, b / a, same, my_peak, peaks[peer], rounds, statistics.mean(load)))
    return rows


def cpu_seconds(work: Work) -> float:
    """CPU seconds of all threads of this process for one run; the median of three where a run takes less than a tenth of a second."""
    seconds = []
    while len(seconds) < 3:
        started = cpu()
        work()
        seconds.append(cpu() - started)
        if seconds[0] > 0.1:
            break
    return statistics.median(seconds)


def cpu() -> float:
    """CPU seconds so far of all threads of this process, and of the programs it ran that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def peak_mb(work: Work) -> tuple[Any, float | None]:
    """The result of one run, and the peak of resident memory above what was in use before; None where the system does not tell."""
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5")
        before = _resident("VmRSS")
        result = work()
        return result, max(0.0, _resident("VmHWM") - before)
    except OSError:
        return work(), None


def _resident(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise OSError(field)


def options(description: str, parts: Sequence[str] = ()) -> argparse.Namespace:
    """What the command line says: `quick`, `json`, and, of a benchmark with several `parts`, which of them, `only`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="small cases only, within a minute")
    parser.add_argument("--json", metavar="FILE", help="write the rows to FILE")
    if parts:
        parser.add_argument("--only", nargs="+", choices=parts, default=parts, metavar="PART", help=f"of {', '.join(parts)}")
    return parser.parse_args()


HEADER = f"{'case':<32}{'peer':<26}{'ours s':>10}{'peer s':>10}{'ratio':>9}  {'equal':<6}{'MB':>7}{'peer MB':>9}{'load':>6}"


def report(rows: Iterable[Row], file: str | None) -> None:
    """Print each row when it is there, and at the end write all of them to `file`."""
    print(f"CPU seconds, medians of interleaved runs on {os.cpu_count()} cores; ratio > 1: ours is faster; MB above what was in use")
    print(HEADER, flush=True)
    kept = []
    for r in rows:
        kept.append(r)
        memory = "".join(f"{'-' if mb is None else format(mb, '.0f'):>{width}}" for mb, width in ((r.peak_mb, 7), (r.peer_peak_mb, 9)))
        line = f"{r.case:<32}{r.peer:<26}{r.ours_seconds:>10.4g}{r.peer_seconds:>10.4g}{r.ratio:>9.3g}  {'yes' if r.equal else 'NO':<6}"
        print(f"{line}{memory}{r.load:>6.1f}", flush=True)
    if file:
        Path(file).write_text(json.dumps([asdict(r) for r in kept], indent=1) + "\n")
