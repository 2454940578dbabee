"""The missed spikes of a row replayed one by one: where changes depend on the weight, or synapses are missing and constants differ."""

from typing import no_type_check

from numba import njit

from rsnn.decay import decay_all

INNER = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Options of kernels that only other kernels call: the half of the compiling that would make them callable from Python is saved."""
TILE = 256  # synapses of a sparse row whose missed spikes are looked at together
BLOCK = 512  # spikes that a full row looks at together
NEVER = -1.0  # in place of a time: counts for nothing


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def fall(out, rate, apart, lasts, n):
    """What is left of n traces after a time `apart`; nothing of those that do not last."""
    if lasts:
        for k in range(n):
            out[k] = apart * rate[k]
        decay_all(out, n)
    else:
        out[:n] = 0.0


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def chain(first, size, onto, unseen, past, scratch):
    """The spikes from number `unseen` on of the neurons that `size` synapses from `first` on go to, as `which` synapse and `when`, written
    at the end of their arrays, those of one synapse the oldest first; and where they begin."""
    newest, when, before = past.newest, past.when, past.before
    which, time = scratch.which, scratch.when
    n = len(which)
    for k in range(size):
        e = newest[onto[first + k]]
        while e >= unseen:
            n -= 1
            which[n] = k
            time[n] = when[e]
            e = before[e]
    return n


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def hear(which, when, times, ahead, back, all_to_all, scratch, gain, seen):
    """What spikes of the synapses `which` at the steps `when` add: to the `gain` since the last visit those up to the end of its sample, to
    the trace `seen` those of this sample before now. The first is left in `scratch.to_plus`. Times are numbers with a fraction, as short
    as traces are: whole ones would have to be converted one by one."""
    n = len(which)
    now, last, since, end, never = times
    to_plus, to_minus = scratch.to_plus, scratch.to_minus
    # what has to be looked up one by one, apart from the loops that become vector instructions
    for m in range(n):
        s = which[m]
        to_plus[m] = ahead[s]
        to_minus[m] = back[s]
    for m in range(n):
        p = (when[m] - last) * to_plus[m]
        to_plus[m] = p if when[m] <= end else never
    for m in range(n):
        p = (now - when[m]) * to_minus[m]
        to_minus[m] = p if since < when[m] < now else never
    decay_all(to_plus, n)
    decay_all(to_minus, n)
    if all_to_all:
        for m in range(n):
            s = which[m]
            gain[s] += to_plus[m]
            seen[s] += to_minus[m]
    else:
        for m in range(n):
            s = which[m]
            gain[s] += to_plus[m]
            seen[s] = max(seen[s], to_minus[m])


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def replay(first, stop, onto, dense, weight, rule, past, scratch, last, fires):
    """Bring the row `first:stop`, last visited at step `last`, up to now, a step in which its neuron `fires` or does not."""
    now, closing, until = past.clock[0], past.closing, past.until
    low, high, all_to_all = rule.w_min, rule.w_max, rule.all_to_all
    up, down = rule.exponent_plus, rule.exponent_minus
    width = 1.0 / (high - low)
    end = min(now, closing[last])
    closed = closing[last] < now
    since = past.clock[1] if closed else last
    lasting, repeated = not closed, not closed and (all_to_all or not fires)
    spike = 1.0 if fires else 0.0
    # all that traces meet is of their type: what is not would be converted one by one
    number = past.traces.dtype.type
    apart, added, none, one = number(now - last), number(spike), number(0.0), number(1.0)
    times = (number(now), number(last), number(since), number(end), number(NEVER))
    units = stop - first
    constants, traces = rule.each[4 * first : 4 * stop], past.traces[2 * first : 2 * stop]
    part = units if dense else TILE
    for tile in range(0, units, part):
        size = min(part, units - tile)
        # slices, one array written at a time, no calls: loops that become vector instructions
        w, x, y = weight[first + tile : first + tile + size], traces[tile:][:size], traces[units + tile :][:size]
        plus, minus = constants[tile:][:size], constants[units + tile :][:size]
        ahead, back = constants[2 * units + tile :][:size], constants[3 * units + tile :][:size]
        gain, seen, fired = scratch.sums[0, :size], scratch.sums[1, :size], scratch.sums[2, :size]
        fall_pre, fall_post = scratch.sums[3, :size], scratch.sums[4, :size]
        # first what goes through the constants in order: `hear` then finds them in the cache
        fall(fall_pre, ahead, apart, repeated, size)
        fall(fall_post, back, apart, lasting, size)
        gain[:], seen[:], fired[:] = none, none, none
        which, when = past.who, past.when
        e, last_of_all = until[last], until[now]
        newly = max(e, until[max(now - 1, 0)])
        if not dense:
            which, when = scratch.which, scratch.when
            e, last_of_all = chain(first + tile, size, onto, until[last], past, scratch), len(which)
            newly = e
        for m in range(newly, last_of_all):
            if when[m] == times[0]:
                fired[which[m]] = one
        while e < last_of_all:
            more = min(e + BLOCK, last_of_all)
            hear(which[e:more], when[e:more], times, ahead, back, all_to_all, scratch, gain, seen)
            if up != 0.0:
                for m in range(more - e):
                    s = which[e + m]
                    v = w[s] + plus[s] * x[s] * scratch.to_plus[m] * max((high - w[s]) * width, 0.0) ** up
                    w[s] = min(max(v, low), high)
            e = more
        for k in range(size):
            older = y[k] * fall_post[k]
            seen[k] = seen[k] + older if all_to_all or seen[k] == none else seen[k]
        for k in range(size):
            y[k] = seen[k] + fired[k] if all_to_all or fired[k] == none else fired[k]
        if up == 0.0:
            for k in range(size):
                v = w[k] + plus[k] * x[k] * gain[k]
                v = v if v < high else high
                v = v if v > low else low
                # in the same pass where it can be
                if down == 0.0:
                    v = v - spike * minus[k] * seen[k]
                    v = v if v < high else high
                    v = v if v > low else low
                w[k] = v
        elif down == 0.0 and fires:
            for k in range(size):
                w[k] = min(max(w[k] - minus[k] * seen[k], low), high)
        if down != 0.0 and fires:
            for k in range(size):
                v = w[k] - minus[k] * seen[k] * max((w[k] - low) * width, 0.0) ** down
                w[k] = min(max(v, low), high)
        for k in range(size):
            x[k] = x[k] * fall_pre[k] + added
