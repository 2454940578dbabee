"""The family rsnn: recurrent spiking networks, untrained or trained by STDP or surrogate gradients."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from snntorch.surrogate import atan, fast_sigmoid
from torch import Tensor, nn

import rsnn
from synctopo.families.family import Family
from synctopo.families.learning import NoLearning
from synctopo.spec import Spec
from synctopo.training import stream


class DistributionSpec(Spec):
    """A parameter that differs from neuron to neuron, or from synapse to synapse."""

    distribution: Literal["gamma", "lognormal", "uniform"]
    mean: float = Field(gt=0)
    cv: float = Field(ge=0)

    def drawn_from(self) -> rsnn.Gamma | rsnn.LogNormal | rsnn.Uniform:
        if self.distribution == "uniform":
            return rsnn.Uniform(self.mean, self.cv)
        return rsnn.Gamma(self.mean, self.cv) if self.distribution == "gamma" else rsnn.LogNormal(self.mean, self.cv)


Parameter = float | DistributionSpec


def _parameter(value: Parameter) -> Any:
    return value.drawn_from() if isinstance(value, DistributionSpec) else value


class LIFSpec(Spec):
    """neuron = { ... }: a current-based leaky integrate-and-fire neuron; times in ms, voltage in units of threshold."""

    tau_mem: Parameter = 20.0
    tau_syn: Parameter | None = 10.0
    threshold: Parameter = 1.0
    refractory: Parameter = 0.0
    reset: Literal["subtract", "zero"] = "subtract"

    def built(self) -> rsnn.LIF:
        return rsnn.LIF(
            tau_mem=_parameter(self.tau_mem),
            tau_syn=None if self.tau_syn is None else _parameter(self.tau_syn),
            threshold=_parameter(self.threshold),
            refractory=_parameter(self.refractory),
            reset=rsnn.Reset(self.reset),
        )


class EncoderSpec(Spec):
    """encoder = { ... }: how pixels become spikes or currents, [sample, time, pixel]."""

    code: Literal["poisson", "latency", "constant"] = "poisson"
    steps: int = Field(default=50, ge=1)
    rate_max: float = Field(default=100.0, gt=0)
    """Hz, of a white pixel (poisson)."""

    def encode(self, pixels: Tensor, dt: float, generator: torch.Generator) -> Tensor:
        if self.code == "poisson":
            return rsnn.encode.poisson(pixels, self.steps, rate_max=self.rate_max, dt=dt, generator=generator)
        if self.code == "latency":
            return rsnn.encode.latency(pixels, self.steps)
        return rsnn.encode.constant(pixels, self.steps)


class STDPLearning(Spec):
    """learning = { rule = "stdp", ... }: pair STDP of the recurrent weights, kept alive by normalisation and adaptive thresholds."""

    rule: Literal["stdp"]
    supervised: ClassVar[bool] = False
    epochs: int = Field(default=1, ge=1)
    a_plus: Parameter = 0.01
    a_minus: Parameter = 0.012
    tau_plus: Parameter = 20.0
    tau_minus: Parameter = 20.0
    w_max: float = Field(default=1.0, gt=0)
    pairing: Literal["all to all", "nearest"] = "all to all"
    mu_plus: float = Field(default=0.0, ge=0)
    """How strengthening depends on the weight: 0 additive, 1 a soft bound, between them the power law; `mu_minus` the same of weakening."""
    mu_minus: float = Field(default=0.0, ge=0)

    def built(self) -> rsnn.PairSTDP:
        return rsnn.PairSTDP(
            a_plus=_parameter(self.a_plus),
            a_minus=_parameter(self.a_minus),
            tau_plus=_parameter(self.tau_plus),
            tau_minus=_parameter(self.tau_minus),
            w_max=self.w_max,
            pairing=rsnn.Pairing(self.pairing),
            mu_plus=self.mu_plus,
            mu_minus=self.mu_minus,
        )


class TripletLearning(Spec):
    """learning = { rule = "triplet", ... }: triplet STDP by a published fit, its amplitudes times `scale`; else as "stdp"."""

    rule: Literal["triplet"]
    supervised: ClassVar[bool] = False
    epochs: int = Field(default=1, ge=1)
    fit: Literal["visual cortex", "hippocampus"] = "visual cortex"
    scale: float = Field(default=1.0, gt=0)
    w_max: float = Field(default=1.0, gt=0)

    def built(self) -> rsnn.TripletSTDP:
        fit = rsnn.TripletSTDP.visual_cortex if self.fit == "visual cortex" else rsnn.TripletSTDP.hippocampus
        return fit(scale=self.scale, w_max=self.w_max)


class BPTTLearning(Spec):
    """learning = { rule = "bptt", ... }: surrogate gradients through time (Adam, cross-entropy of a leaky read-out)."""

    rule: Literal["bptt"]
    supervised: ClassVar[bool] = True
    epochs: int = Field(default=10, ge=1)
    batch: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    surrogate: Literal["fast_sigmoid", "atan"] = "fast_sigmoid"
    slope: float = Field(default=25.0, gt=0)
    """Steepness of the surrogate (snntorch's slope, or alpha)."""

    def step(self) -> Callable[[Tensor], Tensor]:
        """The step function of a spike with the gradient of the surrogate."""
        return fast_sigmoid(self.slope) if self.surrogate == "fast_sigmoid" else atan(self.slope)


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
    learning: Annotated[NoLearning | STDPLearning | TripletLearning | BPTTLearning, Field(discriminator="rule")] = NoLearning()

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
        shape[0] * shape[1],
        spec.units,
        classes,
        neuron=spec.neuron.built(),
        connectivity=_connectivity(spec.connectivity),
        input_connectivity=_connectivity(spec.input_connectivity),
        dt=spec.dt,
        input_scale=spec.input_scale,
        recurrent_scale=spec.recurrent_scale,
        surrogate=spec.learning.step() if isinstance(spec.learning, BPTTLearning) else fast_sigmoid(),
        generator=stream(seed, "weights"),
    )


def _connectivity(probability: float) -> rsnn.Dense | rsnn.Sparse:
    return rsnn.Dense() if probability == 1 else rsnn.Sparse(probability)


def _spikes(spec: RSNNSpec, images: np.ndarray, generator: torch.Generator) -> Tensor:
    return spec.encoder.encode(torch.from_numpy(images).flatten(1), spec.dt, generator)


def _fit(spec: RSNNSpec, net: Any, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    learning = spec.learning
    if isinstance(learning, STDPLearning | TripletLearning):
        return asdict(rsnn.fit_stdp(net, x, learning.built(), epochs=learning.epochs, generator=stream(seed, "synapses")))
    if isinstance(learning, BPTTLearning):
        history = rsnn.fit_bptt(
            net,
            x,
            y,
            epochs=learning.epochs,
            batch=learning.batch,
            learning_rate=learning.learning_rate,
            generator=stream(seed, "order"),
        )
        return asdict(history)
    return {}


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


RSNN = Family(RSNNSpec, _build, _spikes, _fit, activity=_activity, check=_check)
