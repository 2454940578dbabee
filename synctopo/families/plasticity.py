"""How a study file says that a spiking network learns: STDP, reward, surrogate gradients, e-prop, and what keeps it alive."""

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from snntorch.surrogate import atan
from torch import Tensor

import rsnn
from synctopo.learning.training import stream
from synctopo.spec import Spec

LearningRule = rsnn.PairSTDP | rsnn.TripletSTDP


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


def drawn(value: Parameter) -> Any:
    """A parameter as `rsnn` takes it: a number or a distribution."""
    return value.drawn_from() if isinstance(value, DistributionSpec) else value


class ScalingSpec(Spec):
    """scaling = { ... }: synaptic scaling of the plastic weights, in place of their normalisation."""

    target: float = Field(default=20.0, gt=0)
    strength: float = Field(default=0.1, ge=0)
    tau: float = Field(default=1000.0, gt=0)


class ThresholdSpec(Spec):
    """threshold = { ... }: a threshold that each spike raises by `increment`, and that holds `target` Hz; tau = 0: it forgets nothing."""

    increment: Parameter = 0.005
    target: float = Field(default=20.0, ge=0)
    tau: float = Field(default=0.0, ge=0)


class HomeostasisSpec(Spec):
    """homeostasis = { ... }: what acts beside STDP. Without an entry: normalisation to the first sum, and thresholds that hold 20 Hz."""

    normalisation: bool | float = True
    """What the plastic weights onto a neuron sum to after each sample; true: their first sum."""
    threshold: ThresholdSpec | Literal[False] = ThresholdSpec()
    scaling: ScalingSpec | None = None

    def built(self) -> rsnn.Homeostasis:
        normalisation = None
        if self.normalisation is not False and self.scaling is None:
            normalisation = rsnn.Normalisation(None if self.normalisation is True else self.normalisation)
        threshold = None
        if self.threshold is not False:
            given = self.threshold
            threshold = rsnn.AdaptiveThreshold(drawn(given.increment), given.target, given.tau or math.inf)
        scaling = None if self.scaling is None else rsnn.SynapticScaling(self.scaling.target, self.scaling.strength, self.scaling.tau)
        return rsnn.Homeostasis(normalisation, threshold, scaling)


class STDPLearning(Spec):
    """learning = { rule = "stdp", ... }: pair STDP of the recurrent weights, kept alive by normalisation and adaptive thresholds."""

    rule: Literal["stdp"]
    supervised: ClassVar[bool] = False
    epochs: int = Field(default=1, ge=1)
    batch: int = Field(default=1, ge=1)
    """So many samples find the network as it stood before them, and leave the mean of what each alone would have made of it."""
    a_plus: Parameter = 0.01
    a_minus: Parameter = 0.012
    tau_plus: Parameter = 20.0
    tau_minus: Parameter = 20.0
    w_max: float = Field(default=1.0, gt=0)
    pairing: Literal["all to all", "nearest"] = "all to all"
    mu_plus: float = Field(default=0.0, ge=0)
    """How strengthening depends on the weight: 0 additive, 1 a soft bound, between them the power law; `mu_minus` the same of weakening."""
    mu_minus: float = Field(default=0.0, ge=0)

    homeostasis: HomeostasisSpec = HomeostasisSpec()

    def built(self) -> rsnn.PairSTDP:
        return rsnn.PairSTDP(
            a_plus=drawn(self.a_plus),
            a_minus=drawn(self.a_minus),
            tau_plus=drawn(self.tau_plus),
            tau_minus=drawn(self.tau_minus),
            w_max=self.w_max,
            pairing=rsnn.Pairing(self.pairing),
            mu_plus=self.mu_plus,
            mu_minus=self.mu_minus,
        )

    def fitted(self, net: rsnn.RSNN, x: Tensor, _y: Tensor, seed: int) -> dict[str, Any]:
        """Train `net` and say how that went."""
        return by_stdp(net, x, self.built(), self.epochs, self.batch, self.homeostasis, seed)


class TripletLearning(Spec):
    """learning = { rule = "triplet", ... }: triplet STDP by a published fit, its amplitudes times `scale`; else as "stdp"."""

    rule: Literal["triplet"]
    supervised: ClassVar[bool] = False
    epochs: int = Field(default=1, ge=1)
    batch: int = Field(default=1, ge=1)
    fit: Literal["visual cortex", "hippocampus"] = "visual cortex"
    scale: float = Field(default=1.0, gt=0)
    w_max: float = Field(default=1.0, gt=0)
    homeostasis: HomeostasisSpec = HomeostasisSpec()

    def built(self) -> rsnn.TripletSTDP:
        fit = rsnn.TripletSTDP.visual_cortex if self.fit == "visual cortex" else rsnn.TripletSTDP.hippocampus
        return fit(scale=self.scale, w_max=self.w_max)

    def fitted(self, net: rsnn.RSNN, x: Tensor, _y: Tensor, seed: int) -> dict[str, Any]:
        """Train `net` and say how that went."""
        return by_stdp(net, x, self.built(), self.epochs, self.batch, self.homeostasis, seed)


