"""Compiled kernels: a recurrent layer over a block of time, and the way back through it.

Each does the arithmetic of a pure torch function elsewhere, which is its definition and its test, and touches only the synapses of neurons
that fire. One thread, float64, sums in a fixed order: the results depend on nothing but the arguments, and, in the last bit of what is
float32, on whether the processor multiplies and adds at once.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit
from numba.extending import register_jitable

from rsnn.lanes import COUNT, address, double, every, first, load, store, where
from rsnn.replay import INNER


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


@register_jitable
@no_type_check
def lif_lanes(k, some, given, height, state, i, part, constants, to_zero):
    """`neurons.lif_step` of the neurons from k on, of which there are `some`, by what comes in and their thresholds, `height`.

    Their current, voltage and steps of rest lie from i on in the `state`, `part` apart, and are carried on in place; of the `constants`
    the first four are decay of voltage and of current, gain, and steps of rest. Of them and of the state the addresses are given. Out come
    current and voltage, how far above the threshold the voltage came, whether a neuron was awake, and whether it fired.
    """
    decay_mem, decay_syn, gain, rest = constants[:4]
    now, v, resting = load(state, i, some), load(state, part + i, some), load(state, 2 * part + i, some)
    now = load(decay_syn, k, some) * now + given
    aim = load(gain, k, some) * now
    awake = resting <= 0.0
    v = where(awake, aim + (v - aim) * load(decay_mem, k, some), v)
    apart = v - height
    fires = (apart > 0.0) & awake
    v = where(fires, where(to_zero, every(0.0, v), apart), v)
    resting = where(fires, load(rest, k, some), where(awake, 0.0, resting - 1.0))
    store(state, i, some, now)
    store(state, part + i, some, v)
    store(state, 2 * part + i, some, resting)
    return now, v, apart, awake, fires


@njit(cache=True, nogil=True, **INNER)
@no_type_check
def advance_lanes(k, some, units, given, from_others, state, height, constants, to_zero, spike):
    """`advance` for the neurons from k on, of which there are `some`. Arrays are given by their addresses."""
    inward = double(load(given, k, some)) + load(from_others, k, some)
    _, _, _, _, fires = lif_lanes(k, some, inward, load(height, k, some), state, k, units, constants, to_zero)
    store(spike, k, some, fires)


@njit(cache=True, nogil=True)
@no_type_check
def advance(given, from_others, state, height, constants, to_zero, spike):
    """One step of the neurons of a sample, `neurons.lif_step`: `state` [5, unit], of which the first three are current, voltage and steps
    of rest, is carried on in place.

    `height` is their threshold; `constants` are the addresses of decay of voltage and of current, gain, and steps of rest. Into `spike`
    goes whether a neuron fired (uint8).
    """
    units = len(spike)
    whole = units // COUNT * COUNT
    inward, inner, carried, above, out = address(given), address(from_others), address(state), address(height), address(spike)
    for k in range(0, whole, COUNT):
        advance_lanes(k, None, units, inward, inner, carried, above, constants, to_zero, out)
    if whole < units:
        advance_lanes(whole, first(units - whole), units, inward, inner, carried, above, constants, to_zero, out)


@njit(cache=True, nogil=True)
@no_type_check
def listed(spike, fired):
    """Write which neurons fired, in order, to `fired`, which has room for one more than there are; and say how many."""
    count = 0
    for i in range(len(spike)):
        fired[count] = i
        count += spike[i]
    return count


@njit(cache=True, nogil=True, **INNER)
@no_type_check
def simulate_lanes(k, some, at, own, drive, from_others, constants, state, written, sizes):
    """One step of `simulate` for the neurons from k on, of which there are `some`: of the sample that begins at `own` in each part of the
    state, and in the step that begins at `at` in what is written. Arrays are given by their addresses."""
    _, _, _, _, threshold, decay_adaptation, beta = constants
    spikes, awake, distance, voltage, current, adapted = written
    part, to_zero, adapts, adapts_told, all_told = sizes
    i, risen = own + k, own + k + 3 * part
    height = load(threshold, k, some)
    adaptation = load(state, risen, some)
    if adapts:
        height = height + load(beta, k, some) * adaptation
    if adapts_told:
        store(adapted, at + k, some, adaptation)
    inward = double(load(drive, at + k, some)) + load(from_others, k, some)
    now, v, apart, up, fires = lif_lanes(k, some, inward, height, state, i, part, constants, to_zero)
    store(spikes, at + k, some, fires)
    store(awake, at + k, some, up)
    store(distance, at + k, some, apart)
    if adapts:
        store(state, risen, some, load(decay_adaptation, k, some) * adaptation + where(fires, every(1.0, height), 0.0))
    if all_told:
        store(voltage, at + k, some, v)
        store(current, at + k, some, now)


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
    adapts = beta.any() or len(adapted) > 0
    sizes = samples * units, to_zero, adapts, len(adapted) > 0, len(voltage) > 0
    of_neurons = address(decay_mem), address(decay_syn), address(gain), address(rest)
    constants = *of_neurons, address(threshold), address(decay_adaptation), address(beta)
    of_spikes = address(spikes), address(awake), address(distance)
    written = *of_spikes, address(voltage), address(current), address(adapted)
    from_others = np.zeros(units)  # held by the loop, as long as its address is used
    given, inner, carried = address(drive), address(from_others), address(state)
    fired = np.zeros(units + 1, dtype=np.int64)
    whole = units // COUNT * COUNT
    for s in range(samples):
        last, own, count = state[4, s], s * units, 0
        for i in range(units):
            if last[i] > 0.0:
                fired[count] = i
                count += 1
        for t in range(steps):
            at = (t * samples + s) * units
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
            for k in range(0, whole, COUNT):
                simulate_lanes(k, None, at, own, given, inner, constants, carried, written, sizes)
            if whole < units:
                some = first(units - whole)
                simulate_lanes(whole, some, at, own, given, inner, constants, carried, written, sizes)
            count = listed(spikes[t, s], fired)
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


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def step_back_lanes(k, some, own, share, steep, constants, of_step, state, grad_current, sizes):
    """`step_back` for the neurons from k on, of which there are `some`, of the sample that begins at `own`. Arrays are given by their
    addresses."""
    decay_mem, decay_syn, gain, threshold, decay_adaptation, beta = constants
    grad_spikes, slope, spikes, awake, distance, adapted, through_others = of_step
    part, to_zero, adapts, sloped = sizes
    i = own + k
    far = load(distance, i, some)
    below = 1.0 + steep * where(far < 0.0, 0.0 - far, far)
    steepness = double(load(slope, i, some) if sloped else 1.0 / (below * below))
    above, fires, up = double(far), load(spikes, i, some), load(awake, i, some)
    of_current, of_voltage = load(state, i, some), load(state, part + i, some)
    height, of_spike = load(threshold, k, some), share * double(load(grad_spikes, i, some)) + double(load(through_others, i, some))
    none = every(0.0, height)
    of_adaptation = none
    if adapts:
        height = height + load(beta, k, some) * load(adapted, i, some)
        of_adaptation = load(state, 2 * part + i, some)
        of_spike = of_spike + of_adaptation
    of_spike = of_spike - of_voltage * where(to_zero, above + height, height)
    of_height = where(fires, where(to_zero, none, none - of_voltage), 0.0)
    of_voltage = where(fires, where(to_zero, none, of_voltage), of_voltage)
    moved, decay = of_spike * steepness, load(decay_mem, k, some)
    of_aimed, of_now = of_voltage + moved, load(decay_syn, k, some) * of_current
    of_now = where(up, of_now + of_aimed * ((1.0 - decay) * load(gain, k, some)), of_now)
    store(state, i, some, of_now)
    store(grad_current, i, some, of_now)
    store(state, part + i, some, where(up, of_aimed * decay, of_voltage))
    if adapts:
        of_height = where(up, of_height - moved, of_height)
        store(state, 2 * part + i, some, load(decay_adaptation, k, some) * of_adaptation + load(beta, k, some) * of_height)
        store(state, 3 * part + i, some, of_height)
        store(state, 4 * part + i, some, of_aimed)


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def step_back(grad_spikes, share, slope, fast_sigmoid, spikes, awake, distance, adapted, through_others, neurons, state, grad_current):
    """One step of the way back through what `simulate` ran from rest, for all samples.

    Of this step, [sample, unit]: the gradient of the spikes, of which so large a `share` counts, the slope of the surrogate, or nothing
    where it is that of the `fast_sigmoid` so steep, what `simulate` wrote (`adapted` is empty where no threshold adapts), and the gradient
    of the spikes through the other neurons (float32). `state` [5, sample, unit] is carried on in place: the gradients of current, voltage
    and adaptation, and, where thresholds adapt, what came to threshold and, of neurons that were awake, to the voltage in this step. The
    first of them is also given as `grad_current`, float32.
    """
    samples, units = grad_spikes.shape
    decay_mem, decay_syn, gain, threshold, _, decay_adaptation, beta, to_zero = neurons
    of_neurons = address(decay_mem), address(decay_syn), address(gain), address(threshold)
    constants = *of_neurons, address(decay_adaptation), address(beta)
    of_spikes = address(grad_spikes), address(slope), address(spikes), address(awake)
    of_step = *of_spikes, address(distance), address(adapted), address(through_others)
    sizes = samples * units, to_zero, len(adapted) > 0, len(slope) > 0
    carried, out = address(state), address(grad_current)
    whole = units // COUNT * COUNT
    for s in range(samples):
        for k in range(0, whole, COUNT):
            step_back_lanes(k, None, s * units, share, fast_sigmoid, constants, of_step, carried, out, sizes)
        if whole < units:
            step_back_lanes(whole, first(units - whole), s * units, share, fast_sigmoid, constants, of_step, carried, out, sizes)


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
