"""Homeostasis: what keeps a plastic reservoir from dying and from running away."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rsnn.heterogeneity import Constant, Number, Parameter, check_parameter, draw

LOWEST_THRESHOLD = 0.1
"""The adaptive threshold of a neuron never falls below this share of its own."""


@dataclass(frozen=True)
class Normalisation:
    """After each sample the plastic weights onto a neuron are scaled to one sum: `total`, or without it the neuron's sum before training.

    Diehl and Cook 2015 do so for input weights. The bounds of the rule hold afterwards, so that many weights at the upper bound may leave
    the sum below the total.
    """

    total: Number | None = None

    def __post_init__(self) -> None:
        if self.total is not None and not (math.isfinite(self.total) and self.total > 0):
            raise ValueError(
                f"Normalisation(total={self.total}): the sum of weights must be positive and finite, or None for the initial one."
            )


@dataclass(frozen=True)
class AdaptiveThreshold:
    """Each spike raises the threshold of its neuron by `increment`; between spikes it falls so that `target` Hz is where it stays.

    In a step of dt ms, theta <- theta e^(-dt/tau) + increment (spike - target dt / 1000), never below a tenth of the threshold in all; it
    is kept from sample to sample. `increment` is in units of threshold, `tau` in ms; each is a number or a distribution over neurons.
    `diehl_cook` only ever raises thresholds.
    """

    increment: Parameter = 0.005
    target: Parameter = 20.0
    tau: Parameter = math.inf

    def __post_init__(self) -> None:
        check_parameter("AdaptiveThreshold", "increment", self.increment, lowest=0.0)
        check_parameter("AdaptiveThreshold", "target", self.target, lowest=0.0)
        tau = self.tau.value if isinstance(self.tau, Constant) else self.tau
        if isinstance(tau, float | int) and not tau > 0:
            raise ValueError(f"AdaptiveThreshold(tau={tau}): the time constant in ms must be positive; infinite means no decay.")

    @classmethod
    def diehl_cook(cls) -> "AdaptiveThreshold":
        """Diehl and Cook 2015: 0.05 mV of the 13 mV between rest and threshold for each spike, forgotten within 1e7 ms."""
        return cls(0.05 / 13, target=0.0, tau=1e7)


@dataclass(frozen=True)
class SynapticScaling:
    """After each sample the plastic weights onto a neuron are multiplied by e^(strength (1 - rate / target)), and held in their bounds.

    Turrigiano et al. 1998: a neuron that fires less than `target` Hz becomes more sensitive to all its synapses alike, one that fires more
    becomes less so. `rate` is a running mean over `tau` ms of the time that samples take, which starts at the target.
    """

    target: Number = 20.0
    strength: Number = 0.1
    tau: Number = 1000.0

    def __post_init__(self) -> None:
        check_parameter("SynapticScaling", "target", self.target, lowest=0.0, open_end=True)
        check_parameter("SynapticScaling", "strength", self.strength, lowest=0.0)
        check_parameter("SynapticScaling", "tau", self.tau, lowest=0.0, open_end=True)


@dataclass(frozen=True)
class Homeostasis:
    """What acts beside the learning rule; None switches a part off. Of normalisation and scaling only one can act."""

    normalisation: Normalisation | None = Normalisation()
    threshold: AdaptiveThreshold | None = AdaptiveThreshold()
    scaling: SynapticScaling | None = None

    def __post_init__(self) -> None:
        if self.normalisation is not None and self.scaling is not None:
            raise ValueError("Homeostasis: normalisation undoes what scaling does; take Homeostasis(normalisation=None, scaling=...).")


class ThresholdConstants(NamedTuple):
    """One step of an adaptive threshold, of one neuron for all or [unit]: decay, rise per spike, fall per step, and the lowest offset as a
    share of the threshold."""

    decay: Float[Tensor, "units"]
    rise: Float[Tensor, "units"]
    fall: Float[Tensor, "units"]
    lowest: Float[Tensor, "units"]


def threshold_constants(
    rule: AdaptiveThreshold | None, *, dt: float, units: int = 1, generator: torch.Generator | None = None
) -> ThresholdConstants:
    """The constants of `rule` over steps of `dt` ms, drawn from `generator`; without a rule, those that change nothing."""
    one = torch.ones(units, dtype=torch.float64)
    if rule is None:
        return ThresholdConstants(one, 0 * one, 0 * one, -math.inf * one)
    stream = torch.Generator() if generator is None else generator
    increment, target, tau = (draw(p, (units,), generator=stream) for p in (rule.increment, rule.target, rule.tau))
    return ThresholdConstants(torch.exp(-dt / tau), increment, increment * target * dt / 1000, (LOWEST_THRESHOLD - 1) * one)


def adapt(
    theta: Float[Tensor, "unit"], spikes: Float[Tensor, "unit"], threshold: Float[Tensor, "unit"], k: ThresholdConstants
) -> Float[Tensor, "unit"]:
    """The offsets of the thresholds after a step in which the neurons of `spikes` that are 1 fired."""
    return torch.maximum(k.decay * theta + (k.rise * spikes - k.fall), k.lowest * threshold)


def scaled(
    average: Float[Tensor, "unit"], spikes: Float[Tensor, "unit"], rule: SynapticScaling, *, duration: float
) -> tuple[Float[Tensor, "unit"], Float[Tensor, "unit"]]:
    """After a sample of `duration` ms with so many `spikes`: the mean number of spikes in a sample, and the factors of the weights."""
    average = average - math.expm1(-duration / rule.tau) * (spikes - average)
    return average, torch.exp(rule.strength * (1 - average / (rule.target * duration / 1000)))


def normalise(
    weight: Float[Tensor, "post pre"], mask: Bool[Tensor, "post pre"], total: Float[Tensor, "post"], *, w_min: float, w_max: float
) -> Float[Tensor, "post pre"]:
    """Weights scaled so that those onto each neuron sum to `total`, then held in the bounds; a sum that is not positive stays as it is."""
    now = (weight * mask).sum(1)
    factor = torch.where(now > 0, total / torch.where(now > 0, now, 1.0), 1.0)
    return torch.where(mask, (weight * factor[:, None]).clamp(w_min, w_max), weight)
