import re
from itertools import pairwise

import pytest
import torch

from rtd.partition import balanced, betweenness, layer_sizes, mass_between, partition, signed


def edges(neurons: int, *pairs: tuple[int, int]) -> torch.Tensor:
    """Weights [post, pre] with a 1 for each pair (from, to)."""
    weight = torch.zeros(neurons, neurons)
    for source, target in pairs:
        weight[target, source] = 1.0
    return weight


def reservoir(neurons: int = 60, density: float = 0.2, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(neurons, neurons, generator=generator, dtype=torch.float64)
    return weight * (torch.rand(neurons, neurons, generator=generator) < density)


def chain() -> torch.Tensor:
    """3 -> 3 -> 2 -> 3 -> 3 neurons, each layer to all of the next one and nowhere else."""
    layers = [range(3), range(3, 6), range(6, 8), range(8, 11), range(11, 14)]
    return edges(14, *[(j, i) for a, b in pairwise(layers) for j in a for i in b])


def lists(layers: tuple[torch.Tensor, ...]) -> list[list[int]]:
    return [layer.tolist() for layer in layers]


def test_betweenness_of_a_path_counts_the_pairs_that_pass() -> None:
    assert betweenness(edges(5, (0, 1), (1, 2), (2, 3), (3, 4))).tolist() == [0, 3, 4, 3, 0]


def test_a_strong_detour_is_shorter_than_a_weak_edge() -> None:
    weight = edges(3, (0, 1), (1, 2), (0, 2))
    assert betweenness(weight).tolist() == [0, 0, 0]
    weight[2, 0] = -0.4
    assert betweenness(weight).tolist() == [0, 1, 0]


def test_autapses_change_no_centrality() -> None:
    weight = reservoir()
    assert torch.equal(betweenness(weight), betweenness(weight + 5 * torch.eye(len(weight))))


def test_a_thousand_neurons_make_layers_of_225_225_100_225_225() -> None:
    assert layer_sizes(1000) == (225, 225, 100, 225, 225)


@pytest.mark.parametrize("neurons", [5, 6, 17, 100, 101, 999])
@pytest.mark.parametrize("layers", [3, 5])
def test_sizes_are_mirrored_and_add_up(neurons: int, layers: int) -> None:
    sizes = layer_sizes(neurons, layers)
    assert sum(sizes) == neurons
    assert sizes == sizes[::-1]
    assert min(sizes) >= 1


@pytest.mark.parametrize("layers", [3, 5, 7])
def test_every_neuron_has_exactly_one_layer(layers: int) -> None:
    parts = partition(reservoir(), layers)
    assert sorted(torch.cat(parts).tolist()) == list(range(60))
    assert tuple(len(part) for part in parts) == layer_sizes(60, layers)


@pytest.mark.parametrize("sides", [balanced, signed])
def test_a_feed_forward_chain_is_recovered_without_feedback(sides) -> None:
    parts = partition(chain(), bottleneck=0.15, sides=sides)
    assert lists(parts) == [[0, 1, 2], [3, 4, 5], [6, 7], [8, 9, 10], [11, 12, 13]]
    mass = mass_between(chain(), parts)
    assert mass.diagonal(1).tolist() == [9, 6, 6, 9]
    assert mass.sum() == 30


def test_an_hourglass_of_three_layers_is_recovered() -> None:
    weight = edges(9, *[(j, 4) for j in range(4)], *[(4, i) for i in range(5, 9)])
    assert lists(partition(weight, 3)) == [[0, 1, 2, 3], [4], [5, 6, 7, 8]]


def test_signed_sides_follow_the_weights_where_balanced_sides_follow_the_count() -> None:
    weight = edges(7, *[(j, 2) for j in range(2)], *[(2, i) for i in range(3, 7)])
    assert lists(partition(weight, 3, sides=signed)) == [[0, 1], [2], [3, 4, 5, 6]]
    assert [len(part) for part in partition(weight, 3)] == [3, 1, 3]


def test_reversed_edges_swap_encoder_and_decoder() -> None:
    forth, back = partition(reservoir()), partition(reservoir().T)
    assert lists(back) == lists(forth[::-1])


def test_a_permutation_of_the_neurons_permutes_the_layers() -> None:
    weight = reservoir()
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    permuted = partition(weight[order][:, order])
    assert [order[part].sort().values.tolist() for part in permuted] == lists(partition(weight))


def test_signs_and_scale_of_the_weights_do_not_matter() -> None:
    weight = reservoir()
    assert lists(partition(-4 * weight)) == lists(partition(weight.abs())) == lists(partition(weight))


def test_other_weights_make_other_layers() -> None:
    assert lists(partition(reservoir(seed=1))) != lists(partition(reservoir(seed=2)))


def test_equal_neurons_are_sorted_by_index() -> None:
    ring = edges(10, *[(k, (k + 1) % 10) for k in range(10)])
    parts = partition(ring, 3)
    assert parts[1].tolist() == [0, 1]


def test_the_mass_is_that_of_the_edges() -> None:
    weight = reservoir()
    parts = partition(weight)
    mass = mass_between(weight, parts)
    assert mass[1, 3] == pytest.approx(float(weight[parts[3]][:, parts[1]].abs().sum()))
    assert mass.sum() == pytest.approx(float(weight.abs().sum()))


@pytest.mark.parametrize(
    ("layers", "bottleneck", "sentence"),
    [
        (4, 0.1, "an odd number of layers, at least 3 (a bottleneck between two sides); got layers=4"),
        (1, 0.1, "got layers=1"),
        (5, 0.0, "between 0 and 1; got 0"),
        (5, 1.0, "between 0 and 1; got 1"),
        (5, float("nan"), "between 0 and 1; got nan"),
        (5, 0.9, "60 neurons with a bottleneck of 54 leave 3 on each side, and 9 layers want at least 4"),
    ],
)
def test_impossible_layers_are_refused(layers: int, bottleneck: float, sentence: str) -> None:
    layers = 9 if bottleneck == 0.9 else layers
    with pytest.raises(ValueError, match=re.escape(sentence)):
        partition(reservoir(), layers, bottleneck)


@pytest.mark.parametrize(
    ("weight", "sentence"),
    [
        (torch.ones(3, 4), "a square matrix [post, pre]; got [3, 4]"),
        (torch.full((6, 6), float("nan")), "must be finite; 36 of 36 are not"),
        (torch.eye(6), "no edges between neurons"),
        (torch.ones(4, 4), "4 neurons with a bottleneck of 2 leave 1 on each side"),
    ],
)
def test_impossible_weights_are_refused(weight: torch.Tensor, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        partition(weight)


def test_a_side_with_too_few_neurons_is_refused() -> None:
    star = edges(7, *[(j, 6) for j in range(6)])
    with pytest.raises(ValueError, match="0 of the 6 neurons around the bottleneck decode, and 3 layers want at least 1"):
        partition(star, 3, sides=signed)