def by_stdp(
    net: rsnn.RSNN, x: Tensor, rule: LearningRule, epochs: int, batch: int, homeostasis: HomeostasisSpec, seed: int
) -> dict[str, Any]:
    """Train the recurrent weights of `net` by a rule that knows no labels."""
    generator = stream(seed, "synapses")
    return asdict(rsnn.fit_stdp(net, x, rule, epochs=epochs, batch=batch, homeostasis=homeostasis.built(), generator=generator))


class RewardLearning(Spec):
    """learning = { rule = "reward", ... }: STDP of the recurrent weights, gated by whether the group of a sample's class fired most.

    Neuron i belongs to the group of class i modulo the number of classes; the reward is 1 where the right group fires most, else 0.
    """

    rule: Literal["reward"]
    supervised: ClassVar[bool] = False
    epochs: int = Field(default=1, ge=1)
    a_plus: Parameter = 0.01
    a_minus: Parameter = 0.012
    tau_plus: Parameter = 20.0
    tau_minus: Parameter = 20.0
    w_max: float = Field(default=1.0, gt=0)
    tau_eligibility: Parameter = 500.0
    learning_rate: float = Field(default=1.0, gt=0)
    baseline: float = Field(default=20.0, ge=1)

    def fitted(self, net: rsnn.RSNN, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
        """Train `net` and say how that went."""
        if y.ndim != 1:
            raise ValueError(
                'reward goes to the group of the one class of a sample, and a scene has several; take rule = "stdp", "bptt" or "eprop".'
            )
        group = torch.arange(net.units) % net.outputs
        a_plus, a_minus, tau_plus, tau_minus = (drawn(p) for p in (self.a_plus, self.a_minus, self.tau_plus, self.tau_minus))
        window = rsnn.PairSTDP(a_plus, a_minus, tau_plus, tau_minus, w_max=self.w_max)
        rule = rsnn.RewardSTDP(window, drawn(self.tau_eligibility), self.learning_rate, self.baseline)

        def reward(n: int, spikes: Tensor) -> float:
            votes = torch.zeros(net.outputs, dtype=spikes.dtype).index_add(0, group, spikes.sum(0))
            return float(votes.argmax() == y[n])

        return asdict(rsnn.fit_reward(net, x, rule, reward, epochs=self.epochs, generator=stream(seed, "synapses")))


class SurrogateSpec(Spec):
    """What the two rules by surrogate gradients share."""

    supervised: ClassVar[bool] = True
    epochs: int = Field(default=10, ge=1)
    batch: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    surrogate: Literal["fast_sigmoid", "atan"] = "fast_sigmoid"
    slope: float = Field(default=25.0, gt=0)
    """Steepness of the surrogate (snntorch's slope, or alpha)."""

    def step(self) -> Callable[[Tensor], Tensor]:
        """The step function of a spike with the gradient of the surrogate."""
        return rsnn.FastSigmoid(self.slope) if self.surrogate == "fast_sigmoid" else atan(self.slope)

    def descent(self, seed: int) -> dict[str, Any]:
        """What both trainings are told."""
        given: dict[str, Any] = {"epochs": self.epochs, "batch": self.batch, "learning_rate": self.learning_rate}
        return {**given, "generator": stream(seed, "order")}


class BPTTLearning(SurrogateSpec):
    """learning = { rule = "bptt", ... }: surrogate gradients through time (Adam, cross-entropy of a leaky read-out)."""

    rule: Literal["bptt"]
    learn: tuple[Literal["tau_mem", "tau_syn", "tau_adaptation", "tau_readout", "threshold", "beta"], ...] = ()
    """Neuron parameters that are learned beside the weights."""

    def fitted(self, net: rsnn.RSNN, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
        """Train `net` and say how that went."""
        return asdict(rsnn.fit_bptt(net, x, y, learn=self.learn, **self.descent(seed)))


class EpropLearning(SurrogateSpec):
    """learning = { rule = "eprop", ... }: the local rule e-prop, by eligibility traces and the errors of the read-out."""

    rule: Literal["eprop"]
    feedback: Literal["symmetric", "random"] = "symmetric"

    def fitted(self, net: rsnn.RSNN, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
        """Train `net` and say how that went."""
        return asdict(rsnn.fit_eprop(net, x, y, feedback=rsnn.Feedback(self.feedback), **self.descent(seed)))
