"""The kernel of a reservoir that learns while it runs: neurons, input, homeostasis and plastic rows, sample after sample."""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from rsnn.events import add_rows
from rsnn.kernels import advance, listed
from rsnn.lanes import address
from rsnn.replay import INNER
from rsnn.rows import NO, Past, Rule, Scratch, Synapses, end_sample, learn_step, multiply, send, settle, sums, visit


class Plastic(NamedTuple):
    """A group of synapses with the rule by which they learn; `total` [unit] or empty is what their weights onto a neuron sum to."""

    synapses: Synapses
    rule: Rule
    past: Past
    scratch: Scratch
    total: np.ndarray


class Adaptation(NamedTuple):
    """The constants of a step of the threshold of each neuron, `homeostasis.threshold_constants`, [unit]: decay, rise per spike, fall per
    step, lowest offset."""

    decay: np.ndarray
    rise: np.ndarray
    fall: np.ndarray
    lowest: np.ndarray


class Scaling(NamedTuple):
    """Synaptic scaling: the running mean of the rate of each neuron in spikes per sample, [unit] or empty: none; its target, how much of
    it a sample renews, and the strength."""

    average: np.ndarray
    target: float
    renewed: float
    strength: float


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def learn(x, drive, steps, state, theta, counts, neurons, adaptation, scaling, groups, learns, fixed, from_rest):
    """Present samples one after the other, each of so many steps, changing weights and `theta` [unit] in place, and count spikes.

    The input is spikes or other values `x`, `events.in_order`, through the synapses of the second of `groups`, or, where `drive` is not
    empty, what they make of it, `drive` [sample, time, unit]. The first of `groups` are the plastic recurrent synapses, `fixed` the others;
    `learns` [2] says which group does. `state` [5, unit] (current, voltage, steps of rest, adaptation, input from the own spikes of the
    step before) is carried on in place; `from_rest` sets it to 0 before each sample, else the samples are pieces of one. To `counts`
    [sample, unit], zeros, are added the spikes. The same arithmetic as `network.step`, `plasticity.stdp_step`, `homeostasis.adapt`,
    `normalise`.
    """
    samples, units = counts.shape
    by_spikes = drive.shape[0] == 0
    begins, source, value = x
    decay, rise, fall, lowest = adaptation
    offset_moves = rise.any() or fall.any() or (decay != 1.0).any() or (theta < lowest).any()
    adapts, to_zero = neurons.beta.any(), neurons.reset_to_zero
    constants = address(neurons.decay_mem), address(neurons.decay_syn), address(neurons.gain), address(neurons.rest)
    risen, from_others = state[3], state[4]
    inward, height, fired, spike = np.zeros(units), np.zeros(units), np.empty(units + 1, dtype=np.int64), np.empty(units, dtype=np.uint8)
    own, afferent = groups
    # taken apart once: what comes out of a tuple has its references counted, every time
    own_synapses, own_rule, own_past, own_scratch, _ = own
    afferent_synapses, afferent_rule, afferent_past, afferent_scratch, _ = afferent
    nobody = afferent_scratch.unused
    inputs, some_fixed = len(afferent_synapses.start) - 1, len(fixed.weight) > 0
    arrived = np.empty(inputs, dtype=np.int64)
    full = len(afferent_synapses.post) == 0
    weight = afferent_synapses.weight
    matrix = weight.reshape((inputs, units)) if full else np.empty((0, units), dtype=weight.dtype)
    for s in range(samples):
        if from_rest:
            state[:] = 0.0
        often = counts[s]
        for t in range(steps):
            arrivals = np.int64(0)
            if by_spikes:
                row = s * steps + t
                first, arrivals = begins[row], begins[row + 1] - begins[row]
                for n in range(arrivals):
                    arrived[n] = source[first + n]
                inward[:] = 0.0
                # rows that learn have to be up to date before they are sent on
                if learns[1]:
                    visit(arrived, arrivals, afferent_synapses, afferent_rule, afferent_past, afferent_scratch, NO, NO, inward)
                elif full:
                    add_rows(begins[row : row + 2], source, value, matrix, inward.reshape((1, units)))
                else:
                    for n in range(arrivals):
                        send(arrived[n], afferent_synapses, value[first + n], inward)
            for i in range(units):
                height[i] = neurons.threshold[i] + theta[i]
            if adapts:
                for i in range(units):
                    height[i] += neurons.beta[i] * risen[i]
            given = inward if by_spikes else drive[s, t]
            advance(given, from_others, state, height, constants, to_zero, spike)
            if adapts:
                for i in range(units):
                    risen[i] = neurons.decay_adaptation[i] * risen[i] + spike[i]
            if offset_moves:
                for i in range(units):
                    offset = decay[i] * theta[i] + (rise[i] * spike[i] - fall[i])
                    theta[i] = max(offset, lowest[i])
            count = listed(spike, fired)
            for n in range(count):
                often[fired[n]] += 1
            from_others[:] = 0.0
            if learns[0]:
                learn_step(own_synapses, own_rule, own_past, own_scratch, fired, count, fired, count, from_others)
            if learns[1]:
                learn_step(afferent_synapses, afferent_rule, afferent_past, afferent_scratch, arrived, arrivals, fired, count, nobody)
            if some_fixed:
                for n in range(count):
                    send(fired[n], fixed, 1.0, from_others)
        if len(scaling.average) > 0:
            for i in range(units):
                scaling.average[i] += scaling.renewed * (often[i] - scaling.average[i])
        if learns[0]:
            close(own, scaling, units, from_rest)
        if learns[1]:
            close(afferent, scaling, units, from_rest)


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def close(plastic, scaling, units, from_rest):
    """The end of a sample for a group of synapses: nothing pairs across it where each begins `from_rest`, and weights are scaled."""
    synapses, rule, past, scratch, total = plastic
    scales = len(scaling.average) > 0
    if from_rest:
        end_sample(past)
    if scales or len(total) > 0:
        settle(synapses, rule, past, scratch)
        factor = sums(synapses, units)
        for i in range(units):
            if scales:
                factor[i] = np.exp(scaling.strength * (1.0 - scaling.average[i] / scaling.target))
            else:
                factor[i] = total[i] / factor[i] if factor[i] > 0.0 else 1.0
        multiply(synapses, rule.w_min, rule.w_max, factor)
