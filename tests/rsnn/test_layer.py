import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rsnn import LIF, RSNN, Dense, Gamma, LogNormal, Reset, Sparse, Uniform, encode

SITES = ("hidden.spikes", "hidden.voltage", "hidden.current", "hidden.trace", "readout")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(seed: int, units: int, neuron: LIF, connectivity: Sparse | Dense) -> RSNN:
    scale = 60.0 if neuron.tau_syn is None else 10.0
    return RSNN(5, units, 3, neuron=neuron, connectivity=connectivity, input_scale=scale, recurrent_scale=scale / 4, generator=seeded(seed))


def stimulus(samples: int, steps: int, seed: int) -> torch.Tensor:
    return encode.poisson(torch.rand(samples, 5, generator=seeded(seed)), steps, generator=seeded(seed), rate_max=300)


NEURONS = [
    LIF(),
    LIF(Gamma(20, 0.5), LogNormal(8, 0.5), Uniform(1, 0.3), refractory=2.0),
    LIF(tau_syn=None, refractory=Gamma(2, 0.5), reset=Reset.ZERO),
    LIF(Gamma(10, 0.6), 5.0, reset=Reset.ZERO),
]


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    units=st.integers(1, 25),
    samples=st.integers(1, 4),
    steps=st.integers(1, 25),
    neuron=st.sampled_from(NEURONS),
    connectivity=st.sampled_from([Sparse(0.3), Dense()]),
)
def test_the_compiled_layer_equals_the_steps(
    seed: int, units: int, samples: int, steps: int, neuron: LIF, connectivity: Sparse | Dense
) -> None:
    net, x = network(seed, units, neuron, connectivity), stimulus(samples, steps, seed)
    stepwise = list(net.states(x))
    with torch.no_grad():
        compiled = list(net.states(x))
    assert len(stepwise) == len(compiled) == steps
    for a, b in zip(stepwise, compiled, strict=True):
        assert torch.equal(a["hidden.spikes"], b["hidden.spikes"])
        assert all(torch.allclose(a[site], b[site], rtol=1e-6, atol=1e-6) for site in SITES)


@pytest.mark.parametrize("neuron", NEURONS)
def test_the_gradient_written_by_hand_is_that_of_automatic_differentiation(neuron: LIF) -> None:
    net, x = network(3, 20, neuron, Sparse(0.4)), stimulus(6, 25, 1)
    weighting = torch.randn(25, 6, 20, generator=seeded(), dtype=torch.float64)
    by_hand, spikes = [], net.spikes(x)
    assert spikes.sum() > 100
    (spikes * weighting).sum().backward()
    for p in (net.input_weight, net.recurrent_weight):
        by_hand.append(p.grad.clone())
        p.grad = None
    stepwise = torch.stack([s.spikes for s in net.run(x)])
    assert torch.equal(spikes, stepwise)
    (stepwise * weighting).sum().backward()
    for p, g in zip((net.input_weight, net.recurrent_weight), by_hand, strict=True):
        assert float((p.grad - g).abs().max() / p.grad.abs().max()) < 1e-5


def test_the_logits_have_the_gradient_of_the_readout_averaged_over_time() -> None:
    net, x = network(3, 20, LIF(), Sparse(0.4)), stimulus(6, 25, 1)
    logits, stepwise = net(x).double(), torch.stack([s.readout for s in net.run(x)]).mean(0)
    assert torch.allclose(logits, stepwise, rtol=1e-6, atol=1e-6)
    grads = [torch.autograd.grad(v.square().sum(), list(net.parameters())) for v in (logits, stepwise)]
    for a, b in zip(*grads, strict=True):
        assert float((a - b).abs().max() / b.abs().max()) < 1e-5


def test_layers_without_recurrent_weight_know_nothing_of_each_other() -> None:
    net, x = network(3, 20, LIF(), Sparse(0.4)), stimulus(2, 25, 1)
    with torch.no_grad():
        net.recurrent_weight.zero_()
    spikes = net.spikes(x)
    (grad,) = torch.autograd.grad(spikes[..., 4].sum(), net.input_weight)
    assert grad[4].any()
    assert not grad[torch.arange(20) != 4].any()
