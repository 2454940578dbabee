import math

import pytest
import torch

from rsnn import RSNN, AdaptiveThreshold, Gamma, Homeostasis, Normalisation, PairSTDP, Sparse, SynapticScaling, encode, fit_stdp
from rsnn.homeostasis import adapt, normalise, scaled, threshold_constants

ONE = torch.ones(1, dtype=torch.float64)


def network(input_scale: float = 8.0, recurrent_scale: float = 2.0) -> RSNN:
    generator = torch.Generator().manual_seed(0)
    return RSNN(5, 20, 3, connectivity=Sparse(0.4), input_scale=input_scale, recurrent_scale=recurrent_scale, generator=generator)


def stimulus(samples: int = 6) -> torch.Tensor:
    values = torch.rand(samples, 5, generator=torch.Generator().manual_seed(1))
    return encode.poisson(values, 30, generator=torch.Generator().manual_seed(1), rate_max=300.0)


def test_normalised_weights_keep_their_ratios_and_sum_to_the_total() -> None:
    weight = torch.tensor([[0.0, 0.1, 0.3], [0.2, 0.0, 0.0]], dtype=torch.float64)
    mask = weight > 0
    scaled = normalise(weight, mask, torch.tensor([0.2, 0.5], dtype=torch.float64), w_min=0.0, w_max=1.0)
    assert torch.allclose(scaled, torch.tensor([[0.0, 0.05, 0.15], [0.5, 0.0, 0.0]], dtype=torch.float64))


def test_normalisation_leaves_the_bounds_and_neurons_without_weight_alone() -> None:
    weight = torch.tensor([[0.9, 0.3], [0.0, 0.0]], dtype=torch.float64)
    scaled = normalise(weight, torch.ones(2, 2, dtype=torch.bool), 2 * torch.ones(2, dtype=torch.float64), w_min=0.0, w_max=1.0)
    assert torch.allclose(scaled, torch.tensor([[1.0, 0.5], [0.0, 0.0]], dtype=torch.float64))


def test_a_neuron_at_the_target_rate_keeps_its_threshold() -> None:
    k, theta = threshold_constants(AdaptiveThreshold(increment=0.01, target=20.0), dt=1.0), 0 * ONE
    for t in range(1000):
        theta = adapt(theta, ONE * (t % 50 == 0), ONE, k)
    assert float(theta) == pytest.approx(0, abs=1e-12)


def test_a_silent_neuron_lowers_its_threshold_to_a_tenth_and_no_further() -> None:
    k, theta = threshold_constants(AdaptiveThreshold(increment=0.5, target=20.0), dt=1.0), 0 * ONE
    for _ in range(200):
        theta = adapt(theta, 0 * ONE, ONE, k)
    assert float(theta) == -0.9


def test_the_rule_of_diehl_and_cook_rises_with_each_spike_and_decays_between_them() -> None:
    k = threshold_constants(AdaptiveThreshold(increment=0.05, target=0.0, tau=100.0), dt=1.0)
    theta = adapt(0 * ONE, ONE, ONE, k)
    assert float(theta) == 0.05
    for _ in range(10):
        theta = adapt(theta, 0 * ONE, ONE, k)
    assert float(theta) == pytest.approx(0.05 * math.exp(-0.1))


def test_without_a_rule_the_offset_stays_as_it_is_even_below_the_floor() -> None:
    assert float(adapt(-3 * ONE, ONE, ONE, threshold_constants(None, dt=1.0))) == -3


def test_a_neuron_at_the_target_keeps_its_weights_one_below_gains_and_one_above_loses() -> None:
    rule = SynapticScaling(target=20.0, strength=0.5, tau=100.0)
    average = torch.full((3,), 2.0, dtype=torch.float64)
    after, factor = scaled(average, torch.tensor([2.0, 0.0, 6.0], dtype=torch.float64), rule, duration=100.0)
    renewed = 1 - math.exp(-1)
    assert torch.allclose(after, torch.tensor([2.0, 2 - 2 * renewed, 2 + 4 * renewed], dtype=torch.float64))
    assert torch.allclose(factor.log(), 0.5 * (1 - after / 2))
    assert float(factor[0]) == 1


def test_thresholds_may_adapt_differently_from_neuron_to_neuron() -> None:
    k = threshold_constants(AdaptiveThreshold(Gamma(0.1, 0.5), 0.0, Gamma(50.0, 0.5)), dt=1.0, units=500, generator=torch.Generator())
    assert float(k.rise.mean()) == pytest.approx(0.1, rel=0.1)
    assert float(k.rise.std()) == pytest.approx(0.05, rel=0.15)
    assert float(k.decay.std()) > 0


def test_diehl_and_cooks_threshold_only_rises() -> None:
    k = threshold_constants(AdaptiveThreshold.diehl_cook(), dt=0.5)
    assert float(k.fall) == 0
    assert float(k.rise) == pytest.approx(0.05 / 13)
    assert float(k.decay) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: SynapticScaling(target=0.0), r"SynapticScaling\(target=0.0\)"),
        (lambda: Homeostasis(scaling=SynapticScaling()), "normalisation undoes what scaling does"),
        (lambda: Normalisation(total=0.0), "the sum of weights must be positive"),
        (lambda: AdaptiveThreshold(increment=-1), r"AdaptiveThreshold\(increment=-1\)"),
        (lambda: AdaptiveThreshold(target=math.inf), r"AdaptiveThreshold\(target=inf\): it must be a finite number"),
        (lambda: AdaptiveThreshold(tau=0.0), "the time constant in ms must be positive"),
    ],
)
def test_impossible_homeostasis_is_refused_with_a_sentence(make: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


def test_normalisation_keeps_the_sum_of_the_weights_onto_each_neuron() -> None:
    net, x = network(), stimulus()
    before = net.recurrent_weight.detach().sum(1)
    fit_stdp(net, x, PairSTDP(w_max=100.0))
    assert torch.allclose(net.recurrent_weight.detach().sum(1), before, rtol=1e-5)


def test_the_adaptive_threshold_brings_a_reservoir_to_its_target_rate_and_without_it_stays_away() -> None:
    rates = {}
    for name, threshold in (("adaptive", AdaptiveThreshold(0.05, target=30.0)), ("fixed", None)):
        net = network(input_scale=25.0)
        rates[name] = fit_stdp(net, stimulus(60), PairSTDP(), epochs=10, homeostasis=Homeostasis(threshold=threshold)).rate[-1]
    assert rates["adaptive"] == pytest.approx(30, rel=0.1)
    assert rates["fixed"] > 60


def test_synaptic_scaling_brings_a_reservoir_towards_its_target_rate_and_without_it_stays_away() -> None:
    rates = {}
    for name, scaling in (("scaled", SynapticScaling(20.0, 0.3, 200.0)), ("fixed", None)):
        net = network(input_scale=4.0, recurrent_scale=8.0)
        homeostasis = Homeostasis(normalisation=None, threshold=None, scaling=scaling)
        rates[name] = fit_stdp(net, stimulus(60), PairSTDP(1e-4, 1e-4, w_max=9.0), epochs=6, homeostasis=homeostasis).rate[-1]
    assert abs(rates["scaled"] - 20) < 0.5 * abs(rates["fixed"] - 20)
