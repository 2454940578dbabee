"""Storage of plastic synapses: matrices as the rows that the kernel visits, rules as its constants, and weights back as a matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int32, Shaped
from torch import Tensor

from rsnn.grains import bounds_of, grain_of, in_grains, is_uniform, put_numbers
from rsnn.homeostasis import Normalisation
from rsnn.lanes import COUNT
from rsnn.plasticity import LearningRule, Pairing, PairSTDP, Window
from rsnn.replay import BLOCK, NEVER, TILE
from rsnn.replay_full import RECENT
from rsnn.reservoir import Plastic
from rsnn.rows import UNUSED, Past, Rule, Scratch, Synapses

SMALLEST_POWER = 1e-6  # of a trace's decay within one clock: 1 / it times the rounding of a running sum is what a weight may be off by
LONGEST_CLOCK = 1024
FADED = 300.0  # time constants after which nothing is left of a trace
MANY_WINDOWS = 2**19  # synapses: in float64 four constants, two traces and a weight of each no longer fit into a cache
FEW_EVENTS = 1024  # steps of a clock where missed spikes are replayed


def plastic_synapses(
    weight: Float[Tensor, "post pre"],
    mask: Bool[Tensor, "post pre"],
    rule: LearningRule,
    normalisation: Normalisation | None,
    *,
    dt: float,
    generator: torch.Generator,
    grains: bool = True,
) -> Plastic:
    """Synapses at rest with a window each, drawn in the order of the mask.

    Takes 8 bytes for the weight of each synapse, 4 where many may be counted in `grains` (`grain_of`), 4 more for where it goes
    unless all are there, and, if windows differ or changes depend on weights, 48 more for them and two traces, or 24 (`window_type`).
    """
    if not mask.any():
        raise ValueError("there are no synapses that could learn; raise the density of the connectivity.")
    window = rule.draw(int(mask.count_nonzero()), generator=generator)
    synapses = rows_of(weight, mask, grain_of(weight, rule, window) if grains else 1.0)
    constants = constants_of(rule, window, mask, synapses, dt=dt, dtype=window_type(weight, window))
    if normalisation is None:
        total = np.zeros(0)
    elif normalisation.total is None:
        total = (weight.double() * mask).sum(1).numpy(force=True)
    else:
        total = np.full(len(weight), float(normalisation.total))
    past = past_of(synapses, constants, len(weight))
    return Plastic(synapses, constants, past, scratch_of(constants, past, len(weight)), total)


def fixed_synapses(weight: Float[Tensor, "post pre"], mask: Bool[Tensor, "post pre"]) -> Plastic:
    """Synapses that do not learn, in the same form and in the type of the network: of float32 there is half as much to go through."""
    synapses = rows_of(weight, mask, dtype=type_of(weight))
    window = PairSTDP().draw(2, generator=torch.Generator())
    constants = constants_of(PairSTDP(), window, mask, synapses, dt=1000.0, dtype=type_of(weight))
    past = past_of(synapses, constants, 0)
    return Plastic(synapses, constants, past, scratch_of(constants, past, 0), np.zeros(0))


def type_of(weight: Float[Tensor, "..."]) -> type[np.floating[Any]]:
    """The type of numbers as long as those of a network."""
    return np.float32 if weight.dtype is torch.float32 else np.float64


def window_type(weight: Float[Tensor, "post pre"], window: Window) -> type[np.floating[Any]]:
    """The type of windows and traces of single synapses: float32 in a network of float32 where memory is what a row waits for."""
    return type_of(weight) if len(window.a_plus) >= MANY_WINDOWS else np.float64


def rows_of(
    weight: Float[Tensor, "post pre"], mask: Bool[Tensor, "post pre"], grain: float = 1.0, dtype: type[np.floating[Any]] = np.float64
) -> Synapses:
    """The synapses of `mask` by the neuron that sends; without their targets where none, or none but a neuron's own, is missing."""
    post, pre = mask.shape
    # turned while they are small, and into an array of numpy: a large one has large pages of memory
    values = (weight * mask).t().contiguous().numpy(force=True).astype(dtype)
    loops = post == pre and not mask.diagonal().any()
    if int(mask.count_nonzero()) == post * pre - (post if loops else 0):
        return Synapses(counted(values.ravel(), grain), np.arange(pre + 1) * post, np.zeros(0, dtype=np.int32), loops, grain)
    there = mask.numpy(force=True).T
    start = np.concatenate([[0], np.cumsum(there.sum(1))])
    return Synapses(counted(values[there], grain), start, np.nonzero(there)[1].astype(np.int32), False, grain)


