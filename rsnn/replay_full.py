"""Full rows of synapses with constants of their own, brought up to date in one pass: a few neurons after the other, all that they missed.

For rules whose changes do not depend on weights: how far a weight moves can then be summed before it moves. What a row sends is summed, and
the next row brought near, in the same pass.
"""

from typing import no_type_check

import numpy as np
from numba import njit
from numba.extending import register_jitable

from rsnn.decay import decayed
from rsnn.lanes import COUNT, anywhere, bring_near, double, every, first, load, store, where
from rsnn.moves import held
from rsnn.replay import INNER

RECENT = 16  # newest spikes of a neuron whose times are kept beside those of its neighbours: few have more between two visits


@register_jitable
@no_type_check
def newest_of(i):
    """Where in `Past.recent` the newest time of neuron i lies: those of COUNT neurons lie together, the newest of all of them first."""
    return i // COUNT * (RECENT * COUNT) + i % COUNT


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def remember(recent, i, now, dropped):
    """Neuron i fired: the newest of its RECENT times. Says the later of when it fired what is no longer among them, and of when another
    did, `dropped`."""
    newest = newest_of(i)
    oldest = np.int64(recent[newest + (RECENT - 1) * COUNT])
    for r in range(RECENT - 1, 0, -1):
        recent[newest + r * COUNT] = recent[newest + (r - 1) * COUNT]
    recent[newest] = now
    return max(dropped, oldest)


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def hear_older(row, times, each, recent, newest, when, before, all_to_all, gain, seen):
    """What spikes add to `gain` and `seen` [unit] that came before the RECENT newest ones of their neurons; one by one."""
    begun, _, unseen = row
    now, last, since, end, _ = times
    units = len(newest)
    for k in range(units):
        if recent[newest_of(k) + (RECENT - 1) * COUNT] > last:
            e = newest[k]
            for _ in range(RECENT):
                e = before[e]
            ahead, back = each[4 * begun + 2 * units + k], each[4 * begun + 3 * units + k]
            while e >= unseen:
                t = np.float64(when[e])
                if t <= end:
                    gain[k] += np.exp((last - t) * ahead)
                if since < t < now:
                    more = np.exp((t - now) * back)
                    seen[k] = seen[k] + more if all_to_all else max(seen[k], more)
                e = before[e]


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def replay_lanes(k, some, row, times, keeps, arrays, bounds, all_to_all, out):
    """`replay_full` of one row, for the neurons from k on, of which there are `some`."""
    each, traces, weight, recent, gained, known = arrays
    begun, following, _ = row
    now, last, since, end, apart = times
    of_pre, of_post, rises = keeps
    units = len(out)
    constants, pre, post = 4 * begun + k, 2 * begun + k, 2 * begun + units + k
    ahead, back = load(each, constants + 2 * units, some), load(each, constants + 3 * units, some)
    gain, seen = load(gained, k, some), load(known, k, some)
    t = load(recent, k * RECENT, None)
    unheard = t > last
    fired = where(unheard & (t == now), every(1.0, t), 0.0)
    r = 0
    while anywhere(unheard) and r < RECENT:
        gain = gain + where(unheard & (t <= end), decayed((t - last) * ahead), 0.0)
        more = where((t > since) & (t < now), decayed((now - t) * back), 0.0)
        seen = seen + more if all_to_all else where(more > seen, more, seen)
        r += 1
        # of the oldest place once more, which is not looked at, instead of what lies behind the array
        t = load(recent, k * RECENT + min(r, RECENT - 1) * COUNT, None)
        unheard = t > last
    trace, older = load(traces, pre, some), load(traces, post, some) * decayed(apart * back) * of_post
    gain = load(each, constants, some) * trace * gain
    store(traces, pre, some, trace * decayed(apart * ahead) * of_pre + rises)
    seen = seen + older if all_to_all else where(seen == 0.0, older, seen)
    store(traces, post, some, seen + fired if all_to_all else where(fired == 0.0, seen, fired))
    loss = load(each, constants + units, some) * seen * rises
    w = held(load(weight, begun + k, some), double(gain), double(loss), bounds, True)
    store(weight, begun + k, some, w)
    store(out, k, some, load(out, k, some) + w)
    for column in range(4):
        bring_near(each, 4 * following + column * units + k)
    for column in range(2):
        bring_near(traces, 2 * following + column * units + k)
    bring_near(weight, following + k)


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def replay_full(which, n, synapses, rule, past, scratch, fires, out):
    """`rows.visit` for full rows of a rule whose constants differ and whose changes do not depend on weights.

    Arrays are taken out of their tuples once: what comes out of one has its references counted.
    """
    weight, start, _, loops, _ = synapses
    closing, visited, until = past.closing, past.last, past.until
    each, recent, newest, when, before = rule.each, past.recent, past.newest, past.when, past.before
    units = len(out)
    gain, seen = scratch.sums[0, :units], scratch.sums[1, :units]
    gain[:], seen[:] = 0.0, 0.0
    arrays = each, past.traces, weight, recent, gain, seen
    now, sample, all_to_all, bounds = past.clock[0], past.clock[1], rule.all_to_all, (rule.w_min, rule.w_max)
    whole = units // COUNT * COUNT
    for m in range(n):
        j = which[m]
        kept = out[j] if loops else 0.0
        last = visited[j]
        visited[j] = now
        closed = closing[last] < now
        row = start[j], start[which[min(m + 1, n - 1)]], until[last]
        times = now, last, (sample if closed else last), min(now, closing[last]), now - last
        keeps = (0.0 if closed or (fires and not all_to_all) else 1.0, 0.0 if closed else 1.0, 1.0 if fires else 0.0)
        more = past.clock[3] > last
        if more:
            hear_older(row, times, each, recent, newest, when, before, all_to_all, gain, seen)
        for k in range(0, whole, COUNT):
            replay_lanes(k, None, row, times, keeps, arrays, bounds, all_to_all, out)
        if whole < units:
            replay_lanes(whole, first(units - whole), row, times, keeps, arrays, bounds, all_to_all, out)
        if more:
            gain[:], seen[:] = 0.0, 0.0
        if loops:
            weight[start[j] + j], out[j] = 0.0, kept
