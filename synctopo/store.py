"""The store: results as files that appear whole or not at all, named by a hash of what they depend on."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save

# What makes numbers; the command line, tables and figures only show them.
COMPUTING: tuple[str, ...] = (
    *("rsnn", "rtd", "synctopo/models", "synctopo/families", "synctopo/measures", "synctopo/statistics/calibration.py"),
    *(f"synctopo/{name}.py" for name in ("catalog", "comparison", "corruption", "data", "feedback", "maps", "precision", "recorder")),
    *(f"synctopo/{name}.py" for name in ("recording", "reduction", "robustness", "training", "work")),
)


def canonical(value: Any) -> str:
    """JSON with one spelling: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def digest(value: Any) -> str:
    """A name for anything that JSON can say: 20 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:20]


@cache
def code_version() -> str:
    """A hash of the source files that compute: a result made by other code has another name."""
    root = Path(__file__).resolve().parent.parent
    sha = hashlib.sha256()
    for place in COMPUTING:
        files = sorted((root / place).rglob("*.py")) if not place.endswith(".py") else [root / place]
        for file in files:
            sha.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return sha.hexdigest()[:12]


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all: to a temporary name, synced, then moved into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write JSON in its one spelling, a line for each row where it is a list."""
    if isinstance(value, list):
        text = "[\n" + ",\n".join(canonical(row) for row in value) + "\n]\n"
    else:
        text = canonical(value) + "\n"
    write_bytes(path, text.encode())


def read_json(path: Path) -> Any:
    """Read JSON. Raises ValueError with a sentence for a file that is not whole."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not readable as JSON; delete it and run again to make it anew.") from error


def write_tensors(path: Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write named arrays and texts to one safetensors file."""
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_bytes(path, save(plain, metadata=dict(metadata)))


def read_tensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read what `write_tensors` wrote. Raises ValueError for a truncated or foreign file, FileNotFoundError for none."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}.")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        return load_file(path), metadata
    except TypeError as error:
        raise ValueError(f"{path} holds numbers that numpy lacks ({error}); save them as float32.") from error
    except SafetensorError as error:
        raise ValueError(f"{path} is truncated or no safetensors file; make it anew (of a study: delete it and run again).") from error


def sweep(folder: Path) -> int:
    """Delete what dead processes of this machine left half-written in `folder`; returns how many files."""
    gone = 0
    for file in folder.rglob(".*.tmp"):
        found = re.fullmatch(r"\..+\.(\d+)\.tmp", file.name)
        if found and not _alive(int(found[1])):
            file.unlink(missing_ok=True)
            gone += 1
    return gone


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
