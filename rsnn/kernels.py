"""Compiled kernels: a recurrent network that learns by STDP, sample after sample, touching only the synapses of neurons that fire."""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit


class Synapses(NamedTuple):
    """Sparse storage by the neuron that receives: the synapses onto i are `incoming[i]:incoming[i + 1]` and come from `pre`; the synapses
    from j are `outgoing[outgoing_start[j]:outgoing_start[j + 1]]` and go to `post`."""

    incoming: np.ndarray
    pre: np.ndarray
    post: np.ndarray
    outgoing_start: np.ndarray
    outgoing: np.ndarray


class Learning(NamedTuple):
    """The pair rule: amplitudes and decays per step of each synapse, bounds, whether older spikes count; total [unit] or empty."""

    a_plus: np.ndarray
    a_minus: np.ndarray
    decay_plus: np.ndarray
    decay_minus: np.ndarray
    w_min: float
    w_max: float
    all_to_all: bool
    total: np.ndarray


class Neurons(NamedTuple):
    """The constants of a step of LIF neurons and of their adaptive thresholds."""

    decay_mem: np.ndarray
    decay_syn: np.ndarray
    gain: np.ndarray
    threshold: np.ndarray
    rest: np.ndarray
    reset_to_zero: bool
    theta_decay: float
    theta_rise: float
    theta_fall: float
    theta_lowest: np.ndarray


@njit(cache=True, nogil=True)
@no_type_check
def learn(drive, weight, theta, raster, synapses, learning, neurons):  # numba finds the types
    """Present samples one after the other, each from rest, changing `weight` [synapse] and `theta` [unit] in place, and write spikes.

    `drive` [sample, time, unit] float64 is what comes in from outside, `raster` (same shape, uint8) takes the spikes.
    The same arithmetic as `network.step`, `plasticity.stdp_step`, `homeostasis.adapt` and `normalise`.
    """
    samples, steps, units = drive.shape
    current = np.zeros(units)
    voltage = np.zeros(units)
    resting = np.zeros(units)
    from_others = np.zeros(units)
    trace_pre = np.zeros(len(weight))
    trace_post = np.zeros(len(weight))
    fired = np.zeros(units, dtype=np.int64)
    for s in range(samples):
        current[:] = 0.0
        voltage[:] = 0.0
        resting[:] = 0.0
        trace_pre[:] = 0.0
        trace_post[:] = 0.0
        count = 0
        for t in range(steps):
            from_others[:] = 0.0
            for n in range(count):
                j = fired[n]
                for m in range(synapses.outgoing_start[j], synapses.outgoing_start[j + 1]):
                    k = synapses.outgoing[m]
                    from_others[synapses.post[k]] += weight[k]
            count = 0
            for i in range(units):
                threshold = neurons.threshold[i] + theta[i]
                current[i] = neurons.decay_syn[i] * current[i] + (drive[s, t, i] + from_others[i])
                spike = 0.0
                if resting[i] <= 0.0:
                    aim = neurons.gain[i] * current[i]
                    voltage[i] = aim + (voltage[i] - aim) * neurons.decay_mem[i]
                    if voltage[i] - threshold > 0.0:
                        spike = 1.0
                        fired[count] = i
                        count += 1
                        raster[s, t, i] = 1
                        voltage[i] = 0.0 if neurons.reset_to_zero else voltage[i] - threshold
                        resting[i] = neurons.rest[i]
                else:
                    resting[i] -= 1.0
                offset = neurons.theta_decay * theta[i] + (neurons.theta_rise * spike - neurons.theta_fall)
                theta[i] = max(offset, neurons.theta_lowest[i])
            for k in range(len(weight)):
                trace_pre[k] *= learning.decay_plus[k]
                trace_post[k] *= learning.decay_minus[k]
            for n in range(count):
                i = fired[n]
                for k in range(synapses.incoming[i], synapses.incoming[i + 1]):
                    weight[k] = min(max(weight[k] + learning.a_plus[k] * trace_pre[k], learning.w_min), learning.w_max)
            for n in range(count):
                j = fired[n]
                for m in range(synapses.outgoing_start[j], synapses.outgoing_start[j + 1]):
                    k = synapses.outgoing[m]
                    weight[k] = min(max(weight[k] - learning.a_minus[k] * trace_post[k], learning.w_min), learning.w_max)
                    trace_pre[k] = trace_pre[k] + 1.0 if learning.all_to_all else 1.0
            for n in range(count):
                i = fired[n]
                for k in range(synapses.incoming[i], synapses.incoming[i + 1]):
                    trace_post[k] = trace_post[k] + 1.0 if learning.all_to_all else 1.0
        if len(learning.total) > 0:
            for i in range(units):
                now = 0.0
                for k in range(synapses.incoming[i], synapses.incoming[i + 1]):
                    now += weight[k]
                if now > 0.0:
                    factor = learning.total[i] / now
                    for k in range(synapses.incoming[i], synapses.incoming[i + 1]):
                        weight[k] = min(max(weight[k] * factor, learning.w_min), learning.w_max)
