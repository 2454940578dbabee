"""Training of the plain torch families, and the random streams that every piece of a study draws from."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from rsnn.labels import cross_entropy, named

STREAMS = ("weights", "order", "encoding", "synapses", "partition")


def stream(seed: int, name: str) -> torch.Generator:
    """The random stream of that name for a seed; streams of one seed are independent (numpy's SeedSequence.spawn)."""
    children = np.random.SeedSequence(seed).spawn(len(STREAMS))
    state = children[STREAMS.index(name)].generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(state[0]) << 31 | int(state[1]) >> 1)


def hold_finite(loss: float, after: str, learning_rate: float) -> None:
    """Raise ValueError, with what would do, for a loss that is no longer finite after "epoch 3", say."""
    if not np.isfinite(loss):
        raise ValueError(f"the loss is {loss} after {after}; try a learning rate below {learning_rate:g}.")


@dataclass(frozen=True)
class Fitted:
    """What a training did: mean loss and training accuracy of every epoch, of several classes in a sample the share that is named."""

    loss: tuple[float, ...]
    accuracy: tuple[float, ...]


def fit_classifier(
    model: nn.Module,
    x: Float[Tensor, "sample *feature"],
    y: Int[Tensor, "sample *label"],
    *,
    epochs: int,
    batch: int = 64,
    learning_rate: float = 1e-3,
    generator: torch.Generator,
) -> Fitted:
    """Train `model`, which maps x to unnormalised log-probabilities, by Adam on cross-entropy; its weights change in place.

    Labels are the class of each sample, or where there are several 0 and 1, [sample, class]: then the cross-entropy is that of each class
    against its absence. Raises ValueError if the loss is no longer finite, and for labels that do not fit what the model says.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    losses, accuracies = [], []
    for epoch in range(epochs):
        order = torch.randperm(len(x), generator=generator)
        total, right, classes = 0.0, 0, 0
        for part in order.split(batch):
            optimiser.zero_grad()
            scores = model(x[part])
            loss = cross_entropy(scores, y[part])
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * len(part)
            found = named(scores.detach(), y[part])
            right, classes = right + found.right, classes + found.classes
        losses.append(total / len(x))
        accuracies.append(right / classes)
        hold_finite(losses[-1], f"epoch {epoch + 1}", learning_rate)
    return Fitted(tuple(losses), tuple(accuracies))
