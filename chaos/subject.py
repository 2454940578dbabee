"""The subject: a study of a second that has every kind of file, run in forked copies of one process that has everything loaded."""

import ctypes
import json
import os
import re
import resource
import shutil
import signal
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

STUDY = """
name = "tiny"
question = "Does anything get lost?"
seeds = [0, 1]
data = { name = "digits", train = 30, test = 16 }
[defaults]
family = "mlp"
hidden = [5]
[models.drawn]
[models.trained]
learning = { rule = "adam", epochs = 1 }
[compare]
measures = ["rtd"]
"""

RESULTS = ("fits/*.safetensors", "recordings/*.safetensors", "rows/*.json")
"""What is a function of the study alone, byte for byte."""


@dataclass(frozen=True)
class Ended:
    """How a copy ended: its exit code (negative: the signal that ended it), what it said, and after how many seconds."""

    code: int
    said: str
    seconds: float

    @property
    def traceback(self) -> bool:
        return "Traceback (most recent call last)" in self.said


def load(place: Path) -> None:
    """Load and compile, once, what every copy will use, by running the study in this process."""
    import torch
    from typer.testing import CliRunner

    import rtd
    from synctopo.cli import app

    torch.set_num_threads(1)
    rtd.warm_up()
    place.mkdir(parents=True, exist_ok=True)
    (place / "warm.toml").write_text(STUDY, encoding="utf-8")
    shutil.rmtree(place / "warm", ignore_errors=True)
    done = CliRunner().invoke(app, ["run", str(place / "warm.toml"), "--out", str(place / "warm"), "--jobs", "1"])
    if done.exit_code:
        raise RuntimeError(f"the study does not even run undisturbed: {done.output}")


def start(arguments: Sequence[str], log: Path, prepare: Callable[[], None] | None = None) -> int:
    """Start a copy of this process that runs `synctopo` with these arguments; returns its number."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setsid()
        out = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o666)
        os.dup2(out, 1)
        os.dup2(out, 2)
        if prepare is not None:
            prepare()
        from synctopo.cli import app

        try:
            app(list(arguments), prog_name="synctopo", standalone_mode=True)
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(pid: int, log: Path, limit: float = 120.0) -> Ended:
    """Wait for a copy; one that takes longer than `limit` seconds is ended, and its code is that of the signal."""
    begin = time.perf_counter()
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        if time.perf_counter() - begin > limit:
            os.killpg(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            break
        time.sleep(0.002)
    said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return Ended(os.waitstatus_to_exitcode(status), said, time.perf_counter() - begin)


def ran(arguments: Sequence[str], log: Path, prepare: Callable[[], None] | None = None, limit: float = 120.0) -> Ended:
    """Run `synctopo` with these arguments in a copy of this process, to its end."""
    log.unlink(missing_ok=True)
    return wait(start(arguments, log, prepare), log, limit)


@dataclass(frozen=True)
class Subject:
    """A study file, a finished folder of it, what the results hold, and how long a run takes."""

    file: Path
    finished: Path
    held: dict[str, bytes]
    seconds: float

    @property
    def rows(self) -> int:
        return sum(len(json.loads(content)) for name, content in self.held.items() if name.startswith("rows/"))

    def run(self, root: Path, *more: str) -> list[str]:
        """The arguments that run the study in that folder."""
        return ["run", str(self.file), "--out", str(root), "--jobs", "1", *more]

    def lost(self, root: Path) -> int:
        """How many rows of the study are not in that folder, byte for byte."""
        now = results(root)
        return sum(len(json.loads(content)) for name, content in self.held.items() if name.startswith("rows/") and now.get(name) != content)

    def same(self, root: Path) -> bool:
        """Whether the folder has the study's results, byte for byte."""
        now = results(root)
        return all(now.get(name) == content for name, content in self.held.items())


def results(root: Path) -> dict[str, bytes]:
    """The results in a folder, by name."""
    files = [file for pattern in RESULTS for file in root.glob(pattern) if not file.name.endswith(".meta.json")]
    return {str(file.relative_to(root)): file.read_bytes() for file in files}


def made(place: Path, text: str = STUDY) -> Subject:
    """The study run once in a copy, undisturbed."""
    place.mkdir(parents=True, exist_ok=True)
    file = place / "tiny.toml"
    file.write_text(text, encoding="utf-8")
    shutil.rmtree(place / "finished", ignore_errors=True)
    subject = Subject(file, place / "finished", {}, 0.0)
    ended = ran(subject.run(place / "finished"), place / "log")
    if ended.code:
        raise RuntimeError(f"the study does not even run undisturbed: {ended.said}")
    return Subject(file, place / "finished", results(place / "finished"), ended.seconds)


def limited(memory: int) -> Callable[[], None]:
    """What gives a copy so many bytes of address space beyond those it has, and no more."""

    def prepare() -> None:
        with open("/proc/self/statm", encoding="ascii") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + memory, resource.RLIM_INFINITY))

    return prepare


def nobody() -> None:
    """Give up the rights of root, who may write anywhere and whom no folder is closed to; what root may read, as the modules of Python in
    its home, can be read still."""
    if os.geteuid() != 0:
        return
    system = ctypes.CDLL(None, use_errno=True)
    keep_capabilities, read_everything, version = 8, 1 << 2, 0x20080522
    system.prctl(keep_capabilities, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    system.capset(struct.pack("<Ii", version, 0), struct.pack("<6I", read_everything, read_everything, 0, 0, 0, 0))


def sentence(said: str) -> bool:
    """Whether the last words of a command are a sentence of its own."""
    lines = [line for line in said.strip().splitlines() if line.strip()]
    return bool(lines) and bool(re.search(r"[.)!?'\"\]]$|^Error|│|╯", lines[-1].strip()))
