"""Event data sets as spike tensors: recordings in steps of time and places of the sensor, and the file in which a study finds them."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

import rsnn
from synctopo.eventfiles import SOURCES, Recordings, fetch
from synctopo.headers import fits, read_npz
from synctopo.naming import unknown

_ARRAYS = ("packed", "shape", "labels", "held_out", "dt")


@dataclass(frozen=True)
class EventSpikes:
    """Spikes of recordings, a byte each, [sample, time, row, column]: the rows of one polarity, then those of the other.

    labels    [sample]: the class of each
    held_out  so many samples at the end are for tests alone
    dt        how long a step is, in ms
    merged    how many events came in one step from the place of another, and are one spike with it
    late      how many came after the last step, and are none
    """

    spikes: UInt8[np.ndarray, "sample time row column"]
    labels: Int[np.ndarray, " sample"]
    held_out: int
    dt: float
    merged: int = 0
    late: int = 0

    def input(self) -> UInt8[Tensor, "sample time unit"]:
        """What a network of `rsnn` takes."""
        return torch.from_numpy(self.spikes).flatten(2)

    def save(self, path: str | Path) -> None:
        """Write all but the counts to an .npz file, 8 places to a byte and compressed: `nmnist.npz`, `shd.npz` or `dvs_gesture.npz` in
        $SYNCTOPO_DATA is the data set that a study names so."""
        packed = np.packbits(self.spikes)
        temporary = Path(path).with_name(f".{Path(path).name}.{os.getpid()}.npz")
        try:
            np.savez_compressed(
                temporary, packed=packed, shape=self.spikes.shape, labels=self.labels, held_out=[self.held_out], dt=[self.dt]
            )
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | Path) -> "EventSpikes":
        """What `save` wrote. Raises ValueError for a file of anything else."""

        def chosen(names: Any) -> tuple[str, ...]:
            if not set(_ARRAYS) <= set(names):
                raise ValueError(f"{path} holds {', '.join(names)}, not {', '.join(_ARRAYS)}; synctopo.events.EventSpikes.save writes it.")
            return _ARRAYS

        found = read_npz(Path(path), chosen)
        shape = tuple(int(n) for n in found["shape"].ravel())
        count = math.prod(shape)
        if len(shape) != 4 or min(shape) < 1 or -(-count // 8) != found["packed"].size or len(found["labels"]) != shape[0]:
            raise ValueError(f"{path} contradicts itself: {list(shape)} spikes, {found['packed'].size} bytes; make it anew.")
        fits(count, str(path))
        spikes = np.unpackbits(found["packed"], count=count).reshape(shape)
        return cls(spikes, found["labels"].astype(np.int64), int(found["held_out"][0]), float(found["dt"][0]))


def load(
    name: str, folder: str | Path, *, steps: int, dt: float, down: int = 1, limit: int | None = None, download: bool = False
) -> EventSpikes:
    """N-MNIST ("nmnist"), Spiking Heidelberg Digits ("shd") or DVS-Gesture ("dvs_gesture") from its files in `folder`, as `binned` says.

    `limit` takes so many recordings evenly spread over those to learn from, and over those for tests. With `download`, tonic fetches
    what is not there.
    """
    if name not in SOURCES:
        raise unknown("event data set", name, SOURCES)
    if download:
        fetch(name, folder)
    train, test = SOURCES[name](folder)
    return binned(train, test, steps=steps, dt=dt, down=down, limit=limit)


def binned(
    train: Recordings, test: Recordings | None = None, *, steps: int, dt: float, down: int = 1, limit: int | None = None
) -> EventSpikes:
    """Recordings (those of `test` are held out) as spikes in `steps` of `dt` ms; `down` x `down` pixels of a polarity are one place.

    Recordings are any data set of tonic, or those of `synctopo.eventfiles`. Nothing is lost unsaid: the spikes, `merged` and `late` events
    add up to all that came. Raises ValueError for events outside the sensor.
    """
    if down < 1 or (limit is not None and limit < 1):
        raise ValueError(f"binned(down={down}, limit={limit}): both must be at least 1.")
    parts = [train] if test is None else [train, test]
    columns, rows, polarities = train.sensor_size
    if any(tuple(part.sensor_size) != tuple(train.sensor_size) for part in parts):
        raise ValueError(
            f"train has a sensor of {list(train.sensor_size)}, test one of {list(parts[1].sensor_size)}; they must be the same."
        )
    height, width = -(-rows // down), -(-columns // down)
    chosen = [(part, n) for part in parts for n in _spread(len(part), limit)]
    fits(len(chosen) * steps * polarities * height * width, f"a raster of {len(chosen)} recordings in {steps} steps")
    spikes = np.zeros((len(chosen), max(steps, 1), polarities * height, width), np.uint8)
    labels = np.zeros(len(chosen), np.int64)
    merged = late = 0
    for n, (part, index) in enumerate(chosen):
        events, label = part[index]
        x, y, p = (_coordinate(events, name, size, index) for name, size in zip("xyp", (columns, rows, polarities), strict=True))
        place = (p * height + y // down) * width + x // down
        time = torch.from_numpy(np.asarray(events["t"], np.float64) / 1000)
        found = rsnn.encode.events([(time, torch.from_numpy(place))], polarities * height * width, steps, dt=dt)
        spikes[n] = found.spikes.numpy().reshape(spikes.shape[1:])
        labels[n] = int(label)
        merged, late = merged + int(found.merged), late + int(found.late)
    return EventSpikes(spikes, labels, 0 if test is None else len(_spread(len(test), limit)), float(dt), merged, late)


def _spread(count: int, limit: int | None) -> list[int]:
    return list(range(count)) if limit is None or limit >= count else [n * count // limit for n in range(limit)]


def _coordinate(events: np.ndarray, name: str, size: int, index: int) -> np.ndarray:
    # a sensor of one row has events without a row, and one of one polarity may say 1 for it
    if size == 1 or name not in (events.dtype.names or ()):
        return np.zeros(len(events), np.int64)
    values = events[name].astype(np.int64)
    if len(values) and not 0 <= values.min() <= values.max() < size:
        raise ValueError(f"recording {index} has {name} from {values.min()} to {values.max()}; the sensor goes from 0 to {size - 1}.")
    return values
