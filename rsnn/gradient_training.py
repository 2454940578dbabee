"""Supervised training: all weights by backpropagation through time with a surrogate gradient."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Int, Shaped
from torch import Tensor
from torch.nn.functional import cross_entropy

from rsnn.heterogeneity import Number, spawn
from rsnn.network import RSNN


@dataclass(frozen=True)
class BPTTHistory:
    """What happened, one entry per epoch: mean loss and accuracy of the read-out on the batches as they came, mean firing rate in Hz,
    share of neurons without a spike."""

    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    rate: tuple[float, ...]
    silent: tuple[float, ...]


def fit_bptt(
    net: RSNN,
    x: Shaped[Tensor, "*sample_time_input"],
    y: Shaped[Tensor, "*label"],
    *,
    epochs: int,
    batch: int = 64,
    learning_rate: Number = 1e-3,
    generator: torch.Generator | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BPTTHistory:
    """Change input, recurrent and read-out weights of `net` in place so that its logits tell the labels `y`, integers in [0, outputs).

    Cross entropy of the read-out averaged over time, by Adam (Kingma and Ba 2015); the gradient of a spike is the network's `surrogate`.
    Masks are kept. `generator` shuffles the batches; `progress(done, total)` is called with numbers of samples. Raises ValueError for
    labels that do not fit and when the loss is no longer finite.
    """
    x = net.check(x)
    labels = check_labels(y, len(x), net.outputs)
    if epochs < 1 or batch < 1 or not (math.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"fit_bptt(epochs={epochs}, batch={batch}, learning_rate={learning_rate}): all of them must be positive.")
    orders = spawn(torch.Generator() if generator is None else generator)
    optimiser = torch.optim.Adam(net.parameters(), lr=learning_rate)
    steps = x.shape[1]
    records, done = [], 0
    for epoch in range(epochs):
        loss_sum, right = 0.0, 0
        counts = torch.zeros(net.units, dtype=torch.float64, device=x.device)
        order = torch.randperm(len(x), generator=orders).to(x.device)
        for part in order.split(batch):
            spikes = net.spikes(x[part])
            logits = net.logits(spikes)
            loss = cross_entropy(logits, labels[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss_sum += float(loss.detach()) * len(part)
            right += int((logits.argmax(1) == labels[part]).sum())
            counts += spikes.detach().sum((0, 1))
            done += len(part)
            if progress is not None:
                progress(done, epochs * len(x))
        if not math.isfinite(loss_sum):
            raise ValueError(f"the loss was {loss_sum} in epoch {epoch + 1}: training diverged; lower learning_rate={learning_rate:g}.")
        rates = counts / (len(x) * steps * net.dt / 1000)
        records.append((loss_sum / len(x), right / len(x), float(rates.mean()), float((counts == 0).double().mean())))
    return BPTTHistory(*zip(*records, strict=True))


def check_labels(y: Tensor, samples: int, outputs: int) -> Int[Tensor, "sample"]:
    """`y` as int64 if it is one label in [0, outputs) per sample; a ValueError with one sentence if not."""
    if y.shape != (samples,):
        raise ValueError(f"wanted are {samples} labels, one per sample, not an array of shape {tuple(y.shape)}.")
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise ValueError(f"labels are integers from 0 to {outputs - 1}, not {y.dtype}; .long() makes them so.")
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= outputs:
        raise ValueError(f"the labels go from {low} to {high}, but this network has {outputs} outputs, 0 to {outputs - 1}.")
    return y.long()
