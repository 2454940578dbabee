"""Many weights counted in whole numbers of grains, against the same learning in float64."""

import numpy as np
import pytest
import torch

from rsnn import RSNN, Dense, Homeostasis, PairSTDP, Sparse, TripletSTDP, encode, fit_stdp
from rsnn.grains import grain_of
from rsnn.storage import plastic_synapses

NONE = Homeostasis(None, None)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(connectivity: Dense | Sparse) -> RSNN:
    return RSNN(5, 20, 3, connectivity=connectivity, input_scale=8.0, recurrent_scale=2.0, generator=seeded())


def stimulus() -> torch.Tensor:
    return encode.poisson(torch.rand(6, 5, generator=seeded(1)), 30, generator=seeded(1), rate_max=300)


@pytest.mark.parametrize("connectivity", [Dense(), Sparse(0.4)])
@pytest.mark.parametrize("homeostasis", [NONE, Homeostasis()])
def test_weights_counted_in_grains_end_where_numbers_do_and_those_that_did_not_move_to_the_last_bit(
    connectivity: Dense | Sparse, homeostasis: Homeostasis, monkeypatch: pytest.MonkeyPatch
) -> None:
    nets, histories = [], []
    for many in (2**40, 0):
        monkeypatch.setattr("rsnn.grains.MANY", many)
        nets.append(network(connectivity))
        # the last neuron neither fires nor is heard of
        nets[-1].input_weight.data[-1] = 0.0
        nets[-1].recurrent_weight.data[-1] = nets[-1].recurrent_weight.data[-1].abs() * 1e-6
        nets[-1].recurrent_weight.data[:, -1] *= 1e-6
        histories.append(fit_stdp(nets[-1], stimulus(), PairSTDP(0.02, 0.02), epochs=2, homeostasis=homeostasis, generator=seeded()))
    numbers, grains = (net.recurrent_weight.detach() for net in nets)
    assert histories[0].rate == histories[1].rate
    assert not torch.equal(numbers, grains)
    torch.testing.assert_close(numbers, grains, rtol=0, atol=1e-7)
    np.testing.assert_allclose(histories[0].weights, histories[1].weights, rtol=0, atol=1e-7)
    np.testing.assert_allclose(histories[0].moved, histories[1].moved, rtol=1e-5)
    if homeostasis is NONE:
        started = network(connectivity).recurrent_weight.detach()[:, -1] * 1e-6
        assert torch.equal(grains[:-1, -1], started[:-1])


@pytest.mark.parametrize("many", [0, 2**40])
@pytest.mark.parametrize(("low", "high", "at"), [(0.0, 0.3, 0.3), (-0.1, 1.0, -0.1), (0.002, 1.0, 0.002), (-1.0, 1e-3, 1e-3)])
@pytest.mark.parametrize("mu", [0.0, 0.5])
def test_weights_at_a_bound_that_float32_rounds_go_on_learning(
    many: int, low: float, high: float, at: float, mu: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rsnn.grains.MANY", many)
    net, rule = network(Dense()), PairSTDP(0.01, 0.05, w_min=low, w_max=high, mu_plus=mu, mu_minus=mu)
    net.recurrent_weight.data.fill_(at)
    assert float(net.recurrent_weight[0, 0].detach()) != at
    for _ in range(3):
        history = fit_stdp(net, stimulus(), rule, homeostasis=NONE, generator=seeded())
    assert np.isfinite(history.weights).all()
    assert history.moved[0] > 0
    assert low - 1e-7 <= history.weights[0][0] <= history.weights[0][-1] <= high + 1e-7


def test_what_only_triplets_move_is_not_rounded_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rsnn.grains.MANY", 0)
    mask, weight = torch.ones(3, 3, dtype=torch.bool), torch.rand(3, 3, generator=seeded())
    for rule, counted in ((TripletSTDP(0.0, 1e-4, 1e-10, 0.0), False), (TripletSTDP(0.0, 1e-4, 1e-3, 0.0), True)):
        window = rule.draw(9, generator=torch.Generator())
        assert (grain_of(weight, rule, window) < 1) == counted
        assert grain_of(weight.double(), rule, window) == 1
    # a bound that is no whole number of grains is the grain inside it
    rule = PairSTDP(w_min=0.002)
    plastic = plastic_synapses(weight * 0 + 0.5, mask, rule, None, dt=1.0, generator=torch.Generator())
    assert plastic.rule.w_min * plastic.synapses.grain >= 0.002
    assert plastic.rule.w_max == 2**31 - 1
