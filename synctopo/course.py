"""The course of a representation: how far it is from its end after each of some moments of its steps, and epochs of its training."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from synctopo import reduction
from synctopo.catalog import FAMILIES, ModelSpec
from synctopo.families.learning import NoLearning
from synctopo.making import split_of
from synctopo.recording import Recording
from synctopo.resilience import Subject, against
from synctopo.spec import CourseSpec
from synctopo.store import write_json


def along_steps(subject: Subject, what: CourseSpec, root: Path, target: Path) -> None:
    """Hold the main site after some of a model's steps against what it is at the end; write a row for each moment.

    Of spiking networks what a point is grows: the spikes so far. A model of one step has one row, at its end.
    """
    test, site, seed = split_of(subject.of).test, subject.spec.main_site, subject.of.seed
    every = subject.seen(subject.model(root), test.images, test.samples[: what.samples], seed, reduction.steps)
    if FAMILIES[subject.spec.family].reduction == "count":
        every = replace(every, signals={s: np.cumsum(a, 1) for s, a in every.signals.items()})
    steps = len(every.times)
    end = _at(every, site, steps - 1)
    rows = [
        {
            "kind": "course",
            **subject.about,
            "along": "steps",
            "place": step + 1,
            "of": steps,
            "own": subject.own(every.cloud("readout", step), test.labels[: what.samples]),
            "measures": against(_at(every, site, step), end, site, what, seed),
        }
        for step in moments(steps, what.moments)
    ]
    write_json(target, rows)


def along_training(subjects: Sequence[tuple[int, Subject]], what: CourseSpec, root: Path, target: Path) -> None:
    """Hold the main site of one model after each of some epochs, (epoch, the model then), the last of all at the end, against what it is at
    the end; write a row for each.
    """
    last, final = subjects[-1]
    test, site, seed = split_of(final.of).test, final.spec.main_site, final.of.seed
    seen = [(epoch, then, then.seen(then.model(root), test.images, test.samples[: what.samples], seed)) for epoch, then in subjects]
    rows = [
        {
            "kind": "course",
            **final.about,
            "along": "training",
            "place": epoch,
            "of": last,
            "own": then.own(now.cloud("readout"), test.labels[: what.samples]),
            "measures": against(now, seen[-1][2], site, what, seed),
        }
        for epoch, then, now in seen
    ]
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
    return replace(every, signals={site: every.cloud(site, step)[:, None]}, times=())
