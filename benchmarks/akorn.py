"""A training step of a Kuramoto layer: ours against the published equations, transcribed into plain torch as their code has them."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from benchmarks.interleaved import Row, compare, options, report
from synctopo.models import AttentiveCoupling, ConvCoupling, Frequency, KuramotoLayer


class Plain(nn.Module):
    """The layer as published: states [sample, channel, row, column], one operation for each term, an energy at every step."""

    def __init__(self, coupling: nn.Module, n: int, speeds: Tensor) -> None:
        super().__init__()
        self.coupling, self.n = coupling, n
        self.speeds = nn.Parameter(speeds.clone())
        self.gamma = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor, c: Tensor, steps: int) -> tuple[Tensor, list[Tensor]]:
        x = self.normalised(x)
        energies = []
        for _ in range(steps):
            y = self.coupling(x) + c
            pairs = x.unflatten(1, (-1, 2))
            omega = self.speeds.view(1, -1, *(1,) * (x.ndim - 2))
            turned = torch.stack((-omega * pairs[:, :, 1], omega * pairs[:, :, 0]), 2).flatten(1, 2)
            apart, drive = x.unflatten(1, (-1, self.n)), y.unflatten(1, (-1, self.n))
            alike = apart * drive
            tangent = drive - alike.sum(2, keepdim=True) * apart
            x = self.normalised(x + self.gamma * (turned + tangent.flatten(1, 2)))
            energies.append(-alike.flatten(1).sum(1))
        return x, energies

    def normalised(self, x: Tensor) -> Tensor:
        return nn.functional.normalize(x.unflatten(1, (-1, self.n)), dim=2).flatten(1, 2)


class PlainAttention(nn.Module):
    """Queries, keys, values and result by 1 x 1 convolutions, turned by a rotation matrix for every place and pair of channels."""

    def __init__(self, ours: AttentiveCoupling) -> None:
        super().__init__()
        channels = len(ours.out_weight)
        self.heads = ours.heads
        q, k, v = ours.weight.detach().view(3, channels, channels)
        self.query, self.key, self.value, self.out = (nn.Conv2d(channels, channels, 1, bias=True) for _ in range(4))
        with torch.no_grad():
            for layer, weight in zip((self.query, self.key, self.value, self.out), (q, k, v, ours.out_weight), strict=True):
                layer.weight.copy_(weight[:, :, None, None])
                assert layer.bias is not None
                layer.bias.zero_()
        assert ours.angle is not None
        cos, sin = ours.angle.detach().cos(), ours.angle.detach().sin()
        self.turn = nn.Parameter(torch.stack((torch.stack((cos, sin), -1), torch.stack((-sin, cos), -1)), -2))

    def forward(self, x: Tensor) -> Tensor:
        def heads(t: Tensor) -> Tensor:
            # [sample, head, place, plane, 2]
            return t.flatten(2).unflatten(1, (self.heads, -1)).transpose(2, 3).unflatten(-1, (-1, 2))

        q, k, v = (torch.einsum("pdij,bhpdj->bhpdi", self.turn, heads(f(x))).flatten(-2) for f in (self.query, self.key, self.value))
        found = nn.functional.scaled_dot_product_attention(q, k, v).unflatten(-1, (-1, 2))
        back = torch.einsum("pdji,bhpdj->bhpdi", self.turn, found).flatten(-2)
        return self.out(back.transpose(2, 3).flatten(1, 2).unflatten(2, x.shape[2:]))


def cases(quick: bool) -> dict[str, tuple[Callable[[], nn.Module], tuple[int, int], int, int, int]]:
    """Name -> coupling, places, channels, batch, steps."""

    def conv(kernel: int) -> Callable[[], nn.Module]:
        return lambda: ConvCoupling(64, kernel)

    found: dict[str, tuple[Callable[[], nn.Module], tuple[int, int], int, int, int]] = {
        "8 x 8 patches, kernel 5": (conv(5), (8, 8), 64, 32, 8),
        "boards 6 x 6, attention": (lambda: AttentiveCoupling(64, place=(6, 6)), (6, 6), 64, 64, 16),
    }
    if not quick:
        found["8 x 8 patches, kernel 9"] = (conv(9), (8, 8), 64, 32, 8)
        found["16 x 16 map, kernel 7"] = (conv(7), (16, 16), 64, 16, 4)
        found["32 x 32 map, kernel 3"] = (conv(3), (32, 32), 64, 4, 4)
        found["boards 9 x 9, attention"] = (lambda: AttentiveCoupling(64, place=(9, 9)), (9, 9), 64, 32, 16)
    return found


def rows(quick: bool) -> Iterator[Row]:
    torch.set_num_threads(1)
    for name, (make, place, channels, batch, steps) in cases(quick).items():
        torch.manual_seed(0)
        x, c, g = (torch.randn(batch, channels // 4, 4, *place) for _ in range(3))
        yield from compared(name, make(), x, c, g, steps, 5 if quick else 9)


def compared(name: str, coupling: nn.Module, x: Tensor, c: Tensor, g: Tensor, steps: int, rounds: int) -> list[Row]:
    """One training step, forward and back, of both."""
    ours = KuramotoLayer(coupling, x.shape[1], 4, frequency=Frequency.EACH, learn_gamma=True)
    assert ours.speeds is not None
    with torch.no_grad():
        # the published rotation turns pairs of components: the planes (0, 1) and (2, 3)
        ours.speeds[:, 1:5] = 0
    if isinstance(coupling, AttentiveCoupling):
        theirs: nn.Module = PlainAttention(coupling)
    else:
        theirs = nn.Conv2d(4 * x.shape[1], 4 * x.shape[1], coupling.weight.shape[-1], padding="same")
        theirs.load_state_dict({"weight": coupling.weight.detach(), "bias": torch.zeros(4 * x.shape[1])})
    plain = Plain(theirs, 4, ours.speeds.detach()[:, [0, 5]].flatten())
    flat_x, flat_c, flat_g = (t.flatten(1, 2) for t in (x, c, g))

    def mine() -> Tensor:
        ours.zero_grad(set_to_none=True)
        out = ours(x, c, steps=steps)
        (out * g).sum().backward()
        return out.detach().flatten(1, 2)

    def peer() -> Tensor:
        plain.zero_grad(set_to_none=True)
        out, _ = plain(flat_x, flat_c, steps)
        (out * flat_g).sum().backward()
        return out.detach()

    def equal(a: Tensor, b: Tensor) -> bool:
        pairs = [(a, b), (ours.speeds.grad[:, [0, 5]].flatten(), plain.speeds.grad)]
        if isinstance(coupling, AttentiveCoupling):
            pairs.append((coupling.out_weight.grad, theirs.out.weight.grad[:, :, 0, 0]))
        else:
            pairs.append((coupling.weight.grad, theirs.weight.grad))
        return all(float((u - v).norm() / v.norm()) < 1e-3 for u, v in pairs)

    return compare(name, mine, {"published, plain torch": (peer, rounds)}, equal)


def long_run(segment: int, steps: int = 128) -> Tensor:
    """The gradient of so many steps, with all states kept (0) or those of every so many steps."""
    torch.manual_seed(0)
    layer = KuramotoLayer(ConvCoupling(64, 5), 16, 4)
    x, c = (torch.randn(32, 16, 4, 8, 8) for _ in range(2))
    layer(x, c, steps=steps, segment=segment).square().sum().backward()
    coupling = layer.coupling
    assert isinstance(coupling, ConvCoupling)
    assert coupling.weight.grad is not None
    return coupling.weight.grad


def memory_of(segment: int) -> float:
    """Peak memory of `long_run` in a process of its own: what a process has freed it often keeps."""
    # one step first: what is loaded and compiled is no part of it
    work = f"akorn.long_run(0, 1); print(peak_mb(lambda: akorn.long_run({segment}))[1])"
    program = "from benchmarks import akorn; from benchmarks.interleaved import peak_mb; " + work
    return float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)


def segments(quick: bool) -> Iterator[Row]:
    peers: dict[str, tuple[Callable[[], Tensor], int]] = {"all states kept": (lambda: long_run(0), 1 if quick else 3)}
    for row in compare("128 steps, segments of 8", lambda: long_run(8), peers, lambda a, b: torch.allclose(a, b, rtol=1e-3, atol=1e-4)):
        yield replace(row, peak_mb=memory_of(8), peer_peak_mb=memory_of(0))


def every(quick: bool) -> Iterator[Row]:
    yield from rows(quick)
    yield from segments(quick)


if __name__ == "__main__":
    chosen = options(__doc__ or "")
    report(every(chosen.quick), chosen.json)
