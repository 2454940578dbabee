"""Phase dynamics on images and complex layers against direct transcriptions of their equations."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from benchmarks.interleaved import Row, Work, compare, options, report
from synctopo.models.komplexnet import ComplexConv2d, Lateral, group_loss, phase_step, settling

STEPS, RATE, DESYNC = 8, 0.05, 0.001


def by_convolution(phases: Tensor, weights: Tensor, kernel: Tensor, rate: float, desync: float, steps: int) -> Tensor:
    """The published step, term by term: two convolutions and two sums over all units, for sines and for cosines."""
    reach = kernel.shape[-1] // 2
    for _ in range(steps):
        sin, cos = torch.sin(phases), torch.cos(phases)
        near_sin = nn.functional.conv2d(weights * sin, kernel, padding=reach)
        near_cos = nn.functional.conv2d(weights * cos, kernel, padding=reach)
        all_sin = (weights * sin).sum((1, 2, 3), keepdim=True)
        all_cos = (weights * cos).sum((1, 2, 3), keepdim=True)
        phases = phases + rate * (cos * (near_sin - desync * all_sin) - sin * (near_cos - desync * all_cos))
    return phases


def by_pairs(phases: Tensor, weights: Tensor, kernel: Tensor, rate: float, desync: float, steps: int) -> Tensor:
    """The sum over pairs of oscillators, with the matrix of all couplings made once."""
    _, channels, rows, columns = phases.shape
    units = channels * rows * columns
    pulses = torch.eye(units).view(units, channels, rows, columns)
    coupling = nn.functional.conv2d(pulses, kernel, padding=kernel.shape[-1] // 2).view(units, units).T - desync
    flat, heard = phases.flatten(1), weights.flatten(1)
    for _ in range(steps):
        flat = flat + rate * torch.einsum("ij,sj,sij->si", coupling, heard, torch.sin(flat[:, None, :] - flat[:, :, None]))
    return flat.view_as(phases)


def by_angles(layer: ComplexConv2d, z: Tensor) -> Tensor:
    """The published complex layer: magnitude and angle of two convolutions, a third of the magnitude, sines and cosines again."""
    bias = layer.bias[:, None, None]

    def linear(x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, layer.weight, stride=layer.stride, padding=layer.weight.shape[-1] // 2)

    psi = torch.complex(linear(z.real), linear(z.imag))
    magnitude = 0.5 * psi.abs() + 0.5 * (linear(z.abs()) + bias)
    return torch.polar(torch.relu(layer.norm(magnitude)), psi.angle())


def near(a: Tensor, b: Tensor) -> bool:
    """Whether phases agree up to rounding."""
    return bool((a - b).abs().max() < 2e-3)


def dynamics(quick: bool) -> Iterator[Row]:
    """A settling of phases, without gradients."""
    many = 16 if quick else 64
    sizes = [(1, 7, 32), (1, 13, 32), (8, 7, 32), (8, 13, 32)] + ([] if quick else [(1, 21, 64)])
    for channels, width, size in sizes:
        g = torch.Generator().manual_seed(0)
        phases = 2 * math.pi * torch.rand(many, channels, size, size, generator=g)
        weights = torch.rand(many, channels, size, size, generator=g)
        kernel = torch.randn(channels, channels, width, width, generator=g) / (channels * width)

        def ours(p: Tensor = phases, w: Tensor = weights, k: Tensor = kernel) -> Tensor:
            *_, last = settling(p, w, k, rate=RATE, desync=DESYNC, steps=STEPS)
            return last

        def other(spectral: bool, p: Tensor = phases, w: Tensor = weights, k: Tensor = kernel) -> Tensor:
            lateral = Lateral(k, (p.shape[2], p.shape[3]), spectral=spectral)
            for _ in range(STEPS):
                p = phase_step(p, w, lateral, rate=RATE, desync=DESYNC)
            return p

        def direct(p: Tensor = phases, w: Tensor = weights, k: Tensor = kernel) -> Tensor:
            return by_convolution(p, w, k, RATE, DESYNC, STEPS)

        way = Lateral(kernel, (size, size)).spectral

        def other_way(go: Callable[[bool], Tensor] = other, spectral: bool = not way) -> Tensor:
            return go(spectral)

        peers: dict[str, tuple[Work, int]] = {
            "the equations": (direct, 3),
            f"ours by {'convolution' if way else 'transform'}": (other_way, 3),
        }
        with torch.no_grad():
            yield from compare(f"{channels} ch, {width} wide, {size} px, {STEPS} steps", ours, peers, near)


def all_pairs(quick: bool) -> Iterator[Row]:
    """A few units, all pairs of them."""
    size = 8 if quick else 12
    g = torch.Generator().manual_seed(0)
    phases, weights = 6.28 * torch.rand(4, 2, size, size, generator=g), torch.rand(4, 2, size, size, generator=g)
    kernel = torch.randn(2, 2, 5, 5, generator=g)

    def ours() -> Tensor:
        *_, last = settling(phases, weights, kernel, rate=0.02, desync=0.01, steps=STEPS)
        return last

    with torch.no_grad():
        yield from compare(
            f"2 ch, {size} px, all pairs", ours, {"sum over pairs": (lambda: by_pairs(phases, weights, kernel, 0.02, 0.01, STEPS), 3)}, near
        )


def training(quick: bool) -> Iterator[Row]:
    """The gradient of the group loss after all steps with respect to the kernel."""
    many = 8 if quick else 32
    g = torch.Generator().manual_seed(0)
    for channels, width in ((1, 13), (8, 7)):
        phases = 6.28 * torch.rand(many, channels, 32, 32, generator=g)
        weights = torch.rand(many, channels, 32, 32, generator=g)
        masks = torch.zeros(many, 2, 32, 32)
        masks[:, 0, :, :16], masks[:, 1, :, 16:] = 1, 1
        kernel = (torch.randn(channels, channels, width, width, generator=g) / (channels * width)).requires_grad_()

        def slope(last: Tensor, m: Tensor = masks, w: Tensor = weights, k: Tensor = kernel) -> Tensor:
            return torch.autograd.grad(group_loss(last, m, w).mean(), k)[0]

        def ours(p: Tensor = phases, w: Tensor = weights, k: Tensor = kernel, end: object = slope) -> Tensor:
            *_, last = settling(p, w, k, rate=0.05, desync=0.001, steps=STEPS)
            return end(last)  # type: ignore[operator]

        def direct(p: Tensor = phases, w: Tensor = weights, k: Tensor = kernel, end: object = slope) -> Tensor:
            return end(by_convolution(p, w, k, 0.05, 0.001, STEPS))  # type: ignore[operator]

        yield from compare(f"gradient, {channels} ch, {width} wide", ours, {"the equations": (direct, 3)}, near)


def layers(quick: bool) -> Iterator[Row]:
    """A complex convolution, forward and backward."""
    many = 32 if quick else 128
    for inputs, stride in ((1, 1), (8, 2)):
        g = torch.Generator().manual_seed(0)
        layer = ComplexConv2d(inputs, 8, 5 if inputs == 1 else 3, stride=stride, generator=g)
        z = torch.polar(torch.rand(many, inputs, 32, 32, generator=g), 6.28 * torch.rand(many, inputs, 32, 32, generator=g))

        def ours(layer: ComplexConv2d = layer, z: Tensor = z) -> Tensor:
            return torch.autograd.grad(layer(z).abs().square().mean(), layer.weight)[0]

        def published(layer: ComplexConv2d = layer, z: Tensor = z) -> Tensor:
            return torch.autograd.grad(by_angles(layer, z).abs().square().mean(), layer.weight)[0]

        yield from compare(f"complex layer, {inputs} to 8 ch", ours, {"magnitude and angle": (published, 5)}, near)


def rows(quick: bool) -> Iterator[Row]:
    """Every row of the table."""
    torch.set_num_threads(1)
    yield from dynamics(quick)
    yield from all_pairs(quick)
    yield from training(quick)
    yield from layers(quick)


if __name__ == "__main__":
    chosen = options(__doc__ or "")
    report(rows(chosen.quick), chosen.json)
