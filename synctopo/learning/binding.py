"""Training of networks that bind objects by phase, in two stages or end to end, and how many of the classes in an image they name."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from rsnn.labels import Named, named
from synctopo.learning.training import hold_finite
from synctopo.models.komplexnet import KomplexNet, Phases, RealNet, exclusive, group_loss, synchrony_index


@dataclass(frozen=True)
class Fitted:
    """What a training did: the group loss of every stretch of updates, the mean loss and the share of classes named of every epoch."""

    synchrony_loss: tuple[float, ...] = ()
    loss: tuple[float, ...] = ()
    accuracy: tuple[float, ...] = ()


def fit_synchrony(
    net: KomplexNet,
    x: Float[Tensor, "sample plane row column"],
    *,
    updates: int,
    batch: int = 64,
    learning_rate: float = 1e-2,
    generator: torch.Generator,
) -> Fitted:
    """First stage: train the lateral kernel alone, by Adam on the group loss of the phases after the last step, from phases drawn anew.

    x holds the masks of the objects behind the image: this stage learns from them, and from no class. Raises ValueError where there are
    none, for phases that do not move, or where the loss is no longer finite.
    """
    if net.mode is not Phases.KURAMOTO:
        raise ValueError(f"only Kuramoto phases have a kernel to learn; these are {net.mode.value}.")
    _masked(x)
    optimiser = torch.optim.Adam([net.kernel], lr=learning_rate)
    losses: list[float] = []
    for update in range(updates):
        part = x[torch.randint(len(x), (min(batch, len(x)),), generator=generator)]
        loss = _group(net, part, generator)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([net.kernel], 2.0)
        optimiser.step()
        losses.append(float(loss.detach()))
        hold_finite(losses[-1], f"update {update + 1}", learning_rate)
    stretches = np.array_split(losses, min(10, len(losses))) if losses else []
    return Fitted(synchrony_loss=tuple(float(s.mean()) for s in stretches))


@torch.no_grad()
def settled(
    net: KomplexNet, x: Float[Tensor, "sample plane row column"], *, batch: int = 250
) -> Float[Tensor, "sample channel row column"]:
    """The phases of every image after the last step, from the phases that the image itself scatters; without feedback."""
    found = []
    for part in x.split(batch):
        image, masks = net.planes(part)
        found.append(net.settled(net.amplitude(image), net.start(image, masks), feedback=False))
    return torch.cat(found)


def fit_two_stages(
    net: KomplexNet,
    x: Float[Tensor, "sample plane row column"],
    labels: Int[Tensor, "sample class"],
    *,
    epochs: int,
    batch: int = 128,
    learning_rate: float = 1e-2,
    generator: torch.Generator,
) -> Fitted:
    """Second stage: the layers above the oscillators learn the classes from phases that are settled once, by Adam on binary cross-entropy.

    Filters and kernel stay as they are, and no step of the dynamics is computed twice; feedback is left out and learns nothing. Raises
    ValueError where the loss is no longer finite.
    """
    phases = settled(net, x)
    parameters = [p for name, p in net.named_parameters() if name not in ("filters", "kernel") and not name.startswith("from_")]

    def scores(part: Tensor) -> Tensor:
        with torch.no_grad():
            amplitude = net.amplitude(net.planes(x[part])[0])
        return net.scores(amplitude, phases[part])

    return _descended(scores, parameters, labels, epochs=epochs, batch=batch, learning_rate=learning_rate, generator=generator)


def fit_end_to_end(
    net: KomplexNet,
    x: Float[Tensor, "sample plane row column"],
    labels: Int[Tensor, "sample class"],
    *,
    epochs: int,
    batch: int = 128,
    learning_rate: float = 1e-2,
    synchrony: float = 1.0,
    generator: torch.Generator,
) -> Fitted:
    """Train everything through all steps, by Adam on binary cross-entropy plus `synchrony` times the group loss (Muzellec et al. 2025).

    With feedback the cross-entropy is the mean over steps, else that of the last. Phases start anew in every batch. Raises ValueError where
    there are no masks and `synchrony` is not 0, and where the loss is no longer finite.
    """
    if synchrony:
        _masked(x)

    def loss_of(part: Tensor) -> tuple[Tensor, Tensor]:
        image, masks = net.planes(x[part])
        amplitude = net.amplitude(image)
        start = net.start(image, masks, generator=generator)
        wanted = labels[part].to(image.dtype)
        if net.feedback:
            steps = list(net.over_steps(amplitude, start))
            phases, scores = steps[-1]
            entropy = torch.stack([nn.functional.binary_cross_entropy_with_logits(s, wanted) for _, s in steps]).mean()
        else:
            phases = net.settled(amplitude, start)
            scores = net.scores(amplitude, phases)
            entropy = nn.functional.binary_cross_entropy_with_logits(scores, wanted)
        if not synchrony:
            return entropy, scores
        return entropy + synchrony * group_loss(phases, exclusive(masks), (amplitude > 0).detach()).mean(), scores

    parameters = list(net.parameters())
    return _epochs(loss_of, parameters, labels, epochs=epochs, batch=batch, learning_rate=learning_rate, generator=generator)


def fit_real(
    net: RealNet,
    x: Float[Tensor, "sample plane row column"],
    labels: Int[Tensor, "sample class"],
    *,
    epochs: int,
    batch: int = 128,
    learning_rate: float = 1e-2,
    generator: torch.Generator,
) -> Fitted:
    """Train the real-valued control as `fit_two_stages` trains what it is a control of: the filters stay, the rest learns the classes."""
    parameters = [p for name, p in net.named_parameters() if name != "filters"]
    return _descended(
        lambda part: net(x[part]), parameters, labels, epochs=epochs, batch=batch, learning_rate=learning_rate, generator=generator
    )


@dataclass(frozen=True)
class Judged:
    """What a network says after each step that was asked for, and how well its first phases mark the objects.

    within  synchrony within objects, mean over objects and images; `loss` the group loss; both empty for a network without phases
    """

    named: tuple[Named, ...]
    within: tuple[float, ...]
    loss: tuple[float, ...]


@torch.no_grad()
def judged(
    net: KomplexNet | RealNet,
    x: Float[Tensor, "sample plane row column"],
    labels: Int[Tensor, "sample class"],
    *,
    every: bool = True,
    batch: int = 250,
) -> Judged:
    """Judge the read-out and the phases after every step, or after the last alone, in one run of the dynamics.

    Raises ValueError where there are no masks.
    """
    _masked(x)
    totals: list[list[Named]] = []
    sums: list[Tensor] = []
    for part, wanted in zip(x.split(batch), labels.split(batch), strict=True):
        if isinstance(net, RealNet):
            totals.append([named(net(part), wanted)] * (net.steps if every else 1))
            continue
        image, masks = net.planes(part)
        amplitude = net.amplitude(image)
        start = net.start(image, masks)
        if every:
            steps = list(net.over_steps(amplitude, start))
        else:
            phases = net.settled(amplitude, start)
            steps = [(phases, net.scores(amplitude, phases))]
        alone, active = exclusive(masks), amplitude > 0
        there = alone.flatten(2).any(2).sum(1).clamp(min=1)
        totals.append([named(scores, wanted) for _, scores in steps])
        marks = [(synchrony_index(p, alone, active).sum(1) / there, group_loss(p, alone, active)) for p, _ in steps]
        sums.append(torch.stack([torch.stack([within.sum(), loss.sum()]) for within, loss in marks]))
    added = tuple(
        Named(sum(n.right for n in at), sum(n.classes for n in at), sum(n.whole for n in at), sum(n.total for n in at))
        for at in zip(*totals, strict=True)
    )
    means = (torch.stack(sums).sum(0) / len(x)).T.tolist() if sums else ((), ())
    return Judged(added, *(tuple(m) for m in means))


def _group(net: KomplexNet, part: Tensor, generator: torch.Generator) -> Tensor:
    image, masks = net.planes(part)
    with torch.no_grad():
        amplitude = net.amplitude(image)
    phases = net.settled(amplitude, net.start(image, masks, generator=generator), feedback=False)
    return group_loss(phases, exclusive(masks), amplitude > 0).mean()


def _descended(
    scores_of: Callable[[Tensor], Tensor],
    parameters: list[nn.Parameter],
    labels: Tensor,
    *,
    epochs: int,
    batch: int,
    learning_rate: float,
    generator: torch.Generator,
) -> Fitted:
    def loss_of(part: Tensor) -> tuple[Tensor, Tensor]:
        scores = scores_of(part)
        return nn.functional.binary_cross_entropy_with_logits(scores, labels[part].to(scores.dtype)), scores

    return _epochs(loss_of, parameters, labels, epochs=epochs, batch=batch, learning_rate=learning_rate, generator=generator)


def _epochs(
    loss_of: Callable[[Tensor], tuple[Tensor, Tensor]],
    parameters: list[nn.Parameter],
    labels: Tensor,
    *,
    epochs: int,
    batch: int,
    learning_rate: float,
    generator: torch.Generator,
) -> Fitted:
    optimiser = torch.optim.Adam(parameters, lr=learning_rate)
    losses, accuracies = [], []
    for epoch in range(epochs):
        total, right, classes = 0.0, 0, 0
        for part in torch.randperm(len(labels), generator=generator).split(batch):
            loss, scores = loss_of(part)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 2.0)
            optimiser.step()
            total += float(loss.detach()) * len(part)
            found = named(scores.detach(), labels[part])
            right, classes = right + found.right, classes + found.classes
        losses.append(total / len(labels))
        accuracies.append(right / classes)
        hold_finite(losses[-1], f"epoch {epoch + 1}", learning_rate)
    return Fitted(loss=tuple(losses), accuracy=tuple(accuracies))


def _masked(x: Shaped[Tensor, "sample plane row column"]) -> None:
    if x.ndim != 4 or x.shape[1] < 2:
        raise ValueError(
            f"the group loss needs the masks of the objects behind the image, [sample, 1 + object, row, column]; got {list(x.shape)}."
        )
