"""How a row is brought up to date where one rule holds for all its synapses: its traces, and its weights in one pass."""

from typing import no_type_check

from numba import njit

from rsnn.replay import INNER


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def moved(w, plus, later, earlier, minus, post, low, high):
    """A weight after it was strengthened by what its neuron gained and then weakened by its trace."""
    w = w + plus * (later - earlier)
    w = w if w < high else high
    w = w if w > low else low
    w = w - minus * post
    w = w if w < high else high
    return w if w > low else low


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def move_dense(row, later, earlier, post, plus, minus, low, high, out):
    """Bring a row up to date and add it to `out`."""
    for i in range(len(row)):
        row[i] = moved(row[i], plus, later[i], earlier[i], minus, post[i], low, high)
        out[i] += row[i]


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def move_sparse(row, onto, later, earlier, post, plus, minus, low, high, out):
    """`move_dense` of a row whose synapse k goes to `onto[k]`."""
    for k in range(len(row)):
        i = onto[k]
        row[k] = moved(row[k], plus, later[i], earlier[i], minus, post[i], low, high)
        out[i] += row[k]


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def move_four(weight, begin, gained, until, since, post, plus, minus, low, high, out):
    """`move_dense` of the four rows that `begin` there, one after the other; together they wait for memory once."""
    n = len(out)
    a, b, c, d = weight[begin[0] :][:n], weight[begin[1] :][:n], weight[begin[2] :][:n], weight[begin[3] :][:n]
    later_a, later_b, later_c, later_d = gained[until[0]], gained[until[1]], gained[until[2]], gained[until[3]]
    earlier_a, earlier_b, earlier_c, earlier_d = gained[since[0]], gained[since[1]], gained[since[2]], gained[since[3]]
    plus_a, plus_b, plus_c, plus_d = plus[0], plus[1], plus[2], plus[3]
    minus_a, minus_b, minus_c, minus_d = minus[0], minus[1], minus[2], minus[3]
    for i in range(n):
        w = moved(a[i], plus_a, later_a[i], earlier_a[i], minus_a, post[i], low, high)
        x = moved(b[i], plus_b, later_b[i], earlier_b[i], minus_b, post[i], low, high)
        y = moved(c[i], plus_c, later_c[i], earlier_c[i], minus_c, post[i], low, high)
        z = moved(d[i], plus_d, later_d[i], earlier_d[i], minus_d, post[i], low, high)
        a[i] = w
        b[i] = x
        c[i] = y
        d[i] = z
        out[i] = (((out[i] + w) + x) + y) + z


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def catch_up(trace, slow, last, now, closed, fires, all_to_all, decay, decay_slow, minus, triplet_minus):
    """The traces of a neuron now, when it fires or does not, from those of its `last` visit, and how much it weakens what it sends to.

    Numbers in, numbers out: an array that comes out of a tuple has its references counted.
    """
    if closed:
        trace = slow = 0.0
    else:
        trace *= decay
        if slow != 0.0:
            slow *= decay_slow ** (now - last)
    if not fires:
        return trace, slow, 0.0
    weaken = minus + triplet_minus * slow
    if all_to_all:
        return trace + 1.0, slow + 1.0, weaken
    return 1.0, 1.0, weaken
