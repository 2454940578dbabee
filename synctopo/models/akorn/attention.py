"""Coupling by attention, with or without positions as rotations (GTA), recomputed at every step from the states."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from synctopo.models.akorn.coupling import Drive, Order
from synctopo.models.akorn.dynamics import rotation


class AttentiveCoupling(nn.Module):
    """Every place drives every other as much as their queries and keys agree: softmax attention over all channels, several heads.

    channels  oscillators times n
    heads     how many; each has channels / heads channels
    place     the shape of space, (rows, columns); None: no position encoding. With it queries, keys and values of a place are turned by its
              rotation and the result is turned back (geometric transform attention, Miyato et al. 2024), so that only relations
              count; rotations begin at geometric frequencies of row and column and are learned, one angle for each place and plane

    Raises ValueError for channels that the heads do not divide, or heads of odd width.
    """

    def __init__(
        self, channels: int, *, heads: int = 8, place: tuple[int, int] | None = None, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        if heads < 1 or channels < 1 or channels % heads:
            raise ValueError(f"heads share the channels evenly; got {channels} channels and {heads} heads.")
        if place is not None and channels // heads % 2:
            raise ValueError(f"a rotation turns pairs of channels; {channels // heads} channels a head are odd: change heads or channels.")
        self.heads, self.place = heads, place
        bound = channels**-0.5
        self.weight = nn.Parameter(torch.empty(3 * channels, channels))
        self.bias = nn.Parameter(torch.zeros(3 * channels))
        self.out_weight = nn.Parameter(torch.empty(channels, channels))
        with torch.no_grad():
            for weight in (self.weight, self.out_weight):
                weight.uniform_(-bound, bound, generator=generator)
        self.angle = None if place is None else nn.Parameter(_angles(place, channels // heads // 2))

    def forward(self, x: Float[Tensor, "sample channel *place"]) -> Float[Tensor, "sample channel *place"]:
        """J(x) x."""
        return self.prepared(tuple(x.shape[2:]), None)[0](x)

    def prepared(self, place: tuple[int, ...], omega: Float[Tensor, "oscillator n n"] | None) -> tuple[Drive, Order]:
        """The map with its rotations computed once. Raises ValueError for another space than the positions were made for."""
        if self.place is not None and place != self.place:
            raise ValueError(f"the positions are those of {list(self.place)} places; got {list(place)}: make a coupling for these.")
        channels, heads = len(self.out_weight), self.heads
        turn = None if self.angle is None else torch.polar(torch.ones_like(self.angle), -self.angle)[:, None, None]
        back = None if turn is None else turn[:, :, 0].conj()
        rotated = None if omega is None else rotation(omega)
        places = math.prod(place)

        def drive(x: Tensor) -> Tensor:
            samples = len(x)
            tokens = x.reshape(samples, x.shape[1], places).transpose(1, 2)
            three = nn.functional.linear(tokens, self.weight, self.bias).view(samples, places, 3, heads, channels // heads)
            if turn is not None:
                three = _turned(three, turn)
            found = _attended(three)
            if back is not None:
                found = _turned(found, back)
            drives = nn.functional.linear(found.reshape(samples, places, channels), self.out_weight)
            if rotated is not None:
                drives = rotated(drives, tokens)
            return drives.transpose(1, 2).reshape(x.shape)

        return drive, Order.CHANNEL_LAST


FEW = 64
"""Up to so many places a matrix of all pairs is as fast as going through it in blocks, which has no second derivatives."""


def _attended(three: Float[Tensor, "sample place three head width"]) -> Float[Tensor, "sample place head width"]:
    """Softmax attention of the queries, keys and values."""
    samples, places, _, heads, width = three.shape
    query, key, value = three.permute(2, 0, 3, 1, 4)
    if places > FEW:
        return nn.functional.scaled_dot_product_attention(query, key, value).transpose(1, 2)
    query, key, value = (t.reshape(samples * heads, places, width) for t in (query, key, value))
    pairs = torch.baddbmm(query.new_zeros(()), query, key.transpose(1, 2), beta=0, alpha=width**-0.5)
    return torch.bmm(pairs.softmax(-1), value).view(samples, heads, places, width).transpose(1, 2)


def _turned(x: Tensor, turn: Tensor) -> Tensor:
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turn).flatten(-2)


def _angles(place: tuple[int, int], planes: int) -> Float[Tensor, "place plane"]:
    """Planes turn alternately with the row and the column, by 1, 1/2, 1/4, ... of a radian times pi / 2 a place."""
    rows, columns = torch.meshgrid(*map(torch.arange, place), indexing="ij")
    at = torch.stack((rows.flatten(), columns.flatten()), 1).to(torch.get_default_dtype())
    plane = torch.arange(planes)
    return at[:, plane % 2] * (torch.pi / 2) * 2.0 ** -(plane // 2)
