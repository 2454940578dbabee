"""The recorder: runs a model on samples, batch by batch, and keeps what its sites did, in memory or in a file."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from synctopo import maps as maps_
from synctopo import reduction
from synctopo.maps import Maps
from synctopo.models import Hooked, Model
from synctopo.naming import unknown
from synctopo.precision import narrowed
from synctopo.recording import Recording, describe, new_file
from synctopo.reduction import Reduction


@torch.no_grad()
def record(
    model: Model | nn.Module,
    x: Tensor,
    *,
    sites: Sequence[str] | Mapping[str, str] | None = None,
    reduce: Reduction = reduction.steps,
    maps: Maps = maps_.flatten,
    every: int = 1,
    dtype: torch.dtype | None = None,
    batch: int = 512,
    samples: np.ndarray | None = None,
    file: str | Path | None = None,
) -> Recording:
    """Run `model` on `x` [sample, ...] and keep its `sites` (all by default), reduced over time by `reduce`.

    maps     what the points of states [sample, channel, *position] are: synctopo.maps.flatten, pool or positions
    every    with `reduction.steps`: keep the steps every-1, 2*every-1, ... only
    dtype    the type to keep, such as torch.float16, or torch.uint8 for counts; by default the model's own
    batch    samples per run; the result does not depend on it
    samples  [sample] identities, by default 0, 1, 2, ...; recordings are compared only where these are equal
    file     write there while the model runs, and return the mapped file: for recordings larger than memory

    A torch module without `states` is recorded as `Hooked(module, sites)`. Modules are in evaluation mode meanwhile.
    Raises ValueError for an unknown site, for no samples, for states that are not finite, and for numbers that do not fit `dtype`; what a
    narrower type rounds away is said by `Recording.rounded`.
    """
    _check(x, reduce, maps, every, batch)
    ids = np.arange(len(x)) if samples is None else np.asarray(samples)
    if len(ids) != len(x):
        raise ValueError(f"`samples` names {len(ids)} samples, but x holds {len(x)}.")
    if isinstance(model, Model):
        source = model
    else:
        # what is hooked is kept: of a submodule that returns a tuple, each tensor
        source, sites = _hooked(model, sites), None
    with _evaluation(source):
        batches = (_run(source, chunk, sites, reduce, maps, every, dtype) for chunk in x.split(batch))
        first = next(batches)
        points = maps.samples(ids, first.space)
        times = tuple(range(every - 1, first.steps, every)) if reduce.keeps_time else ()
        about = Recording({}, reduce.name, times, points, maps.name, fingerprint(x), samples is not None)
        every_batch = _alike(first, chain([first], batches))
        return _kept(first, every_batch, about) if file is None else _filed(first, every_batch, about, Path(file))


def fingerprint(x: Tensor) -> str:
    """20 hexadecimal digits that tell inputs apart: of the SHA-256 of their type, shape and bytes."""
    sha = hashlib.sha256(f"{x.dtype} {list(x.shape)}".encode())
    for chunk in x.detach().split(4096):
        sha.update(chunk.contiguous().cpu().reshape(-1).view(torch.uint8).numpy().data)
    return sha.hexdigest()[:20]


@dataclass(frozen=True)
class _Batch:
    """What was kept of some samples: site -> [point, time, ...], steps taken, the shape of space where positions are points."""

    signals: Mapping[str, np.ndarray]
    rounded: Mapping[str, float]
    steps: int
    space: tuple[int, ...]


def _run(
    model: Model,
    x: Tensor,
    sites: Sequence[str] | Mapping[str, str] | None,
    reduce: Reduction,
    maps: Maps,
    every: int,
    dtype: torch.dtype | None,
) -> _Batch:
    kept: dict[str, Tensor | list[Tensor] | None] = {}
    spaces: dict[str, tuple[int, ...]] = {}
    step = -1
    for step, state in enumerate(model.states(x)):
        if step == 0:
            wanted = list(state) if sites is None else list(sites)
            for site in wanted:
                if site not in state:
                    raise unknown("site", site, state, "in this model")
            kept = dict.fromkeys(wanted)
            spaces = {site: tuple(state[site].shape[2:]) for site in wanted}
        if reduce.keeps_time and (step + 1) % every:
            continue
        for site in kept:
            kept[site] = reduce.fold(kept[site], maps.points(state[site]), step)
    if step < 0:
        raise ValueError("the model yielded no state; a model yields at least one.")
    if any(value is None for value in kept.values()):
        raise ValueError(f"nothing was kept of {step + 1} steps; `every` or the window must lie within them.")
    if maps is maps_.positions and len(set(spaces.values())) > 1:
        said = ", ".join(f"{site} {list(space)}" for site, space in spaces.items())
        raise ValueError(f"positions are samples only where all sites have the same; they have {said}: record them one by one.")
    narrow = {site: narrowed(reduce.finish(value, step + 1), dtype, site) for site, value in kept.items()}
    signals = {site: signal.cpu().numpy() for site, (signal, _) in narrow.items()}
    return _Batch(signals, {site: lost for site, (_, lost) in narrow.items() if lost}, step + 1, next(iter(spaces.values())))


def _alike(first: _Batch, batches: Iterator[_Batch]) -> Iterator[_Batch]:
    for batch in batches:
        if batch.steps != first.steps:
            raise ValueError(
                f"the model took {first.steps} steps for some samples and {batch.steps} for others; a recording needs as many."
            )
        yield batch


def _kept(first: _Batch, batches: Iterator[_Batch], about: Recording) -> Recording:
    signals = {site: np.empty((len(about.samples), *rows.shape[1:]), rows.dtype) for site, rows in first.signals.items()}
    at = 0
    rounded: dict[str, float] = {}
    for batch in batches:
        for site, rows in batch.signals.items():
            signals[site][at : at + len(rows)] = rows
        at += len(rows)
        rounded = _worst(rounded, batch.rounded)
    return replace(about, signals=signals, rounded=rounded)


def _filed(first: _Batch, batches: Iterator[_Batch], about: Recording, path: Path) -> Recording:
    kinds = {site: ((len(about.samples), *rows.shape[1:]), rows.dtype) for site, rows in first.signals.items()}
    rounded: dict[str, float] = {}
    with new_file(path, kinds, about.samples, len(about.times)) as file:
        for batch in batches:
            for site, rows in batch.signals.items():
                file.append(site, rows)
            rounded = _worst(rounded, batch.rounded)
        describe(file, list(kinds), replace(about, rounded=rounded))
    return Recording.load(path)


def _worst(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {site: max(one.get(site, 0.0), other.get(site, 0.0)) for site in {**one, **other}}


def _check(x: Tensor, reduce: Reduction, maps: Maps, every: int, batch: int) -> None:
    if every < 1 or batch < 1:
        raise ValueError(f"`every` and `batch` are whole numbers from 1 on; got every={every}, batch={batch}.")
    if not isinstance(x, Tensor):
        raise ValueError(f"`x` is a tensor [sample, ...]; got {type(x).__name__}, of which torch.as_tensor(x) makes one.")
    if not isinstance(reduce, Reduction):
        raise ValueError(f"`reduce` is one of synctopo.reduction, such as reduction.count; got {reduce!r}.")
    if not isinstance(maps, Maps):
        raise ValueError(f"`maps` is one of synctopo.maps, such as maps.pool; got {maps!r}.")
    if every > 1 and not reduce.keeps_time:
        raise ValueError(f"`every` chooses among the steps that are kept, and {reduce.name} keeps none; leave it out.")
    if len(x) == 0:
        raise ValueError("there is no sample to record; x has length 0.")


def _hooked(module: nn.Module, sites: Sequence[str] | Mapping[str, str] | None) -> Model:
    if not isinstance(module, nn.Module):
        raise ValueError(f"record needs a model with `states(x)`, or a torch module and its sites; got {type(module).__name__}.")
    if not sites:
        raise ValueError(f"{type(module).__name__} has no `states`; name the submodules to record: sites=[...].")
    return Hooked(module, sites)


@contextmanager
def _evaluation(model: object) -> Iterator[None]:
    # batch normalisation and dropout would make samples see each other
    held = vars(model).values() if hasattr(model, "__dict__") else ()
    roots = [model] if isinstance(model, nn.Module) else [m for m in held if isinstance(m, nn.Module)]
    modes = [(module, module.training) for root in roots for module in root.modules()]
    try:
        for module, _ in modes:
            module.training = False
        yield
    finally:
        for module, mode in modes:
            module.training = mode
