"""Recordings of event cameras and cochleas in the files they are published in: N-MNIST, Spiking Heidelberg Digits, DVS-Gesture.

A recording is a structured array of events with fields x, y, p and t (µs), as the data sets of tonic give them too.
"""

import csv
import struct
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from synctopo.headers import read_npy
from synctopo.naming import unknown

EVENT = np.dtype([("x", np.int32), ("y", np.int32), ("p", np.int8), ("t", np.int64)])
EXTRA = "pip install 'synctopo[neuromorphic]'"
_OVERFLOW, _TICKS = 240, 2**13  # a row that no pixel of N-MNIST has says that so many µs have gone by
_PACKET = struct.Struct("<hhiiiiii")  # AEDAT 3.1: type, source, size of an event, offset of times, overflows, capacity, number, valid
_POLARITY = 1


@runtime_checkable
class Recordings(Protocol):
    """Recordings with a label each: any data set of tonic, or one of this module's. `sensor_size`: columns, rows, polarities."""

    @property
    def sensor_size(self) -> tuple[int, int, int]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[Any, Any]: ...


@dataclass(frozen=True)
class Files:
    """Recordings that are read when they are asked for: from where, with which label, how."""

    sensor_size: tuple[int, int, int]
    places: tuple[Any, ...]
    labels: tuple[int, ...]
    read: Callable[[Any], np.ndarray]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int, /) -> tuple[np.ndarray, int]:
        return self.read(self.places[index]), self.labels[index]


def nmnist(folder: str | Path) -> tuple[Files, Files]:
    """N-MNIST (Orchard et al. 2015), to learn from and for tests: `Train/7/00016.bin`, ..., in `folder` or in `NMNIST` in it."""
    parts = []
    for name in ("Train", "Test"):
        files = sorted((_root(folder, "NMNIST", "Train") / name).glob("[0-9]/*.bin"))
        parts.append(Files((34, 34, 2), tuple(files), tuple(int(f.parent.name) for f in files), read_nmnist))
    return _both(parts, "N-MNIST", folder)


def shd(folder: str | Path) -> tuple[Files, Files]:
    """Spiking Heidelberg Digits (Cramer et al. 2020): `shd_train.h5` and `shd_test.h5`, in `folder` or in `SHD` in it. Wants h5py."""
    parts = []
    for name in ("shd_train.h5", "shd_test.h5"):
        path = _root(folder, "SHD", "shd_train.h5") / name
        labels = _hdf5(path, lambda file: np.asarray(file["labels"]))
        parts.append(Files((700, 1, 1), tuple((path, n) for n in range(len(labels))), tuple(labels.tolist()), _read_shd))
    return _both(parts, "SHD", folder)


def dvs_gesture(folder: str | Path) -> tuple[Files, Files]:
    """DVS-Gesture (Amir et al. 2017), classes from 0: the original AEDAT files, whose folder holds `trials_to_train.txt`, or, as tonic
    fetches them, a file for each gesture, `ibmGestureTrain/user01_led/0.npy`, in `folder` or in `DVSGesture` in it."""
    root = _root(folder, "DVSGesture", "ibmGestureTrain", "trials_to_train.txt")
    size, parts = (128, 128, 2), []
    if (root / "trials_to_train.txt").is_file():
        for name in ("trials_to_train.txt", "trials_to_test.txt"):
            cuts = [cut for line in (root / name).read_text().split() for cut in gestures(root / line)]
            parts.append(Files(size, tuple(cuts), tuple(c[3] for c in cuts), lambda cut: read_aedat(*cut[:3])))
    else:
        for name in ("ibmGestureTrain", "ibmGestureTest"):
            files = sorted((root / name).glob("user*/*.npy"))
            parts.append(Files(size, tuple(files), tuple(int(f.stem) for f in files), _read_gesture))
    return _both(parts, "DVS-Gesture", folder)


SOURCES: dict[str, Callable[[str | Path], tuple[Files, Files]]] = {"nmnist": nmnist, "shd": shd, "dvs_gesture": dvs_gesture}
"""Name -> what reads the files."""
_CLASSES = {"nmnist": "NMNIST", "shd": "SHD", "dvs_gesture": "DVSGesture"}


def fetch(name: str, folder: str | Path) -> None:
    """Have tonic (extra `neuromorphic`) fetch a data set into `folder`, where it is not there yet. Raises ValueError without tonic."""
    if name not in SOURCES:
        raise unknown("event data set", name, SOURCES)
    try:
        sets = import_module("tonic.datasets")
    except ImportError as error:
        raise ValueError(f"{name} is fetched by tonic, which cannot be imported ({error}); {EXTRA} installs it.") from None
    for train in (True, False):
        getattr(sets, _CLASSES[name])(str(folder), train=train)


