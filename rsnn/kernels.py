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
    decay_adaptation: np.ndarray
    beta: np.ndarray
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
def simulate(drive, recurrent, neurons, state, spikes, awake, distance, voltage, current, adapted):
    """A block of time of the recurrent layer: `network.step` without trace and read-out.

    `drive` [time, sample, unit] comes in from outside, `recurrent` [from, to]. `state` [5, sample, unit] (current, voltage, steps of rest,
    adaptation, spikes) is carried on in place. Into arrays like `drive` are written: spikes, whether a neuron was awake (uint8), voltage
    before reset minus threshold, and, unless they are empty, voltage after reset and current, and the adaptation before the step.
    """
    steps, samples, units = drive.shape
    decay_mem, decay_syn, gain, threshold, rest, decay_adaptation, beta, to_zero = neurons
    fired = np.zeros(units, dtype=np.int64)
    from_others = np.zeros(units)
    for s in range(samples):
        now, v, resting, risen, last = state[0, s], state[1, s], state[2, s], state[3, s], state[4, s]
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
            if len(adapted) > 0:
                for i in range(units):
                    adapted[t, s, i] = risen[i]
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
                    threshold[i] + beta[i] * risen[i],
                    rest[i],
                    to_zero,
                )
                risen[i] = decay_adaptation[i] * risen[i] + spike
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
def step_back(grad_spikes, slope, spikes, awake, distance, adapted, through_others, neurons, state, rounded, grad_current, grad_recurrent):
    """One step of the way back through what `simulate` ran from rest, for all samples.

    Of this step, [sample, unit]: the gradient of the spikes, the slope of the surrogate, what `simulate` wrote (`adapted` is empty where
    no threshold adapts), and the gradient of the spikes through the other neurons (float32). `state` [5, sample, unit] is carried on in
    place: the gradients of current, voltage and adaptation, and, where thresholds adapt, what came to threshold and voltage in this step.
    The first of them is also given as float32 in `rounded` and as `grad_current`; that of the weights adds up in `grad_recurrent` [from,
    to].
    """
    samples, units = grad_spikes.shape
    decay_mem, decay_syn, gain, threshold, _, decay_adaptation, beta, to_zero = neurons
    for s in range(samples):
        of_current, of_voltage, of_adaptation, of_threshold, of_aimed = state[0, s], state[1, s], state[2, s], state[3, s], state[4, s]
        given, steepness, fired, up = grad_spikes[s], slope[s], spikes[s], awake[s]
        above, others, small, out = distance[s], through_others[s], rounded[s], grad_current[s]
        for j in range(units):
            if fired[j]:
                row = grad_recurrent[j]
                for i in range(units):
                    row[i] += of_current[i]
        if len(adapted) == 0:
            for i in range(units):
                of_spike, of_v = given[i] + others[i], of_voltage[i]
                if to_zero:
                    of_spike -= of_v * (above[i] + threshold[i])
                    of_v *= 1.0 - fired[i]
                else:
                    of_spike -= of_v * threshold[i]
                of_now = decay_syn[i] * of_current[i]
                if up[i]:
                    of_v += of_spike * steepness[i]
                    of_now += of_v * (1.0 - decay_mem[i]) * gain[i]
                    of_v *= decay_mem[i]
                of_current[i] = of_now
                of_voltage[i] = of_v
                small[i] = of_now
                out[i] = of_now
        else:
            for i in range(units):
                of_spike, of_v, of_height = given[i] + others[i] + of_adaptation[i], of_voltage[i], 0.0
                height = threshold[i] + beta[i] * adapted[s, i]
                if to_zero:
                    of_spike -= of_v * (above[i] + height)
                    of_v *= 1.0 - fired[i]
                else:
                    of_spike -= of_v * height
                    of_height = -of_v * fired[i]
                of_now = decay_syn[i] * of_current[i]
                if up[i]:
                    of_height -= of_spike * steepness[i]
                    of_v += of_spike * steepness[i]
                    of_aimed[i] = of_v
                    of_now += of_v * (1.0 - decay_mem[i]) * gain[i]
                    of_v *= decay_mem[i]
                of_current[i] = of_now
                of_voltage[i] = of_v
                of_adaptation[i] = decay_adaptation[i] * of_adaptation[i] + beta[i] * of_height
                of_threshold[i] = of_height
                small[i] = of_now
                out[i] = of_now


@njit(cache=True, nogil=True)
@no_type_check
def gather_constants(state, of_adaptation, awake, adapted, current, current_before, voltage_before, neurons, grad):
    """Add what a step of `step_back` says about the constants of each neuron to `grad` [6, unit].

    In the order of decay of voltage, of current, gain, threshold, decay of adaptation, beta. `state` as it stands after the step,
    `of_adaptation` [sample, unit] as it stood before it; the rest [sample, unit] from `simulate`.
    """
    samples, units = current.shape
    decay_mem, gain = neurons.decay_mem, neurons.gain
    for s in range(samples):
        of_current, of_height, of_aimed = state[0, s], state[3, s], state[4, s]
        for i in range(units):
            grad[1, i] += of_current[i] * current_before[s, i]
            if awake[s, i]:
                grad[0, i] += of_aimed[i] * (voltage_before[s, i] - gain[i] * current[s, i])
                grad[2, i] += of_aimed[i] * (1.0 - decay_mem[i]) * current[s, i]
            grad[3, i] += of_height[i]
            grad[4, i] += of_adaptation[s, i] * adapted[s, i]
            grad[5, i] += of_height[i] * adapted[s, i]