def counted(values: Float[np.ndarray, "synapse"], grain: float) -> Float[np.ndarray, "synapse"] | Int32[np.ndarray, "synapse"]:
    """Weights as they are kept."""
    return values if grain == 1.0 else in_grains(values, grain)


def matrix_of(synapses: Synapses, mask: Bool[Tensor, "post pre"], before: Float[Tensor, "post pre"]) -> Float[np.ndarray, "post pre"]:
    """The weights as a matrix, 0 where there is no synapse; those that did not move since `before` to the last bit as they were."""
    post, pre = mask.shape
    if not len(synapses.post):
        matrix = synapses.weight.reshape(pre, post).T.copy()
    else:
        full = np.zeros((pre, post), dtype=synapses.weight.dtype)
        full[mask.numpy(force=True).T] = synapses.weight
        matrix = np.ascontiguousarray(full.T)
    if synapses.grain == 1.0:
        return matrix
    found = np.ascontiguousarray((before * mask).double().numpy(force=True))
    put_numbers(matrix.ravel(), synapses.grain, found.ravel())
    return found


def values_of(synapses: Synapses) -> Shaped[np.ndarray, "..."]:
    """The weights of all synapses, and of nothing else, as they are kept: in grains; in any order and shape."""
    weight, start, _, loops, _ = synapses
    return without_diagonal(weight.reshape(len(start) - 1, -1)) if loops else weight


def without_diagonal(full: Shaped[np.ndarray, "unit unit"]) -> Shaped[np.ndarray, "..."]:
    """A view of all of a square matrix but its diagonal, in order: what lies between two elements of that is a row."""
    units = len(full)
    return full.ravel()[1:].reshape(units - 1, units + 1)[:, :-1] if units > 1 else full[:0]


def constants_of(
    rule: LearningRule,
    window: Window,
    mask: Bool[Tensor, "post pre"],
    synapses: Synapses,
    *,
    dt: float,
    dtype: type[np.floating[Any]],
) -> Rule:
    """The rule over steps of `dt` ms as the kernel wants it, in grains: four numbers where all windows are the same, else four of each."""
    uniform = is_uniform(rule, window)
    triplets, grain = rule.triplets, synapses.grain
    w_min, w_max = bounds_of(rule, grain)
    a_plus, a_minus, tau_plus, tau_minus = (float(values[0]) for values in window)
    clock = np.arange(int(np.clip(-np.log(SMALLEST_POWER) * tau_plus / dt, 1, LONGEST_CLOCK)) + 1)
    # of a time constant so short that a clock has one step a number is left that has an inverse
    faded = np.minimum(dt / tau_plus * clock, FADED)
    apart = () if uniform else (window.a_plus, window.a_minus, dt / window.tau_plus, dt / window.tau_minus)
    return Rule(
        uniform=uniform,
        all_to_all=rule.pairing is Pairing.ALL_TO_ALL,
        w_min=w_min,
        w_max=w_max,
        plus=a_plus / grain,
        minus=a_minus / grain,
        triplet_plus=triplets.a_plus / grain,
        triplet_minus=triplets.a_minus / grain,
        decay_minus=float(np.exp(-dt / tau_minus)),
        decay_slow_pre=float(np.exp(-dt / triplets.tau_pre)),
        decay_slow_post=float(np.exp(-dt / triplets.tau_post)),
        power=np.exp(-faded) if uniform else np.zeros(0),
        inverse=np.exp(faded) if uniform else np.zeros(0),
        each=in_rows([by_row(values, mask, synapses) for values in apart], synapses.start, dtype) if apart else UNUSED,
        exponent_plus=float(rule.mu_plus),
        exponent_minus=float(rule.mu_minus),
    )


