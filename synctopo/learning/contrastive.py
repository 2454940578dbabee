"""Training without labels: two views of every image, and codes that agree on which belong together (SimCLR, Chen et al. 2020)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from synctopo.learning.resuming import restored, saved
from synctopo.learning.training import hold_finite

Images = Float[Tensor, "sample channel row column"]


@dataclass(frozen=True)
class ContrastFitted:
    """What a training did: the mean loss over every tenth part of its steps."""

    loss: tuple[float, ...]


def view(x: Images, *, generator: torch.Generator, smallest: float = 0.4, jitter: float = 0.4) -> Images:
    """Every image cropped at random to a square of at least the share `smallest` of its side and brought to its size again, perhaps
    mirrored, its colours scaled and shifted by up to `jitter`."""
    count, colours = x.shape[:2]
    u = torch.rand(6, count, generator=generator).to(x)
    scale = smallest + (1 - smallest) * u[0]
    mirror = torch.where(u[1] < 0.5, -1.0, 1.0)
    shift = (2 * u[2:4] - 1) * (1 - scale)
    zero = torch.zeros_like(scale)
    rows = torch.stack((torch.stack((scale * mirror, zero, shift[0]), 1), torch.stack((zero, scale, shift[1]), 1)), 1)
    grid = nn.functional.affine_grid(rows, list(x.shape), align_corners=False)
    cropped = nn.functional.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)
    gain = 1 + jitter * (2 * torch.rand(count, colours, 1, 1, generator=generator).to(x) - 1)
    offset = jitter / 2 * (2 * torch.rand(count, colours, 1, 1, generator=generator).to(x) - 1)
    return (cropped * gain + offset).clamp(0, 1)


def contrast(a: Float[Tensor, "n code"], b: Float[Tensor, "m code"], temperature: float = 0.1) -> Float[Tensor, ""]:
    """NT-Xent (Chen et al. 2020, eq. 1): cross-entropy of finding a code's other view among all codes of the batch, by cosine.

    Raises ValueError for fewer than two samples, or views that do not pair.
    """
    if len(a) != len(b) or len(a) < 2:
        raise ValueError(f"two views of at least two samples are wanted; got {len(a)} and {len(b)} codes.")
    codes = nn.functional.normalize(torch.cat((a, b)), dim=1)
    alike = (codes @ codes.T / temperature).fill_diagonal_(float("-inf"))
    return nn.functional.cross_entropy(alike, torch.arange(2 * len(a), device=a.device).roll(len(a)))


def fit_contrast(
    model: nn.Module,
    x: Images,
    *,
    steps: int,
    batch: int = 32,
    learning_rate: float = 1e-3,
    temperature: float = 0.1,
    generator: torch.Generator,
    checkpoint: str | Path | None = None,
    every: int = 100,
) -> ContrastFitted:
    """Train `model`, which maps images to codes, by Adam on `contrast` of two views of each image; its weights change in place.

    checkpoint  a file written after every `every` steps; where it is there, training goes on from it and ends as if it had never stopped

    Raises ValueError for a loss that is no longer finite, fewer images than a batch, or the checkpoint of another training.
    """
    if len(x) < batch:
        raise ValueError(f"a batch of {batch} needs as many images; got {len(x)}.")
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=learning_rate)
    about = {"batch": batch, "learning_rate": learning_rate, "temperature": temperature, "samples": len(x)}
    losses: list[float] = restored(checkpoint, about, model, optimiser, generator)
    for step in range(len(losses), steps):
        part = x[torch.randint(len(x), (batch,), generator=generator)]
        codes = model(torch.cat((view(part, generator=generator), view(part, generator=generator))))
        loss = contrast(codes[:batch], codes[batch:], temperature)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
        hold_finite(losses[-1], f"step {step + 1}", learning_rate)
        if checkpoint is not None and ((step + 1) % every == 0 or step + 1 == steps):
            saved(checkpoint, about, model, optimiser, generator, losses)
    return ContrastFitted(tuple(float(np.mean(part)) for part in np.array_split(losses, 10) if len(part)))
