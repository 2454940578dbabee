"""What stands around the oscillators: the way in, the read-out, and heads for classes, codes and cells."""

import math
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from synctopo.models.akorn.dynamics import Oscillators, normalised, summed


class ImageEntry(nn.Module):
    """Images [sample, *pixel] by a convolution that halves them; the start is another one, of the same image.

    An entry turns inputs into oscillators to start from, [sample, oscillator, n, *place], and a stimulus of that shape; `fixed_start`
    [1, oscillator, n, *place] is what is random in the start, None where nothing is.
    """

    fixed_start: Tensor | None = None

    def __init__(self, colours: int, channels: int, n: int) -> None:
        super().__init__()
        self.colours, self.n = colours, n
        self.stimulus = nn.Conv2d(colours, channels, 3, stride=2, padding=1)
        self.start = nn.Conv2d(colours, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor, start: Oscillators | None = None) -> tuple[Oscillators, Oscillators]:
        """The start and the stimulus, [sample, oscillator, n, row, column]."""
        pixels = _pixels(x, self.colours)
        apart = (-1, self.n)
        begun = normalised(self.start(pixels).unflatten(1, apart)) if start is None else start
        return begun, self.stimulus(pixels).unflatten(1, apart)


class PatchEntry(nn.Module):
    """Images by a linear map of every patch; the start does not depend on them."""

    fixed_start: Tensor

    def __init__(self, colours: int, patch: int, channels: int, n: int, start: Oscillators) -> None:
        super().__init__()
        self.colours, self.n = colours, n
        self.stimulus = nn.Conv2d(colours, channels, patch, stride=patch)
        self.register_buffer("fixed_start", start)

    def forward(self, x: Tensor, start: Oscillators | None = None) -> tuple[Oscillators, Oscillators]:
        """The start and the stimulus, [sample, oscillator, n, row, column]."""
        stimulus = self.stimulus(_pixels(x, self.colours)).unflatten(1, (-1, self.n))
        begun = self.fixed_start if start is None else start
        if begun.shape[1:] != stimulus.shape[1:]:
            patch = self.stimulus.stride
            rows, columns = (p * size for p, size in zip(patch, begun.shape[3:], strict=True))
            raise ValueError(f"this model has patches for images of {rows} x {columns} pixels; got {list(x.shape)}.")
        return begun.expand_as(stimulus), stimulus


class BoardEntry(nn.Module):
    """Boards by an embedding of each cell's digit, 0 for none; blanks start anywhere, given digits at their embedding."""

    fixed_start: Tensor

    def __init__(self, size: int, channels: int, n: int, start: Oscillators) -> None:
        super().__init__()
        self.n = n
        self.digits = nn.Embedding(size + 1, channels)
        self.register_buffer("fixed_start", start)

    def forward(self, x: Tensor, start: Oscillators | None = None) -> tuple[Oscillators, Oscillators]:
        """The start and the stimulus, [sample, oscillator, n, row, column]. Raises ValueError for what is no board of this size."""
        whole = board_of(x, self.digits.num_embeddings - 1)
        stimulus = self.digits(whole).movedim(-1, 1).unflatten(1, (-1, self.n))
        blank = (self.fixed_start if start is None else start).expand_as(stimulus)
        return torch.where((whole == 0)[:, None, None], blank, normalised(stimulus)), stimulus


def board_of(x: Tensor, size: int) -> Tensor:
    """Boards as whole numbers. Raises ValueError for other shapes, or for what is no digit."""
    if x.ndim != 3 or x.shape[1:] != (size, size):
        raise ValueError(f"boards are [sample, {size}, {size}]; got {list(x.shape)}.")
    whole = x.long()
    if bool((whole != x).any()) or bool((whole < 0).any()) or bool((whole > size).any()):
        raise ValueError(
            f"a cell holds a whole number from 1 to {size}, or 0 where nothing is given; got {float(x.min()):g} to {float(x.max()):g}."
        )
    return whole


