import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rsnn import LIF, RSNN, Dense, Gamma, LogNormal, Reset, Sparse, Uniform, encode

SITES = {"hidden.spikes": 12, "hidden.voltage": 12, "hidden.current": 12, "hidden.trace": 12, "readout": 3}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(seed: int = 0, **changes: object) -> RSNN:
    settings = {"connectivity": Sparse(0.4), "input_scale": 8.0, "recurrent_scale": 2.0, **changes}
    return RSNN(5, 12, 3, generator=seeded(seed), **settings)


def stimulus(samples: int = 4, steps: int = 30, seed: int = 1) -> torch.Tensor:
    return encode.poisson(torch.rand(samples, 5, generator=seeded(seed)), steps, generator=seeded(seed), rate_max=300)


@torch.no_grad()
def record(net: RSNN, x: torch.Tensor) -> dict[str, torch.Tensor]:
    states = list(net.states(x))
    return {site: torch.stack([s[site] for s in states], 1) for site in states[0]}


def test_every_step_has_the_same_sites_and_the_network_fires() -> None:
    x = stimulus()
    states = list(network().states(x))
    assert len(states) == x.shape[1]
    assert all({site: v.shape[1] for site, v in s.items()} == SITES and all(v.shape[0] == 4 for v in s.values()) for s in states)
    assert record(network(), x)["hidden.spikes"].sum() > 20


@pytest.mark.parametrize(
    "neuron", [LIF(), LIF(tau_syn=None, refractory=2.0, reset=Reset.ZERO), LIF(Gamma(20, 0.6), LogNormal(10, 0.5), Uniform(1, 0.2))]
)
def test_a_sample_alone_gives_what_it_gives_among_others_bit_for_bit(neuron: LIF) -> None:
    net, x = network(neuron=neuron), stimulus(samples=9)
    together = record(net, x)
    for n in (0, 4, 8):
        alone = record(net, x[n : n + 1])
        assert all(torch.equal(alone[site][0], together[site][n]) for site in SITES)


def test_a_run_split_in_two_with_the_state_carried_over_equals_the_whole_run_and_without_it_does_not() -> None:
    net, x = network(neuron=LIF(refractory=3.0)), stimulus()
    with torch.no_grad():
        *_, end = net.run(x)
        *_, half = net.run(x[:, :13])
        *_, carried = net.run(x[:, 13:], half)
        *_, fresh = net.run(x[:, 13:])
    flat = [torch.cat([*s.neurons, *s[1:]], 1) for s in (end, carried, fresh)]
    assert torch.equal(flat[0], flat[1])
    assert not torch.equal(flat[0], flat[2])


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not() -> None:
    same = [network(3).state_dict() for _ in range(2)]
    assert all(torch.equal(same[0][name], same[1][name]) for name in same[0])
    assert not torch.equal(network(4).input_weight, same[0]["input_weight"])


def test_a_network_without_a_generator_is_the_same_every_time() -> None:
    first, again = RSNN(4, 6, 2), RSNN(4, 6, 2)
    assert torch.equal(first.recurrent_weight, again.recurrent_weight)


def test_one_thread_and_two_give_the_same_bytes() -> None:
    net, x, threads = network(), stimulus(samples=64), torch.get_num_threads()
    try:
        results = []
        for n in (1, 2):
            torch.set_num_threads(n)
            results.append(record(net, x))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(results[0][site], results[1][site]) for site in SITES)


@pytest.mark.parametrize("family", [Gamma, LogNormal, Uniform])
def test_neurons_without_spread_are_the_homogeneous_network_bit_for_bit(family: type) -> None:
    x = stimulus()
    plain = network(neuron=LIF(20.0, 10.0, 1.0, 2.0))
    zero = network(neuron=LIF(family(20.0, 0), family(10.0, 0), family(1.0, 0), family(2.0, 0)))
    spread = network(neuron=LIF(family(20.0, 0.4), family(10.0, 0), family(1.0, 0), family(2.0, 0)))
    assert all(torch.equal(a, zero.state_dict()[name]) for name, a in plain.state_dict().items())
    a, b, c = record(plain, x), record(zero, x), record(spread, x)
    assert all(torch.equal(a[site], b[site]) for site in SITES)
    assert not torch.equal(a["hidden.spikes"], c["hidden.spikes"])
    assert torch.equal(plain.recurrent_weight, spread.recurrent_weight)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(12)))
