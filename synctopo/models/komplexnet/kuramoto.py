"""Phase dynamics on images: Kuramoto oscillators, one at each position of each channel, coupled by a kernel over space."""

from collections.abc import Iterator

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

# Above so many multiplications for each unit (channels times width squared), a Fourier transform is faster; measured by
# benchmarks/komplexnet.py. One channel has nothing to mix, so that its transform pays earlier.
DIRECT_AT_MOST = 900
DIRECT_OF_ONE = 24


class Lateral:
    """Coupling of a field by a kernel: sum over j of K[o, i, j - p] field[i, j], outside the image 0; by whichever way is faster.

    The transform of the kernel is computed once, for all steps. `spectral` chooses the way by hand; both give the same up to rounding.
    """

    def __init__(self, kernel: Float[Tensor, "output input width height"], size: tuple[int, int], *, spectral: bool | None = None) -> None:
        outputs, inputs, width, height = kernel.shape
        if outputs != inputs or width != height or width % 2 == 0:
            raise ValueError(f"a lateral kernel is [channel, channel, width, width] with an odd width; got {list(kernel.shape)}.")
        most = DIRECT_OF_ONE if inputs == 1 else DIRECT_AT_MOST
        self.size = size
        self.spectral = inputs * width * width > most if spectral is None else spectral
        self.kernel = self.laid(kernel)
        if self.spectral:
            # what wraps around must land outside the image
            self.padded = [_smooth(n + width // 2) for n in size]
            self.transform = torch.fft.fft2(kernel.flip(-2, -1), s=self.padded)

    def laid(self, x: Float[Tensor, "sample channel row column"]) -> Float[Tensor, "sample channel row column"]:
        """The same numbers in the order of memory that is read fastest here; what begins so stays so from step to step."""
        return x if self.spectral or x.shape[1] == 1 else x.contiguous(memory_format=torch.channels_last)

    def __call__(
        self, re: Float[Tensor, "sample channel row column"], im: Float[Tensor, "sample channel row column"]
    ) -> tuple[Tensor, Tensor]:
        """Real and imaginary part of the coupled field re + i im."""
        reach = self.kernel.shape[-1] // 2
        if not self.spectral:
            coupled = nn.functional.conv2d(self.laid(torch.cat((re, im))), self.kernel, padding=reach)
            return coupled[: len(re)], coupled[len(re) :]
        waves = torch.fft.fft2(torch.complex(re, im), s=self.padded)
        mixed = waves * self.transform[0] if len(self.kernel) == 1 else torch.einsum("bixy,oixy->boxy", waves, self.transform)
        rows, columns = self.size
        found = torch.fft.ifft2(mixed)[..., reach : reach + rows, reach : reach + columns]
        return found.real, found.imag


def phase_step(
    phases: Float[Tensor, "sample channel row column"],
    weights: Float[Tensor, "sample channel row column"],
    lateral: Lateral,
    *,
    rate: float,
    desync: float = 0.0,
    frequency: Float[Tensor, "*place"] | None = None,
    feedback: Complex[Tensor, "sample channel row column"] | None = None,
) -> Float[Tensor, "sample channel row column"]:
    """One step: phi_i + rate (omega_i + sum_j (K_ij - desync) b_j sin(phi_j - phi_i) + Im(e^(-i phi_i) F_i)), in radians.

    `weights` b say how much each oscillator is listened to; `desync` pulls all of them away from all others, whatever the distance;
    `feedback` F is the field of oscillators elsewhere. Muzellec et al. (KomplexNet, 2025); omega is 0 there.
    """
    cos, sin = phases.cos(), phases.sin()
    re, im = weights * cos, weights * sin
    field_re, field_im = lateral(re, im)
    if desync:
        field_re = field_re - desync * re.sum((1, 2, 3), keepdim=True)
        field_im = field_im - desync * im.sum((1, 2, 3), keepdim=True)
    if feedback is not None:
        field_re, field_im = field_re + feedback.real, field_im + feedback.imag
    turn = cos * field_im - sin * field_re
    return torch.add(phases, turn if frequency is None else turn + frequency, alpha=rate)


def settling(
    phases: Float[Tensor, "sample channel row column"],
    weights: Float[Tensor, "sample channel row column"],
    kernel: Float[Tensor, "channel channel width width"],
    *,
    rate: float,
    desync: float,
    steps: int,
) -> Iterator[Float[Tensor, "sample channel row column"]]:
    """The phases after each of so many steps of `phase_step`."""
    lateral = Lateral(kernel, (phases.shape[2], phases.shape[3]))
    phases, weights = lateral.laid(phases), lateral.laid(weights)
    for _ in range(steps):
        phases = phase_step(phases, weights, lateral, rate=rate, desync=desync)
        yield phases


def phase_energy(
    phases: Float[Tensor, "sample channel row column"],
    weights: Float[Tensor, "sample channel row column"],
    kernel: Float[Tensor, "channel channel width width"],
    *,
    desync: float = 0.0,
) -> Float[Tensor, " sample"]:
    """E = -1/2 sum_ij (K_ij - desync) b_i b_j cos(phi_i - phi_j) of each sample.

    Where K is symmetric, K[o, i, d] = K[i, o, -d], a step of `phase_step` goes along -dE/dphi_i / b_i; a learned kernel need not be
    (`symmetric` makes it), and then no energy falls.
    """
    re, im = weights * phases.cos(), weights * phases.sin()
    lateral = Lateral(kernel, (phases.shape[2], phases.shape[3]))
    near_re, near_im = lateral(re, im)
    pulled = (re * near_re + im * near_im).sum((1, 2, 3))
    return -0.5 * (pulled - desync * (re.sum((1, 2, 3)) ** 2 + im.sum((1, 2, 3)) ** 2))


def symmetric(kernel: Float[Tensor, "channel channel width width"]) -> Float[Tensor, "channel channel width width"]:
    """The symmetric part of a kernel: that for which j pulls i as i pulls j."""
    return (kernel + kernel.transpose(0, 1).flip(-2, -1)) / 2


def _smooth(n: int) -> int:
    """The least size from n on that transforms fast: a product of 2, 3 and 5."""
    while True:
        rest = n
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return n
        n += 1
