"""Compiled kernels: a recurrent layer over a block of time, the way back through it, and a reservoir that learns by STDP.

Each does the arithmetic of a pure torch function elsewhere, which is its definition and its test, and touches only the synapses of neurons
that fire. One thread, float64, sums in a fixed order: the results depend on nothing but the arguments.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit


class Neurons(NamedTuple):
    """The constants of a step of LIF neurons, `neurons.LIFConstants`, as arrays [unit]."""

    decay_mem: np.ndarray
    decay_syn: np.ndarray
    gain: np.ndarray
    threshold: np.ndarray
    rest: np.ndarray
    reset_to_zero: bool


@njit(cache=True, nogil=True)
@no_type_check
def simulate(drive, recurrent, neurons, state, spikes, awake, distance, voltage, current):
    """A block of time of the recurrent layer: `network.step` without trace and read-out.

    `drive` [time, sample, unit] comes in from outside, `recurrent` [from, to]. `state` [4, sample, unit] (current, voltage, steps of rest,
    spikes) is carried on in place. Into arrays like `drive` are written: spikes, whether a neuron was awake (uint8), voltage before reset
    minus threshold, and, unless they are empty, voltage after reset and current.
    """
    steps, samples, units = drive.shape
    fired = np.zeros(units, dtype=np.int64)
    from_others = np.zeros(units)
    for s in range(samples):
        now, v, resting, last = state[0, s], state[1, s], state[2, s], state[3, s]
        count = 0
        for i in range(units):
            if last[i] > 0.0:
                fired[count] = i
                count += 1
        for t in range(steps):
            from_others[:] = 0.0
            for n in range(count):
                row = recurrent[fired[n]]
                for i in range(units):
                    from_others[i] += row[i]
            count = 0
            for i in range(units):
                now[i] = neurons.decay_syn[i] * now[i] + (drive[t, s, i] + from_others[i])
                spikes[t, s, i] = 0
                awake[t, s, i] = resting[i] <= 0.0
                if resting[i] <= 0.0:
                    aim = neurons.gain[i] * now[i]
                    v[i] = aim + (v[i] - aim) * neurons.decay_mem[i]
                    distance[t, s, i] = v[i] - neurons.threshold[i]
                    if v[i] - neurons.threshold[i] > 0.0:
                        spikes[t, s, i] = 1
                        fired[count] = i
                        count += 1
                        v[i] = 0.0 if neurons.reset_to_zero else v[i] - neurons.threshold[i]
                        resting[i] = neurons.rest[i]
                else:
                    distance[t, s, i] = v[i] - neurons.threshold[i]
                    resting[i] -= 1.0
            if len(voltage) > 0:
                for i in range(units):
                    voltage[t, s, i] = v[i]
                    current[t, s, i] = now[i]
        last[:] = 0.0
        for n in range(count):
            last[fired[n]] = 1.0


@njit(cache=True, nogil=True)
@no_type_check
def backpropagate(grad_spikes, slope, spikes, awake, distance, recurrent, neurons, grad_current, grad_recurrent):
    """The way back through a block of time that `simulate` began at rest.

    From the gradient of the spikes and the slope of the surrogate [time, sample, unit], with what `simulate` wrote, to the gradient of the
    current, `grad_current` (like `spikes`), and of the weights, `grad_recurrent` [from, to]; `recurrent` is [to, from] and
    float32 here, where nothing has to be exact to the last bit.
    """
    steps, samples, units = grad_spikes.shape
    of_current = np.zeros(units)
    of_voltage = np.zeros(units)
    rounded = np.zeros(units, dtype=np.float32)
    through_others = np.zeros(units, dtype=np.float32)
    for s in range(samples):
        of_current[:] = 0.0
        of_voltage[:] = 0.0
        for t in range(steps - 1, -1, -1):
            for i in range(units):
                rounded[i] = of_current[i]
                through_others[i] = 0.0
            # four rows at once, so that the sums are loaded and stored a quarter as often
            for i in range(0, units - 3, 4):
                a, b, c, d = rounded[i], rounded[i + 1], rounded[i + 2], rounded[i + 3]
                row_a, row_b, row_c, row_d = recurrent[i], recurrent[i + 1], recurrent[i + 2], recurrent[i + 3]
                for j in range(units):
                    through_others[j] += (a * row_a[j] + b * row_b[j]) + (c * row_c[j] + d * row_d[j])
            for i in range(units - units % 4, units):
                a, row_a = rounded[i], recurrent[i]
                for j in range(units):
                    through_others[j] += a * row_a[j]
            for j in range(units):
                if spikes[t, s, j]:
                    row = grad_recurrent[j]
                    for i in range(units):
                        row[i] += of_current[i]
            for i in range(units):
                of_spike, of_v = grad_spikes[t, s, i] + through_others[i], of_voltage[i]
                if neurons.reset_to_zero:
                    of_spike -= of_v * (distance[t, s, i] + neurons.threshold[i])
                    of_v *= 1.0 - spikes[t, s, i]
                else:
                    of_spike -= of_v * neurons.threshold[i]
                of_now = neurons.decay_syn[i] * of_current[i]
                if awake[t, s, i]:
                    of_v += of_spike * slope[t, s, i]
                    of_now += of_v * (1.0 - neurons.decay_mem[i]) * neurons.gain[i]
                    of_v *= neurons.decay_mem[i]
                of_current[i] = of_now
                of_voltage[i] = of_v
                grad_current[t, s, i] = of_now


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


class Adaptation(NamedTuple):
    """The constants of a step of an adaptive threshold, `homeostasis.ThresholdConstants`, and the lowest offset [unit]."""

    decay: float
    rise: float
    fall: float
    lowest: np.ndarray


@njit(cache=True, nogil=True)
@no_type_check
def learn(drive, weight, theta, raster, synapses, learning, neurons, adaptation):
    """Present samples one after the other, each from rest, changing `weight` [synapse] and `theta` [unit] in place, and write spikes.

    `drive` [time, sample, unit] is what comes in from outside, `raster` (same shape, uint8) takes the spikes.
    The same arithmetic as `network.step`, `plasticity.stdp_step`, `homeostasis.adapt` and `normalise`.
    """
    steps, samples, units = drive.shape
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
                current[i] = neurons.decay_syn[i] * current[i] + (drive[t, s, i] + from_others[i])
                spike = 0.0
                if resting[i] <= 0.0:
                    aim = neurons.gain[i] * current[i]
                    voltage[i] = aim + (voltage[i] - aim) * neurons.decay_mem[i]
                    if voltage[i] - threshold > 0.0:
                        spike = 1.0
                        fired[count] = i
                        count += 1
                        raster[t, s, i] = 1
                        voltage[i] = 0.0 if neurons.reset_to_zero else voltage[i] - threshold
                        resting[i] = neurons.rest[i]
                else:
                    resting[i] -= 1.0
                offset = adaptation.decay * theta[i] + (adaptation.rise * spike - adaptation.fall)
                theta[i] = max(offset, adaptation.lowest[i])
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
