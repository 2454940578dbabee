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
def advance(given, from_others, now, v, resting, height, neurons, rests, apart, up, spike):
    """One step of the neurons of a sample, `neurons.lif_step`: current `now`, voltage `v` and steps of rest are carried on in place.

    Into `apart` goes how far above the threshold, `height`, the voltage came, into `up` whether the neuron was awake, into `spike` whether
    it fired (both uint8). `rests` says whether any neuron ever is at rest. Loops that write one array each become vector instructions;
    with branches or several arrays they do not.
    """
    decay_mem, decay_syn, gain, _, rest, _, _, to_zero = neurons
    units = len(now)
    for i in range(units):
        now[i] = decay_syn[i] * now[i] + (given[i] + from_others[i])
    if rests:
        for i in range(units):
            up[i] = resting[i] <= 0.0
        for i in range(units):
            aim = gain[i] * now[i]
            moved = aim + (v[i] - aim) * decay_mem[i]
            v[i] = moved if resting[i] <= 0.0 else v[i]
        for i in range(units):
            apart[i] = v[i] - height[i]
        for i in range(units):
            spike[i] = (apart[i] > 0.0) & (resting[i] <= 0.0)
        for i in range(units):
            left = resting[i] - 1.0 if resting[i] > 0.0 else 0.0
            resting[i] = rest[i] if spike[i] else left
    else:
        up[:] = 1
        for i in range(units):
            aim = gain[i] * now[i]
            v[i] = aim + (v[i] - aim) * decay_mem[i]
        for i in range(units):
            apart[i] = v[i] - height[i]
        for i in range(units):
            spike[i] = apart[i] > 0.0
    for i in range(units):
        reset = 0.0 if to_zero else apart[i]
        v[i] = reset if spike[i] else v[i]


@njit(cache=True, nogil=True)
@no_type_check
def listed(spike, fired):
    """Write which neurons fired, in order, to `fired`, which has room for one more than there are; and say how many."""
    count = 0
    for i in range(len(spike)):
        fired[count] = i
        count += spike[i]
    return count


@njit(cache=True, nogil=True)
@no_type_check
def simulate(drive, recurrent, neurons, state, spikes, awake, distance, voltage, current, adapted):
    """A block of time of the recurrent layer: `network.step` without trace and read-out.

    `drive` [time, sample, unit] comes in from outside, `recurrent` [from, to]. `state` [5, sample, unit] (current, voltage, steps of rest,
    adaptation, spikes) is carried on in place. Into arrays like `drive` are written: spikes, whether a neuron was awake (uint8), voltage
    before reset minus threshold, and, unless they are empty, voltage after reset and current, and the adaptation before the step.
    """
    steps, samples, units = drive.shape
    threshold, rest, decay_adaptation, beta = neurons.threshold, neurons.rest, neurons.decay_adaptation, neurons.beta
    adapts, rests = beta.any() or len(adapted) > 0, rest.any() or state[2].any()
    fired = np.zeros(units + 1, dtype=np.int64)
    from_others, apart, height = np.zeros(units), np.zeros(units), threshold.copy()
    for s in range(samples):
        now, v, resting, risen, last = state[0, s], state[1, s], state[2, s], state[3, s], state[4, s]
        count = 0
        for i in range(units):
            if last[i] > 0.0:
                fired[count] = i
                count += 1
        for t in range(steps):
            given, spike, up, far = drive[t, s], spikes[t, s], awake[t, s], distance[t, s]
            from_others[:] = 0.0
            n = 0
            while n + 4 <= count:
                # by number: a row cut out of its array has its references counted
                a, b, c, d = fired[n], fired[n + 1], fired[n + 2], fired[n + 3]
                for i in range(units):
                    from_others[i] = (((from_others[i] + recurrent[a, i]) + recurrent[b, i]) + recurrent[c, i]) + recurrent[d, i]
                n += 4
            while n < count:
                a = fired[n]
                for i in range(units):
                    from_others[i] += recurrent[a, i]
                n += 1
            if len(adapted) > 0:
                before = adapted[t, s]
                for i in range(units):
                    before[i] = risen[i]
            if adapts:
                for i in range(units):
                    height[i] = threshold[i] + beta[i] * risen[i]
            advance(given, from_others, now, v, resting, height, neurons, rests, apart, up, spike)
            for i in range(units):
                far[i] = apart[i]
            if adapts:
                for i in range(units):
                    risen[i] = decay_adaptation[i] * risen[i] + spike[i]
            count = listed(spike, fired)
            if len(voltage) > 0:
                for i in range(units):
                    voltage[t, s, i] = v[i]
                    current[t, s, i] = now[i]
        last[:] = 0.0
        for n in range(count):
            last[fired[n]] = 1.0


