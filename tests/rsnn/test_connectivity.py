import pytest
import torch

from rsnn import LIF, RSNN, Dale, Dense, Gamma, PairSTDP, Sparse, WinnerTakeAll, encode, fit_bptt, fit_stdp


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stimulus(samples: int = 8) -> torch.Tensor:
    return encode.poisson(torch.rand(samples, 5, generator=seeded()), 30, rate_max=300, generator=seeded())


def test_a_network_that_keeps_dales_law_excites_by_the_first_neurons_and_inhibits_by_the_others_in_balance() -> None:
    net = RSNN(5, 40, 2, connectivity=Dense(), dale=Dale(), recurrent_scale=2.0, generator=seeded())
    weight = net.recurrent_weight.detach()
    assert net.sign.tolist() == [1.0] * 32 + [-1.0] * 8
    assert bool((weight[:, :32] >= 0).all())
    assert bool((weight[:, 32:] <= 0).all())
    assert float(weight.sum(1).mean()) == pytest.approx(0, abs=0.15)
    free = RSNN(5, 40, 2, connectivity=Dense(), recurrent_scale=2.0, generator=seeded())
    assert torch.allclose(torch.where(net.sign > 0, weight, weight / -4), free.recurrent_weight)


def test_surrogate_gradients_keep_dales_law_and_without_it_weights_change_their_sign() -> None:
    y = torch.arange(8) % 2
    crossed = {}
    for dale in (Dale(), None):
        net = RSNN(5, 20, 2, connectivity=Dense(), dale=dale, input_scale=8.0, recurrent_scale=0.2, generator=seeded())
        before = net.recurrent_weight.detach().clone()
        fit_bptt(net, stimulus(), y, epochs=5, learning_rate=1e-2, generator=seeded())
        crossed[dale is None] = int((net.recurrent_weight.detach() * before < 0).sum())
    assert crossed[False] == 0
    assert crossed[True] > 0


def test_stdp_changes_what_excitatory_neurons_send_and_nothing_that_inhibitory_ones_do() -> None:
    net = RSNN(5, 20, 2, connectivity=Sparse(0.5), dale=Dale(), input_scale=10.0, recurrent_scale=2.0, generator=seeded())
    before = net.recurrent_weight.detach().clone()
    fit_stdp(net, stimulus(), PairSTDP(), generator=seeded())
    moved = (net.recurrent_weight.detach() - before).abs()
    assert moved[:, :16].sum() > 0
    assert not moved[:, 16:].any()


def test_the_strongest_driven_neuron_silences_the_others_and_without_inhibition_it_does_not() -> None:
    drive = torch.tensor([1.0, 0.9, 0.8, 0.7])
    fired = {}
    for strength in (50.0, 0.0):
        net = RSNN(1, 4, 2, neuron=LIF(20.0, None), connectivity=WinnerTakeAll(strength))
        with torch.no_grad():
            net.input_weight.copy_(3 * drive[:, None])
        fired[strength] = net.spikes(torch.ones(1, 100, 1)).detach().sum((0, 1)).tolist()
    assert fired[50.0][0] > 5
    assert fired[50.0][1:] == [0, 0, 0]
    assert min(fired[0.0]) > 3


def test_the_strength_of_inhibition_may_differ_from_synapse_to_synapse_and_stays_through_stdp() -> None:
    net = RSNN(5, 10, 2, connectivity=WinnerTakeAll(Gamma(2.0, 0.5)), excitatory_input=True, input_scale=10.0, generator=seeded())
    before = net.recurrent_weight.detach().clone()
    off = before[net.recurrent_mask]
    assert off.numel() == 90
    assert float(off.max()) < 0
    assert float(off.std()) == pytest.approx(1.0, rel=0.3)
    fit_stdp(net, stimulus(), None, input_rule=PairSTDP(w_max=20.0), generator=seeded())
    assert torch.equal(net.recurrent_weight, before)


def test_excitatory_input_is_positive_and_sums_to_its_scale() -> None:
    net = RSNN(200, 30, 2, excitatory_input=True, input_scale=7.0, generator=seeded())
    weight = net.input_weight.detach()
    assert float(weight.min()) >= 0
    assert float(weight.sum(1).mean()) == pytest.approx(7.0, rel=0.05)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Dale(excitatory=0.0), "the share of excitatory neurons"),
        (lambda: Dale(inhibition=-1.0), "Dale\\(inhibition=-1.0\\)"),
        (lambda: WinnerTakeAll(-1.0), "WinnerTakeAll\\(strength=-1.0\\)"),
        (lambda: RSNN(2, 3, 2, connectivity=WinnerTakeAll(), dale=Dale()), "where every neuron inhibits there is no share"),
        (lambda: fit_stdp(RSNN(5, 4, 2), stimulus(), None), "nothing would learn"),
        (lambda: fit_stdp(RSNN(5, 4, 2, connectivity=WinnerTakeAll()), stimulus(), PairSTDP()), "no synapses that could learn"),
    ],
)
def test_impossible_populations_are_refused_with_a_sentence(make: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()
