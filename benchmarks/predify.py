"""A step of predictive coding against its parts: one pass of the encoder, one of each decoder, one gradient where the error term is on."""

import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from benchmarks.interleaved import Row, compare, options, report
from synctopo.models import CNN, VGG16_CODERS, Hyper, PredictiveCoding, predify, vgg16

STEPS = 8


class Residual(nn.Module):
    """Two convolutions with batch normalisation and a skip connection."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        parts = [nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*parts, nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


def residual_net() -> nn.Sequential:
    blocks = [Residual(32) for _ in range(4)]
    return nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


Case = tuple[nn.Module, tuple[str, ...], tuple[int, ...]]


def cases(quick: bool) -> dict[str, Callable[[], Case]]:
    """Name -> encoder, its layers with coders, shape of the input."""
    many = 16 if quick else 64
    found: dict[str, Callable[[], Case]] = {
        "CNN, MNIST": lambda: (net := CNN((28, 28), (16, 32, 64), 10), net.layers, (many, 1, 28, 28)),
        "residual, 32 x 32": lambda: (residual_net(), ("0", "2", "4"), (many, 3, 32, 32)),
    }
    if not quick:
        found["VGG16, 64 x 64"] = lambda: (vgg16(10, hidden=128), VGG16_CODERS, (2, 3, 64, 64))
    return found


def parts(model: PredictiveCoding, x: Tensor, *, descend: bool) -> Callable[[], Tensor]:
    """The work that no such model can do without, on values of the right size: one round of it for each step."""
    with torch.no_grad():
        values = model.values(x)
        readout = model.module(x)
    targets = (x, *values[:-1])

    def work() -> Tensor:
        # a state after t steps takes t + 1 passes and predictions, and t gradients
        with torch.no_grad():
            for step in range(STEPS + 1):
                model.module(x)
                for decoder, value, target in zip(model.decoders, values, targets, strict=True):
                    if descend and step < STEPS:
                        point = value.detach().requires_grad_()
                        with torch.enable_grad():
                            guess = decoder(point)
                        torch.autograd.grad(guess, point, guess.detach() - target)
                    else:
                        decoder(value)
        return readout

    return work


def rows(quick: bool) -> Iterator[Row]:
    torch.set_num_threads(1)
    for (name, build), (said, hyper) in itertools.product(
        cases(quick).items(), {"feedback": Hyper(0.3, 0.3, 0.0), "feedback and error": Hyper(0.3, 0.3, 0.01)}.items()
    ):
        torch.manual_seed(0)
        net, layers, shape = build()
        net.eval()
        x = torch.rand(shape)
        model = predify(net, layers, None, hyper, steps=STEPS, example=x[:1])
        yield from compare(
            f"{name}, {said}",
            dynamics(model, x),
            {"its parts alone": (parts(model, x, descend=hyper.error != 0), 3 if quick else 7)},
            lambda found, alone: torch.equal(found, alone),
        )


def dynamics(model: PredictiveCoding, x: Tensor) -> Callable[[], Tensor]:
    """All steps; gives the read-out at t = 0, which is the plain net's."""

    def work() -> Tensor:
        first = None
        with torch.no_grad():
            for state in model.states(x):
                first = state["readout"] if first is None else first
        assert first is not None
        return first

    return work


if __name__ == "__main__":
    chosen = options(__doc__ or "")
    report(rows(chosen.quick), chosen.json)
