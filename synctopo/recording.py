"""Recordings: what a model's sites did for a set of samples, kept with everything needed to compare it honestly."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from synctopo import reduction
from synctopo.models import Hooked, Model
from synctopo.naming import unknown
from synctopo.reduction import Reduction
from synctopo.store import read_tensors, write_tensors

FORMAT = 1


@dataclass(frozen=True, eq=False, repr=False)
class Recording:
    """Signals of named sites for the same samples.

    signals    site -> array [sample, time, ...]
    reduction  the name of the reduction over time that made them
    times      the steps that the time axis stands for; empty where all of time was reduced to one value
    samples    [sample] the identity of each sample: two recordings are comparable if theirs are equal
    """

    signals: Mapping[str, np.ndarray]
    reduction: str
    times: tuple[int, ...]
    samples: np.ndarray

    def __repr__(self) -> str:
        held = ", ".join(f"{site} {list(signal.shape[2:])}" for site, signal in self.signals.items())
        steps = f"{len(self.times)} steps" if self.times else self.reduction
        return f"Recording({len(self.samples)} samples, {steps}: {held})"

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
            return signal[:, 0].reshape(len(signal), -1)
        if time is None and len(self.times) == 1:
            time = self.times[0]
        if time not in self.times:
            held = f"{self.times[0]} ... {self.times[-1]}" if len(self.times) > 6 else ", ".join(map(str, self.times))
            missing = "name one with `time`" if time is None else f"step {time} is not among them"
            raise ValueError(f"this recording holds the steps {held}; {missing}.")
        return signal[:, self.times.index(time)].reshape(len(signal), -1)

    def renamed(self, names: Mapping[str, str]) -> "Recording":
        """The same recording with only the sites in `names`, under their new names."""
        missing = [s for s in names if s not in self.signals]
        if missing:
            raise unknown("site", missing[0], self.sites, "in this recording")
        return Recording({new: self.signals[old] for old, new in names.items()}, self.reduction, self.times, self.samples)

    def parts(self, site: str, members: Mapping[str, np.ndarray]) -> "Recording":
        """A recording of groups of the features of one site: name -> indices, as a partition of its neurons gives them."""
        if site not in self.signals:
            raise unknown("site", site, self.sites, "in this recording")
        signal = self.signals[site]
        return Recording({name: signal[:, :, index] for name, index in members.items()}, self.reduction, self.times, self.samples)

    def save(self, path: str | Path) -> None:
        """Write to one safetensors file, atomically."""
        about = {"format": FORMAT, "reduction": self.reduction, "times": list(self.times), "sites": list(self.signals)}
        write_tensors(Path(path), {**self.signals, "samples": self.samples}, {"recording": json.dumps(about, sort_keys=True)})

    @staticmethod
    def load(path: str | Path) -> "Recording":
        """Read what `save` wrote. Raises ValueError for a truncated file or one that is no recording."""
        arrays, metadata = read_tensors(Path(path))
        if "recording" not in metadata or "samples" not in arrays:
            raise ValueError(f"{path} is no recording; write one with Recording.save.")
        try:
            about = json.loads(metadata["recording"])
            samples = arrays.pop("samples")
            found = Recording({site: arrays[site] for site in about["sites"]}, about["reduction"], tuple(about["times"]), samples)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is no whole recording ({type(error).__name__}: {error}); delete it and make it anew.") from error
        if about["format"] != FORMAT:
            raise ValueError(f"{path} has the recording format {about['format']}; this version reads format {FORMAT}.")
        return found


def joined(recordings: Sequence[Recording]) -> Recording:
    """One recording with the sites of all, which must share samples, times and reduction."""
    first = recordings[0]
    signals: dict[str, np.ndarray] = {}
    for other in recordings:
        if other.reduction != first.reduction or other.times != first.times or not np.array_equal(other.samples, first.samples):
            raise ValueError("recordings can be joined only where samples, times and reduction agree; record them with the same arguments.")
        again = [s for s in other.signals if s in signals]
        if again:
            raise ValueError(f"two recordings to be joined both have the site {again[0]!r}; rename one of them first.")
        signals.update(other.signals)
    return Recording(signals, first.reduction, first.times, first.samples)


@torch.no_grad()
def record(
    model: Model | nn.Module,
    x: Tensor,
    *,
    sites: Sequence[str] | Mapping[str, str] | None = None,
    reduce: Reduction = reduction.steps,
    every: int = 1,
    batch: int = 512,
    samples: np.ndarray | None = None,
) -> Recording:
    """Run `model` on `x` [sample, ...] and keep its `sites` (all by default), reduced over time by `reduce`.

    every    with `reduction.steps`: keep the steps every-1, 2*every-1, ... only
    batch    samples per run; the result does not depend on it
    samples  [sample] identities, by default 0, 1, 2, ...; recordings are compared only where these are equal

    A torch module without `states` is recorded as `Hooked(module, sites)`. Modules are in evaluation mode meanwhile.
    Raises ValueError for an unknown site, for no samples, or for states that are not finite.
    """
    if every < 1 or batch < 1:
        raise ValueError(f"`every` and `batch` are whole numbers from 1 on; got every={every}, batch={batch}.")
    if not isinstance(x, Tensor):
        raise ValueError(f"`x` is a tensor [sample, ...]; got {type(x).__name__}, of which torch.as_tensor(x) makes one.")
    if not isinstance(reduce, Reduction):
        raise ValueError(f"`reduce` is one of synctopo.reduction, such as reduction.count; got {reduce!r}.")
    if len(x) == 0:
        raise ValueError("there is no sample to record; x has length 0.")
    ids = np.arange(len(x)) if samples is None else np.asarray(samples)
    if len(ids) != len(x):
        raise ValueError(f"`samples` names {len(ids)} samples, but x holds {len(x)}.")
    if isinstance(model, Model):
        source = model
    else:
        # what is hooked is kept: of a submodule that returns a tuple, each tensor
        source, sites = _hooked(model, sites), None
    parts: list[dict[str, Tensor]] = []
    total = 0
    with _evaluation(source):
        for chunk in x.split(batch):
            kept, total = _run(source, chunk, sites, reduce, every)
            parts.append(kept)
    signals: dict[str, np.ndarray] = {}
    for site in parts[0]:
        signal = torch.cat([p[site] for p in parts]).cpu()
        if signal.is_floating_point() and not bool(signal.isfinite().all()):
            raise ValueError(f"the site {site!r} holds NaN or infinity; look at the model's weights and input.")
        signals[site] = signal.numpy()
    times = tuple(range(every - 1, total, every)) if reduce.keeps_time else ()
    return Recording(signals, reduce.name, times, ids)


def _run(
    model: Model, x: Tensor, sites: Sequence[str] | Mapping[str, str] | None, reduce: Reduction, every: int
) -> tuple[dict[str, Tensor], int]:
    kept: dict[str, Tensor | None] = {}
    step = -1
    for step, state in enumerate(model.states(x)):
        if step == 0:
            wanted = list(state) if sites is None else list(sites)
            for site in wanted:
                if site not in state:
                    raise unknown("site", site, state, "in this model")
            kept = dict.fromkeys(wanted)
        if reduce.keeps_time and (step + 1) % every:
            continue
        for site in kept:
            kept[site] = reduce.fold(kept[site], state[site], step)
    if step < 0:
        raise ValueError("the model yielded no state; a model yields at least one.")
    empty = [site for site, value in kept.items() if value is None]
    if empty:
        raise ValueError(f"nothing was kept of {step + 1} steps; `every` or the window must lie within them.")
    return {site: reduce.finish(value, step + 1) for site, value in kept.items() if value is not None}, step + 1


def _hooked(module: nn.Module, sites: Sequence[str] | Mapping[str, str] | None) -> Model:
    if not isinstance(module, nn.Module):
        raise ValueError(f"record needs a model with `states(x)`, or a torch module and its sites; got {type(module).__name__}.")
    if not sites:
        raise ValueError(f"{type(module).__name__} has no `states`; name the submodules to record: sites=[...].")
    return Hooked(module, sites)


@contextmanager
def _evaluation(model: object) -> Iterator[None]:
    # batch normalisation and dropout would make samples see each other
    roots = [model] if isinstance(model, nn.Module) else [m for m in vars(model).values() if isinstance(m, nn.Module)]
    modes = [(module, module.training) for root in roots for module in root.modules()]
    try:
        for module, _ in modes:
            module.training = False
        yield
    finally:
        for module, mode in modes:
            module.training = mode
