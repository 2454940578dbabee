"""Unsupervised training: a reservoir whose recurrent weights learn by STDP, sample after sample."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from rsnn.events import FEW
from rsnn.heterogeneity import spawn
from rsnn.homeostasis import LOWEST_THRESHOLD, Homeostasis, threshold_constants
from rsnn.layer import arrays
from rsnn.network import RSNN
from rsnn.plasticity import LearningRule
from rsnn.reservoir import Adaptation, Plastic, learn
from rsnn.rows import settle
from rsnn.storage import fixed_synapses, matrix_of, plastic_synapses, values_of

CHUNK = 2**21  # numbers of input or its drive at once: 16 MiB, and a call of `progress` now and then
RUNAWAY = 0.95  # share of all steps


@dataclass(frozen=True)
class STDPHistory:
    """What happened, one entry per epoch.

    `rate`: mean firing rate in Hz; `highest_rate`: that of the busiest neuron; `silent`: share of neurons without a spike; `moved`: mean
    distance of a weight from where it was before training; `weights`: minimum, quartiles and maximum of the plastic weights at the end.
    """

    rate: tuple[float, ...]
    highest_rate: tuple[float, ...]
    silent: tuple[float, ...]
    moved: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]


@torch.no_grad()
def fit_stdp(
    net: RSNN,
    spikes: Shaped[Tensor, "*sample_time_input"],
    rule: LearningRule,
    *,
    epochs: int = 1,
    input_rule: LearningRule | None = None,
    homeostasis: Homeostasis = Homeostasis(),  # noqa: B008  frozen
    generator: torch.Generator | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> STDPHistory:
    """Change the recurrent weights of `net` (and its `theta`) in place by presenting the samples, in a new order each epoch.

    The network starts each sample from rest; read-out weights stay as they are, and input weights unless there is an `input_rule`, by
    which spikes of the input pair with those of the layer. `generator` draws the windows of the synapses and the order.
    `progress(done, total)` is called with numbers of samples. Runs in float64 on one core of the CPU; the weights are rounded to their
    dtype at the end. Raises ValueError for weights outside the bounds of the rule, and for a network in which nothing fires or everything
    fires all the time.
    """
    x = net.check(spikes)
    if epochs < 1:
        raise ValueError(f"fit_stdp(epochs={epochs}): at least one epoch is needed; leave the call out for an untrained network.")
    generator = torch.Generator() if generator is None else generator
    windows, orders, input_windows = spawn(generator), spawn(generator), spawn(generator)
    normalisation = homeostasis.normalisation
    recurrent = plastic_synapses(net.recurrent_weight, net.recurrent_mask, rule, normalisation, dt=net.dt, generator=windows)
    check_weights("recurrent", recurrent)
    if input_rule is None:
        afferent = fixed_synapses(net.input_weight, net.input_mask)
    else:
        check_spikes(x)
        afferent = plastic_synapses(net.input_weight, net.input_mask, input_rule, normalisation, dt=net.dt, generator=input_windows)
        check_weights("input", afferent)
    by_spikes = input_rule is not None or float((x != 0).double().mean()) < FEW
    weights = values_of(recurrent.synapses)
    before = weights.copy()
    theta = net.theta.double().numpy(force=True).copy()
    neurons = arrays(net.neurons()._replace(threshold=net.threshold.double()))
    adaptation = adaptation_of(net, homeostasis)
    state = np.zeros((4, net.units))
    samples, steps = x.shape[:2]
    chunk = max(1, min(samples, CHUNK // (steps * max(net.units, net.inputs))))
    records = []
    for epoch in range(epochs):
        counts = np.zeros(net.units, dtype=np.int64)
        order = torch.randperm(samples, generator=orders)
        for start in range(0, samples, chunk):
            part = x[order[start : start + chunk].to(x.device)]
            raster = np.zeros((len(part), steps, net.units), dtype=np.uint8)
            arrivals = part.double().contiguous().numpy(force=True) if by_spikes else np.zeros((0, steps, net.inputs))
            drive = np.zeros((0, steps, net.units)) if by_spikes else driven(net, part)
            learn(arrivals, drive, state, theta, raster, neurons, adaptation, recurrent, afferent, input_rule is not None, True)
            counts += raster.sum((0, 1), dtype=np.int64)
            if progress is not None:
                progress(epoch * samples + start + len(part), epochs * samples)
        check_alive(counts / (samples * steps), net.dt, epoch)
        rates = counts / (samples * steps * net.dt / 1000)
        settled(recurrent)
        records.append(
            (
                float(rates.mean()),
                float(rates.max()),
                float((counts == 0).mean()),
                float(np.abs(weights - before).mean()),
                tuple(np.quantile(weights, (0, 0.25, 0.5, 0.75, 1)).tolist()),
            )
        )
    net.recurrent_weight.copy_(torch.from_numpy(matrix_of(recurrent.synapses, net.recurrent_mask)))
    if input_rule is not None:
        settled(afferent)
        net.input_weight.copy_(torch.from_numpy(matrix_of(afferent.synapses, net.input_mask)))
    net.theta.copy_(torch.from_numpy(theta))
    return STDPHistory(*zip(*records, strict=True))


def settled(plastic: Plastic) -> None:
    """Bring all weights of a group of synapses up to date, in place."""
    settle(plastic.synapses, plastic.rule, plastic.past, plastic.scratch)


def driven(net: RSNN, x: Float[Tensor, "sample time input"]) -> Float[np.ndarray, "sample time unit"]:
    """What the input adds to the current of each neuron."""
    return np.ascontiguousarray(torch.cat(list(net.drive(x))).transpose(0, 1).numpy(force=True))


def check_spikes(x: Float[Tensor, "sample time input"]) -> None:
    """Raise a sentence unless every input is 0 or 1: plastic input synapses pair spikes."""
    if not ((x == 0) | (x == 1)).all():
        raise ValueError(
            f"with an input_rule the input must be spikes, 0 or 1, but it goes from {float(x.min()):g} to {float(x.max()):g}; "
            "rsnn.encode.poisson or latency makes spikes, or leave input_rule out."
        )


def check_weights(name: str, plastic: Plastic) -> None:
    """Raise a sentence if the rule of synapses cannot hold their weights."""
    values, rule = values_of(plastic.synapses), plastic.rule
    low, high = float(values.min()), float(values.max())
    if not (low >= rule.w_min and high <= rule.w_max):
        raise ValueError(
            f"the {name} weights go from {low:.3g} to {high:.3g}, outside the bounds [{rule.w_min:g}, {rule.w_max:g}] of the rule; "
            f"lower {name}_scale, widen the bounds, or train by STDP before surrogate gradients."
        )


def adaptation_of(net: RSNN, homeostasis: Homeostasis) -> Adaptation:
    """The adaptive thresholds as the kernel wants them."""
    base = net.threshold.double().numpy(force=True)
    lowest = np.full_like(base, -np.inf) if homeostasis.threshold is None else (LOWEST_THRESHOLD - 1) * base
    return Adaptation(*threshold_constants(homeostasis.threshold, dt=net.dt), lowest)


def check_alive(activity: Float[np.ndarray, "unit"], dt: float, epoch: int) -> None:
    """Raise a sentence if nothing fired, or everything in nearly every step: `activity` is the share of steps with a spike."""
    if not activity.any():
        raise ValueError(
            f"no neuron fired in epoch {epoch + 1}, so there is nothing to learn from; raise input_scale or the rate of the input, "
            "or lower the threshold."
        )
    if activity.mean() > RUNAWAY:
        raise ValueError(
            f"in epoch {epoch + 1} the neurons fired in {activity.mean():.0%} of all steps of {dt:g} ms: activity ran away; lower "
            "recurrent_scale or w_max, keep the normalisation on, or raise the increment of the adaptive threshold."
        )
