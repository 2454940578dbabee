"""Where phases start: scattered, of their own for every image, or as the masks of the objects say."""

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

_GOLDEN = -0x61C8864680B583EB
_MIX = (-0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15)


def scattered(
    x: Float[Tensor, "sample *pixel"], shape: tuple[int, int, int], *, seed: int = 0
) -> Float[Tensor, "sample channel row column"]:
    """Phases uniform in [-pi, pi), independent from unit to unit and from image to image: a function of the image's bits and `seed`.

    So a model that starts from them depends on its input alone, and samples do not see each other. SplitMix64 (Steele et al. 2014) hashes.
    """
    bits = x.detach().flatten(1).to(torch.float32).contiguous().view(torch.int32).to(torch.int64)
    places = torch.arange(1, 1 + bits.shape[1], device=x.device)
    key = _mixed((bits * (2 * _mixed(places * _GOLDEN) + 1)).sum(1) + torch.tensor(seed, device=x.device) * _GOLDEN)
    units = torch.arange(1, 1 + math.prod(shape), device=x.device) * _GOLDEN
    share = ((_mixed(key[:, None] + units) >> 40) & 0xFFFFFF).to(x.dtype) / 2**24
    return ((2 * share - 1) * math.pi).view(len(x), *shape)


def drawn(
    like: Float[Tensor, "sample channel row column"], *, generator: torch.Generator | None = None
) -> Float[Tensor, "sample channel row column"]:
    """Phases uniform in [-pi, pi), drawn anew."""
    return torch.empty_like(like).uniform_(-math.pi, math.pi, generator=generator)


def ideal(
    masks: Shaped[Tensor, "sample object row column"], elsewhere: Float[Tensor, "sample channel row column"], *, reach: int = 2
) -> Float[Tensor, "sample channel row column"]:
    """Phases that know the answer: 2 pi g / G for object g of the G in a sample, as far apart as G phases can be.

    A position takes the object that covers most of the square of half-width `reach` around it (filters see past an edge); where there is
    none within reach it keeps its phase `elsewhere`. Masks may be empty: those are no objects of that sample.
    """
    around = nn.functional.avg_pool2d(masks.to(elsewhere.dtype), 2 * reach + 1, 1, reach)
    # a position's own object goes before one that has more of the surroundings
    share, owner = (around + masks.to(elsewhere.dtype)).max(1)
    there = masks.flatten(2).any(2)
    rank = there.long().cumsum(1) - 1
    count = there.sum(1).clamp(min=1)
    phase = 2 * math.pi * rank.to(elsewhere.dtype) / count[:, None]
    placed = phase.gather(1, owner.flatten(1)).view(owner.shape)[:, None]
    return torch.where(share[:, None] > 0, placed, elsewhere)


def _mixed(x: Tensor) -> Tensor:
    for shift, factor in ((30, _MIX[0]), (27, _MIX[1])):
        # int64 shifts bring the sign along; a hash must not
        x = (x ^ ((x >> shift) & ((1 << (64 - shift)) - 1))) * factor
    return x ^ ((x >> 31) & ((1 << 33) - 1))