def test_renaming_the_neurons_renames_their_states(order: list[int]) -> None:
    net, renamed, x = network(neuron=LIF(Gamma(20, 0.5))), network(), stimulus(samples=2, steps=15)
    p = torch.tensor(order)
    original = net.state_dict()
    moved = {name: v[p] if len(v) == 12 else v for name, v in original.items()}
    for name in ("recurrent_weight", "recurrent_mask", "readout_weight"):
        moved[name] = moved[name][:, p]
    renamed.load_state_dict(moved)
    a, b = record(net, x), record(renamed, x)
    assert torch.equal(a["hidden.spikes"][:, :, p], b["hidden.spikes"])
    assert torch.allclose(a["hidden.voltage"][:, :, p], b["hidden.voltage"], atol=1e-6)
    assert torch.allclose(a["readout"], b["readout"], atol=1e-6)


def test_a_network_rebuilt_from_its_state_dict_behaves_the_same() -> None:
    net, other, x = network(0, neuron=LIF(Gamma(20, 0.5))), network(0, neuron=LIF(Gamma(20, 0.5))), stimulus()
    with torch.no_grad():
        net.recurrent_weight *= 1.5
        net.theta += 0.1
    before = record(other, x)
    other.load_state_dict(net.state_dict())
    a, b = record(net, x), record(other, x)
    assert all(torch.equal(a[site], b[site]) for site in SITES)
    assert not torch.equal(a["hidden.voltage"], before["hidden.voltage"])


def test_there_are_no_weights_outside_the_mask_and_no_self_connections() -> None:
    net = network(connectivity=Sparse(0.3), input_connectivity=Sparse(0.5))
    assert not net.recurrent_mask.diagonal().any()
    assert torch.equal(net.recurrent_weight != 0, net.recurrent_mask)
    assert torch.equal(net.input_weight != 0, net.input_mask)
    dense = network(connectivity=Dense())
    assert int(dense.recurrent_mask.sum()) == 12 * 11


def test_a_weight_outside_the_mask_has_no_effect_and_no_gradient() -> None:
    net, x = network(), stimulus()
    before = record(net, x)
    with torch.no_grad():
        net.recurrent_weight[~net.recurrent_mask] = 5.0
    assert torch.equal(record(net, x)["hidden.voltage"], before["hidden.voltage"])
    net(x).square().sum().backward()
    assert not net.recurrent_weight.grad[~net.recurrent_mask].any()
    assert net.recurrent_weight.grad[net.recurrent_mask].any()


def test_the_weights_onto_a_neuron_sum_to_the_recurrent_scale_on_average() -> None:
    net = RSNN(2, 300, 1, connectivity=Sparse(0.2), recurrent_scale=1.5, generator=seeded())
    assert float(net.recurrent_weight.detach().sum(1).mean()) == pytest.approx(1.5, rel=0.03)
    assert float(net.recurrent_weight.detach().min()) >= 0


def test_a_spike_moves_another_neuron_one_step_later() -> None:
    net = RSNN(1, 2, 1, neuron=LIF(tau_syn=None), connectivity=Dense(), generator=seeded())
    with torch.no_grad():
        net.input_weight[:] = torch.tensor([[30.0], [0.0]])
        net.recurrent_weight[:] = torch.tensor([[0.0, 0.0], [7.0, 0.0]])
    x = torch.zeros(1, 4, 1)
    x[0, 1] = 1
    states = record(net, x)
    assert states["hidden.spikes"][0, :, 0].tolist() == [0, 1, 0, 0]
    assert states["hidden.current"][0, :, 1].tolist() == [0, 0, 7, 0]


