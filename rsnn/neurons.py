"""Leaky integrate-and-fire neurons: what describes them, their state, and one exact step in time."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from rsnn.heterogeneity import Constant, Parameter, check_parameter, draw
from rsnn.surrogate import Surrogate

SHORTEST_TAU = 1e-6  # ms; the tail of a wide distribution may round to 0, which for tau_syn would mean another model
TAU_ADAPTATION = 200.0
"""Time constant of an adaptive threshold in ms, where none is named."""


class Reset(Enum):
    """What a spike does to the voltage: down to 0, or down by the threshold."""

    ZERO = "zero"
    SUBTRACT = "subtract"


@dataclass(frozen=True)
class LIF:
    """Current-based leaky integrate-and-fire neuron; each parameter a number or a distribution over neurons.

    tau_mem dv/dt = -v + I and, with a synapse, tau_syn dI/dt = -I, where a spike of weight w adds w to I. Without a synapse
    (`tau_syn=None`) the input of a step is the current during that step. Time constants and `refractory` are in ms, voltage and
    `threshold` in units of the (mean) threshold. After a spike the voltage rests for `refractory` ms, rounded to whole steps.
    """

    tau_mem: Parameter = 20.0
    tau_syn: Parameter | None = 10.0
    threshold: Parameter = 1.0
    refractory: Parameter = 0.0
    reset: Reset = Reset.SUBTRACT

    def __post_init__(self) -> None:
        check_parameter("LIF", "tau_mem", self.tau_mem, lowest=0.0, open_end=True)
        check_parameter("LIF", "threshold", self.threshold, lowest=0.0, open_end=True)
        check_parameter("LIF", "refractory", self.refractory, lowest=0.0)
        if self.tau_syn is not None:
            check_parameter("LIF", "tau_syn", self.tau_syn, lowest=0.0, open_end=True)
        if not isinstance(self.reset, Reset):
            raise ValueError(f"LIF(reset={self.reset!r}): it must be Reset.ZERO or Reset.SUBTRACT.")

    def draw(self, units: int, *, generator: torch.Generator) -> dict[str, Float[Tensor, "unit"]]:
        """The parameters of `units` neurons by name, float64; `tau_syn` is 0 where there is no synapse."""
        tau_mem = draw(self.tau_mem, (units,), generator=generator).clamp_min(SHORTEST_TAU)
        tau_syn = draw(self.tau_syn if self.tau_syn is not None else Constant(0.0), (units,), generator=generator)
        threshold = draw(self.threshold, (units,), generator=generator)
        refractory = draw(self.refractory, (units,), generator=generator)
        if self.tau_syn is not None:
            tau_syn = tau_syn.clamp_min(SHORTEST_TAU)
        never = torch.zeros(units, dtype=torch.float64)
        parameters = {"tau_mem": tau_mem, "tau_syn": tau_syn, "threshold": threshold, "refractory": refractory}
        return {**parameters, "tau_adaptation": torch.full_like(never, TAU_ADAPTATION), "beta": never}


@dataclass(frozen=True)
class ALIF:
    """`LIF` whose spikes raise its threshold for a while: the adaptive neuron of LSNNs, Bellec et al. 2018, eqs. (1)-(3).

    The threshold is threshold + beta a, where each spike adds 1 to a and tau_adaptation da/dt = -a: `beta` is what one spike adds, in units
    of threshold, from the next step on. All else is as in `LIF`; beta = 0 is that neuron bit for bit. The adaptation starts at 0 in each
    sample; a threshold that remembers the samples before, as in Diehl and Cook 2015, is `AdaptiveThreshold`.
    """

    tau_mem: Parameter = 20.0
    tau_syn: Parameter | None = 10.0
    threshold: Parameter = 1.0
    refractory: Parameter = 0.0
    reset: Reset = Reset.SUBTRACT
    tau_adaptation: Parameter = TAU_ADAPTATION
    beta: Parameter = 0.1

    def __post_init__(self) -> None:
        check_parameter("ALIF", "tau_adaptation", self.tau_adaptation, lowest=0.0, open_end=True)
        check_parameter("ALIF", "beta", self.beta, lowest=0.0)
        self.fixed()

    def fixed(self) -> LIF:
        """The neuron without its adaptation."""
        return LIF(self.tau_mem, self.tau_syn, self.threshold, self.refractory, self.reset)

    def draw(self, units: int, *, generator: torch.Generator) -> dict[str, Float[Tensor, "unit"]]:
        """The parameters of `units` neurons by name, float64; what `LIF` has is drawn as there."""
        parameters = self.fixed().draw(units, generator=generator)
        tau = draw(self.tau_adaptation, (units,), generator=generator).clamp_min(SHORTEST_TAU)
        return {**parameters, "tau_adaptation": tau, "beta": draw(self.beta, (units,), generator=generator)}


Neuron = LIF | ALIF


class LIFState(NamedTuple):
    """Synaptic current, voltage after reset, the steps of rest still to come, and adaptation; each [sample, unit]."""

    current: Float[Tensor, "sample unit"]
    voltage: Float[Tensor, "sample unit"]
    resting: Float[Tensor, "sample unit"]
    adaptation: Float[Tensor, "sample unit"]


class LIFConstants(NamedTuple):
    """What one step of length dt needs, per neuron: decays, the voltage a current aims at, threshold, steps of rest, and, of the
    adaptation, its decay and what it adds to the threshold."""

    decay_mem: Float[Tensor, "unit"]
    decay_syn: Float[Tensor, "unit"]
    gain: Float[Tensor, "unit"]
    threshold: Float[Tensor, "unit"]
    rest: Float[Tensor, "unit"]
    decay_adaptation: Float[Tensor, "unit"]
    beta: Float[Tensor, "unit"]
    reset: Reset


def lif_constants(
    tau_mem: Float[Tensor, "unit"],
    tau_syn: Float[Tensor, "unit"],
    threshold: Float[Tensor, "unit"],
    refractory: Float[Tensor, "unit"],
    tau_adaptation: Float[Tensor, "unit"],
    beta: Float[Tensor, "unit"],
    *,
    dt: float,
    reset: Reset,
) -> LIFConstants:
    """The exact propagator over `dt` ms: Rotter and Diesmann 1999, eq. (10); the current held over the step where tau_syn is 0.

    v(t + dt) = v e^(-dt/tau_mem) + I tau_syn (e^(-dt/tau_syn) - e^(-dt/tau_mem)) / (tau_syn - tau_mem), written as a decay of v
    towards gain I, so that a constant current at the threshold never rounds to a spike.
    """
    decay_mem = torch.exp(-dt / tau_mem)
    has_synapse = tau_syn > 0
    synapse = torch.where(has_synapse, tau_syn, tau_mem)
    decay_syn = torch.where(has_synapse, torch.exp(-dt / synapse), 0.0)
    rate = 1 / synapse - 1 / tau_mem
    exponent = dt * rate
    # two forms of one difference: the first is stable where the time constants meet, the second where they are far apart
    close = decay_mem * torch.where(rate == 0, dt, -torch.expm1(-exponent.clamp(-1, 1)) / torch.where(rate == 0, 1.0, rate))
    far = (decay_mem - decay_syn) / torch.where(rate == 0, 1.0, rate)
    alpha = torch.where(exponent.abs() < 0.1, close, far) / tau_mem
    gain = torch.where(has_synapse, alpha / -torch.expm1(-dt / tau_mem), 1.0)
    return LIFConstants(decay_mem, decay_syn, gain, threshold, torch.round(refractory / dt), torch.exp(-dt / tau_adaptation), beta, reset)


def lif_step(
    drive: Float[Tensor, "sample unit"], state: LIFState, k: LIFConstants, surrogate: Surrogate
) -> tuple[Float[Tensor, "sample unit"], LIFState]:
    """Spikes at the end of a step during which `drive` (threshold units) came in, and the state after them.

    A neuron fires where its voltage is above the threshold; `surrogate` is the step function with its gradient.
    """
    current = torch.addcmul(drive, k.decay_syn, state.current)
    # with a synapse the current of this step acts on the voltage from its arrival on; v moves towards gain * current
    voltage = torch.lerp(k.gain * current, state.voltage, k.decay_mem)
    awake = state.resting <= 0
    voltage = torch.where(awake, voltage, state.voltage)
    threshold = k.threshold + k.beta * state.adaptation
    spikes = surrogate(voltage - threshold).to(voltage.dtype) * awake
    if k.reset is Reset.ZERO:
        voltage = voltage * (1 - spikes)
    else:
        voltage = voltage - spikes * threshold
    resting = torch.where(spikes > 0, k.rest, (state.resting - 1).clamp_min(0))
    return spikes, LIFState(current, voltage, resting, k.decay_adaptation * state.adaptation + spikes)


def rest_state(samples: int, units: int, like: Float[Tensor, "..."]) -> LIFState:
    """The state of neurons without current, at voltage 0, ready to fire."""
    return LIFState(*(like.new_zeros(samples, units) for _ in LIFState._fields))
