"""Generated patterns in space and time: what recurrent networks are tried on without any file."""

import math

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from rsnn.heterogeneity import Number

SIGMA, RHO, BETA = 10.0, 28.0, 8 / 3
LORENZ_LOW, LORENZ_HIGH = (-22.0, -30.0, 0.0), (22.0, 30.0, 55.0)  # the attractor lies within
FORGOTTEN = 500  # steps before the first one that counts
FINEST = 0.01


def lorenz(samples: int, steps: int, *, interval: Number = 0.02, generator: torch.Generator) -> Float[Tensor, "sample {steps} 3"]:
    """Trajectories on the attractor of Lorenz 1963, eqs. (25)-(27) with sigma 10, r 28, b 8/3, each coordinate moved into [0, 1].

    `interval` is the time between two steps in the units of the equations. Fourth-order Runge-Kutta in steps of at most 0.01; each sample
    starts from a random place and has come to the attractor before its first step.
    """
    if samples < 1 or steps < 1 or not (math.isfinite(interval) and interval > 0):
        raise ValueError(f"lorenz(samples={samples}, steps={steps}, interval={interval}): all of them must be positive.")
    low, high = (torch.tensor(v, dtype=torch.float64) for v in (LORENZ_LOW, LORENZ_HIGH))
    state = torch.randn(samples, 3, generator=generator, dtype=torch.float64) + torch.tensor([1.0, 1.0, 25.0], dtype=torch.float64)
    parts = math.ceil(interval / FINEST)
    path = runge_kutta(state.numpy(), interval / parts, parts * (FORGOTTEN + steps))[:, parts * FORGOTTEN :: parts]
    return ((torch.from_numpy(path) - low) / (high - low)).clamp(0, 1).float()


def runge_kutta(state: Shaped[np.ndarray, "sample 3"], h: float, steps: int) -> Shaped[np.ndarray, "sample {steps} 3"]:
    """Each of so many steps of length h of the Lorenz equations from `state`, the last one left out, by the classical fourth-order rule."""
    slope = lambda s: np.stack([SIGMA * (s[:, 1] - s[:, 0]), s[:, 0] * (RHO - s[:, 2]) - s[:, 1], s[:, 0] * s[:, 1] - BETA * s[:, 2]], 1)  # noqa: E731
    path = np.empty((len(state), steps, 3))
    for t in range(steps):
        path[:, t] = state
        a = slope(state)
        b = slope(state + h / 2 * a)
        c = slope(state + h / 2 * b)
        state = state + h / 6 * (a + 2 * b + 2 * c + slope(state + h * c))
    return path


def moving_bars(
    samples: int, steps: int, size: int, *, directions: int = 4, thickness: Number = 1.5, generator: torch.Generator
) -> tuple[Float[Tensor, "sample {steps} {size} {size}"], Int[Tensor, "sample"]]:
    """Bright bars, `thickness` pixels wide, that cross a square of `size` pixels in one of `directions`, and which one it is.

    Direction k is 2 pi k / directions, 0 to the right, counted counter-clockwise; the bar stands across it, crosses the whole square in
    `steps` steps and begins anywhere on its way. Values in [0, 1] fall off as a Gaussian.
    """
    if samples < 1 or steps < 1 or size < 2 or directions < 1 or not (math.isfinite(thickness) and thickness > 0):
        raise ValueError(
            f"moving_bars(samples={samples}, steps={steps}, size={size}, directions={directions}, thickness={thickness}): "
            "all of them must be positive, and the square at least 2 pixels wide."
        )
    label = torch.randint(directions, (samples,), generator=generator)
    start = torch.rand(samples, generator=generator)
    angle = 2 * math.pi * label / directions
    across = torch.linspace(-1, 1, size) * (size - 1) / 2
    # rows are counted downwards
    along = torch.cos(angle)[:, None, None] * across[None, None, :] - torch.sin(angle)[:, None, None] * across[None, :, None]
    way = size * math.sqrt(2)
    place = ((start[:, None] + torch.arange(steps) / steps) % 1 - 0.5) * way
    return torch.exp(-(((along[:, None] - place[..., None, None]) / thickness) ** 2)), label
