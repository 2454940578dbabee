"""Upkeep of a study's folder: what in it is not what was written there, and what no present study needs."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from synctopo import claims
from synctopo.identity import abandoned
from synctopo.ledger import STAGING, STORE, checksum, code_of, note_of, results
from synctopo.store import read_json
from synctopo.work import ENDINGS, FOLDERS, Plan

QUARANTINE = "quarantine"


@dataclass(frozen=True)
class Finding:
    """A file that is not what it should be, relative to the folder, what is wrong with it, and where it now is, "" if where it was."""

    file: str
    wrong: str
    now: str = ""


@dataclass(frozen=True)
class Verdict:
    """What `verify` found: so many results whose content is what was written, and all that is not."""

    good: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Leftover:
    """Something that no present study needs: relative to the folder, why, and its bytes."""

    file: str
    why: str
    size: int


def verify(root: Path, *, dry_run: bool = False) -> Verdict:
    """Hold every result against its checksum. What is corrupted, truncated or foreign is moved into quarantine/, never deleted.

    A run makes anew what has been moved. With `dry_run` everything stays where it is. Raises ValueError where there is no such folder.
    """
    if not root.is_dir():
        raise ValueError(f"there is no folder {root}; synctopo run makes it.")
    good, found = 0, list(_of_the_folder(root))
    for file in results(root):
        wrong = _wrong(file)
        if wrong:
            found.append(Finding(str(file.relative_to(root)), wrong))
        else:
            good += 1
    if not dry_run:
        found = [Finding(f.file, f.wrong, _moved(root, root / f.file)) for f in found]
    return Verdict(good, tuple(found))


def leftovers(plan: Plan, root: Path) -> tuple[Leftover, ...]:
    """What that study does not need: results and notes of other settings or code, marks and logs of failures, and what dead processes left.

    Files that are no results of anything are for `verify`, and stay; so does the quarantine.
    """
    needed = {p.file for p in plan.pieces}
    keys = {p.key for p in plan.pieces}
    found = []
    for file in results(root):
        name = str(file.relative_to(root))
        if name not in needed and _named(file):
            found.append(Leftover(name, "a result that this study does not need", file.lstat().st_size))
    for folder in sorted(set(FOLDERS.values())):
        for note in sorted((root / folder).glob("*.meta.json")):
            key = note.name.split(".")[0]
            if key not in keys:
                found.append(Leftover(str(note.relative_to(root)), "a note of such a result", note.lstat().st_size))
    for folder, what in (("failed", "a failure of a piece that this study lacks"), ("logs", "a log of such a failure")):
        for file in sorted((root / folder).glob("*.*")):
            if file.stem not in keys and file.is_file():
                found.append(Leftover(str(file.relative_to(root)), what, file.lstat().st_size))
    for file in sorted((root / claims.FOLDER).glob("*.json")):
        claim = claims.read(file)
        if claim is not None and claim.process.alive is False:
            found.append(Leftover(str(file.relative_to(root)), "a claim of a dead process", file.lstat().st_size))
    # of the work of other machines only their claims tell whether it goes on
    nobody = not claims.claims(root)
    for half in sorted((root / STAGING).glob("*")):
        if abandoned(half.name) or nobody:
            size = sum(f.lstat().st_size for f in half.rglob("*"))
            found.append(Leftover(str(half.relative_to(root)), "half-made by a process that is gone", size))
    return tuple(found)


def delete(root: Path, found: tuple[Leftover, ...]) -> None:
    """Delete leftovers for good."""
    for leftover in found:
        path = root / leftover.file
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _of_the_folder(root: Path) -> Iterator[Finding]:
    """What is wrong with files that are no results: the folder's description, notes, marks of failures."""
    try:
        code_of(root)
    except ValueError as error:
        if (root / STORE).is_file() and "newer synctopo" not in str(error):
            yield Finding(STORE, "unreadable")
    for folder in sorted(set(FOLDERS.values())):
        for note in sorted((root / folder).glob("*.meta.json")):
            # a note with a result is judged with it
            if (
                not any(note.with_name(f"{note.name.split('.')[0]}.{end}").exists() for end in set(ENDINGS.values()))
                and _note(note) is None
            ):
                yield Finding(str(note.relative_to(root)), "a note that cannot be read")
    for mark in sorted((root / "failed").glob("*.json")):
        if _note(mark) is None:
            yield Finding(str(mark.relative_to(root)), "a mark of a failure that cannot be read")


def _wrong(file: Path) -> str:
    if file.is_symlink() or not file.is_file():
        return "foreign: a link or folder where only files are written"
    if not _named(file):
        return "foreign: no name of a result"
    note = note_of(file)
    if not note.is_file():
        return "foreign: no note says where it comes from"
    about = _note(note)
    if about is None:
        return "corrupted: its note cannot be read, so nothing tells whether it is whole"
    if "sha256" not in about:
        return "" if _readable(file) else "corrupted: it cannot be read (it is from before checksums)"
    size, written = file.stat().st_size, about.get("bytes")
    if isinstance(written, int) and size != written:
        return f"{'truncated' if size < written else 'corrupted'}: {size} bytes of {written}"
    return "" if checksum(file) == about["sha256"] else "corrupted: its content is not what was written"


def _named(file: Path) -> bool:
    endings = {ENDINGS[stage] for stage, folder in FOLDERS.items() if folder == file.parent.name}
    return re.fullmatch(rf"[0-9a-f]{{20}}\.({'|'.join(endings)})", file.name) is not None


def _note(file: Path) -> dict[str, object] | None:
    try:
        about = read_json(file)
    except (ValueError, OSError, RecursionError):
        return None
    return about if isinstance(about, dict) else None


def _readable(file: Path) -> bool:
    try:
        if file.suffix == ".json":
            read_json(file)
        else:
            with safe_open(file, framework="numpy"):
                pass
    except (ValueError, SafetensorError, OSError):
        return False
    return True


def _moved(root: Path, file: Path) -> str:
    place = root / QUARANTINE / file.relative_to(root)
    place.parent.mkdir(parents=True, exist_ok=True)
    number = 0
    while (to := place.with_name(f"{place.name}.{number}" if number else place.name)).exists() or to.is_symlink():
        number += 1
    try:
        os.rename(file, to)
    except FileNotFoundError:
        # a run has dealt with it meanwhile
        return ""
    note = note_of(file)
    if note.is_file() and note != file and _named(file):
        os.rename(note, to.with_name(f"{to.name}.note"))
    return str(to.relative_to(root))
