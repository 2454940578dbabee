"""E-prop: eligibility traces of every synapse, forward in time, from which a learning signal makes a gradient; Bellec et al. 2020."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from rsnn.network import RSNN, step
from rsnn.neurons import LIFConstants, Reset
from rsnn.surrogate import Surrogate, gradient


class Eligibility(NamedTuple):
    """How current, voltage (after reset) and adaptation of the receiving neuron depend on the weight of each synapse."""

    current: Float[Tensor, "sample post pre"]
    voltage: Float[Tensor, "sample post pre"]
    adaptation: Float[Tensor, "sample post pre"]


def eprop_step(
    arrived: Float[Tensor, "sample pre"],
    distance: Float[Tensor, "sample post"],
    threshold: Float[Tensor, "sample post"],
    awake: Float[Tensor, "sample post"],
    vectors: Eligibility,
    k: LIFConstants,
    surrogate: Surrogate,
) -> tuple[Float[Tensor, "sample post pre"], Eligibility]:
    """The eligibility trace of each synapse in a step, and the eligibility vectors after it; Bellec et al. 2020, eqs. (13)-(14), (24)-(25).

    `arrived` came in through the synapses; `distance` is the voltage before reset minus `threshold`. What is local to the neuron is whole:
    the reset and the adaptation pass their part on, as they do in the gradient through time.
    """
    decay_mem, decay_syn, gain, decay_adaptation, beta = (
        v[:, None] for v in (k.decay_mem, k.decay_syn, k.gain, k.decay_adaptation, k.beta)
    )
    up, spikes = awake[..., None], ((distance > 0) * awake)[..., None]
    current = decay_syn * vectors.current + arrived[:, None, :]
    voltage = torch.where(up > 0, decay_mem * vectors.voltage + (1 - decay_mem) * gain * current, vectors.voltage)
    height = beta * vectors.adaptation
    trace = gradient(surrogate, distance)[..., None] * up * (voltage - height)
    if k.reset is Reset.ZERO:
        voltage = voltage * (1 - spikes) - (distance + threshold)[..., None] * trace
    else:
        voltage = voltage - threshold[..., None] * trace - spikes * height
    return trace, Eligibility(current, voltage, decay_adaptation * vectors.adaptation + trace)


@torch.no_grad()
def eprop_gradient(
    net: RSNN, x: Float[Tensor, "sample time input"], signal: Float[Tensor, "time sample unit"]
) -> tuple[Float[Tensor, "unit input"], Float[Tensor, "unit unit"]]:
    """The gradient of input and recurrent weights: the sum over time and samples of learning signal times eligibility trace, eq. (1).

    `signal` is the derivative of the loss by each spike, as far as it acts on the loss itself. It runs forward with the network, and keeps
    three numbers for each synapse and sample, whatever the time: the definition, for small networks.
    """
    x = net.check(x)
    k, state = net.constants(), net.rest(len(x))
    zeros = [signal.new_zeros(len(x), net.units, n) for n in (net.inputs, net.units)]
    vectors = [Eligibility(z, z, z) for z in zeros]
    grads = [z.sum(0) for z in zeros]
    drives = [drive for block in net.drive(x) for drive in block]
    for t, drive in enumerate(drives):
        before, state = state, step(drive, state, k, net.surrogate)
        threshold = k.neurons.threshold + k.neurons.beta * before.neurons.adaptation
        awake = (before.neurons.resting <= 0).to(threshold.dtype)
        aim = k.neurons.gain * state.neurons.current
        distance = torch.where(awake > 0, torch.lerp(aim, before.neurons.voltage, k.neurons.decay_mem), before.neurons.voltage) - threshold
        for n, arrived in enumerate((x[:, t].to(signal.dtype), before.spikes)):
            trace, vectors[n] = eprop_step(arrived, distance, threshold, awake, vectors[n], k.neurons, net.surrogate)
            grads[n] += torch.einsum("su,sup->up", signal[t], trace)
    return grads[0] * net.input_mask, grads[1] * net.recurrent_mask
