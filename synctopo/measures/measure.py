"""What a measure is: a value from two clouds of the same samples, with everything needed to read it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
    parameters: Mapping[str, Any] = field(default_factory=dict)
    null: Callable[[Cloud, Cloud, int, int], np.ndarray] | None = None

    @property
    def matched(self) -> bool:
        """Whether it matters which sample is which; else matching samples at random changes nothing, and tells nothing of chance."""
        return "order of samples" not in self.invariances

    @property
    def parameters_json(self) -> str:
        return json.dumps(dict(self.parameters), sort_keys=True)


SHAPE = frozenset({"translation", "isotropic scaling", "rotation", "permutation of units", "dead units"})
"""Everything that leaves the distances between samples as they are, up to a factor."""
