"""Spike-timing dependent plasticity: the pair rule, with a window of its own for every synapse, and one exact step of it."""

import math
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from rsnn.heterogeneity import QUANTILES, Constant, Number, Parameter, check_parameter, draw
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
    """

    a_plus: Parameter = 0.01
    a_minus: Parameter = 0.012
    tau_plus: Parameter = 20.0
    tau_minus: Parameter = 20.0
    w_min: Number = 0.0
    w_max: Number = 1.0
    pairing: Pairing = Pairing.ALL_TO_ALL

    def __post_init__(self) -> None:
        check_parameter("PairSTDP", "tau_plus", self.tau_plus, lowest=0.0, open_end=True)
        check_parameter("PairSTDP", "tau_minus", self.tau_minus, lowest=0.0, open_end=True)
        for name, amplitude in (("a_plus", self.a_plus), ("a_minus", self.a_minus)):
            value = amplitude.value if isinstance(amplitude, Constant) else amplitude
            if isinstance(value, float | int) and not math.isfinite(value):
                raise ValueError(f"PairSTDP({name}={value}): it must be a finite number or a distribution such as Gamma(mean, cv).")
        if not (math.isfinite(self.w_min) and math.isfinite(self.w_max) and self.w_min < self.w_max):
            raise ValueError(f"PairSTDP(w_min={self.w_min}, w_max={self.w_max}): the bounds must be finite and w_min below w_max.")
        if not isinstance(self.pairing, Pairing):
            raise ValueError(f"PairSTDP(pairing={self.pairing!r}): it must be Pairing.ALL_TO_ALL or Pairing.NEAREST.")

    def draw(self, synapses: int, *, generator: torch.Generator) -> "Window":
        """The window of each of `synapses` synapses."""
        a_plus, a_minus = (spread_out(p, synapses, generator=generator) for p in (self.a_plus, self.a_minus))
        tau_plus, tau_minus = (spread_out(p, synapses, lowest=SHORTEST_TAU, generator=generator) for p in (self.tau_plus, self.tau_minus))
        return Window(a_plus, a_minus, tau_plus, tau_minus)


def spread_out(parameter: Parameter, synapses: int, *, lowest: float = -math.inf, generator: torch.Generator) -> Float[Tensor, "synapse"]:
    """Values of `parameter`, at least `lowest`: as `draw` gives them, but one number seen `synapses` times where all are the same."""
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
    weight = (weight + post[:, None] * window.a_plus * trace_pre).clamp(rule.w_min, rule.w_max)
    weight = (weight - pre[None, :] * window.a_minus * trace_post).clamp(rule.w_min, rule.w_max)
    if rule.pairing is Pairing.NEAREST:
        trace_pre, trace_post = trace_pre * (1 - pre[None, :]), trace_post * (1 - post[:, None])
    return weight, Traces(trace_pre + pre[None, :], trace_post + post[:, None])
