"""Input and spikes as events: what few of them add to the current of a layer, and the gradient of their weights, row by row."""

import math
from typing import NamedTuple, no_type_check

import numpy as np
import torch
from jaxtyping import Int, Shaped
from numba import njit
from torch import Tensor

from rsnn.replay import INNER

FEW = 0.05
"""Share of inputs that are not 0: below, their rows are added one by one, above, matrices are multiplied."""
AS_THEY_ARE = (torch.float32, torch.float64)  # other numbers are made one of these
SCAN = 8  # numbers that are looked at together
MANY = 512  # rows of a gradient that are gone through together: they stay in the cache


class Events(NamedTuple):
    """The input that is not 0, in the order of time, then sample: those of row r = time * samples + sample are `start[r]:start[r + 1]`."""

    start: np.ndarray
    which: np.ndarray
    value: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def find(x, bits, rows, most):
    """The events of the `rows` of `x` [row, input], whose numbers are looked at as integers, `bits`, in passing over what is 0; None from
    `most` on."""
    inputs = x.shape[1]
    start = np.zeros(len(rows) + 1, dtype=np.int64)
    index = np.empty(most + inputs, dtype=np.int32)
    value = np.empty(most + inputs)
    whole = inputs - inputs % SCAN
    n = 0
    for r in range(len(rows)):
        row, as_bits = x[rows[r]], bits[rows[r]]
        for first in range(0, whole, SCAN):
            seen = as_bits[first]
            for k in range(1, SCAN):
                seen |= as_bits[first + k]
            if seen:
                for i in range(first, first + SCAN):
                    index[n] = i
                    value[n] = row[i]
                    n += row[i] != 0.0
        for i in range(whole, inputs):
            index[n] = i
            value[n] = row[i]
            n += row[i] != 0.0
        if n >= most:
            return None
        start[r + 1] = n
    return start, index[:n], value[:n]


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def turned(start, index, value, samples, steps):
    """Events in the order of sample, then time, in that of time, then sample: to copy them takes less than to find them row by row in
    places far apart."""
    begins, indices, values = np.zeros(len(start), dtype=np.int64), np.empty_like(index), np.empty_like(value)
    n = 0
    for t in range(steps):
        for s in range(samples):
            r = s * steps + t
            for e in range(start[r], start[r + 1]):
                indices[n], values[n] = index[e], value[e]
                n += 1
            begins[t * samples + s + 1] = n
    return begins, indices, values


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def spikes_in(raster):
    """The spikes of a `raster` [row, unit], 0 or 1, as the events of its rows."""
    rows, units = raster.shape
    start = np.zeros(rows + 1, dtype=np.int64)
    count = 0
    for r in range(rows):
        of_row = 0
        for fired in raster[r]:
            of_row += fired
        count += of_row
        start[r + 1] = count
    index = np.empty(count + units, dtype=np.int32)
    for r in range(rows):
        n, row = start[r], raster[r]
        for i in range(units):
            index[n] = i
            n += row[i]
    return start, index[:count], np.ones(count)


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def by_source(start, index, value, sources):
    """Events in the order of what they come from: those of source i are `found[i]:found[i + 1]`, their rows, their values."""
    found = np.zeros(sources + 1, dtype=np.int64)
    for e in range(start[0], start[-1]):
        found[index[e] + 1] += 1
    for i in range(sources):
        found[i + 1] += found[i]
    free = found[:-1].copy()
    rows, values = np.empty(found[-1], dtype=np.int32), np.empty(found[-1])
    for r in range(len(start) - 1):
        for e in range(start[r], start[r + 1]):
            at = free[index[e]]
            rows[at], values[at] = r, value[e]
            free[index[e]] = at + 1
    return found, rows, values


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def add_rows(start, index, value, matrix, out):
    """Add to row r of `out` [row, unit] those rows of a `matrix` [from, unit] that its events come from.

    Four at a time, in their order: a sum is read and written once for four. A matrix of float32 is half of the memory to go through. Rows
    go by their numbers: one cut out of its array has its references counted, which takes as long as a part of the sum.
    """
    units = out.shape[1]
    for r in range(len(out)):
        e, stop = start[r], start[r + 1]
        while e + 4 <= stop:
            a, b, c, d = index[e], index[e + 1], index[e + 2], index[e + 3]
            p, q, v, w = value[e], value[e + 1], value[e + 2], value[e + 3]
            for i in range(units):
                out[r, i] = (((out[r, i] + p * matrix[a, i]) + q * matrix[b, i]) + v * matrix[c, i]) + w * matrix[d, i]
            e += 4
        while e < stop:
            a, p = index[e], value[e]
            for i in range(units):
                out[r, i] += p * matrix[a, i]
            e += 1


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def collect(start, index, value, grad, out):
    """Add the rows of `grad` [row, unit] to those rows of `out` [from, unit] that their events come from, a few hundred at a time."""
    for first in range(0, len(grad), MANY):
        last = min(first + MANY, len(grad))
        found, which, values = by_source(start[first : last + 1], index, value, len(out))
        add_rows(found, which, values, grad[first:last], out)


def events_of(x: Shaped[Tensor, "sample time input"]) -> Events | None:
    """The events of an input on the CPU that nothing is to be known about the gradient of; None where there are too many."""
    if x.requires_grad or x.device.type != "cpu":
        return None
    samples, steps = x.shape[:2]
    events = found_in(x, np.arange(samples * steps), math.ceil(FEW * x.numel()))
    return None if events is None else Events(*turned(*events, samples, steps))


def in_order(x: Shaped[Tensor, "sample time input"], order: Int[np.ndarray, "chosen"]) -> Events:
    """The events of these samples in the order of sample, then time: those of row r = n * steps + time, of sample `order[n]`, are
    `start[r]:start[r + 1]`."""
    steps = x.shape[1]
    if x.dtype not in AS_THEY_ARE or x.device.type != "cpu" or not x.is_contiguous():
        x, order = x[torch.from_numpy(order).to(x.device)].double().cpu(), np.arange(len(order))
    events = found_in(x, (order[:, None] * steps + np.arange(steps)).ravel(), len(order) * steps * x.shape[2] + 1)
    assert events is not None
    return events


def part_of(events: Events, first: int, stop: int) -> Events:
    """Those of the rows `first` to `stop`, of events `in_order`."""
    return events._replace(start=events.start[first : stop + 1])


def found_in(x: Shaped[Tensor, "sample time input"], rows: Int[np.ndarray, "row"], most: int) -> Events | None:
    """The events of rows sample * steps + time of an input; None from `most` on."""
    values = (x if x.dtype in AS_THEY_ARE else x.float()).detach().contiguous().numpy().reshape(-1, x.shape[2])
    found = find(values, values.view(f"i{values.itemsize}"), rows, most)
    return None if found is None else Events(*found)
