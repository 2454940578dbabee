"""A Dask cluster of two workers, of which one is killed while it is at work."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from chaos.disturbed import Came, ended_well
from chaos.subject import STUDY, Ended, Subject, ran, results

# pieces of some tenths of a second, so that a worker dies in the middle of one
LONGER = (
    STUDY.replace('measures = ["rtd"]', 'measures = ["rtd"]\nnull = 300').replace("test = 16", "test = 60").replace("[0, 1]", "[0, 1, 2]")
)


def worker_killed(draw: random.Random, _subject: Subject, place: Path) -> tuple[Came, str]:
    """SIGKILL one of two Dask workers after a few pieces; the run goes on and gives the bytes of a serial one."""
    if find_spec("distributed") is None:
        return {"not installed here": 1}, ""
    file, root, log = place / "longer.toml", place / "root", place / "log"
    file.write_text(LONGER, encoding="utf-8")
    shutil.rmtree(place / "serial", ignore_errors=True)
    serial = Subject(file, place / "serial", {}, 0.0)
    ran(serial.run(place / "serial"), place / "serial.log")
    subject = Subject(file, place / "serial", results(place / "serial"), 0.0)
    arguments = [*subject.run(root)[:-1], "2", "--dask", "local"]
    with open(log, "w", encoding="utf-8") as out:
        command = [sys.executable, "-m", "synctopo", *arguments]
        process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True, cwd=Path(__file__).parent.parent)
        kills = 0
        begin = time.time()
        wanted = draw.randint(1, 20)
        while process.poll() is None and time.time() - begin < 150:
            time.sleep(0.01)
            if not kills and len(results(root)) >= wanted:
                time.sleep(draw.uniform(0, 0.2))
                workers = _workers(process.pid)
                if workers:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(draw.choice(workers), signal.SIGKILL)
                        kills = 1
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    said = log.read_text(encoding="utf-8", errors="replace")
    return dict(ended_well(Ended(process.returncode, said, 0.0), subject, root)) | {"killed": kills}, said


def _workers(pid: int) -> list[int]:
    """The numbers of the processes below this one that Python started to work for it."""
    parents: dict[int, int] = {}
    words: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                words[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return [one for one in found[1:] if "spawn_main" in words.get(one, "")]
