"""The store: results as files that appear whole or not at all, named by a hash of what they depend on."""

import ast
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save

from synctopo.identity import abandoned, unique

# What makes numbers; the command line, tables and figures only show them.
COMPUTING: tuple[str, ...] = (
    *("rsnn", "rtd", *(f"synctopo/{name}" for name in ("evaluation", "families", "generated", "learning", "measures", "models"))),
    "synctopo/statistics/calibration.py",
    *(
        f"synctopo/{name}.py"
        for name in (
            "catalog",
            "comparison",
            "data",
            "eventfiles",
            "events",
            "imagefiles",
            "maps",
            "precision",
            "recorder",
            "recording",
            "reduction",
            "making",
            "course",
            "resilience",
        )
    ),
)


def canonical(value: Any) -> str:
    """JSON with one spelling: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def digest(value: Any) -> str:
    """A name for anything that JSON can say: 20 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:20]


@cache
def code_version() -> str:
    """A hash of what the source files that compute say to Python: a result made by code of another meaning has another name.

    Comments, docstrings and layout do not count.
    """
    root = Path(__file__).resolve().parent.parent
    sha = hashlib.sha256()
    for place in COMPUTING:
        files = sorted((root / place).rglob("*.py")) if not place.endswith(".py") else [root / place]
        for file in files:
            sha.update(file.relative_to(root).as_posix().encode() + b"\0" + meaning(file.read_text(encoding="utf-8")).encode() + b"\0")
    return sha.hexdigest()[:12]


def meaning(source: str) -> str:
    """The syntax tree of a Python source as text, without docstrings, the same for every version of Python that can read it."""
    return "".join(_told(ast.parse(source)))


def _told(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        yield "["
        for part in node:
            yield from _told(part)
        yield "]"
    elif isinstance(node, ast.AST):
        yield f"({type(node).__name__}"
        for name, part in ast.iter_fields(node):
            if name == "body" and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                first = part[0] if part else None
                if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                    part = part[1:]
            if name == "values" and isinstance(node, ast.JoinedStr):
                # some versions see an empty text at the end of a nested format
                part = [p for p in part if not (isinstance(p, ast.Constant) and p.value == "")]
            # newer versions know more fields, which are empty where nothing newer is used
            if part is not None and part != []:
                yield f" {name}="
                yield from _told(part)
        yield ")"
    else:
        yield f"{type(node).__name__}:{node!r}"


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all: to a temporary name, synced, then moved into place, and the folder synced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{unique()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(folder: Path) -> None:
    """Make the names in a folder outlast a power cut, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


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
    """Delete what dead processes of this machine left half-written in `folder`, not in its folders; returns how many files."""
    gone = 0
    for file in folder.glob(".*.tmp"):
        found = re.fullmatch(r"\..+\.([0-9a-f]{8}-\d+-\d+)\.tmp", file.name)
        if found and abandoned(found[1]):
            file.unlink(missing_ok=True)
            gone += 1
    return gone
