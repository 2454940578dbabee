"""The missed spikes of a row replayed one by one: for synapses whose constants differ, or whose changes depend on the weight."""

from typing import no_type_check

import numpy as np
from numba import njit

INNER = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Options of kernels that only other kernels call: the half of the compiling that would make them callable from Python is saved."""
TILE = 256  # synapses whose missed spikes are looked at together
NEVER = -1.0  # in place of a time: counts for nothing


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def decay_all(z, n):
    """e^-z in place of the first n numbers, 0 where z is negative: (e^(-z / 256))^256, which is vector arithmetic throughout."""
    for k in range(n):
        t = z[k] if z[k] < 700.0 else 700.0
        q = t * (-1.0 / 256.0)
        p = 1.0 + q * (1.0 + q * (1 / 2 + q * (1 / 6 + q * (1 / 24 + q * (1 / 120 + q * (1 / 720 + q * (1 / 5040)))))))
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        z[k] = p if t >= 0.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def replay(first, stop, onto, dense, weight, rule, past, scratch, now, last, fires):
    """Bring the row `first:stop`, last visited at step `last`, to step `now`, in which its neuron `fires` or does not."""
    clock, closing = past.clock, past.closing
    until, newest, when, before, trace_pre, trace_post = past.until, past.newest, past.when, past.before, past.trace_pre, past.trace_post
    a_plus, a_minus, rate_plus, rate_minus = rule.a_plus, rule.a_minus, rule.rate_plus, rule.rate_minus
    which, to_plus, to_minus = scratch.which, scratch.to_plus, scratch.to_minus
    low, high, all_to_all = rule.w_min, rule.w_max, rule.all_to_all
    up, down = rule.exponent_plus, rule.exponent_minus
    width = 1.0 / (high - low)
    end = min(now, closing[last])
    closed = closing[last] < now
    since = clock[1] if closed else last
    unseen = until[last]
    gain, seen, fired = np.empty(TILE), np.empty(TILE), np.empty(TILE)
    decay_pre, decay_post = np.empty(TILE), np.empty(TILE)
    fall = np.ones(TILE)
    lasting = 0.0 if closed else 1.0
    spike = 1.0 if fires else 0.0
    repeated = 0.0 if closed or (fires and not all_to_all) else 1.0
    for tile in range(first, stop, TILE):
        size = min(TILE, stop - tile)
        n = 0
        ahead, back = rate_plus[tile : tile + size], rate_minus[tile : tile + size]
        apart = float(now - last)
        gain[:], seen[:], fired[:] = 0.0, 0.0, 0.0
        for k in range(size):
            decay_pre[k] = apart * ahead[k]
        for k in range(size):
            decay_post[k] = apart * back[k]
        for k in range(size):
            e = newest[tile + k - first if dense else onto[tile + k]]
            while e >= unseen:
                t = when[e]
                which[n] = k
                to_plus[n] = (t - last) * ahead[k] if t <= end else NEVER
                to_minus[n] = (now - t) * back[k] if since < t < now else NEVER
                fired[k] += t == now
                n += 1
                e = before[e]
        decay_all(to_plus, n)
        decay_all(to_minus, n)
        decay_all(decay_pre, size)
        decay_all(decay_post, size)
        if up != 0.0:
            for m in range(n - 1, -1, -1):
                s = tile + which[m]
                v = weight[s] + a_plus[s] * trace_pre[s] * to_plus[m] * max((high - weight[s]) * width, 0.0) ** up
                weight[s] = min(max(v, low), high)
        else:
            for m in range(n):
                gain[which[m]] += to_plus[m]
        if all_to_all:
            for m in range(n):
                seen[which[m]] += to_minus[m]
        else:
            for m in range(n):
                seen[which[m]] = max(seen[which[m]], to_minus[m])
        # slices, one array written at a time, no calls: loops that become vector instructions
        w, x, y = weight[tile : tile + size], trace_pre[tile : tile + size], trace_post[tile : tile + size]
        plus, minus = a_plus[tile : tile + size], a_minus[tile : tile + size]
        for k in range(size):
            v = w[k] + plus[k] * x[k] * gain[k]
            v = v if v < high else high
            w[k] = v if v > low else low
        for k in range(size):
            older = lasting * y[k] * decay_post[k]
            seen[k] = seen[k] + older if all_to_all or seen[k] == 0.0 else seen[k]
        for k in range(size):
            x[k] = repeated * x[k] * decay_pre[k] + spike
        if fires:
            if down != 0.0:
                for k in range(size):
                    fall[k] = ((w[k] - low) * width) ** down
            for k in range(size):
                v = w[k] - minus[k] * seen[k] * fall[k]
                v = v if v < high else high
                w[k] = v if v > low else low
        for k in range(size):
            y[k] = seen[k] + fired[k] if all_to_all or fired[k] == 0.0 else 1.0
