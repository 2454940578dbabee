"""Spike-timing dependent plasticity: the pair rule, with a window of its own for every synapse, and one exact step of it."""

import math
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from rsnn.heterogeneity import QUANTILES, Constant, Distribution, Given, Number, Parameter, check_parameter, draw
from rsnn.neurons import SHORTEST_TAU


class Pairing(Enum):
    """Which pairs of spikes count: every one with every one, or each with the nearest before it on the other side."""

    ALL_TO_ALL = "all to all"
    NEAREST = "nearest"


@dataclass(frozen=True)
class PairSTDP:
    """Additive pair rule with hard bounds, Song, Miller and Abbott 2000, eqs. (1)-(2), each of its four constants drawn per synapse.

    A presynaptic spike at t_pre and a postsynaptic one at t_post change the weight by a_plus e^(-(t_post - t_pre) / tau_plus) if the
    presynaptic one came first, by -a_minus e^(-(t_pre - t_post) / tau_minus) if it came second, and not at all if both came in one
    step; the weight stays in [w_min, w_max]. Amplitudes and weights in units of threshold, time constants in ms. In a step with several
    pairs a synapse is first strengthened, then weakened.

    With exponents above 0 the change depends on the weight, Gütig et al. 2003, eq. (3): with u = (w - w_min) / (w_max - w_min),
    strengthening is times (1 - u)^mu_plus and weakening times u^mu_minus: 0 is the additive rule, 1 soft bounds, between them the
    power law.
    """

    a_plus: Parameter = 0.01
    a_minus: Parameter = 0.012
    tau_plus: Parameter = 20.0
    tau_minus: Parameter = 20.0
    w_min: Number = 0.0
    w_max: Number = 1.0
    pairing: Pairing = Pairing.ALL_TO_ALL
    mu_plus: Number = 0.0
    mu_minus: Number = 0.0

    @classmethod
    def symmetric(cls, amplitude: Parameter, tau: Parameter, *, w_min: Number = 0.0, w_max: Number = 1.0) -> "PairSTDP":
        """The window amplitude e^(-|t_post - t_pre| / tau), the same whoever fired first; nothing in it weakens a synapse."""
        if isinstance(amplitude, Distribution) and not isinstance(amplitude, Given):
            weakening: Parameter = Negative(amplitude)
        else:
            weakening = -amplitude
        return cls(amplitude, weakening, tau, tau, w_min=w_min, w_max=w_max)

    def __post_init__(self) -> None:
        check_parameter("PairSTDP", "tau_plus", self.tau_plus, lowest=0.0, open_end=True)
        check_parameter("PairSTDP", "tau_minus", self.tau_minus, lowest=0.0, open_end=True)
        for name, amplitude in (("a_plus", self.a_plus), ("a_minus", self.a_minus)):
            value = amplitude.value if isinstance(amplitude, Constant) else amplitude
            if isinstance(value, float | int) and not math.isfinite(value):
                raise ValueError(f"PairSTDP({name}={value}): it must be a finite number or a distribution such as Gamma(mean, cv).")
        check_bounds("PairSTDP", self.w_min, self.w_max)
        for name, exponent in (("mu_plus", self.mu_plus), ("mu_minus", self.mu_minus)):
            check_parameter("PairSTDP", name, exponent, lowest=0.0)
        check_pairing("PairSTDP", self.pairing)

    @property
    def triplets(self) -> "Triplets":
        """No triplets count."""
        return Triplets(0.0, 0.0, 1.0, 1.0)

    def draw(self, synapses: int, *, generator: torch.Generator) -> "Window":
        """The window of each of `synapses` synapses."""
        a_plus, a_minus = (spread_out(p, synapses, generator=generator) for p in (self.a_plus, self.a_minus))
        tau_plus, tau_minus = (spread_out(p, synapses, lowest=SHORTEST_TAU, generator=generator) for p in (self.tau_plus, self.tau_minus))
        return Window(a_plus, a_minus, tau_plus, tau_minus)


