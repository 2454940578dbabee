"""The course of a representation: how far it is from its end after each of some moments of its steps, and epochs of its training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rsnn.labels import named
from synctopo import catalog, reduction
from synctopo.catalog import FAMILIES, ModelSpec
from synctopo.families.learning import NoLearning
from synctopo.making import fitted, split_of, test_input
from synctopo.recorder import record
from synctopo.recording import Recording
from synctopo.resilience import against
from synctopo.spec import CourseSpec, DataSpec, RecordSpec
from synctopo.store import write_json


def along_steps(
    fit_key: str,
    spec: ModelSpec,
    of: DataSpec,
    seed: int,
    what: CourseSpec,
    kept: RecordSpec,
    about: Mapping[str, Any],
    root: Path,
    target: Path,
) -> None:
    """Hold the main site after some of a model's steps against what it is at the end; write a row for each moment.

    Of spiking networks what a point is grows: the spikes so far. A model of one step has one row, at its end.
    """
    split = split_of(of)
    model, _ = fitted(root, fit_key, spec, split, seed)
    x, labels = test_input(spec, of, split)[: what.samples], torch.from_numpy(split.test.labels[: what.samples])
    site = spec.main_site
    every = record(
        model, x, sites=(site, "readout"), reduce=reduction.steps, maps=catalog.MAPS[kept.maps], samples=split.test.samples[: what.samples]
    )
    steps = len(every.times)
    if FAMILIES[spec.family].reduction == "count":
        every = Recording({s: np.cumsum(a, 1) for s, a in every.signals.items()}, "count", every.times, every.samples, every.maps)
    rows = []
    for step in moments(steps, what.moments):
        scores = torch.from_numpy(every.cloud("readout", step))
        rows.append(
            {
                "kind": "course",
                **about,
                "along": "steps",
                "place": step + 1,
                "of": steps,
                "own": named(scores, labels).each if spec.learning.supervised else None,
                "measures": against(
                    _at(every, site, step), _at(every, site, steps - 1), site, what.measures, what.samples, what.null, of.seed
                ),
            }
        )
    write_json(target, rows)


def along_training(
    fits: Sequence[tuple[int, str, ModelSpec]],
    of: DataSpec,
    seed: int,
    what: CourseSpec,
    kept: RecordSpec,
    about: Mapping[str, Any],
    root: Path,
    target: Path,
) -> None:
    """Hold the main site of one model after some epochs, (epoch, its weights, its specification), against that of the last one; write a
    row for each epoch but the last.
    """
    split = split_of(of)
    rows: list[dict[str, Any]] = []
    last, key, spec = fits[-1]
    site = spec.main_site
    end = _whole(key, spec, of, seed, what, kept, root)
    labels = torch.from_numpy(split.test.labels[: what.samples])
    for epoch, fit_key, before in fits:
        now = end if fit_key == key else _whole(fit_key, before, of, seed, what, kept, root)
        rows.append(
            {
                "kind": "course",
                **about,
                "along": "training",
                "place": epoch,
                "of": last,
                "own": named(torch.from_numpy(now.cloud("readout")), labels).each if before.learning.supervised else None,
                "measures": against(now, end, site, what.measures, what.samples, what.null, of.seed),
            }
        )
    write_json(target, rows)


def moments(steps: int, count: int) -> list[int]:
    """So many of the steps 0, ..., steps - 1, evenly spread, the first and the last among them; all where there are fewer."""
    return sorted({round(k) for k in np.linspace(0, steps - 1, min(count, steps))})


def stages(spec: ModelSpec, epochs: Sequence[int]) -> list[tuple[int, ModelSpec]]:
    """(epoch, the model after so many epochs of its training) in order, the whole training last: each is a prefix of the next.

    Nothing for a model that does not learn by epochs, or for none of `epochs` before its last.
    """
    learning: Any = spec.learning
    last = getattr(learning, "epochs", 0)
    before = [e for e in sorted(epochs) if 0 <= e < last]
    if not before:
        return []
    less = {e: NoLearning() if e == 0 else learning.model_copy(update={"epochs": e}) for e in before}
    return [*((e, spec.model_copy(update={"learning": less[e]})) for e in before), (last, spec)]


def _at(every: Recording, site: str, step: int) -> Recording:
    return Recording({site: every.cloud(site, step)[:, None]}, every.reduction, (), every.samples, every.maps)


def _whole(key: str, spec: ModelSpec, of: DataSpec, seed: int, what: CourseSpec, kept: RecordSpec, root: Path) -> Recording:
    split = split_of(of)
    model, _ = fitted(root, key, spec, split, seed)
    x, samples = test_input(spec, of, split)[: what.samples], split.test.samples[: what.samples]
    reduce = catalog.reduction_named(catalog.USUAL, spec)
    return record(model, x, sites=(spec.main_site, "readout"), reduce=reduce, maps=catalog.MAPS[kept.maps], samples=samples)