class Downward(nn.Module):
    """States and stimulus to half the map and another width, each by a convolution with stride 2."""

    def __init__(self, before: int, channels: int, n: int) -> None:
        super().__init__()
        self.n = n
        self.state = nn.Conv2d(before, channels, 3, stride=2, padding=1)
        self.stimulus = nn.Conv2d(before, channels, 3, stride=2, padding=1)

    def forward(self, x: Oscillators, stimulus: Oscillators) -> tuple[Tensor, Tensor]:
        """Both for the next block."""
        apart = (-1, self.n)
        return normalised(self.state(x.flatten(1, 2)).unflatten(1, apart)), self.stimulus(stimulus.flatten(1, 2)).unflatten(1, apart)


class NormReadout(nn.Module):
    """m_k = |sum_i U_ki x_i| + b_k, eq. (6): the length of what a learned map makes of the oscillators of a place."""

    def __init__(self, channels: int, outputs: int, n: int) -> None:
        super().__init__()
        self.n = n
        self.weight = nn.Parameter(torch.empty(outputs * n, channels))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Oscillators) -> Float[Tensor, "sample output *place"]:
        """Lengths at every place."""
        mapped = torch.matmul(self.weight, x.reshape(len(x), self.weight.shape[1], math.prod(x.shape[3:]))).unflatten(1, (-1, self.n))
        # the root has no slope at 0
        found = (summed(mapped * mapped).squeeze(2) + 1e-12).sqrt() + self.bias[:, None]
        return found.reshape(*found.shape[:2], *x.shape[3:])


class ResidualReadout(nn.Module):
    """A residual perceptron at every place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.GroupNorm(1, channels), nn.Conv2d(channels, channels, 1), nn.ReLU(), nn.Conv2d(channels, channels, 1))

    def forward(self, x: Float[Tensor, "sample channel row column"]) -> Float[Tensor, "sample channel row column"]:
        """x and what the perceptron adds."""
        return x + self.body(x)


class CellHead(nn.Module):
    """Unnormalised log-probabilities of the digits of every cell."""

    def __init__(self, channels: int, digits: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.GroupNorm(1, channels), nn.ReLU(), nn.Conv2d(channels, digits, 1))

    def forward(self, x: Float[Tensor, "sample channel row column"]) -> Float[Tensor, "sample digit row column"]:
        """A digit's score at every cell."""
        return self.body(x)


class ClassHead(nn.Module):
    """Mean over places, and a linear map to unnormalised log-probabilities."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm, self.linear = nn.GroupNorm(1, channels), nn.Linear(channels, classes)

    def forward(self, x: Float[Tensor, "sample channel row column"]) -> Float[Tensor, "sample class"]:
        """A class's score."""
        return self.linear(self.norm(x).relu().mean((-2, -1)))


class ContrastHead(nn.Module):
    """Maximum over places and a perceptron: the code of an image that contrastive learning compares."""

    def __init__(self, channels: int, code: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(channels, 4 * channels), nn.ReLU(), nn.Linear(4 * channels, code))

    def forward(self, x: Float[Tensor, "sample channel row column"]) -> Float[Tensor, "sample code"]:
        """The code, not normalised."""
        return self.body(x.amax((-2, -1)))


def _pixels(x: Tensor, colours: int) -> Tensor:
    shown = x[:, None] if x.ndim == 3 else x
    if shown.ndim != 4 or shown.shape[1] != colours:
        raise ValueError(f"images are [sample, {colours}, row, column]; got {list(x.shape)}.")
    return shown


T = TypeVar("T", bound=nn.Module)


def drawn(module: T, generator: torch.Generator | None) -> T:
    """The module with its plain layers drawn anew from `generator`: uniform within fan-in ** -0.5, embeddings and read-outs normal."""
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                bound = layer.weight[0].numel() ** -0.5
                layer.weight.uniform_(-bound, bound, generator=generator)
                if layer.bias is not None:
                    layer.bias.uniform_(-bound, bound, generator=generator)
            elif isinstance(layer, nn.Embedding):
                layer.weight.normal_(generator=generator)
            elif isinstance(layer, NormReadout):
                layer.weight.normal_(std=layer.weight.shape[1] ** -0.5, generator=generator)
    return module
