"""The family rsnn: recurrent spiking networks, untrained or trained by STDP or surrogate gradients."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

import rsnn
from synctopo import data
from synctopo.families.family import Family
from synctopo.families.learning import NoLearning
from synctopo.families.plasticity import (
    BPTTLearning,
    EpropLearning,
    Parameter,
    RewardLearning,
    STDPLearning,
    TripletLearning,
    drawn,
)
from synctopo.learning.training import stream
from synctopo.spec import Spec


class LIFSpec(Spec):
    """neuron = { ... }: a current-based leaky integrate-and-fire neuron; times in ms, voltage in units of threshold. With `beta`, its
    threshold adapts (ALIF)."""

    tau_mem: Parameter = 20.0
    tau_syn: Parameter | None = 10.0
    threshold: Parameter = 1.0
    refractory: Parameter = 0.0
    reset: Literal["subtract", "zero"] = "subtract"
    beta: Parameter | None = None
    """What a spike adds to the threshold, for `tau_adaptation` ms."""
    tau_adaptation: Parameter = 200.0

    def built(self) -> rsnn.LIF | rsnn.ALIF:
        plain: dict[str, Any] = {
            "tau_mem": drawn(self.tau_mem),
            "tau_syn": None if self.tau_syn is None else drawn(self.tau_syn),
            "threshold": drawn(self.threshold),
            "refractory": drawn(self.refractory),
            "reset": rsnn.Reset(self.reset),
        }
        if self.beta is None:
            return rsnn.LIF(**plain)
        return rsnn.ALIF(**plain, tau_adaptation=drawn(self.tau_adaptation), beta=drawn(self.beta))


class DaleSpec(Spec):
    """dale = { ... }: excitatory and inhibitory neurons, which keep their sign."""

    excitatory: float = Field(default=0.8, gt=0, le=1)
    inhibition: float = Field(default=4.0, ge=0)


class EncoderSpec(Spec):
    """encoder = { ... }: how pixels become spikes or currents, [sample, time, pixel]; "recorded": they are spikes already, of events."""

    code: Literal["poisson", "latency", "constant", "recorded"] = "poisson"
    population: int = Field(default=1, ge=1)
    """Units with Gaussian receptive fields for each pixel (at least 3), or 1: the pixel itself."""
    steps: int = Field(default=50, ge=1)
    rate_max: float = Field(default=100.0, gt=0)
    """Hz, of a white pixel (poisson)."""

    def encode(self, pixels: Tensor, dt: float, generator: torch.Generator) -> Tensor:
        if self.code == "recorded":
            if pixels.shape[1] != self.steps:
                raise ValueError(f"the recordings have {pixels.shape[1]} steps; set encoder.steps, which is {self.steps}, to that.")
            return pixels
        if self.population > 1:
            pixels = rsnn.encode.population(pixels, self.population)
        if self.code == "poisson":
            return rsnn.encode.poisson(pixels, self.steps, rate_max=self.rate_max, dt=dt, generator=generator)
        if self.code == "latency":
            return rsnn.encode.latency(pixels, self.steps)
        return rsnn.encode.constant(pixels, self.steps)


class RSNNSpec(Spec):
    """[models.NAME] with family = "rsnn": a recurrent spiking network."""

    family: Literal["rsnn"]
    units: int = Field(ge=1)
    connectivity: float = Field(default=0.1, gt=0, le=1)
    input_connectivity: float = Field(default=1.0, gt=0, le=1)
    dt: float = Field(default=1.0, gt=0)
    input_scale: float = Field(default=3.0, ge=0)
    recurrent_scale: float = Field(default=1.0, ge=0)
    neuron: LIFSpec = LIFSpec()
    encoder: EncoderSpec = EncoderSpec()
    dale: DaleSpec | None = None
    tau_readout: Parameter = 20.0
    learning: Annotated[
        NoLearning | STDPLearning | TripletLearning | RewardLearning | BPTTLearning | EpropLearning, Field(discriminator="rule")
    ] = NoLearning()

    signal: ClassVar[str | None] = "hidden.spikes"
    """The site of the recurrent layer, which can be unrolled."""

    @property
    def main_site(self) -> str:
        """The site that is recorded and read out where a study names none."""
        return "hidden.spikes"

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site of the model."""
        return ("hidden.spikes", "hidden.voltage", "hidden.current", "hidden.trace", "readout")


def _build(spec: RSNNSpec, shape: tuple[int, int], classes: int, seed: int) -> nn.Module:
    return rsnn.RSNN(
        shape[0] * shape[1] * spec.encoder.population,
        spec.units,
        classes,
        neuron=spec.neuron.built(),
        connectivity=_connectivity(spec.connectivity),
        input_connectivity=_connectivity(spec.input_connectivity),
        dale=None if spec.dale is None else rsnn.Dale(spec.dale.excitatory, spec.dale.inhibition),
        tau_readout=drawn(spec.tau_readout),
        dt=spec.dt,
        input_scale=spec.input_scale,
        recurrent_scale=spec.recurrent_scale,
        surrogate=spec.learning.step() if isinstance(spec.learning, BPTTLearning | EpropLearning) else rsnn.FastSigmoid(),
        generator=stream(seed, "weights"),
    )


def _connectivity(probability: float) -> rsnn.Dense | rsnn.Sparse:
    return rsnn.Dense() if probability == 1 else rsnn.Sparse(probability)


def _spikes(spec: RSNNSpec, images: np.ndarray, generator: torch.Generator) -> Tensor:
    if spec.encoder.code == "recorded":
        return spec.encoder.encode(torch.from_numpy(images).flatten(2), spec.dt, generator)
    return spec.encoder.encode(torch.from_numpy(data.pictures(images)).flatten(1), spec.dt, generator)


def _fit(spec: RSNNSpec, net: Any, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    return {} if isinstance(spec.learning, NoLearning) else spec.learning.fitted(net, x, y, seed)


def _activity(spec: RSNNSpec, spikes: Tensor) -> dict[str, Any]:
    seconds = spec.encoder.steps * spec.dt / 1000
    return {
        "rate_hz": float(spikes.mean() / seconds),
        "spikes_per_sample": float(spikes.sum(1).mean()),
        "silent_units": float((spikes.sum(0) == 0).double().mean()),
    }


def _check(spec: RSNNSpec, where: str) -> None:
    try:
        spec.neuron.built()
    except ValueError as error:
        raise ValueError(f"{where}.neuron: {error}") from None
    if spec.encoder.population == 2:
        raise ValueError(f"{where}.encoder.population is 2; it must be 1, or at least 3 for a range to be shared.")
    if spec.encoder.code == "recorded" and spec.encoder.population > 1:
        raise ValueError(
            f"{where}.encoder.population is {spec.encoder.population}, but recorded spikes have no range to share; leave it out."
        )
    if isinstance(spec.learning, BPTTLearning):
        learn = spec.learning.learn
        if "tau_syn" in learn and spec.neuron.tau_syn is None:
            raise ValueError(f"{where}.learning.learn names tau_syn, but the neurons have no synapse.")
        if "tau_adaptation" in learn and spec.neuron.beta is None:
            raise ValueError(f"{where}.learning.learn names tau_adaptation, but {where}.neuron has no beta.")


def _takes(spec: RSNNSpec) -> tuple[str, ...]:
    return ("events",) if spec.encoder.code == "recorded" else ("images", "scenes")


RSNN = Family(RSNNSpec, _build, _spikes, _fit, activity=_activity, check=_check, takes=_takes, reduction="count")
