import re
from collections.abc import Iterator

import pytest
import torch

from rtd.unroll import RecurrentNet, partition_stability, random_partition, unroll_graph


class Reservoir:
    """h <- tanh(W h + x), for four steps."""

    def __init__(self, weight: torch.Tensor) -> None:
        self.recurrent_weight = weight

    def states(self, x: torch.Tensor) -> Iterator[dict[str, torch.Tensor]]:
        h = torch.zeros_like(x)
        for _ in range(4):
            h = torch.tanh(h @ self.recurrent_weight.T + x)
            yield {"hidden.spikes": h, "readout": h.sum(1, keepdim=True)}


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def net(neurons: int = 50, density: float = 0.3) -> Reservoir:
    weight = torch.randn(neurons, neurons, generator=draw(), dtype=torch.float64)
    return Reservoir(weight * (torch.rand(neurons, neurons, generator=draw(1)) < density))


def test_states_are_the_trained_network_s_own_in_slices() -> None:
    x = torch.randn(7, 50, generator=draw(2), dtype=torch.float64)
    unrolled = unroll_graph(net())
    steps = list(unrolled.states(x))
    assert len(steps) == 4
    for ours, theirs in zip(steps, net().states(x), strict=True):
        assert list(ours) == ["hidden.spikes", "L1", "L2", "L3", "L4", "L5"]
        assert torch.equal(ours["hidden.spikes"], theirs["hidden.spikes"])
        for name, layer in zip(unrolled.names, unrolled.layers, strict=True):
            assert torch.equal(ours[name], theirs["hidden.spikes"][:, layer])


def test_the_blocks_are_the_whole_recurrence() -> None:
    unrolled = unroll_graph(net())
    weight = net().recurrent_weight
    rebuilt = torch.zeros_like(weight)
    for source, pre in zip(unrolled.names, unrolled.layers, strict=True):
        for target, post in zip(unrolled.names, unrolled.layers, strict=True):
            block = unrolled.block(source, target)
            rebuilt[post.unsqueeze(1), pre] = block
            assert block.abs().sum() == pytest.approx(float(unrolled.mass[int(source[1]) - 1, int(target[1]) - 1]))
    assert torch.equal(rebuilt, weight)


def test_shares_of_the_weight_mass_sum_to_one() -> None:
    shares = unroll_graph(net()).shares
    assert shares.forward + shares.skip + shares.intra + shares.feedback == pytest.approx(1, abs=1e-14)
    assert min(shares.forward, shares.skip, shares.intra, shares.feedback) > 0


def test_reversed_edges_turn_the_auto_encoder_round() -> None:
    forth, back = unroll_graph(net()), unroll_graph(Reservoir(net().recurrent_weight.T))
    assert torch.allclose(back.mass, forth.mass.T.flip(0, 1))
    assert back.shares.forward == pytest.approx(forth.shares.forward)


def test_the_partition_is_the_same_at_every_call_and_keeps_the_weights() -> None:
    subject = net()
    before = subject.recurrent_weight.clone()
    first, second = unroll_graph(subject), unroll_graph(subject)
    assert all(torch.equal(a, b) for a, b in zip(first.layers, second.layers, strict=True))
    assert torch.equal(first.mass, second.mass)
    assert torch.equal(subject.recurrent_weight, before)


def test_encoders_send_more_to_the_bottleneck_than_decoders() -> None:
    mass = unroll_graph(net()).mass
    assert mass[:2, 2].sum() > mass[2, :2].sum()
    assert mass[2, 3:].sum() > mass[3:, 2].sum()


def test_gradients_pass_through_states_and_blocks() -> None:
    subject = Reservoir(net().recurrent_weight.requires_grad_())
    unrolled = unroll_graph(subject)
    *_, last = unrolled.states(torch.ones(2, 50, dtype=torch.float64))
    (last["L3"].sum() + unrolled.block("L1", "L2").sum()).backward()
    assert subject.recurrent_weight.grad is not None
    assert subject.recurrent_weight.grad.abs().sum() > 0


def test_a_random_partition_has_the_sizes_and_covers_every_neuron() -> None:
    control = random_partition(net(), unroll_graph(net()).sizes, generator=draw())
    assert control.sizes == unroll_graph(net()).sizes
    assert sorted(torch.cat(control.layers).tolist()) == list(range(50))
    again = random_partition(net(), control.sizes, generator=draw())
    other = random_partition(net(), control.sizes, generator=draw(1))
    assert all(torch.equal(a, b) for a, b in zip(control.layers, again.layers, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(control.layers, other.layers, strict=True))


def test_without_noise_every_neuron_stays_and_noise_moves_some() -> None:
    still = partition_stability(net(), noise=0.0, generator=draw())
    assert (still.layers, still.bottleneck) == (1.0, 1.0)
    moved = partition_stability(net(), noise=0.05, generator=draw())
    assert 0.4 < moved.layers < 1


def test_a_network_need_not_know_rtd_to_be_unrolled() -> None:
    assert isinstance(net(), RecurrentNet)


def test_another_object_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("wants a network with .recurrent_weight [post, pre] and .states(x); got RNN.")):
        unroll_graph(torch.nn.RNN(3, 4))


def test_an_unknown_site_is_refused_with_the_nearest() -> None:
    unrolled = unroll_graph(net(), site="hidden.spike")
    with pytest.raises(
        ValueError,
        match=re.escape("no site 'hidden.spike' in this network; there are: hidden.spikes, readout. Did you"),
    ):
        next(unrolled.states(torch.ones(2, 50, dtype=torch.float64)))


def test_a_site_of_another_width_is_refused() -> None:
    unrolled = unroll_graph(net(), site="readout")
    with pytest.raises(ValueError, match=re.escape("each of the 50 recurrent neurons, [sample, 50]; got [2, 1]")):
        next(unrolled.states(torch.ones(2, 50, dtype=torch.float64)))


def test_an_unknown_layer_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("no layer 'L6' in this network; there are: L1, L2, L3, L4, L5.")):
        unroll_graph(net()).block("L6", "L1")


@pytest.mark.parametrize("sizes", [(10, 10), (60, -10), ()])
def test_sizes_that_do_not_add_up_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be positive and add up to the 50 neurons"):
        random_partition(net(), sizes, generator=draw())


@pytest.mark.parametrize("noise", [-0.1, float("nan"), float("inf")])
def test_impossible_noise_is_refused(noise: float) -> None:
    with pytest.raises(ValueError, match="relative standard deviation of the weights, 0 or more"):
        partition_stability(net(), noise=noise, generator=draw())
