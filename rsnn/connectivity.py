"""Connectivity: which neurons have a synapse onto which."""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool
from torch import Tensor

from rsnn.heterogeneity import Number


@runtime_checkable
class Connectivity(Protocol):
    """A rule that draws the synapses between two groups of neurons."""

    def mask(self, post: int, pre: int, *, generator: torch.Generator) -> Bool[Tensor, "post pre"]:
        """True where there is a synapse from `pre` onto `post`."""


@dataclass(frozen=True)
class Dense:
    """Every neuron onto every other."""

    def mask(self, post: int, pre: int, *, generator: torch.Generator) -> Bool[Tensor, "post pre"]:  # noqa: ARG002
        return torch.ones(post, pre, dtype=torch.bool)


@dataclass(frozen=True)
class Sparse:
    """Each synapse exists with probability `density`, in (0, 1], independently of the others."""

    density: Number

    def __post_init__(self) -> None:
        if not (math.isfinite(self.density) and 0 < self.density <= 1):
            raise ValueError(f"Sparse(density={self.density}): the density must lie in (0, 1]; 0.1 keeps a tenth of the synapses.")

    def mask(self, post: int, pre: int, *, generator: torch.Generator) -> Bool[Tensor, "post pre"]:
        return torch.rand(post, pre, generator=generator, dtype=torch.float64) < self.density
