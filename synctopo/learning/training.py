"""Training of the plain torch families, and the random streams that every piece of a study draws from."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

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
    """What a training did: mean loss and training accuracy of every epoch."""

    loss: tuple[float, ...]
    accuracy: tuple[float, ...]


def fit_classifier(
    model: nn.Module,
    x: Float[Tensor, "sample *feature"],
    y: Int[Tensor, " sample"],
    *,
    epochs: int,
    batch: int = 64,
    learning_rate: float = 1e-3,
    generator: torch.Generator,
) -> Fitted:
    """Train `model`, which maps x to unnormalised log-probabilities, by Adam on cross-entropy; its weights change in place.

    Raises ValueError if the loss is no longer finite.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    losses, accuracies = [], []
    for epoch in range(epochs):
        order = torch.randperm(len(x), generator=generator)
        total, right = 0.0, 0
        for part in order.split(batch):
            optimiser.zero_grad()
            scores = model(x[part])
            loss = nn.functional.cross_entropy(scores, y[part])
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * len(part)
            right += int((scores.argmax(1) == y[part]).sum())
        losses.append(total / len(x))
        accuracies.append(right / len(x))
        hold_finite(losses[-1], f"epoch {epoch + 1}", learning_rate)
    return Fitted(tuple(losses), tuple(accuracies))
