"""The neurons of a recurrent layer as layers of an auto-encoder, by betweenness centrality and the direction of the weights."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

Sides = Callable[[Float[Tensor, "neuron level"]], Bool[Tensor, " neuron"]]


def betweenness(weight: Float[Tensor, "post pre"]) -> Float[Tensor, " neuron"]:
    """Weighted, directed betweenness centrality (Brandes 2001), float64 on the CPU, not normalised.

    An edge runs from j to i where `weight[i, j]` is not 0, and is 1 / |weight| long: strong synapses are short. Autapses are no paths.
    One thread, so the same bits at every call. O(neurons x edges).
    """
    # Importing networkit takes seconds, and most who import rtd do not unroll a graph.
    import networkit

    mass = weight.detach().abs().double().cpu().clone()
    mass.fill_diagonal_(0)
    post, pre = (np.ascontiguousarray(index) for index in np.nonzero(mass.numpy()))
    length = np.ascontiguousarray(1 / mass.numpy()[post, pre])
    graph = networkit.GraphFromCoo((length, (pre, post)), n=len(mass), weighted=True, directed=True)
    threads = networkit.getMaxNumberOfThreads()
    networkit.setNumberOfThreads(1)
    try:
        scores = networkit.centrality.Betweenness(graph).run().scores()
    finally:
        networkit.setNumberOfThreads(threads)
    return torch.tensor(scores, dtype=torch.float64)


def layer_sizes(neurons: int, layers: int = 5, bottleneck: float = 0.1) -> tuple[int, ...]:
    """Neurons in each layer, the same read from either end: 225, 225, 100, 225, 225 of 1,000.

    The bottleneck is the share asked for, one neuron more where the two sides would not come out even; inside a side the outer layers
    take what is left over. Raises ValueError for an even number of layers, less than 3, a share outside (0, 1) or too few neurons.
    """
    if layers < 3 or layers % 2 == 0:
        raise ValueError(f"an auto-encoder has an odd number of layers, at least 3 (a bottleneck between two sides); got layers={layers}.")
    if not 0 < bottleneck < 1:
        raise ValueError(f"bottleneck is the share of the neurons in the middle layer, between 0 and 1; got {bottleneck:g}.")
    depth = layers // 2
    middle = max(1, round(bottleneck * neurons))
    middle += (neurons - middle) % 2
    side = (neurons - middle) // 2
    if side < depth:
        raise ValueError(
            f"{neurons} neurons with a bottleneck of {middle} leave {side} on each side, and {layers} layers want at least {depth}: "
            "take fewer layers or a smaller bottleneck."
        )
    outer_first = tuple(side // depth + (k < side % depth) for k in range(depth))
    return (*outer_first, middle, *outer_first[::-1])


def balanced(flow: Float[Tensor, "neuron level"]) -> Bool[Tensor, " neuron"]:
    """True for the half of the neurons that sends most to the bottleneck, net of what it receives; earlier levels decide, ties by index.

    The default: layers are equally wide in every network, which a comparison of their topology needs.
    """
    order = np.lexsort((-flow.numpy()).T[::-1])
    encoder = torch.zeros(len(flow), dtype=torch.bool)
    encoder[torch.from_numpy(order[: len(flow) // 2].copy())] = True
    return encoder


def signed(flow: Float[Tensor, "neuron level"]) -> Bool[Tensor, " neuron"]:
    """True where the first level that is not 0 is positive: whoever sends more than it receives encodes, whatever the sizes that gives."""
    decided = flow.gather(1, (flow != 0).int().argmax(1, keepdim=True))
    return decided[:, 0] > 0


def partition(
    weight: Float[Tensor, "post pre"], layers: int = 5, bottleneck: float = 0.1, *, sides: Sides = balanced
) -> tuple[Tensor, ...]:
    """Neurons of each layer, L1 (encoder) to the last (decoder), as tuple of ascending index tensors; each neuron once.

    The most central neurons by `betweenness` are the middle layer. The rest encodes or decodes by what it sends to the middle layer
    minus what it receives from it (`sides`); inside a side the more central are nearer to the middle. Equal centralities: the larger
    sum of |weight| in and out, then the smaller index. Raises ValueError for what `layer_sizes` refuses, a matrix that is not square
    or not finite, no edges, and sides with too few neurons.
    """
    neurons = _checked(weight)
    sizes = layer_sizes(neurons, layers, bottleneck)
    depth = layers // 2
    mass = weight.detach().abs().double().cpu()
    strength = mass.sum(0) + mass.sum(1)
    rising = np.lexsort((-np.arange(neurons), _grid(strength).numpy(), _grid(betweenness(weight)).numpy()))
    place = torch.empty(neurons, dtype=torch.long)
    place[torch.from_numpy(rising)] = torch.arange(neurons)
    middle = place >= neurons - sizes[depth]
    rest = (~middle).nonzero()[:, 0]
    encoder = sides(_flow(mass, middle, depth)[rest])
    pieces = []
    for side, role in ((rest[encoder], "encode"), (rest[~encoder], "decode")):
        if len(side) < depth:
            raise ValueError(
                f"{len(side)} of the {len(rest)} neurons around the bottleneck {role}, and {layers} layers want at least {depth} on each "
                "side: take fewer layers, or sides=balanced."
            )
        outer_first = side[place[side].argsort()].tensor_split(depth)
        pieces.append([piece.sort().values for piece in outer_first])
    return (*pieces[0], middle.nonzero()[:, 0], *pieces[1][::-1])


def mass_between(weight: Float[Tensor, "post pre"], members: tuple[Tensor, ...]) -> Float[Tensor, "source target"]:
    """Sum of |weight| from each layer to each layer, float64 on the CPU: row i, column j is what layer i sends to layer j."""
    magnitude = weight.detach().abs().double().cpu()
    rows = torch.stack([magnitude[:, member.cpu()].sum(1) for member in members])
    return torch.stack([rows[:, member.cpu()].sum(1) for member in members], 1)


def _flow(mass: Tensor, middle: Tensor, depth: int) -> Tensor:
    """Sent to the bottleneck minus received from it, [neuron, level]: by one edge, by walks of two edges ..., last the whole out minus in.

    Only the first level has a meaning in a dense network; the others decide for neurons that do not touch the bottleneck.
    """
    to, since = middle.double(), middle.double()
    levels = []
    for _ in range(depth):
        to, since = to @ mass, mass @ since
        levels.append(_grid(to - since, (to + since).max()))
    levels.append(_grid(mass.sum(0) - mass.sum(1), (mass.sum(0) + mass.sum(1)).max()))
    return torch.stack(levels, 1)


def _grid(value: Tensor, scale: Tensor | None = None) -> Tensor:
    """`value` in steps of 2^-40 of the scale: sums that differ only by the order of their terms are ties."""
    scale = value.max() if scale is None else scale
    return value if scale == 0 else (value / scale * 2.0**40).round()


def _checked(weight: Tensor) -> int:
    if weight.ndim != 2 or weight.shape[0] != weight.shape[1]:
        raise ValueError(f"recurrent weights are a square matrix [post, pre]; got {list(weight.shape)}.")
    if bad := int((~weight.isfinite()).sum()):
        raise ValueError(f"recurrent weights must be finite; {bad} of {weight.numel()} are not.")
    if not bool((weight != 0).fill_diagonal_(False).any()):
        raise ValueError(
            "the recurrent layer has no edges between neurons (every weight off the diagonal is 0), so there is no graph to unroll."
        )
    return len(weight)