def by_row(values: Float[Tensor, "synapse"], mask: Bool[Tensor, "post pre"], synapses: Synapses) -> Float[np.ndarray, "stored"]:
    """What each synapse has, from the order of the mask to that of the rows; 1 where a place of a full matrix is no synapse."""
    given = values.numpy(force=True)
    if not len(synapses.post):
        full = np.ones(mask.shape)
        there = without_diagonal(full) if synapses.loops else full
        there[:] = given.reshape(there.shape)
        return full.T.ravel()
    held = mask.numpy(force=True)
    number = np.zeros(held.shape, dtype=np.int64)
    number[held] = np.arange(len(given))
    return given[number.T[held.T]]


def in_rows(
    columns: Sequence[Float[np.ndarray, "stored"]], start: Shaped[np.ndarray, "ends"], dtype: type[np.floating[Any]]
) -> Float[np.ndarray, "..."]:
    """Several numbers of each synapse, row by row: all of the first column, then all of the second. What a row needs lies in one place."""
    # what float32 cannot hold is its largest number, not infinity, which times 0 is none
    columns = [column.clip(-np.finfo(dtype).max, np.finfo(dtype).max) for column in columns]
    sizes, number = np.diff(start), len(columns)
    if (sizes == sizes[0]).all():
        rows = np.zeros((len(sizes), number, sizes[0]), dtype=dtype)
        for n, column in enumerate(columns):
            rows[:, n] = column.reshape(len(sizes), -1)
        return rows.ravel()
    out = np.zeros(number * start[-1], dtype=dtype)
    # of each synapse, the place of its first number, and how far apart its numbers are
    place, apart = np.arange(start[-1]) + np.repeat((number - 1) * start[:-1], sizes), np.repeat(sizes, sizes)
    for n, column in enumerate(columns):
        out[place + n * apart] = column
    return out


def past_of(synapses: Synapses, rule: Rule, units: int) -> Past:
    """Nothing has happened yet."""
    pre = len(synapses.start) - 1
    uniform = rule.uniform
    clock = len(rule.power) - 1 if uniform else FEW_EVENTS
    events = 0 if uniform else clock * units
    traces = 0 if uniform else 2 * len(synapses.weight)
    full = not uniform and not len(synapses.post) and rule.exponent_plus == rule.exponent_minus == 0
    return Past(
        clock=np.zeros(4, dtype=np.int64),
        closing=np.full(clock + 1, clock + 1),
        last=np.zeros(pre, dtype=np.int64),
        pre=np.zeros(pre),
        slow_pre=np.zeros(pre),
        post=np.zeros(units),
        slow_post=np.zeros(units),
        gained=np.zeros((clock + 1 if uniform else 1, units)),
        newest=np.full(units, -1),
        when=np.zeros(events, dtype=rule.each.dtype),
        who=np.zeros(events, dtype=np.int32),
        before=np.zeros(events, dtype=np.int64),
        until=np.zeros(clock + 1, dtype=np.int64),
        traces=np.zeros(traces, dtype=rule.each.dtype),
        recent=np.full(-(-units // COUNT) * COUNT * RECENT, NEVER, dtype=rule.each.dtype) if full else UNUSED,
    )


def scratch_of(rule: Rule, past: Past, units: int) -> Scratch:
    """Room to work in: for single spikes only where they are replayed one by one."""
    width = 0 if rule.uniform else max(units, TILE)
    missed, together = (0, 0) if rule.uniform or len(past.recent) else (TILE * FEW_EVENTS, BLOCK)
    which, when, to_plus, to_minus, sums = (np.zeros(n, dtype=rule.each.dtype) for n in (missed, missed, together, together, 5 * width))
    return Scratch(np.zeros(units), which.astype(np.int32), when, to_plus, to_minus, sums.reshape(5, width))
