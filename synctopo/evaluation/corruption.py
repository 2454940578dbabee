"""Corruptions of images by name and severity: of ImageNet-C and CIFAR-10-C those that need only tensors; occlusion and uniform noise."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from synctopo.naming import unknown

Images = Float[Tensor, "sample *channel row column"]


def gaussian_noise(x: Images, amount: float, *, generator: torch.Generator) -> Images:
    """Gaussian noise of standard deviation `amount`, clipped to [0, 1] as in ImageNet-C."""
    return (x + amount * _normal(x, generator)).clamp(0, 1)


def additive_noise(x: Images, amount: float, *, generator: torch.Generator) -> Images:
    """Gaussian noise of standard deviation `amount`, not clipped."""
    return x + amount * _normal(x, generator)


def uniform_noise(x: Images, amount: float, *, generator: torch.Generator) -> Images:
    """Noise uniform within +-`amount`, clipped to [0, 1]."""
    return (x + amount * (2 * _uniform(x.shape, x, generator) - 1)).clamp(0, 1)


def impulse_noise(x: Images, amount: float, *, generator: torch.Generator) -> Images:
    """A share `amount` of the values replaced by 0 or 1, with equal chance (salt and pepper)."""
    hit, salt = _uniform(x.shape, x, generator) < amount, _uniform(x.shape, x, generator) < 0.5
    return torch.where(hit, salt.to(x.dtype), x)


def speckle_noise(x: Images, amount: float, *, generator: torch.Generator) -> Images:
    """Gaussian noise whose standard deviation is `amount` times the pixel, clipped to [0, 1]."""
    return (x + x * amount * _normal(x, generator)).clamp(0, 1)


def gaussian_blur(x: Images, amount: float, *, generator: torch.Generator | None = None) -> Images:  # noqa: ARG001
    """Convolution with a Gaussian of standard deviation `amount` pixels, cut off at four of them, the edge pixels going on outside."""
    if amount == 0:
        return x
    radius = max(1, int(4 * amount + 0.5))
    offsets = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-0.5 * (offsets / amount) ** 2)
    kernel = kernel / kernel.sum()
    planes = x.reshape(-1, 1, *x.shape[-2:])
    for direction in ((1, -1), (-1, 1)):
        pad = (0, 0, radius, radius) if direction == (-1, 1) else (radius, radius, 0, 0)
        planes = torch.nn.functional.pad(planes, pad, mode="replicate")
        planes = torch.nn.functional.conv2d(planes, kernel.view(1, 1, *((1, -1) if direction == (1, -1) else (-1, 1))))
    return planes.reshape(x.shape)


def contrast(x: Images, amount: float, *, generator: torch.Generator | None = None) -> Images:  # noqa: ARG001
    """Deviations from each channel's mean shrunk to the share `amount`."""
    mean = x.mean((-2, -1), keepdim=True)
    return ((x - mean) * amount + mean).clamp(0, 1)


def brightness(x: Images, amount: float, *, generator: torch.Generator | None = None) -> Images:  # noqa: ARG001
    """`amount` added to the HSV value: every channel scaled so that the largest grows by it, as far as 1."""
    if x.ndim == 3 or x.shape[-3] == 1:
        return (x + amount).clamp(0, 1)
    value = x.amax(-3, keepdim=True)
    target = (value + amount).clamp(0, 1)
    return torch.where(value > 0, x * (target / value.clamp(min=1e-12)), target.expand_as(x))


def occlusion(x: Images, amount: float, *, generator: torch.Generator) -> Images:
    """A black square over a share `amount` of the image, somewhere else in each."""
    rows, columns = x.shape[-2:]
    side = min(rows, columns, round(math.sqrt(amount * rows * columns)))
    place = _uniform((len(x), 2), x, generator)
    top, left = (place[:, 0] * (rows - side + 1)).floor(), (place[:, 1] * (columns - side + 1)).floor()
    row, column = (torch.arange(n, device=x.device) for n in (rows, columns))
    inside = (row >= top[:, None]) & (row < top[:, None] + side)
    across = (column >= left[:, None]) & (column < left[:, None] + side)
    covered = inside[:, :, None] & across[:, None, :]
    return x.masked_fill(covered.view(len(x), *(1,) * (x.ndim - 3), rows, columns), 0.0)