@njit(cache=True, nogil=True)
@no_type_check
def pool(raster, share, out, often):
    """Add to `out` [sample, unit] the spikes of a `raster` [time, sample, unit], 0 or 1, each with the `share` of its time step, and their
    number to `often` [unit]."""
    steps, samples, units = raster.shape
    for s in range(samples):
        to = out[s]
        for t in range(steps):
            fired, counts = raster[t, s], share[t]
            for i in range(units):
                to[i] += counts * fired[i]
            for i in range(units):
                often[i] += fired[i]


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def step_back(grad_spikes, share, slope, fast_sigmoid, spikes, awake, distance, adapted, through_others, neurons, state, grad_current):
    """One step of the way back through what `simulate` ran from rest, for all samples.

    Of this step, [sample, unit]: the gradient of the spikes, of which so large a `share` counts, the slope of the surrogate, or nothing
    where it is that of the `fast_sigmoid` so steep, what `simulate` wrote (`adapted` is empty where no threshold adapts), and the gradient
    of the spikes through the other neurons (float32). `state` [5, sample, unit] is carried on in place: the gradients of current, voltage
    and adaptation, and, where thresholds adapt, what came to threshold and voltage in this step. The first of them is also given as
    `grad_current`, float32.
    """
    samples, units = grad_spikes.shape
    decay_mem, decay_syn, gain, threshold, rest, decay_adaptation, beta, to_zero = neurons
    rests = rest.any()
    into, of_spike, steepness = np.empty(units), np.empty(units), np.empty(units, dtype=np.float32)
    steep, one = np.float32(fast_sigmoid), np.float32(1.0)
    for i in range(units):
        into[i] = (1.0 - decay_mem[i]) * gain[i]
    for s in range(samples):
        of_current, of_voltage, of_adaptation, of_threshold, of_aimed = state[0, s], state[1, s], state[2, s], state[3, s], state[4, s]
        given, fired, up = grad_spikes[s], spikes[s], awake[s]
        above, others, out = distance[s], through_others[s], grad_current[s]
        if len(slope) == 0:
            for i in range(units):
                below = one + steep * abs(above[i])
                steepness[i] = one / (below * below)
        else:
            of_sample = slope[s]
            for i in range(units):
                steepness[i] = of_sample[i]
        if len(adapted) == 0:
            # one array written at a time, as in `simulate`
            if to_zero:
                for i in range(units):
                    of_spike[i] = share * given[i] + others[i] - of_voltage[i] * (above[i] + threshold[i])
                for i in range(units):
                    of_voltage[i] = 0.0 if fired[i] else of_voltage[i]
            else:
                for i in range(units):
                    of_spike[i] = share * given[i] + others[i] - of_voltage[i] * threshold[i]
            if rests:
                for i in range(units):
                    more = of_voltage[i] + of_spike[i] * steepness[i]
                    of_voltage[i] = more if up[i] else of_voltage[i]
                for i in range(units):
                    of_current[i] = decay_syn[i] * of_current[i] + (of_voltage[i] * into[i] if up[i] else 0.0)
                for i in range(units):
                    of_voltage[i] = of_voltage[i] * decay_mem[i] if up[i] else of_voltage[i]
            else:
                for i in range(units):
                    of_voltage[i] += of_spike[i] * steepness[i]
                for i in range(units):
                    of_current[i] = decay_syn[i] * of_current[i] + of_voltage[i] * into[i]
                for i in range(units):
                    of_voltage[i] *= decay_mem[i]
        else:
            for i in range(units):
                of_one, of_v, of_height = share * given[i] + others[i] + of_adaptation[i], of_voltage[i], 0.0
                height = threshold[i] + beta[i] * adapted[s, i]
                if to_zero:
                    of_one -= of_v * (above[i] + height)
                    of_v *= 1.0 - fired[i]
                else:
                    of_one -= of_v * height
                    of_height = -of_v * fired[i]
                of_now = decay_syn[i] * of_current[i]
                if up[i]:
                    of_height -= of_one * steepness[i]
                    of_v += of_one * steepness[i]
                    of_aimed[i] = of_v
                    of_now += of_v * into[i]
                    of_v *= decay_mem[i]
                of_current[i] = of_now
                of_voltage[i] = of_v
                of_adaptation[i] = decay_adaptation[i] * of_adaptation[i] + beta[i] * of_height
                of_threshold[i] = of_height
        for i in range(units):
            out[i] = of_current[i]


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
