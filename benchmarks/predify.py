"""A step of predictive coding and its parts: one pass of the encoder, of each decoder, a gradient with the error term; ratio: the share."""

import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from benchmarks.interleaved import Row, options, report
from synctopo.models import CNN, VGG16_CODERS, Hyper, PredictiveCoding, predify, vgg16
from synctopo.models.predictive import network

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


class Clock:
    """CPU seconds of this thread inside the functions that it wraps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            started = time.thread_time()
            try:
                return work(*arguments, **named)
            finally:
                self.seconds += time.thread_time() - started

        return timed


def shares(model: PredictiveCoding, x: Tensor) -> tuple[float, dict[str, float], Tensor]:
    """CPU seconds of one run of all steps, of its parts within the same run, and the read-out at t = 0.

    Timed inside one run, since two runs on a shared machine differ by more than what is asked for.
    """
    encoder, decoder, gradient, combining = Clock(), Clock(), Clock(), Clock()
    with ExitStack() as patched, torch.no_grad():
        patched.enter_context(patch.object(model.module, "forward", encoder.around(model.module.forward)))
        for one in model.decoders:
            patched.enter_context(patch.object(one, "forward", decoder.around(one.forward)))
        patched.enter_context(patch.object(torch.autograd, "grad", gradient.around(torch.autograd.grad)))
        # happens within the encoder's pass, and is not the encoder's
        patched.enter_context(patch.object(network, "combined", combining.around(network.combined)))
        started = time.thread_time()
        readouts = [state["readout"] for state in model.states(x)]
        total = time.thread_time() - started
    parts = {"encoder": encoder.seconds - combining.seconds, "decoders": decoder.seconds, "gradient": gradient.seconds}
    return total, parts | {"all parts": sum(parts.values())}, readouts[0]


def rows(quick: bool) -> Iterator[Row]:
    torch.set_num_threads(1)
    rounds = 5 if quick else 15
    settings = {"feedback": Hyper(0.3, 0.3, 0.0), "and error": Hyper(0.3, 0.3, 0.01)}
    for (name, build), (said, hyper) in itertools.product(cases(quick).items(), settings.items()):
        torch.manual_seed(0)
        net, layers, shape = build()
        net.eval()
        x = torch.rand(shape)
        model = predify(net, layers, None, hyper, steps=STEPS, example=x[:1])
        with torch.no_grad():
            plain = net(x)
        shares(model, x)
        load = os.getloadavg()[0]
        runs = [shares(model, x) for _ in range(rounds)]
        same = all(torch.equal(first, plain) for _, _, first in runs)
        total = statistics.median(t for t, _, _ in runs)
        for part in runs[0][1]:
            share = statistics.median(parts[part] / t for t, parts, _ in runs)
            if share:
                yield Row(f"{name}, {said}", part, total, share * total, share, same, None, None, rounds, load)


if __name__ == "__main__":
    chosen = options(__doc__ or "")
    report(rows(chosen.quick), chosen.json)
