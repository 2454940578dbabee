"""Judging under corruption: accuracy at every step, clean and spoilt, and how far the values move."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

import rtd
from synctopo import data
from synctopo.evaluation import corruption
from synctopo.evaluation.robustness import accuracy_over_steps, correlation_distance
from synctopo.models import Model
from synctopo.naming import unknown

CORRUPTIONS = {
    of.__name__: of
    for of in (
        corruption.additive_noise,
        corruption.brightness,
        corruption.contrast,
        corruption.gaussian_blur,
        corruption.gaussian_noise,
        corruption.impulse_noise,
        corruption.occlusion,
        corruption.speckle_noise,
        corruption.uniform_noise,
    )
}
TOPOLOGY_SAMPLES = 100
"""On how many samples distances between values are computed: one batch, so that steps compare."""
TOPOLOGY_STEPS = (0, 1, 2, 5)
"""After which steps, beside the last, RTD is computed."""


def check_corruptions(names: Mapping[str, Any], where: str) -> None:
    """Raise ValueError for a corruption that is not known."""
    for name in names:
        if name not in CORRUPTIONS:
            raise unknown("corruption", name, CORRUPTIONS, f"in {where}.corruptions")


def ways(corruptions: Mapping[str, Sequence[float]]) -> list[tuple[str, float]]:
    """(corruption, amount) in order, ("clean", 0) first."""
    return [("clean", 0.0), *((name, amount) for name, amounts in corruptions.items() for amount in amounts)]


def asked(y: np.ndarray) -> dict[str, Any]:
    """Columns of a model's row: classes and samples that it is asked for, and of labels [sample, class] how many classes a sample has."""
    row: dict[str, Any] = {"classes": data.classes_of(y), "samples_test": len(y)}
    return row if y.ndim == 1 else {**row, "objects": float(y.sum() / len(y))}


def judged(
    model: Model,
    x: Tensor,
    y: np.ndarray,
    corruptions: Mapping[str, Sequence[float]],
    *,
    blur: float = 0.0,
    supervised: bool,
    generator: torch.Generator,
) -> dict[str, Any]:
    """Accuracy at every step, clean and under each corruption; how far the values are from their start and from the clean ones.

    `robustness` is a list with an entry for each corruption and amount (the first: none): right[step] of total, the correlation distance
    to the clean values, and, after the steps in `rtd_steps`, the RTD of each coder's value to its own at t = 0 and to the clean one.

    x           clean test images [sample, 1, row, column]
    y           their classes [sample], or 0 and 1 for each, [sample, class]: then right and total are of classes, and own_accuracy is
                the share of them among the k highest scores of an image with k
    blur        standard deviation, in pixels, of a Gaussian blur of every image after its corruption
    supervised  whether the model's own read-out was trained, so that its accuracy says something
    """
    labels = torch.from_numpy(y)
    found = []
    for name, amount in ways(corruptions):
        spoilt = x if name == "clean" else CORRUPTIONS[name](x, amount, generator=generator)
        shown = corruption.gaussian_blur(spoilt, blur)
        counted = accuracy_over_steps(model, shown, labels)
        right = [a.right for a in counted]
        entry: dict[str, Any] = {"corruption": name, "amount": amount, "right": right, "total": counted[0].total}
        if len(right) > 1:
            entry |= _moved(model, x, shown)
        found.append(entry)
    own = found[0]["right"][-1] / found[0]["total"] if supervised else None
    return {**asked(y), "own_accuracy": own, "robustness": found}


@torch.no_grad()
def _moved(model: Model, clean: Tensor, shown: Tensor) -> dict[str, Any]:
    clean, shown = clean[:TOPOLOGY_SAMPLES], shown[:TOPOLOGY_SAMPLES]
    distance = {s: list(d) for s, d in correlation_distance(model, clean, shown).items() if s.endswith(".value")}
    reference = _clouds(next(iter(model.states(clean))))
    start: Mapping[str, np.ndarray] = {}
    from_start: dict[str, list[float]] = {site: [] for site in reference}
    to_clean: dict[str, list[float]] = {site: [] for site in reference}
    last = len(next(iter(distance.values()))) - 1
    steps = sorted({*(t for t in TOPOLOGY_STEPS if t < last), last})
    for step, state in enumerate(model.states(shown)):
        if step not in steps:
            continue
        now = _clouds(state)
        start = start or now
        for site, cloud in now.items():
            from_start[site].append(_rtd(start[site], cloud))
            to_clean[site].append(_rtd(reference[site], cloud))
    return {"correlation_distance": distance, "rtd_steps": steps, "rtd_from_start": from_start, "rtd_to_clean": to_clean}


def _clouds(state: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {site: value.flatten(1).double().numpy() for site, value in state.items() if site.endswith(".value")}


def _rtd(a: np.ndarray, b: np.ndarray) -> float:
    return rtd.rtd(a, b, batch=TOPOLOGY_SAMPLES, trials=1).value
