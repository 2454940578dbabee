"""Fuzzed inputs: study files, recordings, array files and command lines, in one process with little memory and little time."""

import io
import json
import os
import random
import signal
import sys
import time
import tomllib
import traceback
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from chaos import mutation
from chaos.disturbed import Came
from chaos.subject import STUDY, Subject, limited, nobody

SECONDS = 10
"""After which an input that has not been answered counts as one that hangs."""
MEMORY = 2**30
"""What a process may take for its inputs, in bytes."""

Input = Callable[[random.Random], object]


class Late(BaseException):
    """An input took too long."""


@contextmanager
def _timed() -> Iterator[None]:
    def late(_number: int, _frame: Any) -> None:
        raise Late

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def judged(one: Input, draw: random.Random) -> tuple[Came, str]:
    """What came of one input: taken, or told in a sentence; everything else must not happen."""
    try:
        with _timed():
            one(draw)
    except (ValueError, OSError) as error:
        text = str(error)
        return {"told": 1} if len(text.strip()) > 8 else {"tracebacks": 1}, "" if len(text.strip()) > 8 else repr(error)
    except Late:
        return {"hangs": 1}, traceback.format_exc()
    except BaseException:
        return {"tracebacks": 1}, traceback.format_exc()
    return {"taken": 1}, ""


def studies(place: Path) -> Input:
    """Study files: bytes and entries of real ones changed."""
    from synctopo.study import Study
    from synctopo.work import plan

    texts = [STUDY.encode(), *(file.read_bytes() for file in sorted(Path(__file__).resolve().parent.parent.glob("studies/*.toml")))]
    tables = [tomllib.loads(text.decode()) for text in texts]
    target = place / "fuzzed.toml"

    def one(draw: random.Random) -> object:
        if draw.random() < 0.5:
            content = mutation.mutated(draw, draw.choice(texts), texts)
        else:
            others = [value for table in tables for value in table.values()]
            content = mutation.toml(mutation.changed(draw, draw.choice(tables), others)).encode(errors="replace")
        target.write_bytes(content)
        sizes = ["", "smoke", "demo", "full"]
        study = Study.load(target, size=draw.choice(sizes))
        runs = len(study.seeds) * len(study.models)
        return plan(study) if runs < 12 and study.data.name in ("digits", "rings", "clusters") else study

    return one


def recordings(place: Path) -> Input:
    """Recordings: bytes, headers and descriptions changed; what is read is used."""
    from synctopo.recording import Recording

    numbers = np.random.default_rng(0)
    made = []
    for kind, times, samples in (("steps", (0, 2, 4), np.arange(6)), ("count", (), np.array(["a", "b", "é", "d", "e", "f"]))):
        signals = {
            "hidden": numbers.normal(size=(6, len(times) or 1, 3)),
            "maps": numbers.normal(size=(6, len(times) or 1, 2, 2)).astype("f4"),
        }
        Recording(signals, kind, times, samples, rounded={"maps": 1e-3}).save(place / "recording")
        made.append((place / "recording").read_bytes())
    target = place / "fuzzed.recording"

    def one(draw: random.Random) -> object:
        content = draw.choice(made)
        target.write_bytes(mutation.safetensors(draw, content) if draw.random() < 0.5 else mutation.mutated(draw, content, made))
        found = Recording.load(target)
        return [repr(found), *(found.cloud(site, draw.choice([None, *found.times])).sum() for site in found.sites)]

    return one


def arrays(place: Path) -> Input:
    """Array files (.npy, .npz, .csv, .safetensors): bytes and headers changed."""
    from safetensors.numpy import save_file

    from synctopo import arrays as reading

    x = np.random.default_rng(0).normal(size=(7, 3))
    made: dict[str, list[bytes]] = {"npy": [], "npz": [], "csv": [], "safetensors": []}
    for k, array in enumerate((x, x.astype("f4"), np.asfortranarray(x), (x > 0), x.astype(np.int16), x.reshape(7, 3, 1))):
        np.save(place / "x.npy", array)
        (np.savez if k % 2 else np.savez_compressed)(place / "x.npz", a=array)
        np.savetxt(place / "x.csv", np.asarray(array, float).reshape(7, -1), delimiter=",", fmt="%.4g")
        save_file({"a": np.ascontiguousarray(array)}, place / "x.safetensors")
        for ending, held in made.items():
            held.append((place / f"x.{ending}").read_bytes())

    def one(draw: random.Random) -> object:
        ending = draw.choice(sorted(made))
        content = draw.choice(made[ending])
        if draw.random() < 0.5 and ending in ("npy", "npz"):
            content = mutation.npy(draw, draw.choice(made["npy"]))
            if ending == "npz":
                packed = io.BytesIO()
                with zipfile.ZipFile(packed, "w", draw.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])) as file:
                    file.writestr(draw.choice(["a.npy", "../a.npy", "/a", "a" * 300, ""]) or "x", content)
                content = packed.getvalue()
        elif draw.random() < 0.5 and ending == "safetensors":
            content = mutation.safetensors(draw, content)
        if draw.random() < 0.8 or content in made[ending]:
            content = mutation.mutated(draw, content, made[ending])
        target = place / f"fuzzed.{ending}"
        target.write_bytes(content)
        return reading.read(target)

    return one


