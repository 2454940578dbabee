"""Connectivity: which neurons have a synapse onto which."""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rsnn.heterogeneity import Number, Parameter, check_parameter


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


@dataclass(frozen=True)
class WinnerTakeAll:
    """Lateral inhibition: every neuron has a fixed synapse of weight -`strength` (units of threshold) onto every other one.

    The inhibitory layer of Diehl and Cook 2015, a copy of each neuron that inhibits all others, folded into the excitatory one.
    """

    strength: Parameter = 1.0

    def __post_init__(self) -> None:
        check_parameter("WinnerTakeAll", "strength", self.strength, lowest=0.0)

    def mask(self, post: int, pre: int, *, generator: torch.Generator) -> Bool[Tensor, "post pre"]:  # noqa: ARG002
        return torch.ones(post, pre, dtype=torch.bool)


@dataclass(frozen=True)
class Dale:
    """Dale's law: the first `excitatory` share of the neurons only excite, the others only inhibit, with `inhibition` times the weight.

    With the defaults, four fifths and four times, excitation and inhibition balance, Brunel 2000. By STDP only synapses of excitatory
    neurons learn; surrogate gradients change all, and a weight that would change its sign becomes 0.
    """

    excitatory: Number = 0.8
    inhibition: Number = 4.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.excitatory) and 0 < self.excitatory <= 1):
            raise ValueError(f"Dale(excitatory={self.excitatory}): the share of excitatory neurons must lie in (0, 1]; 0.8 is cortex.")
        if not (math.isfinite(self.inhibition) and self.inhibition >= 0):
            raise ValueError(f"Dale(inhibition={self.inhibition}): it must be 0 or positive, and finite; 4 balances 0.8.")

    def signs(self, units: int) -> Float[Tensor, "unit"]:
        """1 for each excitatory neuron, -1 for each inhibitory one."""
        return torch.where(torch.arange(units) < round(self.excitatory * units), 1.0, -1.0)
