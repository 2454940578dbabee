"""Complex layers: real weights on complex values, with normalisation and rectification of magnitudes alone."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

TINY = 1e-6
"""A complex number that is not far above this has a direction shorter than 1, and 0 has none: so gradients are finite everywhere."""


@dataclass(frozen=True)
class Response:
    """What a complex layer says: real magnitudes M, and re + i im, of length about `size`, which gives their direction."""

    magnitude: Tensor
    re: Tensor
    im: Tensor
    size: Tensor

    @property
    def value(self) -> tuple[Tensor, Tensor]:
        """Real and imaginary part of the activity, the magnitude in that direction."""
        share = self.magnitude / self.size
        return self.re * share, self.im * share

    @property
    def direction(self) -> tuple[Tensor, Tensor]:
        """Cosine and sine of the phase; both 0 where there is none."""
        return self.re / self.size, self.im / self.size

    def with_magnitude(self, magnitude: Tensor) -> "Response":
        """Other magnitudes in the same directions."""
        return Response(magnitude, self.re, self.im, self.size)


def length_of(re: Float[Tensor, "*shape"], im: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """|re + i im|, never below 1e-6, with a gradient everywhere."""
    return torch.addcmul(torch.addcmul(re.new_full((), TINY**2), re, re), im, im).sqrt()


def respond(
    linear: Callable[[Tensor], Tensor],
    bias: Float[Tensor, "*one"] | None,
    re: Float[Tensor, "sample *shape"],
    im: Float[Tensor, "sample *shape"],
    length: Float[Tensor, "sample *shape"],
    *,
    phase_bias: bool,
) -> Response:
    """The complex layer of Löwe et al. (2022, Complex-valued autoencoders for object discovery), with one real linear map f:

    psi = f(re z) + i f(im z),  chi = f(|z|) + b,  m = (|psi| + chi) / 2,  direction psi / |psi|.

    Without `phase_bias` the bias b enters chi alone, and a shift of all phases of z shifts those of the answer and changes nothing else.
    With it, as published, b enters re psi and im psi as well, and the answer depends on where phase 0 is.
    """
    n = len(re)
    # one call for the three, of which a convolution makes a better use
    all_three = linear(torch.cat((re, im, length)))
    if bias is None:
        real, imaginary, chi = all_three.split(n)
    elif phase_bias:
        real, imaginary, chi = (all_three + bias).split(n)
    else:
        real, imaginary, chi = all_three.split(n)
        chi = chi + bias
    size = length_of(real, imaginary)
    return Response((size + chi) / 2, real, imaginary, size)


class ComplexConv2d(nn.Module):
    """Complex convolution as `respond` says, then instance normalisation and ReLU of the magnitude; phases pass.

    Takes and gives complex tensors [sample, channel, row, column]. Weights are uniform within fan-in ** -0.5, from `generator`.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int,
        *,
        stride: int = 1,
        phase_bias: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.stride, self.phase_bias = stride, phase_bias
        bound = (inputs * width * width) ** -0.5
        self.weight = nn.Parameter(torch.empty(outputs, inputs, width, width).uniform_(-bound, bound, generator=generator))
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound, generator=generator))
        self.norm = nn.InstanceNorm2d(outputs, affine=True)

    def response(self, re: Tensor, im: Tensor, length: Tensor) -> Response:
        """Magnitude, normalised and rectified, and direction, for an input in real parts and magnitudes."""

        def linear(x: Tensor) -> Tensor:
            return nn.functional.conv2d(x, self.weight, stride=self.stride, padding=self.weight.shape[-1] // 2)

        found = respond(linear, self.bias[:, None, None], re, im, length, phase_bias=self.phase_bias)
        return found.with_magnitude(self.norm(found.magnitude).relu())

    def forward(self, z: Complex[Tensor, "sample channel row column"]) -> Complex[Tensor, "sample output down across"]:
        """The answer to z, rows and columns fewer by the stride."""
        return _joined(self.response(z.real, z.imag, z.abs()))


class ComplexLinear(nn.Module):
    """Complex linear layer as `respond` says; then, where `rectified`, layer normalisation and ReLU of the magnitude; phases pass.

    Takes and gives complex tensors [sample, feature]. Weights are uniform within fan-in ** -0.5, from `generator`.
    """

    def __init__(
        self, inputs: int, outputs: int, *, rectified: bool = True, phase_bias: bool = False, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.phase_bias = phase_bias
        bound = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-bound, bound, generator=generator))
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound, generator=generator))
        self.norm = nn.LayerNorm(outputs) if rectified else None

    def response(self, re: Tensor, im: Tensor, length: Tensor) -> Response:
        """Magnitude, normalised and rectified where the layer is, and direction, for an input in real parts and magnitudes."""

        def linear(x: Tensor) -> Tensor:
            return nn.functional.linear(x, self.weight)

        found = respond(linear, self.bias, re, im, length, phase_bias=self.phase_bias)
        return found if self.norm is None else found.with_magnitude(self.norm(found.magnitude).relu())

    def forward(self, z: Complex[Tensor, "sample feature"]) -> Complex[Tensor, "sample output"]:
        """The answer to z."""
        return _joined(self.response(z.real, z.imag, z.abs()))


def moving_threshold(magnitude: Float[Tensor, "sample output"]) -> Float[Tensor, "sample output"]:
    """Scores from the magnitudes of the last layer: m - max m / 3, a threshold that moves with each sample."""
    return magnitude - magnitude.amax(1, keepdim=True) / 3


def _joined(found: Response) -> Tensor:
    return torch.complex(*found.value)
