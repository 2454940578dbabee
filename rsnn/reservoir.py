"""The kernel of a reservoir that learns while it runs: neurons, input, homeostasis and plastic rows, sample after sample."""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from rsnn.kernels import advance
from rsnn.rows import NO, Past, Rule, Scratch, Synapses, end_sample, learn_step, scale, send, settle, visit


class Plastic(NamedTuple):
    """A group of synapses with the rule by which they learn; `total` [unit] or empty is what their weights onto a neuron sum to."""

    synapses: Synapses
    rule: Rule
    past: Past
    scratch: Scratch
    total: np.ndarray


class Adaptation(NamedTuple):
    """The constants of a step of an adaptive threshold, `homeostasis.ThresholdConstants`, and the lowest offset [unit]."""

    decay: float
    rise: float
    fall: float
    lowest: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def learn(x, drive, state, theta, raster, neurons, adaptation, recurrent, afferent, input_learns, from_rest):
    """Present samples one after the other, changing weights and `theta` [unit] in place, and write spikes.

    The input is spikes or other values `x` [sample, time, input] through the synapses of `afferent`, or, where `x` is empty, what they
    make of it, `drive` [sample, time, unit]. `state` [4, unit] (current, voltage, steps of rest, input from the own spikes of the step
    before) is carried on in place; `from_rest` sets it to 0 before each sample, else the samples are pieces of one. `raster` [sample,
    time, unit], uint8, takes the spikes. The same arithmetic as `network.step`, `plasticity.stdp_step`, `homeostasis.adapt`, `normalise`.
    """
    samples, steps, units = raster.shape
    by_spikes = x.shape[0] > 0
    decay_mem, decay_syn, gain, threshold, rest, to_zero = neurons
    decay, rise, fall, lowest = adaptation
    current, voltage, resting, from_others = state[0], state[1], state[2], state[3]
    inward = np.zeros(units)
    fired = np.empty(units, dtype=np.int64)
    arrived = np.empty(x.shape[2], dtype=np.int64)
    for s in range(samples):
        if from_rest:
            state[:] = 0.0
        for t in range(steps):
            arrivals = np.int64(0)
            if by_spikes:
                inward[:] = 0.0
                for j in range(x.shape[2]):
                    if x[s, t, j] != 0.0:
                        arrived[arrivals] = j
                        arrivals += 1
                # rows that learn have to be up to date before they are sent on
                if input_learns:
                    visit(arrived, arrivals, afferent.synapses, afferent.rule, afferent.past, afferent.scratch, NO, inward)
                else:
                    for n in range(arrivals):
                        send(arrived[n], afferent.synapses, x[s, t, arrived[n]], inward)
            else:
                for i in range(units):
                    inward[i] = drive[s, t, i]
            count = np.int64(0)
            for i in range(units):
                height = threshold[i] + theta[i]
                current[i], voltage[i], resting[i], _, spike = advance(
                    inward[i] + from_others[i],
                    current[i],
                    voltage[i],
                    resting[i],
                    decay_syn[i],
                    decay_mem[i],
                    gain[i],
                    height,
                    rest[i],
                    to_zero,
                )
                raster[s, t, i] = spike
                if spike:
                    fired[count] = i
                    count += 1
                offset = decay * theta[i] + (rise * spike - fall)
                theta[i] = max(offset, lowest[i])
            if input_learns:
                learn_step(
                    afferent.synapses,
                    afferent.rule,
                    afferent.past,
                    afferent.scratch,
                    arrived,
                    arrivals,
                    fired,
                    count,
                    afferent.scratch.unused,
                )
            from_others[:] = 0.0
            learn_step(recurrent.synapses, recurrent.rule, recurrent.past, recurrent.scratch, fired, count, fired, count, from_others)
        if from_rest:
            end_sample(recurrent.past)
            if input_learns:
                end_sample(afferent.past)
        if len(recurrent.total) > 0:
            settle(recurrent.synapses, recurrent.rule, recurrent.past, recurrent.scratch)
            scale(recurrent.synapses, recurrent.rule.w_min, recurrent.rule.w_max, recurrent.total)
        if input_learns and len(afferent.total) > 0:
            settle(afferent.synapses, afferent.rule, afferent.past, afferent.scratch)
            scale(afferent.synapses, afferent.rule.w_min, afferent.rule.w_max, afferent.total)
