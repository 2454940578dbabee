"""The family diehl_cook: digits learned by STDP alone, in the network of Diehl and Cook 2015."""

from dataclasses import asdict
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from synctopo.families.family import Family
from synctopo.families.learning import NoLearning
from synctopo.families.plasticity import DistributionSpec, Parameter, drawn
from synctopo.learning.training import stream
from synctopo.models.diehl_cook import DiehlCook, DiehlCookRule, fit_diehl_cook
from synctopo.spec import Spec


class LabelledSTDP(Spec):
    """learning = { rule = "stdp", ... }: STDP of the input weights, then labels for the neurons, assigned on training samples only."""

    rule: Literal["stdp"]
    # the labels of the neurons are a read-out of the model's own
    supervised: ClassVar[bool] = True
    epochs: int = Field(default=1, ge=1)
    assign: int = Field(default=10_000, ge=1)
    """On how many training samples neurons get their labels."""
    rise: float = Field(default=1e-2, ge=0)
    fall: float = Field(default=1e-4, ge=0)
    mean: float = Field(default=0.1, gt=0)
    """What the weights onto a neuron, from 0 to 1, average after each sample."""
    theta: float = Field(default=0.05 / 13, ge=0)
    """What a spike adds to the threshold, of the distance from rest to threshold."""
    tau_theta: float = Field(default=1e7, gt=0)

    def built(self) -> DiehlCookRule:
        return DiehlCookRule(self.rise, self.fall, self.mean, self.theta, self.tau_theta)


class DiehlCookSpec(Spec):
    """[models.NAME] with family = "diehl_cook": Poisson input, neurons that inhibit each other, plastic input weights."""

    family: Literal["diehl_cook"]
    units: int = Field(default=400, ge=1)
    steps: int = Field(default=100, ge=1)
    dt: float = Field(default=3.5, gt=0)
    rate_max: float = Field(default=63.75, gt=0)
    """Hz, of a white pixel."""
    tau_mem: Parameter = 100.0
    refractory: float = Field(default=5.0, ge=0)
    efficacy: float = Field(default=0.05, gt=0)
    inhibition: float = Field(default=2.0, ge=0)
    learning: Annotated[NoLearning | LabelledSTDP, Field(discriminator="rule")] = NoLearning()
    signal: ClassVar[str | None] = None

    @property
    def main_site(self) -> str:
        """The site that is recorded and read out where a study names none."""
        return "hidden.spikes"

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site of the model."""
        return ("hidden.spikes", "readout")


def _build(spec: DiehlCookSpec, shape: tuple[int, int], classes: int, seed: int) -> nn.Module:
    return DiehlCook(
        shape[0] * shape[1],
        spec.units,
        classes,
        steps=spec.steps,
        dt=spec.dt,
        rate_max=spec.rate_max,
        tau_mem=drawn(spec.tau_mem),
        mean_tau_mem=spec.tau_mem.mean if isinstance(spec.tau_mem, DistributionSpec) else spec.tau_mem,
        refractory=spec.refractory,
        efficacy=spec.efficacy,
        inhibition=spec.inhibition,
        generator=stream(seed, "weights"),
    )


def _pixels(_spec: DiehlCookSpec, images: np.ndarray, _generator: torch.Generator) -> Tensor:
    return torch.from_numpy(images).flatten(1)


def _fit(spec: DiehlCookSpec, model: Any, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    learning = spec.learning
    if isinstance(learning, NoLearning):
        return {}
    pieces = fit_diehl_cook(
        model, x, y, rule=learning.built(), epochs=learning.epochs, assign=learning.assign, generator=stream(seed, "order")
    )
    return {name: [value for piece in pieces for value in asdict(piece)[name]] for name in ("rate", "highest_rate", "silent", "moved")}


def _activity(spec: DiehlCookSpec, spikes: Tensor) -> dict[str, Any]:
    seconds = spec.steps * spec.dt / 1000
    return {
        "rate_hz": float(spikes.mean() / seconds),
        "spikes_per_sample": float(spikes.sum(1).mean()),
        "silent_units": float((spikes.sum(0) == 0).double().mean()),
    }


DIEHL_COOK = Family(DiehlCookSpec, _build, _pixels, _fit, activity=_activity, reduction="count")
