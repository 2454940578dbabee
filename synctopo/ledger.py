"""The ledger: what a study's folder says of itself, and what stands beside each result: checksum, origin, or why there is none."""

import hashlib
import os
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from synctopo.identity import abandoned, unique
from synctopo.store import code_version, read_json, sweep, sync, write_bytes, write_json
from synctopo.work import FOLDERS, Piece

FORMAT = 2
"""Of a study's folder. 1: results without checksums, and no store.json."""
STORE = "store.json"
STAGING = ".staging"
SWEPT = ("", "tables", "figures", "failed", "logs", "claims")


@dataclass(frozen=True)
class Failure:
    """Why a piece has no result: one sentence, and the file with the whole story; `needs` is what the piece had read, as it then was."""

    label: str
    reason: str
    log: str
    needs: tuple[tuple[str, int], ...]


def code_of(root: Path) -> str | None:
    """The name of the code whose results a folder holds; None for a folder without results.

    Raises ValueError for a folder that a newer version has written, or none has.
    """
    path = root / STORE
    if not path.is_file():
        return _code_of_notes(root)
    about = read_json(path)
    if not isinstance(about, dict) or not isinstance(about.get("format"), int) or not isinstance(about.get("code"), str):
        raise ValueError(f"{path} does not describe a folder of results; name another with --out, or move that file away.")
    if about["format"] > FORMAT:
        raise ValueError(
            f"{root} was written by a newer synctopo (store format {about['format']}; this one knows {FORMAT}); update synctopo, or name "
            "another folder with --out."
        )
    return str(about["code"])


def open_store(root: Path, code: str) -> int:
    """Make a folder ready for results of that code; returns how many results of format 1 were given checksums.

    Raises ValueError where it holds results of other code, or is no folder of results.
    """
    held = code_of(root)
    if held is not None and held != code:
        raise ValueError(
            f"{root} holds results of other code ({held}; this is {code}), and the two are not mixed unasked; say --other-code keep to go "
            "on with them, --other-code redo to make all anew beside them, or name another folder with --out."
        )
    root.mkdir(parents=True, exist_ok=True)
    for folder in SWEPT:
        sweep(root / folder)
    if (root / STAGING).is_dir():
        for half in (root / STAGING).iterdir():
            if abandoned(half.name):
                shutil.rmtree(half, ignore_errors=True)
    if (root / STORE).is_file():
        return 0
    moved = _migrate(root)
    write_json(root / STORE, {"format": FORMAT, "code": code})
    return moved


def rename_code(root: Path, code: str) -> None:
    """From now on the folder is for results of that code; those of other code stay where they are, and do not count."""
    if code_of(root) is not None:
        _migrate(root)
        write_json(root / STORE, {"format": FORMAT, "code": code})


@contextmanager
def staged(root: Path, piece: Piece) -> Iterator[Path]:
    """A file of its own to make a piece in, gone afterwards with all that was left beside it."""
    folder = root / STAGING / unique()
    folder.mkdir(parents=True)
    try:
        yield folder / Path(piece.file).name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def seal(root: Path, piece: Piece, made: Path, seconds: float, processor_seconds: float) -> None:
    """Put a made file where it belongs. What is not a function of its inputs stands beside it, and is there first: checksum, seconds,
    machine, versions.
    """
    if not made.is_file():
        raise ValueError(f"{piece.stage} of {piece.label} wrote no file.")
    about = {
        "sha256": checksum(made),
        "bytes": made.stat().st_size,
        "seconds": round(seconds, 3),
        "processor_seconds": round(processor_seconds, 3),
        "stage": piece.stage,
        "label": piece.label,
        "like": piece.like,
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "code": code_version(),
    }
    target = root / piece.file
    target.parent.mkdir(exist_ok=True)
    write_json(made.with_name("note"), about)
    os.replace(made.with_name("note"), note_of(target))
    os.replace(made, target)
    sync(target.parent)
    for file in (failure_file(root, piece), log_file(root, piece)):
        file.unlink(missing_ok=True)


def note_of(result: Path) -> Path:
    """The file beside a result that says where it comes from."""
    return result.with_name(f"{result.name.split('.')[0]}.meta.json")


def checksum(file: Path) -> str:
    """The SHA-256 of a file's content, as hexadecimal digits."""
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def fail(root: Path, piece: Piece, reason: str, log: str) -> None:
    """Write down that a piece failed: one sentence, and the whole story in a log."""
    write_bytes(log_file(root, piece), f"{piece.stage} of {piece.label}\n{reason}\n\n{log}".encode())
    about = {
        "kind": "failure",
        "status": "failed",
        "stage": piece.stage,
        "label": piece.label,
        "reason": reason,
        "log": str(log_file(root, piece).relative_to(root)),
        "needs": _state(root, piece),
    }
    write_json(failure_file(root, piece), about)


def failure(root: Path, piece: Piece) -> Failure | None:
    """Why a piece has failed; None where it has not, or where what it read has been made anew since.

    Raises ValueError for a file that says no reason.
    """
    path = failure_file(root, piece)
    if not path.is_file():
        return None
    about = read_json(path)
    if not isinstance(about, dict) or "reason" not in about:
        raise ValueError(f"{path} names no reason of a failure; delete it.")
    if about.get("needs", []) != _state(root, piece):
        return None
    needs = tuple((str(key), int(when)) for key, when in about.get("needs", []))
    return Failure(piece.label, str(about["reason"]), str(about.get("log", "")), needs)


def forgive(root: Path, piece: Piece) -> None:
    """Forget that a piece has failed, so that it is tried again."""
    failure_file(root, piece).unlink(missing_ok=True)


def failure_file(root: Path, piece: Piece) -> Path:
    return root / "failed" / f"{piece.key}.json"


def log_file(root: Path, piece: Piece) -> Path:
    return root / "logs" / f"{piece.key}.log"


def results(root: Path) -> Iterator[Path]:
    """Everything in the folders of results that is no note, whoever put it there, in the order of the names."""
    for folder in sorted(set(FOLDERS.values())):
        if (root / folder).is_dir():
            names = sorted(entry.name for entry in os.scandir(root / folder))
            yield from (root / folder / name for name in names if not name.endswith(".meta.json"))


def _state(root: Path, piece: Piece) -> list[list[Any]]:
    found = []
    for key in piece.needs:
        for file in (root / "fits" / f"{key}.safetensors", root / "recordings" / f"{key}.safetensors"):
            if file.is_file():
                found.append([key, file.stat().st_mtime_ns])
    return found


def _code_of_notes(root: Path) -> str | None:
    # a folder of format 1: the newest note tells; one of this code is preferred, since the newest may be a retry of an older checkout
    found: dict[str, str] = {}
    for folder in sorted(set(FOLDERS.values())):
        for file in (root / folder).glob("*.meta.json"):
            about = read_json(file)
            if isinstance(about, dict) and isinstance(about.get("code"), str):
                found[about["code"]] = max(found.get(about["code"], ""), str(about.get("when", "")))
    if code_version() in found:
        return code_version()
    return max(found, key=lambda code: found[code], default=None)


def _migrate(root: Path) -> int:
    """Give the results of format 1 their checksums, from what the files hold now."""
    moved = 0
    for file in results(root):
        note = note_of(file)
        about = read_json(note) if note.is_file() else None
        if isinstance(about, dict) and "sha256" not in about and file.is_file():
            write_json(note, {**about, "sha256": checksum(file), "bytes": file.stat().st_size})
            moved += 1
    return moved
