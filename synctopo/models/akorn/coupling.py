"""Which oscillator drives which: fully connected, by convolution, or by attention; any module of a user's own will do as well.

A coupling maps states [sample, channel, *place] to drives of that shape; channel = oscillator * n + component. It has no bias:
that would be a stimulus.
"""

import math
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

Drive = Callable[[Tensor], Tensor]
States = Float[Tensor, "sample channel *place"]


class Order(Enum):
    """In which order of dimensions a drive reads and writes memory."""

    SAMPLE_LAST = "place, channel, sample"
    CHANNEL_LAST = "sample, place, channel"


@runtime_checkable
class Prepared(Protocol):
    """A coupling that does once for a run of many steps what does not change from step to step."""

    def prepared(self, place: tuple[int, ...], omega: Float[Tensor, "oscillator n n"] | None) -> tuple[Drive, Order]:
        """The map for states with this shape of space; the natural rotations `omega` of every oscillator, if any, are part of it.

        With it comes the order in memory in which that map is fastest; it takes any.
        """
        ...


def _dimensions(oscillators: int, n: int) -> None:
    if oscillators < 1 or n < 2:
        raise ValueError(f"wanted: at least one oscillator, in at least two dimensions; got {oscillators} and n = {n}.")


def _uniform(parameter: Tensor, bound: float, generator: torch.Generator | None) -> None:
    with torch.no_grad():
        parameter.uniform_(-bound, bound, generator=generator)


