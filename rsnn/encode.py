"""Encoders: from values in [0, 1] to input over time, [sample, time, input]."""

import torch
from jaxtyping import Float, Shaped
from snntorch import spikegen
from torch import Tensor

from rsnn.heterogeneity import Number


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
