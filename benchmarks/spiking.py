"""Reservoirs that learn by STDP against BindsNET and Brian2, and training through time against snnTorch, Norse and SpikingJelly.

In the rows of training through time the memory is what automatic differentiation keeps for the way back, not the peak.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.functional import cross_entropy

import rsnn
from benchmarks import spiking_peers as peers
from benchmarks.interleaved import Row, compare, options, report
from rsnn.network import step
from synctopo import data

DECAY = math.exp(-1 / 20)
SEED = 3  # of what training draws
RATE = 1e-4  # of a threshold, what one pair of spikes moves
POISSON = 63.75  # Hz of a white pixel
ALIKE = (0.5, 0.5)
"""Share of spikes and correlation of changes: Brian2's own example counts pairs within one step too, so that weights and rates drift up."""


def samples(count: int, steps: int) -> Tensor:
    """Poisson spikes of MNIST's first digits [sample, time, pixel]; without the file, of noise with as much ink."""
    try:
        pixels = torch.from_numpy(data.mnist().images[:count]).flatten(1)
    except ValueError:
        pixels = 0.66 * (torch.rand(count, 784, generator=torch.Generator().manual_seed(0)) < 0.2)
    return rsnn.encode.poisson(pixels, steps, rate_max=POISSON, generator=torch.Generator().manual_seed(1))


def reservoir(units: int, reset: rsnn.Reset, scale: float) -> rsnn.RSNN:
    """784 -> `units`, all to all, weights of a hundredth of the threshold."""
    neuron = rsnn.LIF(20.0, None, reset=reset)
    net = rsnn.RSNN(
        784, units, 10, neuron=neuron, connectivity=rsnn.Dense(), recurrent_scale=2.0, generator=torch.Generator().manual_seed(2)
    )
    with torch.no_grad():
        net.input_weight.abs_().mul_(scale)
    return net


@torch.no_grad()
def scale_for(target: float, activity: Callable[[float], float], low: float, high: float) -> float:
    """The scale of the input at which a share `target` of neurons fires in a step, by halving."""
    for _ in range(12):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if activity(middle) < target else (low, middle)
    return middle


def learn(net: rsnn.RSNN, weight: Tensor, x: Tensor, rule: rsnn.PairSTDP) -> peers.Reservoir:
    """Weights [from, to] after learning from `weight`, and the number of spikes."""
    net.recurrent_weight.data.copy_(weight)
    history = rsnn.fit_stdp(net, x, rule, homeostasis=rsnn.Homeostasis(None, None), generator=torch.Generator().manual_seed(SEED))
    spikes = history.rate[0] / 1000 * x.shape[0] * x.shape[1] * net.units
    return net.recurrent_weight.detach().t().double().numpy(), round(spikes)


def same(weight: np.ndarray, within: float, correlation: float) -> Callable[[Any, Any], bool]:
    """Whether two reservoirs fired equally often up to a share, and changed their weights alike."""

    def equal(ours: peers.Reservoir, theirs: peers.Reservoir) -> bool:
        there = ~np.eye(len(weight), dtype=bool)
        moved = [(w - weight)[there] for w, _ in (ours, theirs)]
        return abs(ours[1] / theirs[1] - 1) <= within and bool(np.corrcoef(*moved)[0, 1] >= correlation)

    return equal


