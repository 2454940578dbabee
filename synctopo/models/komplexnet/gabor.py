"""Gabor filters: bars of every orientation, what the first layer of KomplexNet starts from."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def gabors(count: int, width: int = 5, *, wavelength: float = 4.0, sigma: float = 1.5) -> Float[Tensor, "count 1 width width"]:
    """`count` even Gabor filters at equal angles over half a turn; each without a mean and of length 1 (sizes in pixels)."""
    reach = (width - 1) / 2
    at = torch.arange(width) - reach
    rows, columns = torch.meshgrid(at, at, indexing="ij")
    angle = (math.pi * torch.arange(count) / count)[:, None, None]
    along = columns * angle.cos() + rows * angle.sin()
    filters = torch.exp(-(rows**2 + columns**2) / (2 * sigma**2)) * torch.cos(2 * math.pi * along / wavelength)
    filters = filters - filters.mean((1, 2), keepdim=True)
    return (filters / filters.flatten(1).norm(dim=1)[:, None, None])[:, None]
