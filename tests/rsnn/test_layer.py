import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from snntorch.surrogate import atan

from rsnn import ALIF, LIF, RSNN, Dense, Gamma, LogNormal, Reset, Sparse, Uniform, encode
from rsnn.events import events_of
from rsnn.layer import product_with
from rsnn.surrogate import FastSigmoid, Surrogate

SITES = ("hidden.spikes", "hidden.voltage", "hidden.current", "hidden.trace", "readout")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(seed: int, units: int, neuron: LIF | ALIF, connectivity: Sparse | Dense) -> RSNN:
    scale = 60.0 if neuron.tau_syn is None else 10.0
    return RSNN(5, units, 3, neuron=neuron, connectivity=connectivity, input_scale=scale, recurrent_scale=scale / 4, generator=seeded(seed))


def stimulus(samples: int, steps: int, seed: int, rate: float = 300) -> torch.Tensor:
    return encode.poisson(torch.rand(samples, 5, generator=seeded(seed)), steps, generator=seeded(seed), rate_max=rate)


NEURONS = [
    LIF(),
    LIF(Gamma(20, 0.5), LogNormal(8, 0.5), Uniform(1, 0.3), refractory=2.0),
    LIF(tau_syn=None, refractory=Gamma(2, 0.5), reset=Reset.ZERO),
    LIF(Gamma(10, 0.6), 5.0, reset=Reset.ZERO),
    ALIF(Gamma(20, 0.5), 8.0, refractory=2.0, tau_adaptation=Gamma(30, 0.5), beta=Gamma(0.3, 0.5)),
    ALIF(15.0, 5.0, reset=Reset.ZERO, tau_adaptation=10.0, beta=0.2),
]


def straight_through(distance: torch.Tensor) -> torch.Tensor:
    """A step whose gradient is 1, which automatic differentiation gives as one number for all."""
    return (distance > 0).to(distance.dtype) - distance.detach() + distance


LEARNABLE = ("tau_mem", "tau_syn", "threshold", "tau_adaptation", "beta")


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
    seed: int, units: int, samples: int, steps: int, neuron: LIF | ALIF, connectivity: Sparse | Dense
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
@pytest.mark.parametrize("surrogate", [FastSigmoid(10.0), atan(2.0), straight_through])
@pytest.mark.parametrize("rate", [300, 40])  # values and events
def test_the_gradient_written_by_hand_is_that_of_automatic_differentiation(neuron: LIF | ALIF, surrogate: Surrogate, rate: int) -> None:
    net, x = network(3, 20, neuron, Sparse(0.4)), stimulus(6, 25, 1, rate)
    net.surrogate = surrogate
    assert (events_of(x) is None) == (rate == 300)
    with torch.no_grad():
        net.input_weight.mul_(1 if rate == 300 else 20)
    weighting = torch.randn(25, 6, 20, generator=seeded(), dtype=torch.float64)
    by_hand, spikes = [], net.spikes(x)
    assert spikes.sum() > 40
    (spikes * weighting).sum().backward()
    for p in (net.input_weight, net.recurrent_weight):
        by_hand.append(p.grad.clone())
        p.grad = None
    stepwise = torch.stack([s.spikes for s in net.run(x)])
    assert torch.equal(spikes, stepwise)
    (stepwise * weighting).sum().backward()
    for p, g in zip((net.input_weight, net.recurrent_weight), by_hand, strict=True):
        assert float((p.grad - g).abs().max() / p.grad.abs().max()) < 1e-5


@pytest.mark.parametrize("neuron", [n for n in NEURONS if n.tau_syn is not None])
def test_time_constants_thresholds_and_adaptation_have_the_gradient_of_automatic_differentiation(neuron: LIF | ALIF) -> None:
    net, x = network(3, 20, neuron, Sparse(0.4)), stimulus(6, 25, 1)
    weighting = torch.randn(25, 6, 20, generator=seeded(), dtype=torch.float64)
    wanted = [getattr(net, name).requires_grad_() for name in LEARNABLE]
    by_hand = torch.autograd.grad((net.spikes(x) * weighting).sum(), wanted)
    by_torch = torch.autograd.grad((net.spikes_stepwise(x) * weighting).sum(), wanted, materialize_grads=True)
    for found, expected in zip(by_hand, by_torch, strict=True):
        assert float((found - expected).abs().max()) <= 1e-5 * float(expected.abs().max())


def test_a_gradient_that_is_local_stops_where_a_spike_reaches_other_neurons() -> None:
    for neuron in NEURONS:
        net, x = network(3, 20, neuron, Sparse(0.4)), stimulus(6, 25, 1)
        weighting = torch.randn(25, 6, 20, generator=seeded(), dtype=torch.float64)
        weights = (net.input_weight, net.recurrent_weight)
        whole, local, stepwise = (
            torch.autograd.grad((spikes * weighting).sum(), weights)
            for spikes in (net.spikes(x), net.spikes(x, local=True), net.spikes_stepwise(x, local=True))
        )
        for everything, found, expected in zip(whole, local, stepwise, strict=True):
            assert float((found - expected).abs().max() / expected.abs().max()) < 1e-5
            assert float((everything - expected).abs().max() / expected.abs().max()) > 1e-2


