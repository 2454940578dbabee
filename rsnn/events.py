"""Input as events: what few spikes add to the current of a layer, and the gradient of its weights, row by row."""

from typing import Any, NamedTuple, no_type_check

import numpy as np
import torch
from jaxtyping import Float, Shaped
from numba import njit
from torch import Tensor

FEW = 0.05
"""Share of inputs that are not 0: below, their rows are added one by one, above, matrices are multiplied."""
SCAN = 32  # numbers that are looked at together
ZERO = np.int32(0)


class Events(NamedTuple):
    """The input that is not 0, in the order of time, then sample: those of row r = time * samples + sample are `start[r]:start[r + 1]`."""

    start: np.ndarray
    which: np.ndarray
    value: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def find(x, bits, count):
    """The `count` events of `x` [sample, time, input], whose numbers are looked at as integers, `bits`, in passing over what is 0."""
    samples, steps, inputs = x.shape
    start = np.zeros(samples * steps + 1, dtype=np.int64)
    index = np.empty(count, dtype=np.int32)
    value = np.empty(count)
    n = 0
    for t in range(steps):
        for s in range(samples):
            row, as_bits = x[s, t], bits[s, t]
            for first in range(0, inputs, SCAN):
                part, seen = row[first : min(first + SCAN, inputs)], ZERO
                for bit in as_bits[first : min(first + SCAN, inputs)]:
                    seen |= bit
                if seen:
                    for i in range(len(part)):
                        if part[i] != 0.0:
                            index[n] = first + i
                            value[n] = part[i]
                            n += 1
            start[t * samples + s + 1] = n
    return start, index, value


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def spread(start, index, value, weight, out):
    """Add the weights [input, unit] of the events of each row to `out` [row, unit]."""
    for r in range(len(out)):
        to = out[r]
        for e in range(start[r], start[r + 1]):
            row, v = weight[index[e]], value[e]
            for i in range(len(to)):
                to[i] += v * row[i]


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def collect(start, index, value, grad, out):
    """Add the rows of `grad` [row, unit] to those of their events in `out` [input, unit]."""
    for r in range(len(grad)):
        given = grad[r]
        for e in range(start[r], start[r + 1]):
            row, v = out[index[e]], value[e]
            for i in range(len(given)):
                row[i] += v * given[i]


def events_of(x: Shaped[Tensor, "sample time input"]) -> Events | None:
    """The events of an input on the CPU that nothing is to be known about the gradient of; None where there are too many."""
    if x.requires_grad or x.device.type != "cpu":
        return None
    values = x.contiguous().numpy() if x.dtype in (torch.float32, torch.float64) else x.float().numpy()
    count = int(x.count_nonzero())
    return Events(*find(values, values.view(f"i{values.itemsize}"), count)) if count < FEW * values.size else None


class EventDrive(torch.autograd.Function):
    """What events add to the current of each neuron [time, sample, unit], differentiable in the weights [input, unit]."""

    @staticmethod
    def forward(ctx: Any, weight: Float[Tensor, "input unit"], events: Events, samples: int) -> Tensor:
        ctx.events, ctx.shape = events, weight.shape
        out = np.zeros((len(events.start) - 1, weight.shape[1]))
        spread(*events, weight.detach().contiguous().numpy(), out)
        return torch.from_numpy(out).view(-1, samples, weight.shape[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        out = np.zeros(ctx.shape)
        collect(*ctx.events, grad.contiguous().numpy().reshape(-1, ctx.shape[1]), out)
        return torch.from_numpy(out), None, None