def read_nmnist(path: Path) -> np.ndarray:
    """The events of a file of N-MNIST: 5 bytes each, column, row, polarity in the highest bit of the last 24, µs in the others."""
    raw = np.fromfile(path, np.uint8).astype(np.int64)
    if len(raw) % 5:
        raise ValueError(f"{path} has {len(raw)} bytes, no multiple of the 5 of an event; it is truncated or of another data set.")
    column, row, high, middle, low = raw.reshape(-1, 5).T
    overflow = row == _OVERFLOW
    time = ((high & 127) << 16 | middle << 8 | low) + _TICKS * np.cumsum(overflow)
    return _events(column, row, high >> 7, time)[~overflow]


def read_aedat(path: Path, begin: int = 0, end: int = 2**62) -> np.ndarray:
    """The polarity events of an AEDAT 3.1 file between two times (µs, both in), counted from `begin`."""
    content = path.read_bytes()
    if not content.startswith(b"#!AER-DAT3."):
        raise ValueError(f"{path} does not begin as an AEDAT 3 file does, with #!AER-DAT3.")
    at = content.find(b"#!END-HEADER\r\n") + len(b"#!END-HEADER\r\n")
    if at < len(b"#!END-HEADER\r\n"):
        raise ValueError(f"{path} is truncated: its header has no end.")
    parts = [np.zeros(0, EVENT)]
    while at < len(content):
        if at + _PACKET.size > len(content):
            raise ValueError(f"{path} is truncated in the header of a packet; fetch it again.")
        kind, _, size, _, overflows, _, number, _ = _PACKET.unpack_from(content, at)
        at += _PACKET.size
        if size < 1 or number < 0 or at + size * number > len(content):
            raise ValueError(f"{path} is truncated in a packet of {number} events; fetch it again.")
        if kind == _POLARITY and size == 8:
            data, ticks = np.frombuffer(content, np.dtype("<u4"), 2 * number, at).reshape(-1, 2).astype(np.int64).T
            found = _events(data >> 17, data >> 2 & 0x7FFF, data >> 1 & 1, ticks + (overflows << 31))
            # the lowest bit says whether an event counts
            parts.append(found[(data & 1 == 1) & (found["t"] >= begin) & (found["t"] <= end)])
        at += size * number
    events = np.concatenate(parts)
    events["t"] -= begin
    return events


def gestures(path: Path) -> list[tuple[Path, int, int, int]]:
    """The gestures of an AEDAT file by the table beside it, `..._labels.csv`: file, begin and end in µs, class from 0."""
    table = path.with_name(f"{path.stem}_labels.csv")
    try:
        with open(table, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [(path, int(r["startTime_usec"]), int(r["endTime_usec"]), int(r["class"]) - 1) for r in rows]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{table} is no table of class, startTime_usec and endTime_usec: {type(error).__name__}.") from None


def _read_gesture(path: Path) -> np.ndarray:
    table = read_npy(path)
    if table.ndim != 2 or table.shape[1] != 4:
        raise ValueError(f"{path} has shape {list(table.shape)}; events [event, 4] of x, y, polarity and time in ms are wanted.")
    column, row, polarity, time = table.astype(np.int64).T
    return _events(column, row, polarity, 1000 * time)


def _read_shd(place: tuple[Path, int]) -> np.ndarray:
    path, n = place
    time, unit = _hdf5(path, lambda file: (np.asarray(file["spikes/times"][n], np.float64), np.asarray(file["spikes/units"][n])))
    return _events(unit, 0, 0, np.rint(1e6 * time))


def _hdf5(path: Path, read: Callable[[Any], Any]) -> Any:
    try:
        h5py = import_module("h5py")
    except ImportError as error:
        raise ValueError(f"{path.name} is read by h5py, which cannot be imported ({error}); {EXTRA} installs it.") from None
    try:
        with h5py.File(path, "r") as file:
            return read(file)
    except (OSError, KeyError) as error:
        raise ValueError(f"{path} is missing, truncated or no file of SHD; fetch it again ({type(error).__name__}).") from None


def _events(x: Any, y: Any, p: Any, t: Any) -> np.ndarray:
    found = np.empty(len(t), EVENT)
    for name, values in (("x", x), ("y", y), ("p", p), ("t", t)):
        found[name] = values
    return found


def _root(folder: str | Path, inner: str, *marks: str) -> Path:
    root = Path(folder)
    return root if any((root / mark).exists() for mark in marks) or not (root / inner).is_dir() else root / inner


def _both(parts: list[Files], name: str, folder: str | Path) -> tuple[Files, Files]:
    train, test = parts
    if not len(train) or not len(test):
        raise ValueError(f"{folder} does not hold {name}, files to learn from and for tests; download=True has tonic fetch them.")
    return train, test
