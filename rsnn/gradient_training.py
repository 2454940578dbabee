"""Supervised training: weights, and time constants where wanted, by surrogate gradients: through time, or by the local rule e-prop."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from rsnn.checkpoints import Checkpoint, Save, check_resumed, fingerprint
from rsnn.heterogeneity import Number, spawn
from rsnn.labels import check_labels, cross_entropy, named
from rsnn.network import RSNN
from rsnn.stdp_training import check_alive

LEARNABLE = {"tau_mem": 1.0, "tau_syn": 1.0, "tau_adaptation": 1.0, "tau_readout": 1.0, "threshold": 0.1, "beta": 0.0}
"""What can be learned beside the weights, and what it cannot fall below: times in steps, the rest in units of threshold."""


class Feedback(Enum):
    """By which weights the errors of the outputs reach the neurons: those of the read-out, or random ones that stay as they are."""

    SYMMETRIC = "symmetric"
    RANDOM = "random"


@dataclass(frozen=True)
class BPTTHistory:
    """What happened, one entry per epoch: mean loss and accuracy of the read-out on the batches as they came (of several classes in a
    sample the share that is named), mean firing rate in Hz, share of neurons without a spike."""

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
    learn: Sequence[str] = (),
    generator: torch.Generator | None = None,
    progress: Callable[[int, int], None] | None = None,
    checkpoint: Save | None = None,
    resume: Mapping[str, Tensor] | None = None,
) -> BPTTHistory:
    """Change input, recurrent and read-out weights of `net` in place so that its logits tell the labels `y`, integers in [0, outputs),
    or 0 and 1 for each output, [sample, output], where several classes are in a sample.

    Cross entropy of the read-out averaged over time (of several classes binary), by Adam (Kingma and Ba 2015); the gradient of a spike is
    the network's `surrogate`. Masks and signs are kept. `learn` names neuron parameters that are learned too (tau_mem, tau_syn,
    tau_adaptation, tau_readout, threshold, beta), each neuron's own; their learning rate is `learning_rate` times their mean, and no time
    constant falls below a step.
    `generator` shuffles the batches; `progress(done, total)` is called with numbers of samples. After each epoch `checkpoint` is called
    with all that the training needs to go on: the same call with `resume` goes on there, and ends as the whole run does, bit for bit.
    Raises ValueError for labels that do not fit, when the loss is no longer finite, and when in an epoch nothing fired or everything in
    nearly every step.
    """
    return _fit(net, x, y, epochs, batch, learning_rate, learn, None, generator, progress, checkpoint, resume)


def fit_eprop(
    net: RSNN,
    x: Shaped[Tensor, "*sample_time_input"],
    y: Shaped[Tensor, "*label"],
    *,
    epochs: int,
    batch: int = 64,
    learning_rate: Number = 1e-3,
    feedback: Feedback = Feedback.SYMMETRIC,
    generator: torch.Generator | None = None,
    progress: Callable[[int, int], None] | None = None,
    checkpoint: Save | None = None,
    resume: Mapping[str, Tensor] | None = None,
) -> BPTTHistory:
    """`fit_bptt` by e-prop, Bellec et al. 2020, eqs. (3)-(4): each synapse learns from its own eligibility trace and the errors of the
    outputs, which reach its neuron by `feedback`; what a spike does through other neurons is nobody's to know.

    The eligibility traces are those of `eprop_step`, which run forward in time; their sums are computed on the way back, where the same
    sum takes the time of one pass and no memory per synapse.
    """
    return _fit(net, x, y, epochs, batch, learning_rate, (), feedback, generator, progress, checkpoint, resume)


def _fit(
    net: RSNN,
    x: Tensor,
    y: Tensor,
    epochs: int,
    batch: int,
    learning_rate: Number,
    learn: Sequence[str],
    feedback: Feedback | None,
    generator: torch.Generator | None,
    progress: Callable[[int, int], None] | None,
    checkpoint: Save | None,
    resume: Mapping[str, Tensor] | None,
) -> BPTTHistory:
    """`fit_eprop`, or without `feedback` `fit_bptt`."""
    x = net.check(x)
    labels = check_labels(y, len(x), net.outputs)
    if epochs < 1 or batch < 1 or not (math.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"fit_bptt(epochs={epochs}, batch={batch}, learning_rate={learning_rate}): all of them must be positive.")
    check_learnable(net, learn)
    generator = torch.Generator() if generator is None else generator
    settings = (tuple(x.shape), batch, learning_rate, tuple(learn), feedback)
    keeps = checkpoint is not None or resume is not None
    mark = fingerprint(net, generator, *settings) if keeps else torch.zeros(0)
    orders = spawn(generator)
    back = None if feedback is not Feedback.RANDOM else random_feedback(net, generator)
    parameters: list[Tensor] = [getattr(net, name).requires_grad_() for name in learn]
    groups: list[dict[str, Any]] = [{"params": list(net.parameters())}]
    groups += [
        {"params": [p], "lr": learning_rate * max(float(p.detach().mean()), LEARNABLE[n])} for n, p in zip(learn, parameters, strict=True)
    ]
    optimiser = torch.optim.Adam(groups, lr=learning_rate)
    trained = [*net.parameters(), *parameters]
    records: list[tuple[float, ...]] = []
    if resume is not None:
        check_resumed(resume, mark, "bptt")
        records = [tuple(r) for r in resume["bptt.records"].tolist()]
        _restore(resume, trained, optimiser)
    steps, done = x.shape[1], len(records) * len(x)
    try:
        for epoch in range(epochs):
            loss_sum, right, classes = 0.0, 0, 0
            counts = torch.zeros(net.units, dtype=torch.float64, device=x.device)
            order = torch.randperm(len(x), generator=orders).to(x.device)
            if epoch < len(records):
                continue
            for part in order.split(batch):
                logits, fired = net.logits_and_counts(x[part], local=feedback is not None, feedback=back)
                loss = cross_entropy(logits, labels[part])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                net.keep_signs()
                with torch.no_grad():
                    for name, p in zip(learn, parameters, strict=True):
                        p.clamp_min_(LEARNABLE[name] * (net.dt if name.startswith("tau") else 1.0))
                loss_sum += float(loss.detach()) * len(part)
                found = named(logits.detach(), labels[part])
                right, classes = right + found.right, classes + found.classes
                counts += fired
                done += len(part)
                if progress is not None:
                    progress(done, epochs * len(x))
            if not math.isfinite(loss_sum):
                raise ValueError(f"the loss was {loss_sum} in epoch {epoch + 1}: training diverged; lower learning_rate={learning_rate:g}.")
            check_alive((counts / (len(x) * steps)).numpy(force=True), net.dt, epoch)
            rates = counts / (len(x) * steps * net.dt / 1000)
            records.append((loss_sum / len(x), right / classes, float(rates.mean()), float((counts == 0).double().mean())))
            if checkpoint is not None:
                checkpoint({**_kept(trained, optimiser), "bptt.records": torch.tensor(records, dtype=torch.float64), "bptt.run": mark})
    finally:
        for p in parameters:
            p.requires_grad_(False)
            p.grad = None
    return BPTTHistory(*zip(*records, strict=True))


def _kept(trained: Sequence[Tensor], optimiser: torch.optim.Optimizer) -> Checkpoint:
    """Copies of the parameters and of what Adam remembers of each."""
    kept = {}
    for n, p in enumerate(trained):
        kept[f"bptt.{n}"] = p.detach().clone()
        kept |= {f"bptt.{n}.{key}": value.detach().clone() for key, value in optimiser.state[p].items()}
    return kept


@torch.no_grad()
def _restore(resume: Mapping[str, Tensor], trained: Sequence[Tensor], optimiser: torch.optim.Optimizer) -> None:
    """Put back what `_kept` copied."""
    for n, p in enumerate(trained):
        p.copy_(resume[f"bptt.{n}"])
        optimiser.state[p] = {key: resume[f"bptt.{n}.{key}"].clone() for key in ("step", "exp_avg", "exp_avg_sq")}


def random_feedback(net: RSNN, generator: torch.Generator) -> Float[Tensor, "output unit"]:
    """Weights drawn as those of the read-out are."""
    drawn = torch.randn(net.outputs, net.units, generator=spawn(generator), dtype=torch.float64) / math.sqrt(net.units)
    return drawn.to(net.readout_weight.device)


def check_learnable(net: RSNN, learn: Sequence[str]) -> None:
    """Raise a sentence for a parameter that is not there or has no effect."""
    for name in learn:
        if name not in LEARNABLE:
            raise ValueError(f"learn={list(learn)}: there is no learnable parameter {name!r}; there are: {', '.join(LEARNABLE)}.")
    if "tau_syn" in learn and not bool((net.tau_syn > 0).all()):
        raise ValueError("learn='tau_syn': the neurons of this network have no synapse; LIF(tau_syn=10.0) has one.")
    if "tau_adaptation" in learn and not bool(net.beta.any()):
        raise ValueError(
            "learn='tau_adaptation': the thresholds of this network do not adapt (beta is 0); ALIF(beta=0.1) has some that do."
        )
