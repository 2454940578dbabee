"""Safetensors files larger than memory: written piece by piece, read by mapping them."""

import json
import os
from collections.abc import Mapping
from math import prod
from pathlib import Path
from types import TracebackType

import numpy as np
from safetensors import SafetensorError, safe_open

_NAMES = {
    "bool": "BOOL",
    **{f"{kind}int{bits}": f"{kind.upper() or ''}{'I' if not kind else ''}{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"F{bits}" for bits in (16, 32, 64)},
}
_TYPES = {name: np.dtype(kind) for kind, name in _NAMES.items()}


class TensorFile:
    """A safetensors file whose arrays are known in shape and type, but not yet in content; a context manager.

    Inside, `append(name, rows)` puts the next rows of an array where they belong: the whole of it need not fit in memory. `texts` may be
    set until the end; `room` bytes are kept for them, written as JSON. The file has its name from the moment the block ends without
    error, whole and synced, and otherwise leaves nothing.
    """

    def __init__(self, path: Path, kinds: Mapping[str, tuple[tuple[int, ...], np.dtype]], *, room: int) -> None:
        for name, (_, kind) in kinds.items():
            if kind.name not in _NAMES:
                raise ValueError(f"{name!r} is of type {kind}, which a safetensors file lacks; numbers and bool are wanted.")
        self.texts: dict[str, str] = {}
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._kinds = dict(kinds)
        # wide types first, so that every array starts at a multiple of its width
        self._places: dict[str, tuple[int, int]] = {}
        at = 0
        for name in sorted(kinds, key=lambda name: (-kinds[name][1].itemsize, name)):
            shape, kind = kinds[name]
            end = at + int(np.prod(shape, dtype=np.int64)) * kind.itemsize
            self._places[name] = (at, end)
            at = end
        head = len(self._header()) + room
        self._head = head + -head % 8
        self._free = {name: start for name, (start, _) in self._places.items()}

    def _header(self) -> bytes:
        header: dict[str, object] = {"__metadata__": self.texts}
        for name, (start, end) in self._places.items():
            shape, kind = self._kinds[name]
            header[name] = {"dtype": _NAMES[kind.name], "shape": list(shape), "data_offsets": [start, end]}
        return json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()

    def __enter__(self) -> "TensorFile":
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(self._temporary, "wb")
        return self

    def append(self, name: str, rows: np.ndarray) -> None:
        """Write the next rows of the array `name`; they must be of its type, and fit. Raises ValueError where they do not."""
        shape, kind = self._kinds[name]
        end = self._free[name] + rows.nbytes
        if rows.dtype != kind or rows.shape[1:] != shape[1:] or end > self._places[name][1]:
            raise ValueError(f"{name!r} is to be {kind} {list(shape)}; rows came as {rows.dtype} {list(rows.shape)}, which does not fit.")
        self._file.seek(8 + self._head + self._free[name])
        self._file.write(np.ascontiguousarray(rows).data)
        self._free[name] = end

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            with self._file as file:
                if kind is None:
                    short = [name for name, (_, end) in self._places.items() if self._free[name] < end]
                    if short:
                        raise ValueError(f"{short[0]!r} of {self._path} was not written to its end.")
                    header = self._header()
                    if len(header) > self._head:
                        raise ValueError(f"the texts of {self._path} take {len(header) - self._head} bytes more than there is room for.")
                    file.seek(0)
                    file.write(self._head.to_bytes(8, "little") + header.ljust(self._head))
                    file.flush()
                    os.fsync(file.fileno())
            if kind is None:
                os.replace(self._temporary, self._path)
        finally:
            self._temporary.unlink(missing_ok=True)


def map_tensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of a safetensors file, mapped and read-only, and its texts: opening costs no memory, whatever its size.

    Raises ValueError for a truncated or foreign file, FileNotFoundError for none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}.")
    try:
        # the library holds every shape against its place in the file, and the places against each other and the file's length; it does
        # not tell where the arrays lie
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        with open(path, "rb") as raw:
            size = int.from_bytes(raw.read(8), "little")
            header = json.loads(raw.read(size))
    except (SafetensorError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is truncated or no safetensors file; make it anew (of a study: delete it and run again).") from error
    arrays = {}
    for name, about in header.items():
        if name == "__metadata__":
            continue
        if about["dtype"] not in _TYPES:
            raise ValueError(f"{path} holds numbers that numpy lacks ({about['dtype']}); save them as float32.")
        kind, shape, (start, end) = _TYPES[about["dtype"]], tuple(about["shape"]), about["data_offsets"]
        # what a header says twice, the two readers could have read differently; and an array of no bytes can have sizes past 64 bits
        lies = prod(shape) * kind.itemsize != end - start or not 0 <= start <= end <= path.stat().st_size - 8 - size
        if lies or len(shape) > 32 or prod(n or 1 for n in shape) >= 2**59:
            raise ValueError(f"{path} says of {name!r} that it has the shape {list(shape)}, which is not what lies there; make it anew.")
        arrays[name] = _map(path, kind, shape, 8 + size + start)
    return arrays, metadata


def _map(path: Path, kind: np.dtype, shape: tuple[int, ...], offset: int) -> np.ndarray:
    if not all(shape):
        # nothing to map, which the system refuses
        return np.empty(shape, kind)
    return np.memmap(path, kind, mode="r", offset=offset, shape=shape)
