import pytest
import torch

from rsnn import ALIF, LIF, RSNN, Feedback, Gamma, Reset, Sparse, encode, eprop_gradient, fit_eprop

NEURONS = [
    LIF(Gamma(20, 0.5), 8.0, refractory=2.0),
    LIF(15.0, None, reset=Reset.ZERO),
    ALIF(Gamma(20, 0.5), 8.0, refractory=2.0, tau_adaptation=Gamma(30, 0.5), beta=Gamma(0.3, 0.5)),
    ALIF(15.0, 5.0, reset=Reset.ZERO, tau_adaptation=10.0, beta=0.2),
]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(neuron: LIF | ALIF) -> RSNN:
    scale = 60.0 if neuron.tau_syn is None else 10.0
    return RSNN(5, 12, 3, neuron=neuron, connectivity=Sparse(0.4), input_scale=scale, recurrent_scale=scale / 4, generator=seeded(3))


def stimulus() -> torch.Tensor:
    return encode.poisson(torch.rand(3, 5, generator=seeded()), 25, generator=seeded(), rate_max=300)


@pytest.mark.parametrize("neuron", NEURONS)
def test_traces_that_run_forward_sum_to_the_gradient_that_stops_between_neurons(neuron: LIF | ALIF) -> None:
    net, x = network(neuron), stimulus()
    signal = torch.randn(25, 3, 12, generator=seeded(), dtype=torch.float64)
    spikes = net.spikes(x, local=True)
    assert spikes.sum() > 30
    on_the_way_back = torch.autograd.grad((spikes * signal).sum(), (net.input_weight, net.recurrent_weight))
    for found, expected in zip(eprop_gradient(net, x, signal), on_the_way_back, strict=True):
        assert float((found - expected).abs().max() / expected.abs().max()) < 1e-5


@pytest.mark.parametrize("neuron", NEURONS)
def test_without_recurrent_weight_it_is_the_gradient_through_time_and_with_it_it_is_not(neuron: LIF | ALIF) -> None:
    net, x = network(neuron), stimulus()
    signal = torch.randn(25, 3, 12, generator=seeded(), dtype=torch.float64)
    apart = []
    for weight in (1.0, 0.0):
        with torch.no_grad():
            net.recurrent_weight *= weight
        through_time = torch.autograd.grad((net.spikes(x) * signal).sum(), net.input_weight)[0]
        apart.append(float((eprop_gradient(net, x, signal)[0] - through_time).abs().max() / through_time.abs().max()))
    assert apart[0] > 1e-2
    assert apart[1] < 1e-5


@pytest.mark.parametrize("feedback", Feedback)
def test_training_by_eprop_solves_a_simple_problem(feedback: Feedback) -> None:
    y = torch.arange(40) % 2
    values = torch.where(torch.tensor([[True, True, False, False]]) == (y[:, None] == 0), 0.8, 0.2)
    x = encode.poisson(values, 20, generator=seeded(), rate_max=300)
    net = RSNN(4, 20, 2, connectivity=Sparse(0.3), input_scale=8.0, generator=seeded())
    history = fit_eprop(net, x, y, epochs=12, batch=8, learning_rate=1e-2, feedback=feedback, generator=seeded())
    assert history.loss[-1] < 0.4 * history.loss[0]
    assert history.accuracy[-1] > 0.9
