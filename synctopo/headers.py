"""Headers of NumPy's files: what they claim is held against the file and the machine before anything of that size is allocated."""

import ast
import os
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

_MAGIC = b"\x93NUMPY"
_LONGEST = 10_000
_PLAIN = re.compile(r"[<>=|]?[?biuf]\d{0,2}")
_CHUNK = 2**20

# More than deflate can do is a lie; more than this, in a file that is large, is a bomb or asks for another format.
_POSSIBLE, _HONEST, _LARGE = 1032, 200, 2**30


@runtime_checkable
class _Bytes(Protocol):
    def read(self, size: int, /) -> bytes: ...


def read_npy(path: Path) -> np.ndarray:
    """The array in a .npy file. Raises ValueError where the header is none, or claims another size than the file's."""
    with open(path, "rb") as content:
        return _array(content, os.fstat(content.fileno()).st_size, str(path))


def read_npz(path: Path, chosen: Callable[[Sequence[str]], Sequence[str]]) -> dict[str, np.ndarray]:
    """The arrays of a .npz file that `chosen` picks from their names; only those are unpacked, nothing is written.

    Raises ValueError for an archive that is broken, locked, packed in another way than NumPy does, or a zip bomb.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            return {name: _member(archive, members[name], path) for name in chosen(list(members))}
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, OverflowError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is truncated, locked, or no .npz file: {str(error).rstrip('.')}.") from None


def fits(size: int, what: str) -> None:
    """Raise a ValueError where so many bytes cannot be in the memory that this process may have."""
    room = memory()
    if size > room:
        raise ValueError(f"{what} needs {told(size)} of memory, and this process may have {told(room)}; compare fewer samples or features.")


def memory() -> int:
    """The bytes of memory that this process may have at most: of the machine, its control group and its own limit."""
    limits = [2**63]
    if hasattr(os, "sysconf"):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    group = Path("/sys/fs/cgroup/memory.max")
    if group.is_file() and (text := group.read_text().strip()).isdecimal():
        limits.append(int(text))
    try:
        import resource
    except ImportError:
        return min(limits)
    own = resource.getrlimit(resource.RLIMIT_AS)[0]
    return min(limits) if own == resource.RLIM_INFINITY else min(own, *limits)


def told(size: int) -> str:
    """A number of bytes for a person: 12 B, 3.4 GiB."""
    units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    power = min(max(size.bit_length() - 1, 0) // 10, len(units) - 1)
    return f"{size / 2 ** (10 * power):.3g} {units[power]}"


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> np.ndarray:
    where = f"{info.filename!r} in {path}"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{where} is packed by method {info.compress_type}; save it with numpy.savez or numpy.savez_compressed.")
    packed = min(info.compress_size, path.stat().st_size)
    if info.file_size > _POSSIBLE * packed + _LONGEST:
        raise ValueError(f"{where} claims {told(info.file_size)} in {told(packed)}, which nothing packs into so little; make it anew.")
    if info.file_size > _LARGE and info.file_size > _HONEST * packed:
        raise ValueError(
            f"{where} unpacks from {told(packed)} to {told(info.file_size)}, as zip bombs do; if it is meant, save it with numpy.savez."
        )
    with archive.open(info) as content:
        found = _array(content, info.file_size, where)
        # at its end the archive's checksum is compared
        content.read(1)
        return found


def _array(content: _Bytes, length: int, where: str) -> np.ndarray:
    kind, shape, columns_first, begin = _header(content, where)
    count = prod(shape)
    if begin + count * kind.itemsize != length:
        raise ValueError(
            f"{where} is truncated, or no .npy file of its own header: shape {list(shape)} of {kind} takes {told(count * kind.itemsize)}, "
            f"and {told(max(length - begin, 0))} are there."
        )
    # itself, and in double precision
    fits(count * (kind.itemsize + (8 if kind != np.float64 else 0)), where)
    flat = np.empty(count, kind)
    target = memoryview(flat.view(np.uint8).data) if count else memoryview(b"")
    at = 0
    while at < len(target):
        piece = content.read(min(_CHUNK, len(target) - at))
        if not piece:
            raise ValueError(f"{where} is truncated, or no .npy file: {told(len(target) - at)} are missing.")
        target[at : at + len(piece)] = piece
        at += len(piece)
    return flat.reshape(shape, order="F" if columns_first else "C")


def _header(content: _Bytes, where: str) -> tuple[np.dtype[Any], tuple[int, ...], bool, int]:
    start = content.read(8)
    if len(start) < 8 or start[:6] != _MAGIC or start[6] not in (1, 2, 3):
        raise ValueError(f"{where} is truncated, or no .npy file of a version that is known.")
    wide = 2 if start[6] == 1 else 4
    size = int.from_bytes(content.read(wide), "little")
    if size > _LONGEST:
        raise ValueError(f"{where} claims a header of {told(size)}, far longer than that of an array of numbers.")
    try:
        with warnings.catch_warnings():
            # what is odd in a foreign file is no warning about this program
            warnings.simplefilter("ignore")
            about = ast.literal_eval(content.read(size).decode("utf-8" if start[6] == 3 else "latin1").strip())
        descr, shape, columns_first = about["descr"], about["shape"], about["fortran_order"]
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError):
        raise ValueError(f"{where} is truncated, or no .npy file: its header cannot be read.") from None
    if not isinstance(descr, str) or not _PLAIN.fullmatch(descr):
        raise ValueError(f"{where} holds {_named(descr)}; numbers are wanted, no objects, texts or records.")
    try:
        kind = np.dtype(descr)
    except TypeError:
        raise ValueError(f"{where} holds {descr}, which is no type of numbers here.") from None
    if not isinstance(shape, tuple) or len(shape) > 32 or any(type(n) is not int or not 0 <= n < 2**62 for n in shape):
        raise ValueError(f"{where} has the shape {_short(shape)}; at most 32 sizes from 0 on are wanted.")
    return kind, shape, bool(columns_first), 8 + wide + size


def _named(descr: object) -> str:
    return descr.lstrip("|") if isinstance(descr, str) and len(descr) <= 20 else _short(descr)


def _short(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:
        # a number of thousands of digits
        text = f"a {type(value).__name__} too long to print"
    return text if len(text) <= 60 else f"{text[:57]}..."