def commands(place: Path, subject: Subject) -> Input:
    """Arguments of the command line: real commands with words changed, on a finished study and on small arrays."""
    from synctopo.cli import app

    rng = np.random.default_rng(0)
    for name in "ab":
        np.save(place / f"{name}.npy", rng.normal(size=(9, 3)))
    a, b, study = str(place / "a.npy"), str(place / "b.npy"), str(subject.file)
    out = ["--out", str(subject.finished)]
    real = [
        ["rtd", a, b],
        ["rtd", a, b, "--null", "3", "--seed", "1", "--json"],
        ["rtd", a, b, a, "-m", "cka", "--bootstrap", "2", "--format", "latex"],
        ["rtd", a, b, "--to", str(place / "t.csv"), "--batch", "5", "--trials", "2"],
        ["status", study, *out],
        ["status", study, *out, "--json", "--set", "data.test=17"],
        ["table", study, *out, "--format", "latex", "--name", "models"],
        ["table", study, *out, "--name", "tidy", "--format", "csv"],
        ["run", study, *out, "--dry-run"],
        ["run", study, *out, "--dry-run", "--set", "seeds=[0]", "--jobs", "2"],
        ["verify", study, *out],
        ["ls", "measures"],
        ["ls", "models", "--json"],
        ["--help"],
    ]
    words = [
        *sorted({word for command in real for word in command}),
        *("-", "--", "-x", "--format=", "--set", "a=b=c", "=", "data.train=1e9"),
    ]
    nasty = [str(value) for value in mutation.NASTY if not isinstance(value, int) or abs(value) < 10**100]
    # numbers of repetitions that are honest work, and not to be done ten thousand times
    work = {"--null", "--bootstrap", "--trials", "--jobs"}

    def drawn(draw: random.Random) -> list[str]:
        command = list(draw.choice(real))
        for _ in range(draw.choice([1, 1, 2, 3])):
            at = draw.randrange(len(command) + 1)
            what = draw.random()
            if what < 0.3:
                command.insert(at, draw.choice(words + nasty))
            elif what < 0.7 and at < len(command):
                command[at] = draw.choice(words + nasty)
            elif what < 0.85 and at < len(command):
                del command[at]
            elif at < len(command):
                command[at] = mutation.mutated(draw, command[at].encode(), ()).decode(errors="replace").replace("\0", "")[:300]
        return ["run", "--dry-run", *command[1:]] if command[:1] == ["run"] else command

    def heavy(command: list[str]) -> bool:
        return any(before in work and len(word) > 1 and word.strip("+_ ").isdecimal() for before, word in pairwise(command))

    def one(draw: random.Random) -> object:
        command = drawn(draw)
        while heavy(command):
            command = drawn(draw)
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            try:
                app(command, prog_name="synctopo", standalone_mode=True)
                code: object = 0
            except SystemExit as ended:
                code = ended.code if ended.code is not None else 0
        text = said.getvalue()
        if code not in (0, 1, 2) or "Traceback" in text:
            raise RuntimeError(f"{command}: {code} {text[-2000:]}")
        if code:
            if not text.strip():
                raise RuntimeError(f"{command} ended with {code} and without a word")
            raise ValueError(text)
        return text

    return one


def many(kind: str, first: int, count: int, seed: int, subject: Subject, place: Path, until: float) -> tuple[list[tuple[Came, str]], int]:
    """The inputs `first`, `first` + 1, ... of a kind, in a copy of this process with little memory; and how many of them were tried.

    An input over which the copy dies counts as a crash, and the rest is left for the next call.
    """
    place.mkdir(parents=True, exist_ok=True)
    report = place / "report"
    report.unlink(missing_ok=True)
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        try:
            os.chmod(place, 0o777)
            os.chdir(place)
            os.environ["SYNCTOPO_DATA"] = str(place)
            one = (
                {"studies": studies, "recordings": recordings, "arrays": arrays}[kind](place)
                if kind != "commands"
                else commands(place, subject)
            )
            nobody()
            limited(MEMORY)()
            with open(report, "w", encoding="utf-8") as file, open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
                for k in range(first, first + count):
                    if time.time() > until:
                        break
                    came, said = judged(one, random.Random(f"{seed} {kind} {k}"))
                    file.write(json.dumps([came, f"input {k}: {said}" if said else ""]) + "\n")
                    file.flush()
        except BaseException:
            (place / "broken").write_text(traceback.format_exc(), encoding="utf-8")
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == 3:
        raise RuntimeError((place / "broken").read_text(encoding="utf-8"))
    lines = report.read_text(encoding="utf-8").splitlines() if report.exists() else []
    found = [(came, said) for came, said in map(json.loads, lines)]
    if code:
        found.append(({"crashes": 1}, f"input {first + len(found)}: the process ended with {code}"))
    return found, len(found)
