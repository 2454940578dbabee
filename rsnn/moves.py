"""How a row is brought up to date where one rule holds for all its synapses: its traces, and its weights in one pass.

Between two visits a weight of float64 is kept less what the trace of its row makes of all that its neuron gained since the clock began: a
visit then reads that one running sum, the same for all rows, and not the one at the visit before as well. Grains are kept as they are.
"""

from typing import no_type_check

import numpy as np
from numba import njit, types
from numba.extending import overload, register_jitable

from rsnn.grains import WHOLE
from rsnn.replay import INNER


@register_jitable(error_model="numpy")
@no_type_check
def held(w, gain, loss, bounds, either):
    """A weight after it was strengthened and then weakened; unless `either` is None, the one may take away, and the other add."""
    low, high = bounds
    w = w + gain
    w = w if w < high else high
    if either is not None:
        w = w if w > low else low
    w = w - loss
    if either is not None:
        w = w if w < high else high
    return w if w > low else low


@no_type_check
def moved_grains(kept, later, earlier, gone, change, post, bounds, either):  # noqa: ARG001 - the same for both ways to keep a weight
    """A weight in grains now, twice, from the weight at the visit before. The arguments are those of `moved_number`, and `earlier`, the
    running sum of its neuron at that visit."""
    plus, _, minus = change
    w = (held(kept, plus * (later - earlier), minus * post, bounds, either) + WHOLE) - WHOLE
    return w, w


@no_type_check
def moved_number(kept, later, earlier, gone, change, post, bounds, either):  # noqa: ARG001
    """A weight now, and as it is to be kept, from how it was `kept`.

    `later` and `gone` are the running sums of its neuron, up to where the row hears of it and up to now, `post` is the trace of its neuron;
    `change` is how much the trace of the row makes of the first, of the second, and how much a spike of the row makes of the third.
    """
    plus, ahead, minus = change
    w = held(kept, plus * later, minus * post, bounds, either)
    return w, w - ahead * gone


@no_type_check
def moved(kept, *others):
    """`moved_grains` or `moved_number`, by the type of the weight that was `kept`."""
    return (moved_grains if isinstance(kept, np.int32) else moved_number)(kept, *others)


@overload(moved, jit_options={"error_model": "numpy"}, strict=False)
@no_type_check
def _moved(kept, later, earlier, gone, change, post, bounds, either):  # noqa: ARG001
    return moved_grains if kept == types.int32 else moved_number


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def move_row(matrix, j, gained, until, since, now, post, change, bounds, either, out):
    """Bring row j of a full matrix up to date and add it to `out`.

    Arrays are taken whole, with numbers of rows: every row cut out of one has its references counted.
    """
    for i in range(len(out)):
        w, matrix[j, i] = moved(matrix[j, i], gained[until, i], gained[since, i], gained[now, i], change, post[i], bounds, either)
        out[i] += w


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def move_sparse(weight, to, span, gained, until, since, now, post, change, bounds, either, out):
    """`move_row` of a `span` of synapses, of which number k goes to `to[k]`."""
    for k in range(span[0], span[1]):
        i = to[k]
        w, weight[k] = moved(weight[k], gained[until, i], gained[since, i], gained[now, i], change, post[i], bounds, either)
        out[i] += w


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def move_four(matrix, j, gained, until, since, now, post, change, bounds, either, out):
    """`move_row` of the four rows `j`, one after the other, of which all heard up to step `until`; together they wait for memory once."""
    a, b, c, d = j
    from_a, from_b, from_c, from_d = since
    of_a, of_b, of_c, of_d = change
    for i in range(len(out)):
        later, gone, trace = gained[until, i], gained[now, i], post[i]
        w, matrix[a, i] = moved(matrix[a, i], later, gained[from_a, i], gone, of_a, trace, bounds, either)
        x, matrix[b, i] = moved(matrix[b, i], later, gained[from_b, i], gone, of_b, trace, bounds, either)
        y, matrix[c, i] = moved(matrix[c, i], later, gained[from_c, i], gone, of_c, trace, bounds, either)
        z, matrix[d, i] = moved(matrix[d, i], later, gained[from_d, i], gone, of_d, trace, bounds, either)
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
