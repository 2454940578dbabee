"""Encoders: from values in [0, 1], or recorded events, to input over time, [sample, time, input]."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int, Shaped, UInt8
from snntorch import spikegen
from torch import Tensor

from rsnn.heterogeneity import Number

BORDER = 1e-9
"""Of a step: an event so close before the next one belongs to it, as a time in ms is rounded."""


class Binned(NamedTuple):
    """Events as spikes, 0 or 1 in a byte each, and how many events of each sample are none: because another came from the same input in
    the same step (`merged`), or because the steps had ended (`late`)."""

    spikes: UInt8[Tensor, "sample time input"]
    merged: Int[Tensor, "sample"]
    late: Int[Tensor, "sample"]


def poisson(
    x: Shaped[Tensor, "*sample_input"], steps: int, *, generator: torch.Generator, rate_max: Number = 100.0, dt: Number = 1.0
) -> Float[Tensor, "sample {steps} input"]:
    """Poisson spikes: in each step of `dt` ms an input fires with probability x rate_max dt / 1000, `rate_max` in Hz.

    (snntorch's `spikegen.rate` draws from the global generator, so it is not used.)
    """
    _check(x, steps)
    probability = rate_max * dt / 1000
    if not 0 < probability <= 1:
        raise ValueError(
            f"poisson(rate_max={rate_max}, dt={dt}) means {probability:g} spikes in a step at x = 1: wanted is more than 0 and at most 1; "
            f"take rate_max up to {1000 / dt:g} Hz."
        )
    chance = torch.rand(x.shape[0], steps, x.shape[1], generator=generator, dtype=x.dtype).to(x.device)
    return (chance < probability * x.unsqueeze(1)).to(x.dtype)


def latency(x: Shaped[Tensor, "*sample_input"], steps: int, *, threshold: Number = 0.01) -> Float[Tensor, "sample {steps} input"]:
    """One spike per input, the earlier the larger: at step round((1 - x)(steps - 1)); none where x is below `threshold`.

    snntorch's linear latency code. (Its logarithmic one scales by the slowest input of the batch, so that samples would see each other.)
    """
    _check(x, steps)
    if not 0 < threshold < 1:
        raise ValueError(f"latency(threshold={threshold}): it must lie between 0 and 1; 0.01 keeps all but the darkest inputs.")
    if steps == 1:
        return (x >= threshold).to(x.dtype).unsqueeze(1)
    spikes = spikegen.latency(x, num_steps=steps, threshold=threshold, normalize=True, linear=True, clip=True)
    return spikes.transpose(0, 1).to(x.dtype)


def constant(x: Shaped[Tensor, "*sample_input"], steps: int) -> Float[Tensor, "sample {steps} input"]:
    """The value itself as input current in every step."""
    _check(x, steps)
    return x.unsqueeze(1).expand(-1, steps, -1)


def delta(x: Shaped[Tensor, "*sample_time_input"], *, threshold: Number = 0.1) -> Float[Tensor, "sample time input"]:
    """Spikes where a signal changed since the step before: 1 where it rose by `threshold` or more, -1 where it fell; 0 at first."""
    _check_tensor(x)
    if x.ndim != 3:
        raise ValueError(f"delta wants a signal [sample, time, input], not an array of shape {tuple(x.shape)}.")
    _check_values(x)
    if not threshold > 0:
        raise ValueError(f"delta(threshold={threshold}): it must be positive; 0.1 means a tenth of the range.")
    return spikegen.delta(x.transpose(0, 1), threshold=threshold, padding=True, off_spike=True).transpose(0, 1).to(x.dtype)


def population(x: Shaped[Tensor, "*sample_input"], count: int, *, sharpness: Number = 1.5) -> Float[Tensor, "*sample inputs"]:
    """Each value as the activities, in [0, 1], of `count` units with Gaussian receptive fields, Bohte, La Poutré and Kok 2002, section 4.

    From [sample, ..., input] to [sample, ..., input x count], the units of an input side by side. Field k = 1 ... count is centred at
    (2 k - 3) / (2 (count - 2)) and as wide as 1 / (sharpness (count - 2)). `poisson` or `latency` make spikes of it; a signal over time
    [sample, time, input] becomes input currents.
    """
    _check_tensor(x)
    if x.ndim < 2:
        raise ValueError(f"population wants values [sample, ..., input], not an array of shape {tuple(x.shape)}.")
    if count < 3:
        raise ValueError(f"population(count={count}): at least 3 units share a range.")
    if not sharpness > 0:
        raise ValueError(f"population(sharpness={sharpness}): it must be positive; 1.5 lets neighbours overlap.")
    _check_values(x)
    centre = (2 * torch.arange(1, count + 1, dtype=x.dtype, device=x.device) - 3) / (2 * (count - 2))
    width = 1 / (sharpness * (count - 2))
    return torch.exp(-((x[..., None] - centre) ** 2) / (2 * width**2)).flatten(-2)


def events(
    recordings: Sequence[tuple[Shaped[Tensor, "..."], Shaped[Tensor, "..."]]], inputs: int, steps: int, *, dt: Number = 1.0
) -> Binned:
    """Spikes of recorded events: of each sample, when (in ms from its beginning, in any order) and which of the `inputs` (integers).

    An event at time t is a spike in step floor(t / dt), of `dt` ms; what comes after `steps` of them is left out and counted.
    """
    if not (math.isfinite(dt) and dt > 0) or steps < 1 or inputs < 1:
        raise ValueError(f"events(inputs={inputs}, steps={steps}, dt={dt}): all of them must be positive.")
    if not len(recordings):
        raise ValueError("events wants at least one sample (times, inputs); there is none.")
    spikes = torch.zeros(len(recordings), steps, inputs, dtype=torch.uint8)
    merged, late = (torch.zeros(len(recordings), dtype=torch.int64) for _ in range(2))
    for n, (time, which) in enumerate(recordings):
        _check_events(n, time, which, inputs)
        step = torch.floor(time.double() / dt + BORDER)
        there = step < steps
        spikes[n].view(-1)[step[there].long() * inputs + which[there].long()] = 1
        late[n] = len(step) - int(there.sum())
        merged[n] = int(there.sum()) - int(spikes[n].sum())
    return Binned(spikes, merged, late)


def _check_events(n: int, time: Tensor, which: Tensor, inputs: int) -> None:
    if time.ndim != 1 or time.shape != which.shape:
        raise ValueError(f"sample {n}: a time and an input of each event are wanted, not {tuple(time.shape)} and {tuple(which.shape)}.")
    if which.is_floating_point() or which.is_complex() or which.dtype == torch.bool or time.is_complex():
        raise ValueError(f"sample {n}: times are real and inputs integers, not {time.dtype} and {which.dtype}; which.long() makes them so.")
    if not time.numel():
        return
    if not (torch.isfinite(time).all() and float(time.min()) >= 0):
        raise ValueError(f"sample {n}: times are finite and count from 0, in ms; subtract the first.")
    low, high = int(which.min()), int(which.max())
    if low < 0 or high >= inputs:
        raise ValueError(f"sample {n}: its inputs go from {low} to {high}, but there are {inputs}, 0 to {inputs - 1}.")


def _check(x: Tensor, steps: int) -> None:
    _check_tensor(x)
    if x.ndim != 2:
        raise ValueError(
            f"an encoder wants values [sample, input], not an array of shape {tuple(x.shape)}; flatten(1) makes images into rows."
        )
    if steps < 1:
        raise ValueError(f"steps={steps}: at least one time step is needed.")
    _check_values(x)


def _check_tensor(x: object) -> None:
    if not isinstance(x, Tensor):
        raise ValueError(f"an encoder wants a tensor, not {type(x).__name__}; torch.as_tensor(x) makes one.")


def _check_values(x: Tensor) -> None:
    if not x.is_floating_point():
        raise ValueError(f"an encoder wants floating-point values in [0, 1], not {x.dtype}; divide by the largest possible value.")
    if not x.numel():
        raise ValueError(f"there is nothing to encode in an array of shape {tuple(x.shape)}.")
    low, high = float(x.min()), float(x.max())
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"an encoder wants values in [0, 1], these go from {low:g} to {high:g}; subtract the minimum and divide by the range."
        )
