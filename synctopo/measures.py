"""Measures of how differently two point clouds of the same samples lie: each with its direction and what it ignores."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

import rtd
from synctopo.naming import unknown


class Cloud:
    """A point cloud [sample, feature] with its distances, computed once however many measures ask."""

    def __init__(self, points: np.ndarray) -> None:
        self.points = points

    @cached_property
    def distances(self) -> Float[np.ndarray, "n n"]:
        """Euclidean distances between the samples, float64."""
        return np.asarray(rtd.distances(self.points.astype(np.float64)))

    @property
    def silent(self) -> bool:
        """Whether every entry is exactly zero: a layer that never fired."""
        return not self.points.any()


@dataclass(frozen=True)
class Measured:
    """A value; where the measure has two directions or draws sub-samples, these and the standard error over the draws."""

    value: float
    forward: float | None = None
    backward: float | None = None
    stderr: float | None = None


@dataclass(frozen=True)
class Measure:
    """How a value comes from two clouds of the same samples.

    name        what tables say
    of          (cloud a, cloud b, seed) -> Measured; `seed` fixes the sub-samples where there are any
    closer      "lower" or "higher": which values mean more alike
    symmetric   whether swapping the clouds changes nothing
    parameters  what it was called with, for the record
    """

    name: str
    of: Callable[[Cloud, Cloud, int], Measured]
    closer: str
    symmetric: bool
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameters_json(self) -> str:
        return json.dumps(dict(self.parameters), sort_keys=True)


def family(name: str, of: Callable[..., Any], batch: int = 500, trials: int = 10) -> Measure:
    """A member of the RTD family as a measure, over `trials` sub-samples of `batch` where there are more samples than that."""

    def measured(a: Cloud, b: Cloud, seed: int) -> Measured:
        generator = torch.Generator().manual_seed(seed)
        found = of(a.distances, b.distances, batch=batch, trials=trials, generator=generator, metric="precomputed")
        return Measured(found.value, found.forward, found.backward, found.stderr)

    return Measure(name, measured, "lower", True, {"batch": batch, "trials": trials})


FAMILY: dict[str, Callable[..., Any]] = {
    "rtd": rtd.rtd,
    "max_rtd": rtd.max_rtd,
    "srtd": rtd.srtd,
    "rtd_lite": rtd.rtd_lite,
    "max_rtd_lite": rtd.max_rtd_lite,
    "srtd_lite": rtd.srtd_lite,
}

MEASURES: dict[str, Measure] = {name: family(name, of) for name, of in FAMILY.items()}
"""Every measure by the name that a study file uses."""


def named(measure: str | Measure) -> Measure:
    """The measure of that name, or the measure itself. Raises ValueError with the nearest names for an unknown one."""
    if isinstance(measure, Measure):
        return measure
    if measure not in MEASURES:
        raise unknown("measure", measure, MEASURES)
    return MEASURES[measure]


def measure_from(name: str, *, batch: int, trials: int) -> Measure:
    """The measure of that name; one that draws sub-samples draws `trials` of `batch`."""
    return family(name, FAMILY[name], batch, trials) if name in FAMILY else named(name)
