"""Recordings: what a model's sites did for a set of samples, kept with everything needed to compare it honestly."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from synctopo.headers import fits
from synctopo.mapped import TensorFile, map_tensors
from synctopo.naming import unknown

FORMAT = 2


@dataclass(frozen=True, eq=False, repr=False)
class Recording:
    """Signals of named sites for the same samples.

    signals    site -> array [sample, time, ...]
    reduction  the name of the reduction over time that made them
    times      the steps that the time axis stands for; empty where all of time was reduced to one value
    samples    [sample] the identity of each sample, or [point, 3] (sample, row, column) where positions are samples: two recordings are
               comparable if theirs are equal
    maps       what was made of convolutional maps: flatten, pool or positions
    inputs     a fingerprint of what the model was shown; "" where it is not known
    named      whether the identities were given; else they are 0, 1, 2, ... by order
    rounded    site -> the largest absolute error that the choice of a narrower type made; sites without one are exact
    """

    signals: Mapping[str, np.ndarray]
    reduction: str
    times: tuple[int, ...]
    samples: np.ndarray
    maps: str = "flatten"
    inputs: str = ""
    named: bool = True
    rounded: Mapping[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        held = ", ".join(f"{site} {list(signal.shape[2:])}" for site, signal in self.signals.items())
        steps = f"{len(self.times)} steps" if self.times else self.reduction
        maps = "" if self.maps == "flatten" else f", maps by {self.maps}"
        lost = f"; rounded by up to {max(self.rounded.values()):.2g}" if self.rounded else ""
        return f"Recording({len(self.samples)} samples, {steps}{maps}: {held}{lost})"

    @property
    def sites(self) -> tuple[str, ...]:
        """The names of the sites, in the model's order."""
        return tuple(self.signals)

    def cloud(self, site: str, time: int | None = None) -> Shaped[np.ndarray, "sample feature"]:
        """The point cloud [sample, feature] of a site, after step `time` where the recording keeps several steps.

        Raises ValueError for an unknown site or step.
        """
        if site not in self.signals:
            raise unknown("site", site, self.sites, "in this recording")
        signal = self.signals[site]
        if not self.times:
            if time is not None:
                raise ValueError(f"this recording holds no steps (its reduction is {self.reduction}); leave `time` out.")
            return _in_memory(signal[:, 0])
        if time is None and len(self.times) == 1:
            time = self.times[0]
        if time not in self.times:
            held = f"{self.times[0]} ... {self.times[-1]}" if len(self.times) > 6 else ", ".join(map(str, self.times))
            missing = "name one with `time`" if time is None else f"step {time} is not among them"
            raise ValueError(f"this recording holds the steps {held}; {missing}.")
        return _in_memory(signal[:, self.times.index(time)])

    def renamed(self, names: Mapping[str, str]) -> "Recording":
        """The same recording with only the sites in `names`, under their new names."""
        missing = [s for s in names if s not in self.signals]
        if missing:
            raise unknown("site", missing[0], self.sites, "in this recording")
        lost = {new: self.rounded[old] for old, new in names.items() if old in self.rounded}
        return replace(self, signals={new: self.signals[old] for old, new in names.items()}, rounded=lost)

    def parts(self, site: str, members: Mapping[str, np.ndarray]) -> "Recording":
        """A recording of groups of the features of one site: name -> indices, as a partition of its neurons gives them."""
        if site not in self.signals:
            raise unknown("site", site, self.sites, "in this recording")
        signal = self.signals[site]
        lost = dict.fromkeys(members, self.rounded[site]) if site in self.rounded else {}
        return replace(self, signals={name: signal[:, :, index] for name, index in members.items()}, rounded=lost)

    def save(self, path: str | Path) -> None:
        """Write to one safetensors file, atomically."""
        kinds = {site: (signal.shape, signal.dtype) for site, signal in self.signals.items()}
        with new_file(Path(path), kinds, self.samples, len(self.times)) as file:
            for site, signal in self.signals.items():
                file.append(site, signal)
            describe(file, self.sites, self)

    @staticmethod
    def load(path: str | Path) -> "Recording":
        """What `save` wrote, or `record` with a file: mapped, not read, so that opening costs no memory whatever its size.

        Raises ValueError for a truncated file or one that is no recording.
        """
        arrays, metadata = map_tensors(Path(path))
        if "recording" not in metadata:
            raise ValueError(f"{path} is no recording; write one with Recording.save.")
        try:
            about = json.loads(metadata["recording"])
            if about["format"] != FORMAT:
                raise ValueError(f"{path} has the recording format {about['format']!r}; this version reads format {FORMAT}.")
            mistyped = [name for name, kind in _TYPES.items() if not isinstance(about[name], kind)]
            if mistyped or not all(isinstance(lost, int | float) and 0 <= lost < 1e300 for lost in about["rounded"].values()):
                raise TypeError(f"its {', '.join(mistyped or ['rounded'])} cannot be what was written")
            samples = np.array(arrays["samples"]) if about["samples"] is None else _texts(about["samples"], path)
            signals = {site: arrays[site] for site in about["sites"]}
            kept = {name: about[name] for name in ("reduction", "maps", "inputs", "named", "rounded")}
            times = tuple(about["times"])
            wrong = _wrong(signals, times, samples, kept["rounded"])
        except (json.JSONDecodeError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"{path} is no whole recording ({type(error).__name__}: {error}); delete it and make it anew.") from error
        if wrong:
            raise ValueError(f"{path} is no whole recording ({wrong}); delete it and make it anew.")
        return Recording(signals, times=times, samples=samples, **kept)