@dataclass(frozen=True)
class TripletSTDP:
    """Triplet rule with hard bounds, Pfister and Gerstner 2006, eqs. (1)-(4).

    Beside the traces of the pair rule, slow ones of the presynaptic (`tau_x`) and the postsynaptic spikes (`tau_y`), each read before its
    own spike: a postsynaptic spike changes the weight by r1 (a2_plus + a3_plus o2), a presynaptic one by -o1 (a2_minus + a3_minus r2).
    Time constants in ms, amplitudes and weights in units of threshold. `visual_cortex` and `hippocampus` are the fits of their table 4.
    """

    a2_plus: Number
    a2_minus: Number
    a3_plus: Number
    a3_minus: Number
    tau_plus: Number = 16.8
    tau_minus: Number = 33.7
    tau_x: Number = 101.0
    tau_y: Number = 125.0
    w_min: Number = 0.0
    w_max: Number = 1.0
    pairing: Pairing = Pairing.ALL_TO_ALL

    def __post_init__(self) -> None:
        for name in ("tau_plus", "tau_minus", "tau_x", "tau_y"):
            check_parameter("TripletSTDP", name, getattr(self, name), lowest=0.0, open_end=True)
        for name in ("a2_plus", "a2_minus", "a3_plus", "a3_minus"):
            check_parameter("TripletSTDP", name, getattr(self, name), lowest=0.0)
        check_bounds("TripletSTDP", self.w_min, self.w_max)
        check_pairing("TripletSTDP", self.pairing)

    @classmethod
    def visual_cortex(cls, *, scale: Number = 1.0, w_min: Number = 0.0, w_max: Number = 1.0) -> "TripletSTDP":
        """The all-to-all fit to the visual cortex data of Sjöström et al. 2001; all amplitudes times `scale`."""
        return cls(5e-10 * scale, 7e-3 * scale, 6.2e-3 * scale, 2.3e-4 * scale, tau_x=101.0, tau_y=125.0, w_min=w_min, w_max=w_max)

    @classmethod
    def hippocampus(cls, *, scale: Number = 1.0, w_min: Number = 0.0, w_max: Number = 1.0) -> "TripletSTDP":
        """The all-to-all fit to the hippocampal cultures of Wang et al. 2005; all amplitudes times `scale`."""
        return cls(6.1e-3 * scale, 1.6e-3 * scale, 6.7e-3 * scale, 1.4e-3 * scale, tau_x=946.0, tau_y=27.0, w_min=w_min, w_max=w_max)

    @property
    def triplets(self) -> "Triplets":
        """What the rule has beyond pairs."""
        return Triplets(float(self.a3_plus), float(self.a3_minus), float(self.tau_x), float(self.tau_y))

    @property
    def mu_plus(self) -> float:
        return 0.0

    @property
    def mu_minus(self) -> float:
        return 0.0

    def draw(self, synapses: int, *, generator: torch.Generator) -> "Window":
        """The window of pairs, the same in each of `synapses` synapses."""
        values = (self.a2_plus, self.a2_minus, self.tau_plus, self.tau_minus)
        return Window(*(spread_out(value, synapses, generator=generator) for value in values))


LearningRule = PairSTDP | TripletSTDP


class Triplets(NamedTuple):
    """Amplitudes of triplets (post-pre-post, pre-post-pre), and time constants of the slow traces (of either side), in ms."""

    a_plus: float
    a_minus: float
    tau_pre: float
    tau_post: float