class DenseCoupling(nn.Module):
    """Every oscillator drives every other: J [channel * place, channel * place], or, `scalar`, one number for each pair of oscillators.

    oscillators  how many there are, places included
    n            the dimension of each
    scalar       J_ij is a number times the identity, as in the classical model: turning all turns the drive
    symmetric    J_ij = J_ji^T, so that the energy falls
    """

    def __init__(
        self, oscillators: int, n: int, *, scalar: bool = False, symmetric: bool = False, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        _dimensions(oscillators, n)
        size = oscillators if scalar else oscillators * n
        self.n, self.scalar, self.symmetric = n, scalar, symmetric
        self.weight = nn.Parameter(torch.empty(size, size))
        _uniform(self.weight, size**-0.5, generator)

    def forward(self, x: States) -> States:
        """J x."""
        weight = (self.weight + self.weight.T) / 2 if self.symmetric else self.weight
        if not self.scalar:
            return nn.functional.linear(x.flatten(1), weight).view_as(x)
        # the components between oscillator and place come last, and back
        apart = x.reshape(len(x), -1, self.n, math.prod(x.shape[2:])).transpose(2, 3)
        drive = torch.einsum("ij,sjn->sin", weight, apart.reshape(len(x), -1, self.n))
        return drive.view(apart.shape).transpose(2, 3).reshape(x.shape)


class ConvCoupling(nn.Module):
    """Oscillators drive those around them: a convolution of odd kernel over all channels, zeros outside.

    On small maps a run of steps goes through frequencies: the kernel is transformed once, and a step is one matrix product for each
    frequency, a fraction of the work, equal up to rounding.
    """

    def __init__(self, channels: int, kernel: int, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0 or channels < 1:
            raise ValueError(f"a convolution needs channels, and an odd kernel so that it has a middle; got {channels} and {kernel}.")
        self.weight = nn.Parameter(torch.empty(channels, channels, kernel, kernel))
        _uniform(self.weight, (channels * kernel * kernel) ** -0.5, generator)

    def forward(self, x: Float[Tensor, "sample channel row column"]) -> Float[Tensor, "sample channel row column"]:
        """J x."""
        return nn.functional.conv2d(x, self.weight, padding=self.weight.shape[-1] // 2)

    def prepared(self, place: tuple[int, ...], omega: Float[Tensor, "oscillator n n"] | None) -> tuple[Drive, Order]:
        """By frequencies where that is less work, else as it is."""
        if len(place) != 2:
            raise ValueError(f"a convolution couples oscillators on a map, [sample, channel, row, column]; got places {list(place)}.")
        rows, columns = place
        channels, kernel = self.weight.shape[0], self.weight.shape[-1]
        weight: Tensor = self.weight
        if omega is not None:
            middle = torch.zeros(kernel, kernel, dtype=weight.dtype, device=weight.device)
            middle[kernel // 2, kernel // 2] = 1
            weight = weight + torch.block_diag(*omega)[:, :, None, None] * middle
        frequencies = (rows + kernel // 2) * ((columns + kernel // 2) // 2 + 1)
        direct = channels * kernel**2 * rows * columns
        # measured on one thread: a product by frequency runs at three quarters of the speed of a good direct convolution
        if 1.3 * (4 * frequencies * channels + 4 * frequencies * rows * columns) > direct:
            return (lambda x: nn.functional.conv2d(x, weight, padding=kernel // 2)), Order.CHANNEL_LAST
        return _by_frequency(weight, rows, columns), Order.SAMPLE_LAST


def _by_frequency(weight: Tensor, rows: int, columns: int) -> Drive:
    channels, kernel = weight.shape[0], weight.shape[-1]
    there, back, phase = (t.to(weight) for t in _transforms(rows, columns, kernel))
    count = len(there) // 2
    real, imaginary = (phase @ weight.reshape(channels * channels, -1).T).view(2, count, channels, channels)
    matrix = torch.cat((torch.cat((real, -imaginary), 2), torch.cat((imaginary, real), 2)), 1)

    def drive(x: Tensor) -> Tensor:
        samples = len(x)
        # in memory place comes first and the sample last, so that each of the three products finds its operands without a copy
        flat = x.permute(2, 3, 1, 0).reshape(rows * columns, channels * samples)
        spectrum = torch.bmm(matrix, (there @ flat).view(count, 2 * channels, samples))
        return (back @ spectrum.view(2 * count, channels * samples)).view(rows, columns, channels, samples).permute(3, 2, 0, 1)

    return drive


@lru_cache(maxsize=32)
def _transforms(rows: int, columns: int, kernel: int) -> tuple[Tensor, Tensor, Tensor]:
    """Map -> frequencies [2 * frequency, place], back [place, 2 * frequency], kernel -> frequencies [2 * frequency, tap]; float64.

    Half a kernel of zeros on one side is all that keeps a circular convolution from reaching round to what is kept.
    """
    half = kernel // 2
    high, wide = rows + half, columns + half
    held = [(a, b) for b in range(wide // 2 + 1) for a in range(high) if a <= high // 2 or (b != 0 and 2 * b != wide)]
    a, b = torch.tensor(held).T
    space = torch.eye(rows * columns, dtype=torch.float64).view(-1, rows, columns)
    found = torch.fft.fft2(space, s=(high, wide))[:, a, b]
    there = torch.view_as_real(found).permute(1, 2, 0).reshape(-1, rows * columns)
    # of a real map the frequencies that are left out are conjugates of those that are held
    weights = (2.0 - (((-a) % high == a) & ((-b) % wide == b)).double())[:, None, None] / (high * wide)
    down, across = a.double() / high, b.double() / wide
    at = _waves(down, across, torch.arange(rows), torch.arange(columns))
    back = torch.stack(((weights * at.real), -(weights * at.imag)), 1).flatten(2).reshape(-1, rows * columns).T.contiguous()
    taps = torch.arange(kernel, dtype=torch.float64) - half
    turn = _waves(down, across, taps, taps).flatten(1)
    return there, back, torch.cat((turn.real, turn.imag))


def _waves(down: Tensor, across: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """exp(2 pi i (down * row + across * column)), [frequency, row, column]."""
    angle = down[:, None, None] * rows[:, None] + across[:, None, None] * columns
    return torch.exp(2j * torch.pi * angle)
