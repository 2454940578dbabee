"""Compiled kernels: a recurrent layer over a block of time, and the way back through it.

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
def advance(drive, current, voltage, resting, decay_syn, decay_mem, gain, threshold, rest, reset_to_zero):
    """One step of one neuron, `neurons.lif_step`: its new state, how far above the threshold the voltage came, and whether it fired.

    Numbers in, numbers out: arrays would have their references counted at every call.
    """
    current = decay_syn * current + drive
    if resting > 0.0:
        return current, voltage, resting - 1.0, voltage - threshold, False
    aim = gain * current
    voltage = aim + (voltage - aim) * decay_mem
    distance = voltage - threshold
    if distance > 0.0:
        return current, 0.0 if reset_to_zero else distance, rest, distance, True
    return current, voltage, 0.0, distance, False


@njit(cache=True, nogil=True)
@no_type_check
def simulate(drive, recurrent, neurons, state, spikes, awake, distance, voltage, current):
    """A block of time of the recurrent layer: `network.step` without trace and read-out.

    `drive` [time, sample, unit] comes in from outside, `recurrent` [from, to]. `state` [4, sample, unit] (current, voltage, steps of rest,
    spikes) is carried on in place. Into arrays like `drive` are written: spikes, whether a neuron was awake (uint8), voltage before reset
    minus threshold, and, unless they are empty, voltage after reset and current.
    """
    steps, samples, units = drive.shape
    decay_mem, decay_syn, gain, threshold, rest, to_zero = neurons
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
                awake[t, s, i] = resting[i] <= 0.0
                now[i], v[i], resting[i], distance[t, s, i], spike = advance(
                    drive[t, s, i] + from_others[i],
                    now[i],
                    v[i],
                    resting[i],
                    decay_syn[i],
                    decay_mem[i],
                    gain[i],
                    threshold[i],
                    rest[i],
                    to_zero,
                )
                spikes[t, s, i] = spike
                if spike:
                    fired[count] = i
                    count += 1
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
    decay_mem, decay_syn, gain, threshold, _, to_zero = neurons
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
                if to_zero:
                    of_spike -= of_v * (distance[t, s, i] + threshold[i])
                    of_v *= 1.0 - spikes[t, s, i]
                else:
                    of_spike -= of_v * threshold[i]
                of_now = decay_syn[i] * of_current[i]
                if awake[t, s, i]:
                    of_v += of_spike * slope[t, s, i]
                    of_now += of_v * (1.0 - decay_mem[i]) * gain[i]
                    of_v *= decay_mem[i]
                of_current[i] = of_now
                of_voltage[i] = of_v
                grad_current[t, s, i] = of_now