def _normal(x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(x.shape, generator=generator).to(x)


def _uniform(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator).to(like)


@dataclass(frozen=True)
class Corruption:
    """A way to spoil images: `of(x, amount, generator=...)` with an amount for each severity 1 ... 5."""

    name: str
    of: Callable[..., Tensor]
    amounts: tuple[float, ...]

    def apply(self, x: Tensor, severity: int, *, generator: torch.Generator) -> Tensor:
        """The images at that severity; 0 leaves them. Raises ValueError for a severity that is not there, or images of no known layout."""
        if not 0 <= severity <= len(self.amounts):
            raise ValueError(f"{self.name} has the severities 1 to {len(self.amounts)} (0: clean); got {severity}.")
        if x.ndim not in (3, 4):
            raise ValueError(f"images are [sample, row, column] or [sample, channel, row, column]; got {list(x.shape)}.")
        return x if severity == 0 else self.of(x, self.amounts[severity - 1], generator=generator)


def _suite(amounts: Mapping[str, tuple[Callable[..., Tensor], tuple[float, ...]]]) -> dict[str, Corruption]:
    return {name: Corruption(name, of, levels) for name, (of, levels) in amounts.items()}


SMALL: dict[str, Corruption] = _suite(
    {
        "gaussian_noise": (gaussian_noise, (0.04, 0.06, 0.08, 0.09, 0.10)),
        "impulse_noise": (impulse_noise, (0.01, 0.02, 0.03, 0.05, 0.07)),
        "speckle_noise": (speckle_noise, (0.06, 0.1, 0.12, 0.16, 0.2)),
        "gaussian_blur": (gaussian_blur, (0.4, 0.6, 0.7, 0.8, 1.0)),
        "contrast": (contrast, (0.75, 0.5, 0.4, 0.3, 0.15)),
        "brightness": (brightness, (0.05, 0.1, 0.15, 0.2, 0.3)),
        "occlusion": (occlusion, (0.02, 0.05, 0.1, 0.15, 0.2)),
        "uniform_noise": (uniform_noise, (0.07, 0.1, 0.14, 0.16, 0.17)),
    }
)
"""Severities for images of about 32 x 32: CIFAR-10-C (Hendrycks and Dietterich 2019, their create_c/make_cifar_c.py). Occlusion is ours,
as shares of the image; uniform noise has the standard deviations of the Gaussian."""

LARGE: dict[str, Corruption] = _suite(
    {
        "gaussian_noise": (gaussian_noise, (0.08, 0.12, 0.18, 0.26, 0.38)),
        "impulse_noise": (impulse_noise, (0.03, 0.06, 0.09, 0.17, 0.27)),
        "speckle_noise": (speckle_noise, (0.15, 0.2, 0.35, 0.45, 0.6)),
        "gaussian_blur": (gaussian_blur, (1.0, 2.0, 3.0, 4.0, 6.0)),
        "contrast": (contrast, (0.4, 0.3, 0.2, 0.1, 0.05)),
        "brightness": (brightness, (0.1, 0.2, 0.3, 0.4, 0.5)),
        "occlusion": (occlusion, (0.02, 0.05, 0.1, 0.15, 0.2)),
        "uniform_noise": (uniform_noise, (0.14, 0.21, 0.31, 0.45, 0.66)),
    }
)
"""Severities for images of about 224 x 224: ImageNet-C (the same paper, create_c/make_imagenet_c.py); noise on digits needs these too."""

STRONG: dict[str, Corruption] = _suite({"additive_noise": (additive_noise, (0.2, 0.4, 0.6, 0.8, 1.0))})
"""Unclipped Gaussian noise far beyond both, at which digits become hard."""


def named(name: str, suite: Mapping[str, Corruption] = SMALL) -> Corruption:
    """The corruption of that name. Raises ValueError with the nearest names for an unknown one."""
    if name not in suite:
        raise unknown("corruption", name, suite)
    return suite[name]
