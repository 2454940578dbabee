"""The network of Diehl and Cook 2015: pixels as Poisson spikes, one layer that inhibits itself, plastic input, neurons that get labels."""

import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

import rsnn

PRESENTED = 500  # samples that are encoded at once


@dataclass(frozen=True)
class DiehlCookRule:
    """How the input weights learn; the defaults are those of the authors' program, in which weights go from 0 to 1.

    When a neuron fires a weight rises by `rise` times the trace of the input times that of the neuron's own last spike; when an input
    spike arrives it falls by `fall` times the neuron's trace. After each sample the weights onto a neuron are scaled to average `mean`.
    Each spike raises the threshold of its neuron by `theta` (of the distance from rest to threshold), forgotten within `tau_theta` ms.
    """

    rise: float = 1e-2
    fall: float = 1e-4
    mean: float = 0.1
    theta: float = 0.05 / 13
    tau_theta: float = 1e7

    def triplet(self, unit: float) -> rsnn.TripletSTDP:
        """The rule where a weight of 1 is `unit` of threshold."""
        nearest = rsnn.Pairing.NEAREST
        return rsnn.TripletSTDP(0.0, self.fall * unit, self.rise * unit, 0.0, 20.0, 20.0, 20.0, 40.0, w_max=unit, pairing=nearest)

    def homeostasis(self, unit: float, inputs: int) -> rsnn.Homeostasis:
        """What acts beside it, for neurons with so many inputs."""
        return rsnn.Homeostasis(rsnn.Normalisation(self.mean * inputs * unit), rsnn.AdaptiveThreshold(self.theta, 0.0, self.tau_theta))


class DiehlCook(nn.Module):
    """Pixels [sample, pixel] in [0, 1] -> Poisson input -> spiking neurons, each of which inhibits all others -> votes of the labels.

    Differs from the paper in that synapses carry current, not conductance, that the inhibitory layer is folded into lateral synapses, and
    that no image is shown again when it made too few spikes. `efficacy` is what one spike of the input adds to the voltage over a weight of
    1, `inhibition` what a spike takes from all others, in units of the distance from rest to threshold. The spike trains of an image are
    drawn from its pixels: the same image is the same input every time.
    """

    label: Int[Tensor, "unit"]

    def __init__(
        self,
        pixels: int,
        units: int,
        classes: int,
        *,
        steps: int = 100,
        dt: float = 3.5,
        rate_max: float = 63.75,
        tau_mem: rsnn.heterogeneity.Parameter = 100.0,
        mean_tau_mem: float = 100.0,
        refractory: float = 5.0,
        efficacy: float = 0.05,
        inhibition: float = 2.0,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.steps, self.rate_max, self.classes = steps, rate_max, classes
        # a current is held for a step: this much of it makes the voltage move by one
        self.unit = efficacy / -math.expm1(-dt / mean_tau_mem)
        self.noise = int(torch.randint(2**31, (), generator=generator))
        self.net = rsnn.RSNN(
            pixels,
            units,
            classes,
            neuron=rsnn.LIF(tau_mem, None, refractory=refractory, reset=rsnn.Reset.ZERO),
            connectivity=rsnn.WinnerTakeAll(inhibition * self.unit / efficacy),
            excitatory_input=True,
            input_scale=DiehlCookRule().mean * pixels * self.unit,
            dt=dt,
            generator=generator,
        )
        self.net.requires_grad_(False)
        self.register_buffer("label", torch.full((units,), -1))

    def encode(self, x: Float[Tensor, "sample pixel"]) -> Float[Tensor, "sample time pixel"]:
        """The spike trains of images, each drawn from its own pixels."""
        trains = []
        for image in x.float():
            generator = torch.Generator().manual_seed(zlib.crc32(image.numpy().tobytes()) ^ self.noise)
            trains.append(rsnn.encode.poisson(image[None], self.steps, rate_max=self.rate_max, dt=self.net.dt, generator=generator))
        return torch.cat(trains)

    def states(self, x: Float[Tensor, "sample pixel"]) -> Iterator[dict[str, Tensor]]:
        """After each step: spikes [sample, unit], and, as the read-out, the share of the neurons of each class that fired."""
        members = (self.label[:, None] == torch.arange(self.classes)).float()
        members /= members.sum(0).clamp_min(1)
        # a class that no neuron stands for is never chosen
        nobody = -(self.label[:, None] != torch.arange(self.classes)).all(0).float()
        for state in self.net.states(self.encode(x)):
            spikes = state["hidden.spikes"]
            yield {"hidden.spikes": spikes, "readout": spikes @ members + nobody}

    @torch.no_grad()
    def counts(self, x: Float[Tensor, "sample pixel"]) -> Float[Tensor, "sample unit"]:
        """How often each neuron fires for each image."""
        return torch.cat([self.net.spikes(self.encode(part)).sum(0) for part in x.split(PRESENTED)])


def fit_diehl_cook(
    model: DiehlCook,
    x: Float[Tensor, "sample pixel"],
    y: Int[Tensor, "sample"],
    *,
    rule: DiehlCookRule = DiehlCookRule(),
    epochs: int = 1,
    assign: int = 10_000,
    generator: torch.Generator,
    progress: Callable[[int, int], None] | None = None,
) -> list[rsnn.STDPHistory]:
    """Train the input weights of `model` on images without their labels; then give each neuron the class for which it fires most.

    `generator` draws the order; labels are assigned on the first `assign` samples of the training set, with weights and thresholds as they
    are at the end. Returns what happened in each piece of the training.
    """
    histories = []
    pieces = [part for _ in range(epochs) for part in torch.randperm(len(x), generator=generator).split(PRESENTED)]
    for n, part in enumerate(pieces):
        histories.append(
            rsnn.fit_stdp(
                model.net,
                model.encode(x[part]),
                None,
                input_rule=rule.triplet(model.unit),
                homeostasis=rule.homeostasis(model.unit, model.net.inputs),
                generator=generator,
            )
        )
        if progress is not None:
            progress(n + 1, len(pieces))
    model.label.copy_(rsnn.assign_labels(model.counts(x[:assign]), y[:assign], classes=model.classes).label)
    return histories
