"""Resilience: what every model of a study, of whatever family, still tells apart on spoilt images, and how far its representation moves.

Whether a measure of that move foresees what is lost is a question of `synctopo.statistics.foresight`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import rsnn
from rsnn.labels import named
from synctopo import catalog
from synctopo.catalog import FAMILIES, ModelSpec
from synctopo.comparison import Asked, rows_of_pair
from synctopo.families.judging import CORRUPTIONS
from synctopo.learning.training import stream
from synctopo.making import fitted, split_of
from synctopo.measures import measure_from
from synctopo.recorder import record
from synctopo.recording import Recording
from synctopo.spec import DataSpec, RecordSpec, ResistSpec
from synctopo.store import write_json

KEPT = ("value", "closer", "identical", "chance_mean", "chance_sd", "p", "calibrated", "status", "reason")
"""What of a comparison stands in a row."""


def resist(
    fit_key: str,
    spec: ModelSpec,
    of: DataSpec,
    seed: int,
    what: ResistSpec,
    kept: RecordSpec,
    about: Mapping[str, Any],
    root: Path,
    target: Path,
) -> None:
    """Judge one model on clean test images and on spoilt ones; write a row for each corruption and amount.

    own       share right of its own read-out, where that was trained
    readout   share right of logistic regression on the main site, fitted to clean samples to learn from: one read-out for all families
    measures  for each measure, the clean representation against the spoilt one: its value, that by chance, and its place between both
    """
    split = split_of(of)
    model, _ = fitted(root, fit_key, spec, split, seed)
    few = min(what.learned, len(split.train.labels))
    learned, labels = _seen(model, spec, kept, split.train.images[:few], split.train.samples[:few], seed), split.train.labels[:few]
    site = spec.main_site
    readout = rsnn.fit_readout(torch.from_numpy(learned.cloud(site)), torch.from_numpy(labels))
    wanted = torch.from_numpy(split.test.labels)
    conditions = [("clean", 0.0), *((name, amount) for name, amounts in what.corruptions.items() for amount in amounts)]
    clean: Recording | None = None
    rows = []
    for name, amount in conditions:
        images = split.test.images if name == "clean" else spoilt(split.test.images, name, amount, of.seed)
        shown = _seen(model, spec, kept, images, split.test.samples, of.seed)
        clean = clean or shown
        rows.append(
            {
                "kind": "spoilt",
                **about,
                "corruption": name,
                "amount": amount,
                "samples": len(wanted),
                "own": named(torch.from_numpy(shown.cloud("readout")), wanted).each if spec.learning.supervised else None,
                "readout": readout.accuracy(torch.from_numpy(shown.cloud(site)), wanted),
                "measures": {} if shown is clean else against(clean, shown, site, what.measures, what.samples, what.null, of.seed),
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


def against(
    first: Recording, second: Recording, site: str, measures: tuple[str, ...], samples: int, null: int, seed: int
) -> dict[str, dict[str, Any]]:
    """measure -> its value between the first `samples` of both, against so many random matchings."""
    one, two = (Recording({site: r.cloud(site)[:samples, None]}, r.reduction, (), r.samples[:samples], r.maps) for r in (first, second))
    chosen = [measure_from(m, batch=samples, trials=1) for m in measures]
    rows = rows_of_pair("first", one, "second", two, chosen, Asked(null, 0, seed))
    return {row["measure"]: {field: row[field] for field in KEPT} for row in rows}


def _seen(model: Any, spec: ModelSpec, kept: RecordSpec, images: np.ndarray, samples: np.ndarray, seed: int) -> Recording:
    x = FAMILIES[spec.family].inputs(spec, images, stream(seed, "encoding"))
    reduce = catalog.reduction_named(catalog.USUAL, spec)
    return record(model, x, sites=(spec.main_site, "readout"), reduce=reduce, maps=catalog.MAPS[kept.maps], samples=samples)
