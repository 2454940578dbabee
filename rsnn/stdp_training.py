"""Unsupervised training: a reservoir whose recurrent weights learn by STDP, sample after sample."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from rsnn.heterogeneity import spawn
from rsnn.homeostasis import LOWEST_THRESHOLD, Homeostasis, threshold_constants
from rsnn.kernels import Adaptation, Learning, Synapses, learn
from rsnn.layer import arrays
from rsnn.network import RSNN
from rsnn.plasticity import Pairing, PairSTDP, Window

CHUNK = 2**21  # numbers of input drive at once: 16 MiB, and a call of `progress` now and then
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
    rule: PairSTDP,
    *,
    epochs: int = 1,
    homeostasis: Homeostasis = Homeostasis(),  # noqa: B008  frozen
    generator: torch.Generator | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> STDPHistory:
    """Change the recurrent weights of `net` (and its `theta`) in place by presenting the samples, in a new order each epoch.

    The network starts each sample from rest; input and read-out weights stay as they are. `generator` draws the windows of the synapses
    and the order. `progress(done, total)` is called with numbers of samples. Runs in float64 on one core of the CPU; the weights are
    rounded to their dtype at the end. Raises ValueError for weights outside the bounds of the rule, and for a network in which nothing
    fires or everything fires all the time.
    """
    x = net.check(spikes)
    if epochs < 1:
        raise ValueError(f"fit_stdp(epochs={epochs}): at least one epoch is needed; leave the call out for an untrained network.")
    generator = torch.Generator() if generator is None else generator
    windows, orders = spawn(generator), spawn(generator)
    weight = plastic_weights(net, rule)
    before = weight.copy()
    synapses = synapses_of(net)
    learning = learning_of(rule, rule.draw(len(weight), generator=windows), homeostasis, weight, synapses, dt=net.dt)
    theta = net.theta.double().numpy(force=True).copy()
    neurons = arrays(net.constants().neurons._replace(threshold=net.threshold.double()))
    adaptation = adaptation_of(net, homeostasis)
    samples, steps = x.shape[:2]
    chunk = max(1, min(samples, CHUNK // (steps * net.units)))
    records = []
    for epoch in range(epochs):
        counts = np.zeros(net.units, dtype=np.int64)
        order = torch.randperm(samples, generator=orders)
        for start in range(0, samples, chunk):
            part = order[start : start + chunk].to(x.device)
            drive = torch.cat(list(net.drive(x[part]))).numpy(force=True)
            raster = np.zeros(drive.shape, dtype=np.uint8)
            learn(drive, weight, theta, raster, synapses, learning, neurons, adaptation)
            counts += raster.sum((0, 1), dtype=np.int64)
            if progress is not None:
                progress(epoch * samples + start + len(part), epochs * samples)
        check_alive(counts / (samples * steps), net.dt, epoch)
        rates = counts / (samples * steps * net.dt / 1000)
        records.append(
            (
                float(rates.mean()),
                float(rates.max()),
                float((counts == 0).mean()),
                float(np.abs(weight - before).mean()),
                tuple(np.quantile(weight, (0, 0.25, 0.5, 0.75, 1)).tolist()),
            )
        )
    net.recurrent_weight[net.recurrent_mask] = torch.from_numpy(weight).to(net.recurrent_weight)
    net.theta.copy_(torch.from_numpy(theta))
    return STDPHistory(*zip(*records, strict=True))


def plastic_weights(net: RSNN, rule: PairSTDP) -> np.ndarray:
    """The recurrent weights [synapse] of `net`, float64, in the order of the mask; a ValueError where `rule` cannot hold them."""
    weight = net.recurrent_weight[net.recurrent_mask].double()
    if not len(weight):
        raise ValueError("this network has no recurrent synapses that could learn; raise the density of its connectivity.")
    low, high = float(weight.min()), float(weight.max())
    if not (low >= rule.w_min and high <= rule.w_max):
        raise ValueError(
            f"the recurrent weights go from {low:.3g} to {high:.3g}, outside the bounds [{rule.w_min:g}, {rule.w_max:g}] of the rule; "
            "lower recurrent_scale, widen the bounds, or train by STDP before surrogate gradients."
        )
    return weight.numpy(force=True).copy()


def synapses_of(net: RSNN) -> Synapses:
    """The recurrent synapses of `net` as the kernel wants them."""
    post, pre = net.recurrent_mask.nonzero().numpy(force=True).astype(np.int64).T
    bounds = np.arange(net.units + 1)
    outgoing = np.argsort(pre, kind="stable")
    return Synapses(
        incoming=np.searchsorted(post, bounds),
        post=np.ascontiguousarray(post),
        outgoing_start=np.searchsorted(pre[outgoing], bounds),
        outgoing=outgoing,
    )


def learning_of(rule: PairSTDP, window: Window, homeostasis: Homeostasis, weight: np.ndarray, synapses: Synapses, *, dt: float) -> Learning:
    """Rule and windows [synapse] as the kernel wants them."""
    units = len(synapses.incoming) - 1
    if homeostasis.normalisation is None:
        total = np.zeros(0)
    elif homeostasis.normalisation.total is None:
        total = np.bincount(synapses.post, weight, minlength=units).astype(np.float64)
    else:
        total = np.full(units, float(homeostasis.normalisation.total))
    return Learning(
        a_plus=window.a_plus.numpy(),
        a_minus=window.a_minus.numpy(),
        decay_plus=torch.exp(-dt / window.tau_plus).numpy(),
        decay_minus=torch.exp(-dt / window.tau_minus).numpy(),
        w_min=float(rule.w_min),
        w_max=float(rule.w_max),
        all_to_all=rule.pairing is Pairing.ALL_TO_ALL,
        total=total,
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