# Of the description in a file.
_TYPES: dict[str, type] = {"sites": list, "times": list, "reduction": str, "maps": str, "inputs": str, "named": bool, "rounded": dict}


def _texts(samples: Any, path: str | Path) -> np.ndarray:
    if not isinstance(samples, list) or not all(isinstance(text, str) for text in samples):
        raise TypeError("the identities of its samples are no texts")
    # each takes as much as the longest
    fits(4 * len(samples) * max(map(len, samples), default=0), str(path))
    return np.array(samples, dtype=np.str_)


def _wrong(signals: Mapping[str, np.ndarray], times: tuple[Any, ...], samples: np.ndarray, rounded: Mapping[str, float]) -> str:
    """What of a recording in a file does not go together; "" where everything does."""
    if not set(rounded) <= set(signals):
        return "errors of rounding are named for sites that it lacks"
    if not all(type(time) is int and time >= 0 for time in times) or len(set(times)) < len(times):
        return "its steps are no different whole numbers"
    if samples.dtype.kind not in "iufbU" or samples.ndim not in (1, 2):
        return f"the identities of its samples are {samples.dtype} {list(samples.shape)}"
    for site, signal in signals.items():
        if signal.ndim < 2 or signal.shape[:2] != (len(samples), len(times) or 1):
            return f"{site!r} has the shape {list(signal.shape)} with {len(samples)} samples and {len(times)} steps"
    return ""


def new_file(path: Path, kinds: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]], samples: np.ndarray, steps: int) -> TensorFile:
    """The file of a recording with signals of these shapes and types, to be filled by `append` and closed by `describe`."""
    if "samples" in kinds:
        raise ValueError("in a file no site can be called 'samples', which are the samples' identities; name the site otherwise.")
    texts = samples.dtype.kind == "U"
    # what `describe` will say is not known yet: at most so long, in JSON within JSON
    room = (
        1024 + sum(4 * len(json.dumps(site)) + 64 for site in kinds) + 24 * steps + (2 * len(json.dumps(samples.tolist())) if texts else 0)
    )
    return TensorFile(path, dict(kinds) if texts else {**kinds, "samples": (samples.shape, samples.dtype)}, room=room)


def describe(file: TensorFile, sites: Sequence[str], recording: Recording) -> None:
    """Put everything but the signals of its sites into the file of a recording."""
    about: dict[str, Any] = {"format": FORMAT, "sites": list(sites), "times": list(recording.times), "samples": None}
    about |= {name: getattr(recording, name) for name in ("reduction", "maps", "inputs", "named")} | {"rounded": dict(recording.rounded)}
    if recording.samples.dtype.kind == "U":
        about["samples"] = recording.samples.tolist()
    else:
        file.append("samples", recording.samples)
    file.texts = {"recording": json.dumps(about, sort_keys=True)}


def joined(recordings: Sequence[Recording]) -> Recording:
    """One recording with the sites of all, which must share samples, times, reduction, maps and input."""
    first = recordings[0]
    signals: dict[str, np.ndarray] = {}
    rounded: dict[str, float] = {}
    for other in recordings:
        alike = ("reduction", "times", "maps", "inputs")
        if any(getattr(other, a) != getattr(first, a) for a in alike) or not np.array_equal(other.samples, first.samples):
            raise ValueError("recordings can be joined only where samples, times and reduction agree; record them with the same arguments.")
        again = [s for s in other.signals if s in signals]
        if again:
            raise ValueError(f"two recordings to be joined both have the site {again[0]!r}; rename one of them first.")
        signals.update(other.signals)
        rounded.update(other.rounded)
    return replace(first, signals=signals, rounded=rounded)


def _in_memory(signal: np.ndarray) -> np.ndarray:
    cloud = signal.reshape(len(signal), -1)
    # of a mapped file; torch warns of arrays that must not be written
    return cloud if cloud.flags.writeable else np.array(cloud)
