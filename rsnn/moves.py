"""How a row is brought up to date where one rule holds for all its synapses: its traces, and its weights in one pass.

Between two visits a weight of float64 is kept less what the trace of its row makes of all that its neuron gained since the clock began: a
visit then reads that one running sum, the same for all rows, and not the one at the visit before as well. Grains are kept as they are.
"""

from typing import no_type_check

from numba import njit, types
from numba.extending import overload, register_jitable

from rsnn.grains import MANY, WHOLE
from rsnn.lanes import COUNT, bring_near, double, first, load, store, where
from rsnn.replay import INNER


@register_jitable(error_model="numpy")
@no_type_check
def held(w, gain, loss, bounds, either):
    """Weights after they were strengthened and then weakened; unless `either` is None, the one may take away, and the other add."""
    low, high = bounds
    w = w + gain
    w = where(w < high, w, high)
    if either is not None:
        w = where(w > low, w, low)
    w = w - loss
    if either is not None:
        w = where(w < high, w, high)
    return where(w > low, w, low)


@no_type_check
def moved_grains(weight, kept, later, earlier, gone, change, post, bounds, either):  # noqa: ARG001 - the same for both ways to keep a weight
    """Weights in grains now, twice, from those at the visit before. The arguments are those of `moved_numbers`, and `earlier`, the running
    sums of their neurons at that visit."""
    plus, _, minus = change
    w = (held(kept, plus * (later - earlier), minus * post, bounds, either) + WHOLE) - WHOLE
    return w, w


@no_type_check
def moved_numbers(weight, kept, later, earlier, gone, change, post, bounds, either):  # noqa: ARG001
    """Weights now, and as they are to be kept in the array `weight`, from how they were `kept`; one of each, or lanes.

    `later` and `gone` are the running sums of their neurons, up to where the row hears of them and up to now, `post` the traces of these
    neurons; `change` is how much the trace of the row makes of the first, of the second, and how much its spike makes of the third.
    """
    plus, ahead, minus = change
    w = held(kept, plus * later, minus * post, bounds, either)
    return w, w - ahead * gone


@no_type_check
def moved(weight, *others):
    """`moved_grains` or `moved_numbers`, by the type of the weights."""
    raise TypeError(f"moved works in compiled code, not on {weight!r} and {others!r}.")


@overload(moved, jit_options={"error_model": "numpy"}, strict=False)
@no_type_check
def _moved(weight, kept, later, earlier, gone, change, post, bounds, either):  # noqa: ARG001
    return moved_grains if weight.dtype == types.int32 else moved_numbers


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def move_lanes(k, some, weight, rows, following, far, gained, until, since, now, post, change, bounds, either, out):
    """`move_rows` for the neurons from k on, of which there are `some`."""
    units = len(out)
    later, gone, trace = load(gained, until * units + k, some), load(gained, now * units + k, some), load(post, k, some)
    total = load(out, k, some)
    for r in range(len(rows)):
        at = rows[r] * units + k
        earlier = load(gained, since[r] * units + k, some)
        w, kept = moved(weight, double(load(weight, at, some)), later, earlier, gone, change[r], trace, bounds, either)
        store(weight, at, some, kept)
        total = total + w
        if far:
            bring_near(weight, following[r] * units + k)
    store(out, k, some, total)


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def move_rows(weight, rows, following, gained, until, since, now, post, change, bounds, either, out):
    """Bring a few `rows` of a full matrix, a tuple, up to date, and add them to `out` one after the other.

    All of them heard up to step `until`; together they wait for memory once, and meanwhile, where there are so many weights that it is far,
    as many `following` rows are brought near. Arrays are taken whole, with numbers of rows: every row cut out of one has its references
    counted.
    """
    units, far = len(out), len(weight) >= MANY
    whole = units // COUNT * COUNT
    for k in range(0, whole, COUNT):
        move_lanes(k, None, weight, rows, following, far, gained, until, since, now, post, change, bounds, either, out)
    if whole < units:
        move_lanes(whole, first(units - whole), weight, rows, following, far, gained, until, since, now, post, change, bounds, either, out)


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def move_sparse(weight, to, span, gained, until, since, now, post, change, bounds, either, out):
    """Bring a row up to date that is a `span` of synapses, of which number k goes to `to[k]`, and add it to `out`."""
    for k in range(span[0], span[1]):
        i = to[k]
        w, weight[k] = moved(weight, weight[k], gained[until, i], gained[since, i], gained[now, i], change, post[i], bounds, either)
        out[i] += w


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
