"""What a measure is: a value from two clouds of the same samples, with everything needed to read it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rtd import DegenerateError
from synctopo.measures.cloud import Cloud

INVARIANCES: dict[str, str] = {
    "translation": "adding one vector to every sample",
    "isotropic scaling": "multiplying every entry by one positive number",
    "rotation": "an orthogonal map of the features, reflections included",
    "permutation of units": "naming the features in another order",
    "linear map": "any invertible linear map of the features",
    "dead units": "features that are zero for every sample",
    "order of samples": "listing the samples of one cloud in another order: it does not matter which sample is which",
}
"""What a measure may ignore in either cloud, in the words of `Measure.invariances`."""

SHAPE = frozenset({"translation", "isotropic scaling", "rotation", "permutation of units", "dead units"})
"""Everything that leaves the distances between samples as they are, up to a factor."""


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

    name         what tables say
    of           (cloud a, cloud b, seed) -> Measured; `seed` fixes the sub-samples or folds where there are any. Raises
                 rtd.DegenerateError, whose text begins with "x: " or "y: " where one cloud is to blame, instead of giving no number
    closer       "lower" or "higher": which values mean more alike
    symmetric    whether swapping the clouds changes nothing
    identical    the value of a cloud with itself, the end of the scale
    invariances  what it ignores in either cloud, in the words of INVARIANCES; what is not named changes the value
    chance       in a few words: what unrelated clouds get
    about        what it is, in a sentence with its source
    parameters   what it was called with, for the record
    null         (cloud a, cloud b, permutations, seed) -> values with the samples matched at random, where there is a faster way to
                 them than `of` on `b.reordered(...)`
    """

    name: str
    of: Callable[[Cloud, Cloud, int], Measured]
    closer: str
    symmetric: bool
    identical: float
    invariances: frozenset[str]
    chance: str
    about: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    null: Callable[[Cloud, Cloud, int, int], np.ndarray] | None = None

    @property
    def matched(self) -> bool:
        """Whether it matters which sample is which; else matching samples at random changes nothing, and tells nothing of chance."""
        return "order of samples" not in self.invariances

    @property
    def parameters_json(self) -> str:
        return json.dumps(dict(self.parameters), sort_keys=True)


def similarity(name: str, function: Callable[..., float], invariances: frozenset[str], chance: str, **parameters: Any) -> Measure:
    """A symmetric measure that is 1 for equal clouds, from `function(a, b, **parameters)`; its docstring's first line says what it is."""
    return _plain(name, function, "higher", 1.0, invariances, chance, parameters)


def distance(name: str, function: Callable[..., float], invariances: frozenset[str], chance: str, **parameters: Any) -> Measure:
    """A symmetric measure that is 0 for equal clouds, from `function(a, b, **parameters)`; its docstring's first line says what it is."""
    return _plain(name, function, "lower", 0.0, invariances, chance, parameters)


def _plain(
    name: str,
    function: Callable[..., float],
    closer: str,
    identical: float,
    invariances: frozenset[str],
    chance: str,
    parameters: Mapping[str, Any],
) -> Measure:
    def of(a: Cloud, b: Cloud, _seed: int) -> Measured:
        must_vary(a, b)
        return Measured(float(function(a, b, **parameters)))

    return Measure(name, of, closer, True, identical, invariances, chance, first_line(function), dict(parameters))


def first_line(function: Callable[..., Any]) -> str:
    """The first line of a function's docstring."""
    return (function.__doc__ or "").strip().splitlines()[0]


def must_vary(a: Cloud, b: Cloud, least: int = 2) -> None:
    """Raise DegenerateError for a cloud whose samples are all the same, ValueError for unequal numbers of samples."""
    if len(a) != len(b):
        raise ValueError(f"x and y must hold the same samples in the same order, but x has {len(a)} and y has {len(b)}.")
    for name, cloud in (("x", a), ("y", b)):
        if cloud.constant:
            raise DegenerateError(
                f"{name}: it is {'zero' if cloud.silent else 'the same'} for every sample, so it has no shape to compare."
            )
    need(len(a), least)


def need(n: int, least: int) -> None:
    """Raise DegenerateError where there are too few samples for a value."""
    if n < least:
        raise DegenerateError(f"{n} samples are too few for this measure; it needs at least {least}.")
