"""Claims: files that say who works on what, so that nobody else does; a dead process holds nobody up."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from synctopo.identity import Process, this_process, unique

FOLDER = "claims"
EXPIRY = 120.0
"""Seconds without a sign of life after which a process of another machine counts as dead."""
BEAT = 10.0
"""Seconds between two signs of life."""


@dataclass(frozen=True)
class Claim:
    """Who works on what: `key` names the work, `token` this claim of it, `since` is the time of the claimer's clock (UTC)."""

    key: str
    stage: str
    label: str
    token: str
    since: str
    process: Process


def path_of(root: Path, key: str) -> Path:
    """The file of a claim."""
    return root / FOLDER / f"{key}.json"


def read(path: Path) -> Claim | None:
    """The claim in a file; None where there is none, or no whole one."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        return Claim(**{**about, "process": Process(**about["process"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def claims(root: Path) -> list[Claim]:
    """Every claim in a folder whose process is not known to be dead."""
    found = [read(path) for path in sorted((root / FOLDER).glob("*.json"))]
    return [claim for claim in found if claim is not None and claim.process.alive is not False]


@contextmanager
def held(root: Path, key: str, stage: str, label: str, *, beat: float = BEAT) -> Iterator[bool]:
    """Hold the claim of `key` inside the block, if nobody living does; yields whether it is held.

    A sign of life is given every `beat` seconds. A claim is lost to whoever takes this process for dead; both then do the same work, and
    write the same bytes.
    """
    path = path_of(root, key)
    claim = Claim(key, stage, label, unique(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), this_process())
    file = _taken(path, claim)
    if file is None:
        old = read(path)
        if old is None or old.process.alive is not False:
            yield False
            return
        break_claim(path, old)
        file = _taken(path, claim)
        if file is None:
            yield False
            return
    ended = threading.Event()
    life = threading.Thread(target=_live, args=(file, ended, beat), daemon=True)
    life.start()
    try:
        yield True
    finally:
        ended.set()
        life.join()
        with suppress(OSError):
            # whoever took this process for dead has a claim of its own there
            if os.stat(path).st_ino == os.fstat(file).st_ino:
                path.unlink()
        os.close(file)


def break_claim(path: Path, seen: Claim) -> None:
    """Take away the claim that was `seen` to be dead; one that somebody else has taken meanwhile stays."""
    aside = path.with_name(f".{path.name}.{unique()}.tmp")
    try:
        os.rename(path, aside)
    except FileNotFoundError:
        return
    now = read(aside)
    if now is not None and now.token != seen.token:
        with suppress(OSError):
            os.link(aside, path)
    aside.unlink(missing_ok=True)


class Watch:
    """What one process has seen of the claims of others.

    No clock is compared with that of another machine, and none is trusted for long: a claim is dead when its file has not changed over
    EXPIRY seconds of looking, where the time between two looks counts at most `step` seconds. So neither a clock that is set, nor a process
    that was stopped for an hour, takes the living for dead.
    """

    def __init__(self, *, expiry: float = EXPIRY, step: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._expiry, self._step, self._clock = expiry, step, clock
        self._seen: dict[Path, tuple[tuple[int, int], float, float]] = {}

    def dead(self, path: Path) -> Claim | None:
        """The claim at `path` if its process is known or taken to be dead, else None."""
        claim = read(path)
        try:
            state = (os.stat(path).st_ino, os.stat(path).st_mtime_ns)
        except OSError:
            self._seen.pop(path, None)
            return None
        if claim is not None and claim.process.alive is not None:
            return None if claim.process.alive else claim
        now = self._clock()
        before, last, quiet = self._seen.get(path, (state, now, 0.0))
        quiet = quiet + min(max(now - last, 0.0), self._step) if before == state else 0.0
        self._seen[path] = (state, now, quiet)
        if quiet < self._expiry:
            return None
        # of a claim that is not even readable only its age is known
        return claim or Claim(path.stem, "", "", "", "", Process("", "", 0, 0))


def _taken(path: Path, claim: Claim) -> int | None:
    """An open file of the claim, now at `path`; None where there is one already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{claim.token}.tmp")
    try:
        file = _written(temporary, claim)
        try:
            # a claim is there with its content or not at all
            os.link(temporary, path)
            return file
        except FileExistsError:
            os.close(file)
            return None
        except OSError:
            # a file system without hard links
            os.close(file)
    finally:
        temporary.unlink(missing_ok=True)
    try:
        return _written(path, claim)
    except FileExistsError:
        return None


def _written(path: Path, claim: Claim) -> int:
    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        os.write(file, json.dumps(asdict(claim)).encode())
    except OSError:
        os.close(file)
        path.unlink(missing_ok=True)
        raise
    return file


def _live(file: int, ended: threading.Event, beat: float) -> None:
    while not ended.wait(beat):
        with suppress(OSError):
            os.utime(file)
