"""Homeostasis: what keeps a plastic reservoir from dying and from running away."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rsnn.heterogeneity import Number

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

    In a step of dt ms, theta <- theta e^(-dt/tau) + increment (spike - target dt / 1000), never below a tenth of the threshold in all.
    `target=0` with a long finite `tau` (ms) is the rule of Diehl and Cook 2015 (0.05 mV, 1e7 ms), which only ever raises thresholds.
    `increment` is in units of threshold.
    """

    increment: Number = 0.005
    target: Number = 20.0
    tau: Number = math.inf

    def __post_init__(self) -> None:
        if not (math.isfinite(self.increment) and self.increment >= 0):
            raise ValueError(f"AdaptiveThreshold(increment={self.increment}): it must be 0 or positive, and finite.")
        if not (math.isfinite(self.target) and self.target >= 0):
            raise ValueError(f"AdaptiveThreshold(target={self.target}): the rate to hold, in Hz, must be 0 or positive, and finite.")
        if not self.tau > 0:
            raise ValueError(f"AdaptiveThreshold(tau={self.tau}): the time constant in ms must be positive; infinite means no decay.")


@dataclass(frozen=True)
class Homeostasis:
    """What acts beside the learning rule; None switches a part off."""

    normalisation: Normalisation | None = Normalisation()
    threshold: AdaptiveThreshold | None = AdaptiveThreshold()


class ThresholdConstants(NamedTuple):
    """One step of an adaptive threshold: decay, rise per spike, fall per step."""

    decay: float
    rise: float
    fall: float


def threshold_constants(rule: AdaptiveThreshold | None, *, dt: float) -> ThresholdConstants:
    """The constants of `rule` over steps of `dt` ms; without a rule, those that change nothing."""
    if rule is None:
        return ThresholdConstants(1.0, 0.0, 0.0)
    return ThresholdConstants(math.exp(-dt / rule.tau), float(rule.increment), rule.increment * rule.target * dt / 1000)


def adapt(
    theta: Float[Tensor, "unit"], spikes: Float[Tensor, "unit"], threshold: Float[Tensor, "unit"], k: ThresholdConstants
) -> Float[Tensor, "unit"]:
    """The offsets of the thresholds after a step in which the neurons of `spikes` that are 1 fired."""
    if k == threshold_constants(None, dt=1.0):
        return theta
    return torch.maximum(k.decay * theta + (k.rise * spikes - k.fall), (LOWEST_THRESHOLD - 1) * threshold)


def normalise(
    weight: Float[Tensor, "post pre"], mask: Bool[Tensor, "post pre"], total: Float[Tensor, "post"], *, w_min: float, w_max: float
) -> Float[Tensor, "post pre"]:
    """Weights scaled so that those onto each neuron sum to `total`, then held in the bounds; a sum that is not positive stays as it is."""
    now = (weight * mask).sum(1)
    factor = torch.where(now > 0, total / torch.where(now > 0, now, 1.0), 1.0)
    return torch.where(mask, (weight * factor[:, None]).clamp(w_min, w_max), weight)
