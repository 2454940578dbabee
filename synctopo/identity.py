"""Identity: which process of which machine somebody is, and whether that process still lives."""

import hashlib
import os
import socket
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

_NUMBERS = count()


@dataclass(frozen=True)
class Process:
    """A process: `host` is for people, `machine` names the host since it was started, `started` tells it from a later one of its number."""

    host: str
    machine: str
    pid: int
    started: int

    @property
    def alive(self) -> bool | None:
        """Whether it still runs; None where that cannot be told, because it is one of another machine."""
        if self.machine != machine():
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return self.started == _started(self.pid)


def this_process() -> Process:
    """The process that asks."""
    return Process(socket.gethostname(), machine(), os.getpid(), _started(os.getpid()))


@cache
def machine() -> str:
    """A name of this machine since it was started, 8 hexadecimal digits; a container with processes of its own is a machine of its own."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    space = Path("/proc/self/ns/pid")
    parts = [socket.gethostname(), boot.read_text() if boot.exists() else "", os.readlink(space) if space.is_symlink() else ""]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]


def unique() -> str:
    """A word that no other process of any machine uses, and this one only once: machine-pid-number."""
    return f"{machine()}-{os.getpid()}-{next(_NUMBERS)}"


def abandoned(word: str) -> bool:
    """Whether the process that made the word with `unique` was one of this machine and is gone."""
    parts = word.split("-")
    if len(parts) != 3 or parts[0] != machine() or not parts[1].isdigit():
        return False
    try:
        os.kill(int(parts[1]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def _started(pid: int) -> int:
    """The clock tick at which a process started; 0 where the system does not tell, and for one that has ended but was not waited for."""
    try:
        # the name, in brackets, may hold anything
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[19])
