"""The missed spikes of a row replayed one by one: for synapses whose constants differ, or whose changes depend on the weight."""

from typing import no_type_check

from numba import njit

INNER = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Options of kernels that only other kernels call: the half of the compiling that would make them callable from Python is saved."""
TILE = 256  # synapses of a sparse row whose missed spikes are looked at together
BLOCK = 512  # spikes that a full row looks at together
NEVER = -1.0  # in place of a time: counts for nothing


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def decay_all(z, n):
    """e^-z in place of the first n numbers, 0 where z is negative: (e^(-z / 256))^256, which is vector arithmetic throughout.

    In two loops: half as long a chain of operations is half as long a wait for the one before.
    """
    for k in range(n):
        t = z[k] if z[k] < 700.0 else 700.0
        q = t * (-1.0 / 256.0)
        p = 1.0 + q * (1.0 + q * (1 / 2 + q * (1 / 6 + q * (1 / 24 + q * (1 / 120 + q * (1 / 720 + q * (1 / 5040)))))))
        z[k] = p if t >= 0.0 else 0.0
    for k in range(n):
        p = z[k]
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        z[k] = p * p


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
def hear(which, when, times, ahead, back, all_to_all, scratch, gain, seen, fired):
    """What spikes of the synapses `which` at the steps `when` add: to the `gain` since the last visit those up to the end of its sample, to
    the trace `seen` those of this sample before now, and how many `fired` now. The first is left in `scratch.to_plus`. Times are numbers
    with a fraction: whole ones would have to be converted one by one."""
    n = len(which)
    now, last, since, end = times
    to_plus, to_minus = scratch.to_plus, scratch.to_minus
    for m in range(n):
        s, t = which[m], when[m]
        p, q = (t - last) * ahead[s], (now - t) * back[s]
        to_plus[m] = p if t <= end else NEVER
        to_minus[m] = q if since < t < now else NEVER
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
    for m in range(n):
        if when[m] == now:
            fired[which[m]] += 1.0


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
    apart, times = float(now - last), (float(now), float(last), float(since), float(end))
    part = stop - first if dense else TILE
    for tile in range(first, stop, part):
        size = min(part, stop - tile)
        # slices, one array written at a time, no calls: loops that become vector instructions
        w, x, y = weight[tile : tile + size], past.trace_pre[tile : tile + size], past.trace_post[tile : tile + size]
        plus, minus = rule.a_plus[tile : tile + size], rule.a_minus[tile : tile + size]
        ahead, back = rule.rate_plus[tile : tile + size], rule.rate_minus[tile : tile + size]
        gain, seen, fired = scratch.sums[0, :size], scratch.sums[1, :size], scratch.sums[2, :size]
        fall_pre, fall_post = scratch.sums[3, :size], scratch.sums[4, :size]
        # first what goes through the constants in order: `hear` then finds them in the cache
        fall(fall_pre, ahead, apart, repeated, size)
        fall(fall_post, back, apart, lasting, size)
        gain[:], seen[:], fired[:] = 0.0, 0.0, 0.0
        which, when = past.who, past.when
        e, last_of_all = until[last], until[now]
        if not dense:
            which, when = scratch.which, scratch.when
            e, last_of_all = chain(tile, size, onto, until[last], past, scratch), len(which)
        while e < last_of_all:
            more = min(e + BLOCK, last_of_all)
            hear(which[e:more], when[e:more], times, ahead, back, all_to_all, scratch, gain, seen, fired)
            if up != 0.0:
                for m in range(more - e):
                    s = which[e + m]
                    v = w[s] + plus[s] * x[s] * scratch.to_plus[m] * max((high - w[s]) * width, 0.0) ** up
                    w[s] = min(max(v, low), high)
            e = more
        for k in range(size):
            older = y[k] * fall_post[k]
            seen[k] = seen[k] + older if all_to_all or seen[k] == 0.0 else seen[k]
        for k in range(size):
            y[k] = seen[k] + fired[k] if all_to_all or fired[k] == 0.0 else 1.0
        if up == 0.0:
            for k in range(size):
                v = w[k] + plus[k] * x[k] * gain[k]
                v = v if v < high else high
                v = v if v > low else low
                if down == 0.0:
                    v = v - spike * minus[k] * seen[k]
                    v = v if v < high else high
                    v = v if v > low else low
                w[k] = v
        if down != 0.0 and fires:
            for k in range(size):
                v = w[k] - minus[k] * seen[k] * max((w[k] - low) * width, 0.0) ** down
                w[k] = min(max(v, low), high)
        for k in range(size):
            x[k] = x[k] * fall_pre[k] + spike
