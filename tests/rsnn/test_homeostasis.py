import math

import pytest
import torch

from rsnn import AdaptiveThreshold, Gamma, Homeostasis, Normalisation, SynapticScaling
from rsnn.homeostasis import adapt, normalise, scaled, threshold_constants

ONE = torch.ones(1, dtype=torch.float64)


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