@dataclass(frozen=True)
class Negative:
    """The values of another distribution with the other sign."""

    of: Distribution

    def quantile(self, u: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return -self.of.quantile(u)


def check_bounds(owner: str, w_min: Number, w_max: Number) -> None:
    """Raise a sentence unless the bounds of a weight are finite and in order."""
    if not (math.isfinite(w_min) and math.isfinite(w_max) and w_min < w_max):
        raise ValueError(f"{owner}(w_min={w_min}, w_max={w_max}): the bounds must be finite and w_min below w_max.")


def check_pairing(owner: str, pairing: object) -> None:
    """Raise a sentence unless it is a `Pairing`."""
    if not isinstance(pairing, Pairing):
        raise ValueError(f"{owner}(pairing={pairing!r}): it must be Pairing.ALL_TO_ALL or Pairing.NEAREST.")


def spread_out(parameter: Parameter, synapses: int, *, lowest: float = -math.inf, generator: torch.Generator) -> Float[Tensor, "synapse"]:
    """Values of `parameter`, at least `lowest`: as `draw` gives them, but one number seen `synapses` times where all are the same."""
    if isinstance(parameter, Given):
        return draw(parameter, (synapses,), generator=generator).clamp_min(lowest)
    if not isinstance(parameter, float | int):
        ends = parameter.quantile(torch.tensor(QUANTILES, dtype=torch.float64))
        if ends[0] != ends[1]:
            return draw(parameter, (synapses,), generator=generator).clamp_min(lowest)
        parameter = float(ends[0])
    return draw(parameter, (), generator=generator).clamp_min(lowest).expand(synapses)


class Window(NamedTuple):
    """The four constants of the pair rule per synapse, in any one shape, float64; time constants in ms."""

    a_plus: Float[Tensor, "*synapse"]
    a_minus: Float[Tensor, "*synapse"]
    tau_plus: Float[Tensor, "*synapse"]
    tau_minus: Float[Tensor, "*synapse"]


class Traces(NamedTuple):
    """What a synapse remembers of the spikes before (after their decay): of its own side and of the other."""

    pre: Float[Tensor, "post pre"]
    post: Float[Tensor, "post pre"]


def stdp_step(
    weight: Float[Tensor, "post pre"],
    pre: Float[Tensor, "pre"],
    post: Float[Tensor, "post"],
    traces: Traces,
    window: Window,
    rule: PairSTDP,
    *,
    dt: float,
) -> tuple[Float[Tensor, "post pre"], Traces]:
    """Weights and traces after a step of `dt` ms in which the neurons of `pre` and `post` that are 1 fired."""
    trace_pre = traces.pre * torch.exp(-dt / window.tau_plus)
    trace_post = traces.post * torch.exp(-dt / window.tau_minus)
    width = rule.w_max - rule.w_min
    room = ((rule.w_max - weight) / width).clamp_min(0) ** rule.mu_plus
    weight = (weight + post[:, None] * window.a_plus * trace_pre * room).clamp(rule.w_min, rule.w_max)
    height = ((weight - rule.w_min) / width) ** rule.mu_minus
    weight = (weight - pre[None, :] * window.a_minus * trace_post * height).clamp(rule.w_min, rule.w_max)
    if rule.pairing is Pairing.NEAREST:
        trace_pre, trace_post = trace_pre * (1 - pre[None, :]), trace_post * (1 - post[:, None])
    return weight, Traces(trace_pre + pre[None, :], trace_post + post[:, None])


class TripletTraces(NamedTuple):
    """What neurons remember of their spikes, fast and slow: r1 and r2 of the presynaptic ones, o1 and o2 of the postsynaptic ones."""

    pre: Float[Tensor, "pre"]
    slow_pre: Float[Tensor, "pre"]
    post: Float[Tensor, "post"]
    slow_post: Float[Tensor, "post"]


def triplet_step(
    weight: Float[Tensor, "post pre"],
    pre: Float[Tensor, "pre"],
    post: Float[Tensor, "post"],
    traces: TripletTraces,
    rule: TripletSTDP,
    *,
    dt: float,
) -> tuple[Float[Tensor, "post pre"], TripletTraces]:
    """Weights and traces after a step of `dt` ms in which the neurons of `pre` and `post` that are 1 fired."""
    constants = (rule.tau_plus, rule.tau_x, rule.tau_minus, rule.tau_y)
    r1, r2, o1, o2 = (trace * math.exp(-dt / tau) for trace, tau in zip(traces, constants, strict=True))
    weight = (weight + torch.outer(post * (rule.a2_plus + rule.a3_plus * o2), r1)).clamp(rule.w_min, rule.w_max)
    weight = (weight - torch.outer(o1, pre * (rule.a2_minus + rule.a3_minus * r2))).clamp(rule.w_min, rule.w_max)
    if rule.pairing is Pairing.NEAREST:
        r1, r2, o1, o2 = r1 * (1 - pre), r2 * (1 - pre), o1 * (1 - post), o2 * (1 - post)
    return weight, TripletTraces(r1 + pre, r2 + pre, o1 + post, o2 + post)