def stdp_rows(units: int, steps: int, count: int, *, brian: bool, rounds: int, activity: float = 0.03, longer: int = 1) -> Iterator[Row]:
    """One reservoir against each peer that can express it; `longer` times as many samples with the script that is equal to ours."""
    many = samples(longer * count, steps)
    x = many[:count]
    net = reservoir(units, rsnn.Reset.ZERO, 1.0)
    into = net.input_weight.detach().clone()

    def share(scale: float) -> float:
        net.input_weight.data.copy_(into * scale)
        return float(net.spikes(x[:10]).detach().mean())

    scale = scale_for(activity, share, 0.01, 100.0)
    share(scale)
    weight = net.recurrent_weight.detach().clone()
    start, outside = (w.detach().t().double().numpy().copy() for w in (weight, net.input_weight))
    name = f"N={units} T={steps} {100 * share(scale):.1f} %"
    nearest = rsnn.PairSTDP(RATE, RATE, pairing=rsnn.Pairing.NEAREST)
    learn(net, weight, x[:1], nearest)
    if peers.installed("bindsnet"):
        work = (lambda: peers.bindsnet_reservoir(start, outside, x.numpy(), decay=DECAY, rate=RATE), rounds)
        yield from compare(name, lambda: learn(net, weight, x, nearest), {"BindsNET, batch 1": work}, same(start, 0.1, 0.8))
    if not (brian and peers.installed("brian2")):
        return
    net = reservoir(units, rsnn.Reset.SUBTRACT, 1.0)
    net.input_weight.data.copy_(into * scale)
    few = x[: max(5, count // 5)]  # its standard rule drifts away from ours
    numbers = {"a_plus": RATE, "a_minus": RATE, "tau_plus": 20.0, "tau_minus": 20.0, "decay": DECAY}
    pair = rsnn.PairSTDP(RATE, RATE)
    for peer, script, shown in (("Brian2, standard", peers.BRIAN_STANDARD, few), ("Brian2, best", peers.BRIAN_BEST, many)):
        whole = shown.reshape(1, -1, x.shape[2])  # its program has no samples: one long one
        # an input reaches a neuron of Brian2 one step later
        program = peers.Brian(script, start, outside, np.concatenate([whole[0].numpy(), np.zeros((1, x.shape[2]))]), numbers)
        limits = (0.0, 0.999999) if script is peers.BRIAN_BEST else ALIKE
        work = (program.run, rounds)
        yield from compare(name, lambda whole=whole: learn(net, weight, whole, pair), {peer: work}, same(start, *limits))
    yield from each_synapse_rows(name, net, weight, few.reshape(1, -1, x.shape[2]), rounds)


def each_synapse_rows(name: str, net: rsnn.RSNN, weight: Tensor, x: Tensor, rounds: int) -> Iterator[Row]:
    """Four constants of its own in each synapse, drawn before and given to both."""
    spread = rsnn.PairSTDP(*(rsnn.LogNormal(v, 0.3) for v in (RATE, RATE, 20.0, 20.0)))
    mask = ~torch.eye(net.units, dtype=torch.bool)
    drawn = spread.draw(int(mask.sum()), generator=torch.Generator().manual_seed(SEED))
    given = rsnn.PairSTDP(*(rsnn.Given(values) for values in drawn))
    each: dict[str, Any] = {"decay": DECAY}
    for key, values in zip(drawn._fields, drawn, strict=True):
        full = torch.zeros(mask.shape, dtype=torch.float64)
        full[mask] = values
        each[key] = full.t().numpy()
    start, outside = (w.detach().t().double().numpy().copy() for w in (weight, net.input_weight))
    program = peers.Brian(peers.BRIAN_SYNAPSES, start, outside, x[0].numpy(), each)
    peer = {"Brian2, standard": (program.run, rounds)}
    yield from compare(f"{name}, each synapse", lambda: learn(net, weight, x, given), peer, same(start, *ALIKE))


def kept_mb(work: Callable[[], Any]) -> float:
    """What automatic differentiation keeps for the way back, in MB; storages that several operations keep count once."""
    kept: dict[int, tuple[Tensor, int]] = {}

    def pack(t: Tensor) -> Tensor:
        kept[t.untyped_storage().data_ptr()] = (t, t.untyped_storage().nbytes())
        return t

    with saved_tensors_hooks(pack, lambda t: t):
        work()
    return sum(size for _, size in kept.values()) / 1e6


def bptt_rows(units: int, rounds: int, *, inputs: int = 700, outputs: int = 20, steps: int = 100, batch: int = 64) -> Iterator[Row]:
    """Forward and backward of one batch with 2 % of the inputs and 5 % of the neurons firing."""
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(batch, steps, inputs, generator=generator) < 0.02).float()
    y = torch.randint(outputs, (batch,), generator=generator)
    torch.manual_seed(0)

    def tuned(into: nn.Parameter, spikes: Callable[[], Tensor]) -> None:
        first = into.detach().clone()

        def share(scale: float) -> float:
            into.data.copy_(first * scale)
            return float(spikes().detach().mean())

        share(scale_for(0.05, share, 0.1, 100.0))

    neuron = rsnn.LIF(20.0, None)
    net = rsnn.RSNN(inputs, units, outputs, neuron=neuron, connectivity=rsnn.Dense(), recurrent_scale=0.5, generator=generator)
    net.spikes(x[:1]).sum().backward()
    tuned(net.input_weight, lambda: net.spikes(x[:16]))

    def ours_forward() -> Tensor:
        return cross_entropy(net.logits_and_counts(x)[0], y)

    def once(module: nn.Module, loss: Callable[[], Tensor]) -> float:
        module.zero_grad()
        loss().backward()
        return float(np.mean([float(p.grad.abs().mean()) for p in module.parameters() if p.grad is not None]))

    def plain_forward() -> Tensor:
        k, state, spikes = net.constants(), net.rest(batch), []
        for drive in torch.cat(list(net.drive(x))):
            state = step(drive, state, k, net.surrogate)
            spikes.append(state.spikes)
        return cross_entropy(net.logits(torch.stack(spikes)), y)

    name = f"700-{units}-20 T={steps} B={batch}"
    mine = kept_mb(ours_forward)
    exact = compare(
        name,
        lambda: once(net, ours_forward),
        {"torch, step by step": (lambda: once(net, plain_forward), 1)},
        lambda a, b: math.isclose(a, b, rel_tol=1e-5),
    )
    yield from (replace(row, peak_mb=mine, peer_peak_mb=kept_mb(plain_forward)) for row in exact)
    for peer, module, make in (
        ("snnTorch RLeaky", "snntorch", peers.SNNTorch),
        ("Norse LIFRecurrent", "norse", peers.Norse),
        ("SpikingJelly container", "spikingjelly", peers.SpikingJelly),
    ):
        if not peers.installed(module):
            continue
        other = make(inputs, units, outputs)
        into = other.layer.input_weights if make is peers.Norse else other.into.weight
        with torch.no_grad():
            tuned(into, lambda other=other: other(x[:16])[0])

        def loss(other: nn.Module = other) -> Tensor:
            return cross_entropy(other(x)[1], y)

        theirs = kept_mb(loss)
        # other models, or other orders within a step, so other gradients: both must have one
        found = compare(
            name,
            lambda: once(net, ours_forward),
            {peer: (lambda other=other, loss=loss: once(other, loss), rounds)},
            lambda a, b: math.isfinite(a) and math.isfinite(b) and min(a, b) > 0,
        )
        yield from (replace(row, peak_mb=mine, peer_peak_mb=theirs) for row in found)


PARTS = ("bptt-256", "stdp-1000", "bptt-1024", "stdp-2000")


def rows(quick: bool, only: Sequence[str]) -> Iterator[Row]:
    torch.set_num_threads(1)
    for peer in ("bindsnet", "brian2", "norse", "spikingjelly"):
        if not peers.installed(peer):
            print(f"{peer} is not installed: left out")
    if "bptt-256" in only:
        yield from bptt_rows(256, 3 if quick else 9)
    if "stdp-1000" in only:
        yield from stdp_rows(1000, 100, 10 if quick else 100, brian=not quick, rounds=1 if quick else 5, longer=3)
    if "bptt-1024" in only and not quick:
        yield from bptt_rows(1024, 3)
    if "stdp-2000" in only and not quick:
        yield from stdp_rows(2000, 350, 20, brian=True, rounds=3)


if __name__ == "__main__":
    chosen = options(__doc__ or "", PARTS)
    report(rows(chosen.quick, chosen.only), chosen.json)
