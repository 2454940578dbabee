"""Rows of plastic synapses, by the neuron that sends: a row is brought up to date only when its neuron fires, exactly.

Nobody reads a weight before its presynaptic neuron fires, and until then only postsynaptic spikes touch it. So a spike replays what the
row has missed, weakens it, and sends it on. Where the constants of the rule are the same everywhere, the strengthenings since the last
visit are a difference of two running sums per neuron, held at the bound once: a sum of increments of one sign ends at the same place
whether it is held at each step or at the end. Else they are replayed, those of a neuron together (`replay_full`), or, where changes depend
on the weight or synapses are missing, one by one, oldest first (`replay`). `plasticity.stdp_step` is the definition.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import from_dtype, njit
from numba.extending import overload

from rsnn.grains import WHOLE, in_numbers
from rsnn.moves import catch_up, move_rows, move_sparse
from rsnn.replay import INNER, NEVER, replay
from rsnn.replay_full import remember, replay_full

NO, YES = np.int64(0), np.int64(1)  # numba compiles a kernel again for each literal that it is called with, False, True and 0 among them
UNUSED = np.zeros(0, dtype=np.int8)  # what a rule has no use for, of a type by which kernels know it
SPENT = 1e-18  # a trace below this moves no weight by as much as rounding does


class Synapses(NamedTuple):
    """Weights [synapse] in the order of the neuron that sends: `start[j]:start[j + 1]` is the row of j, and synapse k goes to
    `post[k]`, or, if `post` is empty, to k - start[j]. `loops` says that synapse j of row j is no synapse.

    Weights are numbers, with a `grain` of 1, and between two settlings kept as `moves` says, or whole numbers of grains, int32: half of the
    memory to wait for, and no step between neighbours that is larger for larger weights, as float32 has it. Their rule is then in grains
    too.
    """

    weight: np.ndarray
    start: np.ndarray
    post: np.ndarray
    loops: bool
    grain: float = 1.0


class Rule(NamedTuple):
    """The constants per step of a rule. If `uniform`: two amplitudes of pairs and two of triplets, decays of the postsynaptic trace and
    of the two slow ones, and powers of the decay of the presynaptic trace and their inverses; else of `each` synapse four constants (two
    amplitudes, then the inverses of two time constants), those of a row together, `storage.in_rows`, the exponent of the weight dependence
    or 0, and (of the same) no triplets."""

    uniform: bool
    all_to_all: bool
    w_min: float
    w_max: float
    plus: float
    minus: float
    triplet_plus: float
    triplet_minus: float
    decay_minus: float
    decay_slow_pre: float
    decay_slow_post: float
    power: np.ndarray
    inverse: np.ndarray
    each: np.ndarray
    exponent_plus: float
    exponent_minus: float


class Past(NamedTuple):
    """What the rows of a group of synapses still have to hear of; time is counted in steps since the last `settle`.

    `clock` [4]: now, when the current sample began, spikes kept, the newest of those that are no longer `recent`. `closing` [step]: the
    end of the sample a step belongs to. Per neuron that sends: when its row was last brought up to date, and its traces then. Per neuron
    that receives: traces now. Slow ones are 0 where no triplet moves a weight by them. Uniform rules: `gained` [step, unit], the running
    sum of its spikes; others: all spikes in order, `when` and `who` fired, `until` [step] of them having come up to a step, those of one
    neuron as a chain through `before` from the `newest`, and two `traces` of each synapse, laid out as its constants; and where
    `replay_full` is for the rows, the `recent` times of each neuron, laid out as `newest_of` says. What a rule has no use for is
    UNUSED.
    """

    clock: np.ndarray
    closing: np.ndarray
    last: np.ndarray
    pre: np.ndarray
    slow_pre: np.ndarray
    post: np.ndarray
    slow_post: np.ndarray
    gained: np.ndarray
    newest: np.ndarray
    when: np.ndarray
    who: np.ndarray
    before: np.ndarray
    until: np.ndarray
    traces: np.ndarray
    recent: np.ndarray


class Scratch(NamedTuple):
    """Room for what nobody reads [unit], for spikes that a part of a row has missed [spike], and for what comes of them [5, synapse]."""

    unused: np.ndarray
    which: np.ndarray
    when: np.ndarray
    to_plus: np.ndarray
    to_minus: np.ndarray
    sums: np.ndarray


@no_type_check
def visit(which, n, synapses, rule, past, scratch, fires, settles, out):  # noqa: ARG001 - as many arguments as what it stands for
    """Bring the rows of the first n neurons of `which` up to now, in which all of them fire or none does, and add them to `out`; if it
    `settles`, the clock is set to 0 after it.

    `out` holds zeros, or nobody reads it: where weights are grains, all of it is made numbers in the end.
    """
    raise TypeError(f"visit works in compiled code, not on {synapses!r}.")


@overload(visit, jit_options={"error_model": "numpy"}, strict=False)
@no_type_check
def _visit(which, n, synapses, rule, past, scratch, fires, settles, out):  # noqa: ARG001
    # by types, so that of three ways only those are compiled that somebody takes
    unused = from_dtype(UNUSED.dtype)
    if rule[rule.fields.index("each")].dtype == unused:
        return visit_uniform
    return visit_rows if past[past.fields.index("recent")].dtype == unused else visit_full


@no_type_check
def visit_full(which, n, synapses, rule, past, scratch, fires, settles, out):  # noqa: ARG001
    replay_full(which, n, synapses, rule, past, scratch, fires, out)


@no_type_check
def visit_rows(which, n, synapses, rule, past, scratch, fires, settles, out):  # noqa: ARG001
    _, start, post, loops, _ = synapses
    visited, now = past.last, past.clock[0]
    for m in range(n):
        j = which[m]
        kept = out[j] if loops else 0.0
        last = visited[j]
        visited[j] = now
        replay(start[j], start[j + 1], post, len(post) == 0, synapses.weight, rule, past, scratch, last, fires)
        send(j, synapses, 1.0, out)
        if loops:
            synapses.weight[start[j] + j], out[j] = 0.0, kept


@no_type_check
def visit_uniform(which, n, synapses, rule, past, scratch, fires, settles, out):  # noqa: ARG001
    """`visit` where the constants of the rule are the same everywhere."""
    now, closing, visited = past.clock[0], past.closing, past.last
    pre, slow_pre = past.pre, past.slow_pre
    power, inverse = rule.power, rule.inverse
    row, until, since = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    change = np.empty((n, 3))
    m = 0
    # rows that heard up to now, then those that heard up to the end of a sample before: neighbours mostly heard the same
    for over in range(2):
        for k in range(n):
            j = which[k]
            last = visited[j]
            closed = closing[last] < now
            if closed != over:
                continue
            visited[j] = now
            row[m], until[m], since[m] = j, closing[last] if closed else now, last
            change[m, 0] = pre[j] * inverse[last]
            pre[j], slow_pre[j], change[m, 2] = catch_up(
                pre[j],
                slow_pre[j],
                last,
                now,
                closed,
                fires,
                rule.all_to_all,
                power[now - last],
                rule.decay_slow_pre,
                rule.minus,
                rule.triplet_minus,
            )
            change[m, 1] = 0.0 if settles else pre[j] * inverse[now]
            m += 1
    if rule.plus < 0.0 or rule.minus < 0.0:
        move(row, n, until, since, change, synapses, rule, past, YES, out)
    else:
        move(row, n, until, since, change, synapses, rule, past, None, out)


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def move(row, n, until, since, change, synapses, rule, past, either, out):
    """Move the weights of n rows and add them to `out`, as `moves.moved` says."""
    weight, start, post, loops, grain = synapses
    now, gained, traces, bounds = past.clock[0], past.gained, past.post, (rule.w_min, rule.w_max)
    if len(post) > 0:
        for m in range(n):
            span, of_row = (start[row[m]], start[row[m] + 1]), (change[m, 0], change[m, 1], change[m, 2])
            move_sparse(weight, post, span, gained, until[m], since[m], now, traces, of_row, bounds, either, out)
        in_numbers(out, grain)
        return
    matrix = weight.reshape((len(start) - 1, len(out)))
    m = 0
    while m < n:
        rows = 4 if m + 4 <= n and until[m] == until[m + 1] == until[m + 2] == until[m + 3] else 1
        of_a = (change[m, 0], change[m, 1], change[m, 2])
        if rows == 4:
            a, b, c, d = m, m + 1, m + 2, m + 3
            of_b = (change[b, 0], change[b, 1], change[b, 2])
            of_c = (change[c, 0], change[c, 1], change[c, 2])
            of_d = (change[d, 0], change[d, 1], change[d, 2])
            four, heard = (row[a], row[b], row[c], row[d]), (since[a], since[b], since[c], since[d])
            last = n - 1
            following = (row[min(m + 4, last)], row[min(m + 5, last)], row[min(m + 6, last)], row[min(m + 7, last)])
            of_four = (of_a, of_b, of_c, of_d)
            move_rows(weight, four, following, gained, until[m], heard, now, traces, of_four, bounds, either, out)
        else:
            following = (row[min(m + 1, n - 1)],)
            move_rows(weight, (row[m],), following, gained, until[m], (since[m],), now, traces, (of_a,), bounds, either, out)
        if loops:
            # without what a neuron would send to itself
            for k in range(rows):
                j = row[m + k]
                out[j] -= matrix[j, j] + (change[m + k, 1] * gained[now, j] if grain == 1.0 else 0.0)
                matrix[j, j] = 0
        m += rows
    in_numbers(out, grain)


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def send(j, synapses, value, out):
    """Add the row of neuron j times `value` to `out`, grains where weights are."""
    weight, start, post, _, _ = synapses
    row = weight[start[j] : start[j + 1]]
    if len(post) == 0:
        for i in range(len(row)):
            out[i] += value * row[i]
    else:
        onto = post[start[j] : start[j + 1]]
        for k in range(len(row)):
            out[onto[k]] += value * row[k]


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def settle(synapses, rule, past, scratch):
    """Bring every row up to now and set the clock to 0."""
    clock, closing = past.clock, past.closing
    now = clock[0]
    waiting = np.empty(len(past.last), dtype=np.int64)
    n = np.int64(0)
    for j in range(len(past.last)):
        if not rule.uniform or past.pre[j] > SPENT:
            waiting[n] = j
            n += 1
        else:
            past.pre[j] = 0.0
            past.slow_pre[j] *= 0.0 if closing[past.last[j]] < now else rule.decay_slow_pre ** (now - past.last[j])
    visit(waiting, n, synapses, rule, past, scratch, NO, YES, scratch.unused)
    past.last[:] = 0
    closed = closing[now] <= now
    past.gained[0] = 0.0
    past.newest[:] = -1
    past.recent[:] = NEVER
    past.until[0] = 0
    closing[:] = len(closing)
    if closed:
        closing[0] = 0
    clock[:] = 0


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def learn_step(synapses, rule, past, scratch, sending, n_sending, fired, n_fired, out):
    """One more step, in which the neurons `sending` fired on one side and `fired` on the other; the rows of the first add to `out`."""
    if past.clock[0] == len(past.closing) - 1:
        settle(synapses, rule, past, scratch)
    clock, post, slow = past.clock, past.post, past.slow_post
    clock[0] += 1
    now = clock[0]
    if rule.uniform:
        later, earlier = past.gained[now], past.gained[now - 1]
        decay, decay_slow = rule.decay_minus, rule.decay_slow_post
        # loops that write one array each become vector instructions
        for i in range(len(post)):
            post[i] *= decay
        if rule.triplet_plus != 0.0:
            for i in range(len(post)):
                slow[i] *= decay_slow
        for i in range(len(post)):
            later[i] = earlier[i]
        plus, triplet, power = rule.plus, rule.triplet_plus, rule.power[now]
        for n in range(n_fired):
            i = fired[n]
            later[i] += (plus + triplet * slow[i]) * power
    else:
        for n in range(n_fired):
            i = fired[n]
            past.when[clock[2]] = now
            past.who[clock[2]] = i
            past.before[clock[2]] = past.newest[i]
            past.newest[i] = clock[2]
            clock[2] += 1
            if len(past.recent) > 0:
                clock[3] = remember(past.recent, i, now, clock[3])
        past.until[now] = clock[2]
    if n_sending > 0:
        visit(sending, n_sending, synapses, rule, past, scratch, YES, NO, out)
    if rule.uniform:
        for n in range(n_fired):
            i = fired[n]
            post[i] = post[i] + 1.0 if rule.all_to_all else 1.0
            if rule.triplet_plus != 0.0:
                slow[i] = slow[i] + 1.0 if rule.all_to_all else 1.0


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def end_sample(past):
    """Nothing that comes later pairs with what was before."""
    clock, closing = past.clock, past.closing
    now = clock[0]
    for t in range(clock[1], now + 1):
        closing[t] = min(closing[t], now)
    clock[1] = now
    past.post[:] = 0.0
    past.slow_post[:] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def sums(synapses, units):
    """The sum of the weights onto each of `units` neurons."""
    now = np.zeros(units)
    for j in range(len(synapses.start) - 1):
        send(j, synapses, 1.0, now)
    in_numbers(now, synapses.grain)
    return now


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def multiply(synapses, low, high, factor):
    """Multiply the weights onto each neuron by its `factor` [unit] and hold them in the bounds."""
    weight, start, post, loops, grain = synapses
    rounding = WHOLE if grain != 1.0 else 0.0
    for j in range(len(start) - 1):
        row = weight[start[j] : start[j + 1]]
        for k in range(len(row)):
            w = row[k] * factor[k if len(post) == 0 else post[start[j] + k]]
            row[k] = (min(max(w, low), high) + rounding) - rounding
        if loops:
            row[j] = 0
