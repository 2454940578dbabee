"""The one contract between the model families and the suite: a model is a generator of states."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Model(Protocol):
    """Anything that can say in which state it is after each step.

    It is structural: a family satisfies it without importing this package. What holds of every model, and is tested for every family:
    the same sites at every step; dimension 0 is the sample; the states depend on `x` and the weights alone; samples do not see each
    other; a state is a point of a Euclidean space.
    """

    def states(self, x: Tensor) -> Iterator[dict[str, Tensor]]:
        """Yield the state after each time step, as site -> [sample, ...]."""
        ...
