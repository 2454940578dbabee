"""A recurrent network read as an auto-encoder with skip connections: over its graph of neurons, or over its time steps.

Representation topology divergence was made for feed-forward layers. Chakraborty and Mukhopadhyay (arXiv 2403.12462) re-formulate a
recurrent spiking layer as a five-layer auto-encoder with skip connections, L1 the encoder, L3 the bottleneck, L5 the decoder, found by
betweenness centrality in the graph of its neurons. Only the abstract and reviews of that paper could be read; what they leave open is
chosen here, and each choice is stated where it is made.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from rtd.partition import Sides, balanced, mass_between, partition


@runtime_checkable
class RecurrentNet(Protocol):
    """What `unroll_graph` needs: the weights between the recurrent neurons, [post, pre], and the states of the network."""

    @property
    def recurrent_weight(self) -> Tensor: ...

    def states(self, x: Tensor) -> Iterator[dict[str, Tensor]]: ...


@dataclass(frozen=True)
class EdgeShares:
    """Shares of the sum of |weight| by what an edge does in the auto-encoder; they add up to 1.

    `forward`: to the next layer; `skip`: to a later one; `intra`: inside a layer; `feedback`: to an earlier one.
    """

    forward: float
    skip: float
    intra: float
    feedback: float


@dataclass(frozen=True)
class Stability:
    """Shares of the neurons that keep their layer, and of the bottleneck that stays the bottleneck, when the weights are disturbed."""

    layers: float
    bottleneck: float


@dataclass(frozen=True, eq=False)
class UnrolledGraph:
    """A recurrent layer whose neurons are the layers L1, L2, ... of an auto-encoder; a Model.

    The dynamics are the network's own: a forward, skip or intra-layer edge is nothing else than a synapse, and a feedback edge acts one
    step later, as every recurrent synapse does. `layers`: index tensors, every neuron exactly once; `mass`: [source, target], sum of
    |weight| from each layer to each layer.
    """

    net: RecurrentNet
    site: str
    layers: tuple[Tensor, ...]
    mass: Float[Tensor, "source target"]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"L{k + 1}" for k in range(len(self.layers)))

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(len(layer) for layer in self.layers)

    @property
    def shares(self) -> EdgeShares:
        share = self.mass / self.mass.sum()
        return EdgeShares(
            forward=float(share.diagonal(1).sum()),
            skip=float(share.triu(2).sum()),
            intra=float(share.diagonal().sum()),
            feedback=float(share.tril(-1).sum()),
        )

    def block(self, source: str, target: str) -> Float[Tensor, "post pre"]:
        """The weights from one layer to another, for example `block("L1", "L3")`; with the network's gradient."""
        post, pre = (self.layers[self._place(name)] for name in (target, source))
        return self.net.recurrent_weight[post][:, pre]

    def states(self, x: Tensor) -> Iterator[dict[str, Tensor]]:
        """After each step of the network: the whole layer under its own site name, then its slices L1, L2, ..., [sample, neurons]."""
        neurons = sum(self.sizes)
        for state in self.net.states(x):
            if self.site not in state:
                raise ValueError(_unknown("site", self.site, tuple(state)))
            whole = state[self.site]
            if whole.shape[1:] != (neurons,):
                raise ValueError(
                    f"site '{self.site}' should have one value for each of the {neurons} recurrent neurons, [sample, {neurons}]; "
                    f"got {list(whole.shape)}."
                )
            parts = {name: whole[:, layer.to(whole.device)] for name, layer in zip(self.names, self.layers, strict=True)}
            yield {self.site: whole, **parts}

    def _place(self, name: str) -> int:
        if name not in self.names:
            raise ValueError(_unknown("layer", name, self.names))
        return self.names.index(name)


def unroll_graph(
    net: object, layers: int = 5, bottleneck: float = 0.1, *, site: str = "hidden.spikes", sides: Sides = balanced
) -> UnrolledGraph:
    """A trained recurrent layer as an auto-encoder over its neurons; nothing is trained or changed, the same answer at every call.

    From the source: the graph of neurons and synapses, betweenness centrality, five layers with L3 as bottleneck, skip connections.
    Our choices: an edge is 1 / |weight| long; the most central `bottleneck` share of the neurons is the middle layer; encoders are the
    half that sends most to it net of what it receives (`sides=rtd.partition.signed`: all that send more than they receive, with
    layers of unequal width); the more central sit nearer to the middle; no edge is dropped (see `UnrolledGraph.shares`).

    `net` has `recurrent_weight` [post, pre] and `states(x)`, whose `site` holds the recurrent neurons, [sample, neuron].
    Raises ValueError for another object, and for weights, layers or a bottleneck that `rtd.partition.partition` refuses.
    """
    checked = _recurrent(net)
    return _unrolled(checked, site, partition(checked.recurrent_weight, layers, bottleneck, sides=sides))


def random_partition(net: object, sizes: tuple[int, ...], *, site: str = "hidden.spikes", generator: torch.Generator) -> UnrolledGraph:
    """The control of `unroll_graph`: layers of the given sizes, the neurons drawn at random. Raises ValueError if sizes do not add up."""
    checked = _recurrent(net)
    neurons = len(checked.recurrent_weight)
    if sum(sizes) != neurons or min(sizes, default=0) < 1:
        raise ValueError(f"sizes must be positive and add up to the {neurons} neurons of the recurrent layer; got {tuple(sizes)}.")
    order = torch.randperm(neurons, generator=generator, device=generator.device).cpu()
    return _unrolled(checked, site, tuple(part.sort().values for part in order.split(list(sizes))))


def partition_stability(
    net: object,
    layers: int = 5,
    bottleneck: float = 0.1,
    *,
    noise: int | float = 0.05,
    sides: Sides = balanced,
    generator: torch.Generator,
) -> Stability:
    """How much of the partition survives when each weight is multiplied by exp(noise x standard normal): 1 and 1 is a firm partition.

    Raises ValueError for a negative noise, and for what `unroll_graph` refuses.
    """
    if not 0 <= noise < float("inf"):
        raise ValueError(f"noise is the relative standard deviation of the weights, 0 or more; got {noise:g}.")
    weight = _recurrent(net).recurrent_weight.detach().double().cpu()
    normal = torch.randn(weight.shape, generator=generator, dtype=torch.float64, device=generator.device).cpu()
    before = partition(weight, layers, bottleneck, sides=sides)
    after = partition(weight * (noise * normal).exp(), layers, bottleneck, sides=sides)
    kept = [int(torch.isin(old, new).sum()) for old, new in zip(before, after, strict=True)]
    middle = layers // 2
    return Stability(layers=sum(kept) / len(weight), bottleneck=kept[middle] / len(before[middle]))


def _unrolled(net: RecurrentNet, site: str, members: tuple[Tensor, ...]) -> UnrolledGraph:
    weight = net.recurrent_weight
    return UnrolledGraph(net, site, tuple(member.to(weight.device) for member in members), mass_between(weight, members))


def _recurrent(net: object) -> RecurrentNet:
    if not isinstance(net, RecurrentNet):
        raise ValueError(
            f"unroll_graph wants a network with .recurrent_weight [post, pre] and .states(x); got {type(net).__name__}. "
            "rsnn.RSNN has both; a torch cell can be unrolled in time with unroll_time."
        )
    return net


def _unknown(kind: str, name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, 1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"no {kind} '{name}' in this network; there are: {', '.join(known)}.{hint}"
