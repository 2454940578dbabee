"""How a row is brought up to date where one rule holds for all its synapses: its traces, and its weights in one pass."""

from typing import no_type_check

from numba import njit

from rsnn.replay import INNER


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def moved(w, plus, later, earlier, minus, post, low, high, rounding):
    """A weight after it was strengthened by what its neuron gained and then weakened by its trace; a `rounding` of 0 leaves it as it is."""
    w = w + plus * (later - earlier)
    w = w if w < high else high
    w = w if w > low else low
    w = w - minus * post
    w = w if w < high else high
    w = w if w > low else low
    return (w + rounding) - rounding


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def move_row(matrix, j, gained, until, since, post, plus, minus, low, high, rounding, out):
    """Bring row j of a full matrix up to date and add it to `out`.

    Arrays are taken whole, with numbers of rows: every row cut out of one has its references counted.
    """
    for i in range(len(out)):
        w = moved(matrix[j, i], plus, gained[until, i], gained[since, i], minus, post[i], low, high, rounding)
        matrix[j, i] = w
        out[i] += w


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def move_sparse(weight, post, first, stop, gained, until, since, traces, plus, minus, low, high, rounding, out):
    """`move_row` of the synapses `first:stop`, of which number k goes to `post[k]`."""
    for k in range(first, stop):
        i = post[k]
        w = moved(weight[k], plus, gained[until, i], gained[since, i], minus, traces[i], low, high, rounding)
        weight[k] = w
        out[i] += w


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def move_four(matrix, j, gained, until, since, post, plus, minus, low, high, rounding, out):
    """`move_row` of the four rows `j`, one after the other, of which all heard up to step `until`; together they wait for memory once."""
    a, b, c, d = j
    from_a, from_b, from_c, from_d = since
    plus_a, plus_b, plus_c, plus_d = plus
    minus_a, minus_b, minus_c, minus_d = minus
    for i in range(len(out)):
        later, now = gained[until, i], post[i]
        w = moved(matrix[a, i], plus_a, later, gained[from_a, i], minus_a, now, low, high, rounding)
        x = moved(matrix[b, i], plus_b, later, gained[from_b, i], minus_b, now, low, high, rounding)
        y = moved(matrix[c, i], plus_c, later, gained[from_c, i], minus_c, now, low, high, rounding)
        z = moved(matrix[d, i], plus_d, later, gained[from_d, i], minus_d, now, low, high, rounding)
        matrix[a, i] = w
        matrix[b, i] = x
        matrix[c, i] = y
        matrix[d, i] = z
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
    # a slow trace that moves nothing stays 0: its power would be taken at every visit
    more = 1.0 if triplet_minus != 0.0 else 0.0
    if all_to_all:
        return trace + 1.0, slow + more, weaken
    return 1.0, more, weaken
