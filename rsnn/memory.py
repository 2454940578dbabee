"""Memory capacity: how much of what came in before can be read from the spikes now, and what it costs in spikes."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Shaped
from torch import Tensor

from rsnn.heterogeneity import Number
from rsnn.network import RSNN
from rsnn.readout import check_counts


@dataclass(frozen=True)
class MemoryCapacity:
    """The share of the variance of the signal that can be read, for each delay from 0 on; `rate`: the mean firing rate in Hz, if known."""

    per_delay: tuple[float, ...]
    rate: float | None = None

    @property
    def total(self) -> float:
        """Memory capacity, Jaeger 2001, definition 2: the sum over the delays from 1 on."""
        return sum(self.per_delay[1:])

    @property
    def efficiency(self) -> float:
        """Memory capacity per Hz of mean firing rate: what E of Chakraborty and Mukhopadhyay 2023 (ICLR), given there as spiking activity
        against memory capacity, weighs, so that more is better. Raises ValueError where no rate is known or nothing fired."""
        if not self.rate:
            raise ValueError("there is no efficiency without spikes: the firing rate is unknown or 0.")
        return self.total / self.rate


def memory_capacity(
    states: Shaped[Tensor, "*time_unit"], signal: Shaped[Tensor, "*time"], *, delays: int = 20, penalty: Number = 1.0
) -> MemoryCapacity:
    """How well a linear read-out of `states` tells the `signal` of up to `delays` steps before, as squared correlations.

    Ridge regression (L2 `penalty` on standardised states) on the first two thirds of the time; the correlation is of the last third, so
    that states that know nothing have about 0. Raises ValueError where too little is left to learn from.
    """
    states = check_counts(states)
    if signal.shape != (len(states),):
        raise ValueError(f"wanted is a signal of {len(states)} values, one per state, not an array of shape {tuple(signal.shape)}.")
    if delays < 1 or not (math.isfinite(penalty) and penalty > 0):
        raise ValueError(f"memory_capacity(delays={delays}, penalty={penalty}): both must be positive.")
    if len(states) < 3 * (delays + 10):
        raise ValueError(f"{len(states)} steps are too few for {delays} delays; at least {3 * (delays + 10)} are needed.")
    signal = signal.to(states)
    if not torch.isfinite(signal).all() or not float(signal.std()) > 0:
        raise ValueError("the signal must be finite and not constant; a random one has something to remember.")
    late = states[delays:]
    target = torch.stack([signal[delays - k : len(signal) - k] for k in range(delays + 1)], 1)
    train = 2 * len(late) // 3
    mean, spread = late[:train].mean(0), late[:train].std(0, correction=0)
    known = (late - mean) / torch.where(spread > 0, spread, 1.0)
    centre = target[:train].mean(0)
    gram = known[:train].t() @ known[:train] + penalty * torch.eye(known.shape[1]).to(known)
    weight = torch.linalg.solve(gram, known[:train].t() @ (target[:train] - centre))
    found, wanted = known[train:] @ weight, target[train:] - centre
    found, wanted = found - found.mean(0), wanted - wanted.mean(0)
    power = found.square().sum(0) * wanted.square().sum(0)
    shared = (found * wanted).sum(0)
    # a read-out that is turned round knows nothing
    share = torch.where((power > 0) & (shared > 0), shared.square() / torch.where(power > 0, power, 1.0), 0.0)
    return MemoryCapacity(tuple(share.tolist()))


@torch.no_grad()
def network_memory(
    net: RSNN, *, length: int = 600, hold: int = 10, delays: int = 20, amplitude: Number = 1.0, generator: torch.Generator | None = None
) -> MemoryCapacity:
    """The memory capacity of a network for random values, uniform in [0, amplitude], each `hold` steps long the current of every input.

    The states are spike counts over each value's steps; a delay is one value.
    """
    if length < 1 or hold < 1:
        raise ValueError(f"network_memory(length={length}, hold={hold}): both must be positive.")
    signal = torch.rand(length, generator=torch.Generator() if generator is None else generator, dtype=torch.float64)
    x = (amplitude * signal).repeat_interleave(hold)[None, :, None].expand(1, -1, net.inputs).to(net.input_weight)
    spikes = net.spikes(x)[:, 0]
    found = memory_capacity(spikes.view(length, hold, -1).sum(1), signal.to(spikes.device), delays=delays)
    return MemoryCapacity(found.per_delay, float(spikes.mean()) / net.dt * 1000)
