"""Reward-modulated STDP: pairs of spikes leave an eligibility in their synapse, and a reward at the end of a sample makes it a change."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float, Shaped
from numba import njit
from torch import Tensor

from rsnn.heterogeneity import Number, Parameter, check_parameter, spawn
from rsnn.network import RSNN
from rsnn.neurons import SHORTEST_TAU
from rsnn.plasticity import Pairing, PairSTDP, Traces, Window, spread_out
from rsnn.stdp_training import check_spikes, check_weights, plastic_mask


@dataclass(frozen=True)
class RewardSTDP:
    """Pair STDP gated by reward, Izhikevich 2007, eqs. (1)-(2), and Florian 2007, eqs. (12)-(14).

    What a pair of spikes would change by `window` adds to the eligibility c of its synapse, tau_eligibility dc/dt = -c; the reward r at the
    end of a sample changes the weight by learning_rate (r - expected) c, within the bounds of the window. `expected` is a running mean of
    the rewards over `baseline` samples, without which rewards that are always positive strengthen whatever happens (Frémaux et al. 2010);
    None: 0. `tau_eligibility` in ms, a number or a distribution over synapses.
    """

    window: PairSTDP = PairSTDP()  # noqa: RUF009  frozen
    tau_eligibility: Parameter = 500.0
    learning_rate: Number = 1.0
    baseline: Number | None = 20.0

    def __post_init__(self) -> None:
        check_parameter("RewardSTDP", "tau_eligibility", self.tau_eligibility, lowest=0.0, open_end=True)
        check_parameter("RewardSTDP", "learning_rate", self.learning_rate, lowest=0.0, open_end=True)
        if self.baseline is not None and not (math.isfinite(self.baseline) and self.baseline >= 1):
            raise ValueError(f"RewardSTDP(baseline={self.baseline}): it must be at least 1 sample, or None for no expectation.")
        if self.window.mu_plus or self.window.mu_minus:
            raise ValueError("RewardSTDP: the window must be additive (mu_plus = mu_minus = 0): the change comes later than its pairs.")


def eligibility_step(
    eligibility: Float[Tensor, "post pre"],
    pre: Float[Tensor, "pre"],
    post: Float[Tensor, "post"],
    traces: Traces,
    window: Window,
    pairing: Pairing,
    tau: Float[Tensor, "post pre"],
    *,
    dt: float,
) -> tuple[Float[Tensor, "post pre"], Traces]:
    """Eligibility and traces after a step of `dt` ms in which the neurons of `pre` and `post` that are 1 fired."""
    trace_pre = traces.pre * torch.exp(-dt / window.tau_plus)
    trace_post = traces.post * torch.exp(-dt / window.tau_minus)
    change = post[:, None] * window.a_plus * trace_pre - pre[None, :] * window.a_minus * trace_post
    if pairing is Pairing.NEAREST:
        trace_pre, trace_post = trace_pre * (1 - pre[None, :]), trace_post * (1 - post[:, None])
    return eligibility * torch.exp(-dt / tau) + change, Traces(trace_pre + pre[None, :], trace_post + post[:, None])


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def pair_up(onto, source, pre_start, pre_time, post_start, post_time, steps, a_plus, a_minus, plus, minus, fade, all_to_all, out):
    """The eligibility `out` [synapse], at the end of `steps` steps, of synapses from `source` onto `onto`, each with five constants (rates
    per step): `eligibility_step` from spike to spike. The spikes of neuron j are `time[start[j]:start[j + 1]]`."""
    for k in range(len(onto)):
        i, j = onto[k], source[k]
        a, end_a, b, end_b = pre_start[j], pre_start[j + 1], post_start[i], post_start[i + 1]
        trace_pre, trace_post, eligible, last = 0.0, 0.0, 0.0, np.int64(0)
        if a == end_a or b == end_b:
            out[k] = 0.0
            continue
        while a < end_a or b < end_b:
            next_a = pre_time[a] if a < end_a else steps
            next_b = post_time[b] if b < end_b else steps
            now = min(next_a, next_b)
            apart = float(now - last)
            last = now
            trace_pre *= np.exp(-apart * plus[k])
            trace_post *= np.exp(-apart * minus[k])
            eligible *= np.exp(-apart * fade[k])
            if next_b == now:
                eligible += a_plus[k] * trace_pre
            if next_a == now:
                eligible -= a_minus[k] * trace_post
            if next_a == now:
                trace_pre = trace_pre + 1.0 if all_to_all else 1.0
                a += 1
            if next_b == now:
                trace_post = trace_post + 1.0 if all_to_all else 1.0
                b += 1
        out[k] = eligible * np.exp(-(steps - 1 - last) * fade[k])


@dataclass(frozen=True)
class Eligible:
    """Synapses that reward changes, in the order of their mask: where they are, their rule, its constants per synapse."""

    onto: np.ndarray
    source: np.ndarray
    rule: RewardSTDP
    constants: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, mask: Tensor, rule: RewardSTDP, *, dt: float, generator: torch.Generator) -> "Eligible":
        """The synapses of `mask` [post, pre], windows and fading drawn from `generator`."""
        count = int(mask.sum())
        if not count:
            raise ValueError("there are no synapses that could learn; raise the density of the connectivity.")
        window = rule.window.draw(count, generator=generator)
        tau = spread_out(rule.tau_eligibility, count, lowest=SHORTEST_TAU, generator=generator)
        constants = (window.a_plus, window.a_minus, dt / window.tau_plus, dt / window.tau_minus, dt / tau)
        onto, source = mask.nonzero(as_tuple=True)
        return cls(onto.numpy(force=True), source.numpy(force=True), rule, tuple(v.contiguous().numpy() for v in constants))

    def after(self, pre: Shaped[Tensor, "time pre"], post: Shaped[Tensor, "time post"]) -> Float[np.ndarray, "synapse"]:
        """The eligibility of each synapse after a sample with these spikes."""
        out = np.empty(len(self.onto))
        trains = (*_trains(pre), *_trains(post))
        pair_up(self.onto, self.source, *trains, len(pre), *self.constants, self.rule.window.pairing is Pairing.ALL_TO_ALL, out)
        return out


def _trains(raster: Tensor) -> tuple[np.ndarray, np.ndarray]:
    neuron, time = (raster.t() > 0).nonzero(as_tuple=True)
    start = torch.zeros(raster.shape[1] + 1, dtype=torch.int64)
    start[1:] = torch.bincount(neuron.cpu(), minlength=raster.shape[1]).cumsum(0)
    return start.numpy(), time.contiguous().numpy(force=True)


@dataclass(frozen=True)
class RewardHistory:
    """What happened, one entry per epoch: mean reward, mean firing rate in Hz, and mean distance of a learning weight from its start."""

    reward: tuple[float, ...]
    rate: tuple[float, ...]
    moved: tuple[float, ...]


@torch.no_grad()
def fit_reward(
    net: RSNN,
    spikes: Shaped[Tensor, "*sample_time_input"],
    rule: RewardSTDP | None,
    reward: Callable[[int, Float[Tensor, "time unit"]], float],
    *,
    epochs: int = 1,
    input_rule: RewardSTDP | None = None,
    generator: torch.Generator | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RewardHistory:
    """Change the recurrent weights of `net` in place (and by `input_rule` those of the input) so that samples earn more reward.

    Samples are presented in a new order each epoch, each from rest; after each, `reward(which sample, its spikes)` says how good that was.
    Synapses of inhibitory neurons stay as they are. `generator` draws windows and order. Raises ValueError for a reward that is not finite
    and for weights outside the bounds of their rule.
    """
    x = net.check(spikes)
    if epochs < 1:
        raise ValueError(f"fit_reward(epochs={epochs}): at least one epoch is needed.")
    if rule is None and input_rule is None:
        raise ValueError("fit_reward(rule=None): nothing would learn; give a rule such as RewardSTDP(), or an input_rule.")
    generator = torch.Generator() if generator is None else generator
    windows, orders, input_windows = (spawn(generator) for _ in range(3))
    groups: list[tuple[Tensor, Tensor, Eligible]] = []
    if rule is not None:
        groups.append((net.recurrent_weight, plastic_mask(net), Eligible.of(plastic_mask(net), rule, dt=net.dt, generator=windows)))
    if input_rule is not None:
        check_spikes(x)
        groups.append((net.input_weight, net.input_mask, Eligible.of(net.input_mask, input_rule, dt=net.dt, generator=input_windows)))
    for weight, mask, eligible in groups:
        check_weights("recurrent" if weight is net.recurrent_weight else "input", weight, mask, eligible.rule.window)
    values = [w[mask].double() for w, mask, _ in groups]
    starts = [v.clone() for v in values]
    expected = [0.0 for _ in groups]
    records, seen = [], 0
    for epoch in range(epochs):
        earned, fired = 0.0, 0.0
        for done, n in enumerate(torch.randperm(len(x), generator=orders).tolist()):
            raster = net.spikes(x[n : n + 1])[:, 0]
            gain = float(reward(n, raster))
            if not math.isfinite(gain):
                raise ValueError(f"the reward of sample {n} is {gain}; it must be a finite number.")
            seen += 1
            for g, (weight, mask, eligible) in enumerate(groups):
                window, of = eligible.rule.window, eligible.rule
                surprise = gain - expected[g]
                if of.baseline is not None:
                    expected[g] += (gain - expected[g]) / min(float(of.baseline), seen)
                sent = raster if weight is net.recurrent_weight else x[n]
                if surprise:
                    change = torch.from_numpy(eligible.after(sent, raster)).to(values[g].device)
                    values[g] = (values[g] + of.learning_rate * surprise * change).clamp(window.w_min, window.w_max)
                    weight[mask] = values[g].to(weight.dtype)
            earned, fired = earned + gain, fired + float(raster.sum())
            if progress is not None:
                progress(epoch * len(x) + done + 1, epochs * len(x))
        moved = torch.cat([(v - s).abs() for v, s in zip(values, starts, strict=True)]).mean()
        records.append((earned / len(x), fired / (len(x) * x.shape[1] * net.dt / 1000 * net.units), float(moved)))
    return RewardHistory(*zip(*records, strict=True))
