"""Resilience: what every model of a study, of whatever family, still tells apart on spoilt images, and how far its representation moves.

Whether a measure of that move foresees what is lost is a question of `synctopo.statistics.foresight`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import rsnn
from rsnn.labels import named
from synctopo import catalog
from synctopo.catalog import FAMILIES, ModelSpec
from synctopo.comparison import Asked, rows_of_pair
from synctopo.families.judging import CORRUPTIONS, ways
from synctopo.learning.training import stream
from synctopo.making import fitted, split_of
from synctopo.measures import measure_from
from synctopo.recorder import record
from synctopo.recording import Recording
from synctopo.reduction import Reduction
from synctopo.spec import CourseSpec, DataSpec, ResistSpec
from synctopo.store import write_json

KEPT = ("value", "closer", "identical", "chance_mean", "chance_sd", "p", "calibrated", "status", "reason")
"""What of a comparison stands in a row."""


@dataclass(frozen=True)
class Subject:
    """A trained model of which more is asked: the key of its weights, how it was made, what points its maps are, what rows say of it."""

    fit: str
    spec: ModelSpec
    of: DataSpec
    seed: int
    maps: str
    about: Mapping[str, Any]

    def model(self, root: Path) -> nn.Module:
        """The model, with the weights that lie in the study's folder."""
        return fitted(root, self.fit, self.spec, split_of(self.of), self.seed)[0]

    def seen(self, model: nn.Module, images: np.ndarray, samples: np.ndarray, seed: int, reduce: Reduction | None = None) -> Recording:
        """What main site and read-out did for so many samples of these images (encoded from `seed`), by the family's usual reduction."""
        # all images are encoded, whose spikes are drawn in their order
        x = FAMILIES[self.spec.family].inputs(self.spec, images, stream(seed, "encoding"))[: len(samples)]
        reduce = catalog.reduction_named(catalog.USUAL, self.spec) if reduce is None else reduce
        return record(model, x, sites=(self.spec.main_site, "readout"), reduce=reduce, maps=catalog.MAPS[self.maps], samples=samples)

    def own(self, scores: np.ndarray, labels: np.ndarray) -> float | None:
        """The share that its read-out gets right; None where it was not trained."""
        return named(torch.from_numpy(scores), torch.from_numpy(labels)).each if self.spec.learning.supervised else None


def resist(subject: Subject, what: ResistSpec, root: Path, target: Path) -> None:
    """Judge one model on clean test images and on spoilt ones; write a row for each corruption and amount.

    own       share right of its own read-out, where that was trained
    readout   share right of logistic regression on the main site, fitted to clean samples to learn from: one read-out for all families
    measures  for each measure, the clean representation against the spoilt one: its value, that by chance, and its place between both
    """
    train, test = split_of(subject.of).train, split_of(subject.of).test
    model, site, seed = subject.model(root), subject.spec.main_site, subject.of.seed
    few = slice(what.learned)
    learned = subject.seen(model, train.images[few], train.samples[few], subject.seed)
    readout = rsnn.fit_readout(torch.from_numpy(learned.cloud(site)), torch.from_numpy(train.labels[few]))
    clean = subject.seen(model, test.images, test.samples, seed)
    rows = []
    for name, amount in ways(what.corruptions):
        shown = clean if name == "clean" else subject.seen(model, spoilt(test.images, name, amount, seed), test.samples, seed)
        rows.append(
            {
                "kind": "spoilt",
                **subject.about,
                "corruption": name,
                "amount": amount,
                "samples": len(test.labels),
                "own": subject.own(shown.cloud("readout"), test.labels),
                "readout": readout.accuracy(torch.from_numpy(shown.cloud(site)), torch.from_numpy(test.labels)),
                "measures": {} if shown is clean else against(clean, shown, site, what, seed),
            }
        )
    write_json(target, rows)


def spoilt(images: np.ndarray, name: str, amount: float, seed: int) -> np.ndarray:
    """Images [sample, row, column], or scenes with masks behind, spoilt alike for every model that a study compares."""
    given = torch.from_numpy(images)
    plane = given[:, None] if given.ndim == 3 else given[:, :1]
    # what every family can take: spike rates have no sign
    shown = CORRUPTIONS[name](plane, amount, generator=stream(seed, "order")).clamp(0, 1)
    whole: Tensor = shown[:, 0] if given.ndim == 3 else torch.cat((shown, given[:, 1:]), 1)
    return whole.numpy()


def against(first: Recording, second: Recording, site: str, what: ResistSpec | CourseSpec, seed: int) -> dict[str, dict[str, Any]]:
    """measure -> its value between the first samples of both, against random matchings, as many as `what` says."""
    few = slice(what.samples)
    one, two = (Recording({site: r.cloud(site)[few, None]}, r.reduction, (), r.samples[few], r.maps) for r in (first, second))
    chosen = [measure_from(m, batch=what.samples, trials=1) for m in what.measures]
    rows = rows_of_pair("first", one, "second", two, chosen, Asked(what.null, 0, seed))
    return {row["measure"]: {field: row[field] for field in KEPT} for row in rows}