def smooth(distance: torch.Tensor) -> torch.Tensor:
    """In place of the step: a function whose differences are its gradient."""
    return torch.sigmoid(4 * distance)


@pytest.mark.parametrize("reset", Reset)
def test_the_gradient_of_every_learnable_parameter_is_that_of_central_differences(reset: Reset) -> None:
    neuron = ALIF(Gamma(15, 0.3), Gamma(8, 0.3), Uniform(1, 0.2), reset=reset, tau_adaptation=Gamma(20, 0.3), beta=Gamma(0.3, 0.3))
    net = RSNN(4, 5, 2, neuron=neuron, connectivity=Dense(), input_scale=6.0, tau_readout=Gamma(15, 0.3), surrogate=smooth)
    net.double()
    x = stimulus(2, 12, 1)[:, :, :4].double()
    weighting = torch.randn(2, 2, generator=seeded(), dtype=torch.float64)

    def loss() -> torch.Tensor:
        return (net.logits(net.spikes_stepwise(x)) * weighting).sum()

    for name in (*LEARNABLE, "tau_readout"):
        values = getattr(net, name).requires_grad_()
        (grad,) = torch.autograd.grad(loss(), values)
        values.requires_grad_(False)
        for i in range(len(values)):
            middle, h = float(values[i]), 1e-5 * float(values[i])
            ends = []
            for side in (1, -1):
                values[i] = middle + side * h
                ends.append(float(loss().detach()))
            values[i] = middle
            assert float(grad[i]) == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-5, abs=1e-9)


def test_the_logits_have_the_gradient_of_the_readout_averaged_over_time() -> None:
    net, x = network(3, 20, LIF(), Sparse(0.4)), stimulus(6, 25, 1)
    logits, stepwise = net(x).double(), torch.stack([s.readout for s in net.run(x)]).mean(0)
    assert torch.allclose(logits, stepwise, rtol=1e-6, atol=1e-6)
    grads = [torch.autograd.grad(v.square().sum(), list(net.parameters())) for v in (logits, stepwise)]
    for a, b in zip(*grads, strict=True):
        assert float((a - b).abs().max() / b.abs().max()) < 1e-5


@pytest.mark.parametrize("tau_readout", [20.0, Uniform(20.0, 0.4)])
@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize("neuron", NEURONS[1:5])
def test_what_training_asks_at_once_is_the_logits_of_the_spikes_and_their_number(
    neuron: LIF | ALIF, local: bool, tau_readout: object
) -> None:
    net = RSNN(
        5,
        20,
        3,
        neuron=neuron,
        connectivity=Sparse(0.4),
        input_scale=20.0,
        recurrent_scale=9.0,
        tau_readout=tau_readout,
        generator=seeded(2),
    )
    x, net.tau_mem.requires_grad = stimulus(6, 25, 1), True
    spikes = net.spikes(x, local=local)
    logits, often = net.logits_and_counts(x, local=local)
    assert often.any()
    assert torch.equal(often, spikes.detach().sum((0, 1)))
    assert torch.allclose(logits, net.logits(spikes), rtol=1e-12, atol=1e-12)
    wanted = [*net.parameters(), net.tau_mem]
    for a, b in zip(*(torch.autograd.grad(v.square().sum(), wanted) for v in (logits, net.logits(spikes))), strict=True):
        assert b.any()
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-9 * float(b.abs().max()))


def test_layers_without_recurrent_weight_know_nothing_of_each_other() -> None:
    net, x = network(3, 20, LIF(), Sparse(0.4)), stimulus(2, 25, 1)
    with torch.no_grad():
        net.recurrent_weight.zero_()
    spikes = net.spikes(x)
    (grad,) = torch.autograd.grad(spikes[..., 4].sum(), net.input_weight)
    assert grad[4].any()
    assert not grad[torch.arange(20) != 4].any()


@pytest.mark.parametrize("worth", [0, 2**60])
@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(1, 1, 1), (5, 17, 17), (64, 130, 130)])
def test_rows_times_a_weight_are_the_matrix_product_whoever_multiplies(
    worth: int, rows: int, inputs: int, outputs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rsnn.layer.WORTH_REORDERING", worth)
    weight, x = torch.randn(outputs, inputs, generator=seeded()), torch.randn(3, rows, inputs, generator=seeded())
    times = product_with(weight, rows)
    for one in x:
        exact = one.double() @ weight.double().t()
        torch.testing.assert_close(times(one).double(), exact, rtol=0, atol=1e-6 * inputs)