def test_theta_raises_the_threshold() -> None:
    net, x = network(), stimulus()
    few = record(net, x)["hidden.spikes"].sum()
    net.theta += 0.5
    assert record(net, x)["hidden.spikes"].sum() < few


def test_the_logits_are_the_readout_averaged_over_time() -> None:
    net, x = network(), stimulus()
    assert torch.allclose(net(x), record(net, x)["readout"].mean(1), atol=1e-6)


def test_one_neuron_and_one_step_and_boolean_input_are_enough() -> None:
    net = RSNN(1, 1, 1, input_scale=30.0, generator=seeded())
    assert record(net, torch.ones(1, 1, 1, dtype=torch.bool))["hidden.spikes"].shape == (1, 1, 1)


def test_long_input_is_worked_through_in_blocks_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = network(), stimulus()
    whole = record(net, x)
    monkeypatch.setattr("rsnn.network.DRIVE_BLOCK", 100)
    assert torch.equal(record(net, x)["hidden.voltage"], whole["hidden.voltage"])


FEW_AND_BAD = torch.zeros(4, 9, 5)
"""So few numbers are not 0 that the layer is given them as events."""
FEW_AND_BAD[1, 2, 3], FEW_AND_BAD[3, 4, 0] = 1.0, torch.nan


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        (torch.ones(4, 5), r"wants input \[sample, time, 5\], not an array of shape \(4, 5\)"),
        (torch.ones(4, 9, 6), r"not an array of shape \(4, 9, 6\)"),
        (torch.ones(0, 9, 5), "no samples or no time steps"),
        (torch.ones(4, 0, 5), "no samples or no time steps"),
        (torch.full((4, 9, 5), torch.nan), "NaN or infinite values, first in sample 0"),
        (torch.zeros(4, 9, 5).index_fill_(0, torch.tensor([2]), torch.inf), "NaN or infinite values, first in sample 2"),
        (FEW_AND_BAD, "NaN or infinite values, first in sample 3"),
        (torch.ones(4, 9, 5, dtype=torch.complex64), "wants real input"),
        (torch.ones(4, 9, 5, device="meta"), "the input is on meta, the network on cpu"),
    ],
)
def test_input_that_does_not_fit_is_refused_with_a_sentence(x: torch.Tensor, sentence: str) -> None:
    net = network()
    for run in (net, net.spikes, net.logits_and_counts, lambda x: next(net.states(x))):
        with pytest.raises(ValueError, match=sentence):
            run(x)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"units": 0}, r"RSNN\(units=0\): a network needs at least one"),
        ({"dt": 0.0}, r"RSNN\(dt=0.0\): it must be a positive"),
        ({"input_scale": -1.0}, "input_scale=-1.0"),
        ({"recurrent_scale": float("nan")}, "recurrent_scale=nan"),
    ],
)
def test_an_impossible_network_is_refused_with_a_sentence(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        RSNN(**{"inputs": 3, "units": 4, "outputs": 2, **arguments})


@pytest.mark.parametrize("density", [0.0, 1.1, float("nan")])
def test_an_impossible_density_is_refused_with_a_sentence(density: float) -> None:
    with pytest.raises(ValueError, match=r"the density must lie in \(0, 1\]"):
        Sparse(density)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("neuron='lif'", "RSNN(neuron='lif'): it must be a LIF"),
        ("connectivity=0.3", "RSNN(connectivity=0.3): it must be Sparse(density), such as Sparse(0.1), or Dense()."),
        ("input_connectivity=0.3", "RSNN(input_connectivity=0.3): it must be Sparse(density)"),
        ("neuron=20.0", "RSNN(neuron=20.0): it must be a LIF or ALIF, such as LIF(tau_mem=20.0)."),
    ],
)
def test_a_number_in_place_of_an_object_is_refused_with_a_sentence(argument: str, sentence: str) -> None:
    # in a process of its own: the type checks of the test run would speak first
    done = subprocess.run(
        [sys.executable, "-c", f"import rsnn; rsnn.RSNN(3, 4, 2, {argument})"], capture_output=True, text=True, check=False
    )
    assert f"ValueError: {sentence}" in done.stderr
