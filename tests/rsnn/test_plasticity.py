import math
from collections.abc import Callable

import pytest
import torch

from rsnn import Constant, Gamma, LogNormal, Pairing, PairSTDP, TripletSTDP, Uniform
from rsnn.plasticity import Traces, TripletTraces, Window, stdp_step, triplet_step

A_PLUS, A_MINUS, TAU_PLUS, TAU_MINUS = 0.013, 0.007, 17.0, 31.0


def window(shape: tuple[int, ...] = (1, 1)) -> Window:
    return Window(*(torch.full(shape, v, dtype=torch.float64) for v in (A_PLUS, A_MINUS, TAU_PLUS, TAU_MINUS)))


def change(
    pre: list[int], post: list[int], *, steps: int, dt: float = 1.0, start: float = 0.5, pairing: Pairing = Pairing.ALL_TO_ALL
) -> float:
    """How much the weight of one synapse moves when both neurons fire at the given steps."""
    rule = PairSTDP(A_PLUS, A_MINUS, TAU_PLUS, TAU_MINUS, pairing=pairing)
    weight = torch.full((1, 1), start, dtype=torch.float64)
    traces = Traces(torch.zeros_like(weight), torch.zeros_like(weight))
    for t in range(steps):
        fired = [torch.tensor([float(t in train)], dtype=torch.float64) for train in (pre, post)]
        weight, traces = stdp_step(weight, *fired, traces, window(), rule, dt=dt)
    return float(weight) - start


@pytest.mark.parametrize("dt", [1.0, 0.5])
def test_a_pair_of_spikes_moves_the_weight_by_the_window_and_one_in_the_same_step_does_not(dt: float) -> None:
    lags = torch.arange(-40, 41)
    weight = torch.full((len(lags), 1), 0.5, dtype=torch.float64)
    traces = Traces(torch.zeros_like(weight), torch.zeros_like(weight))
    rule = PairSTDP(A_PLUS, A_MINUS, TAU_PLUS, TAU_MINUS)
    for t in range(100):
        pre, post = torch.tensor([t == 50]).double(), (50 + lags == t).double()
        weight, traces = stdp_step(weight, pre, post, traces, window(weight.shape), rule, dt=dt)
    expected = torch.where(lags > 0, A_PLUS * torch.exp(-lags * dt / TAU_PLUS), -A_MINUS * torch.exp(lags * dt / TAU_MINUS))
    expected[lags == 0] = 0
    assert torch.allclose(weight[:, 0] - 0.5, expected.double(), rtol=0, atol=1e-9)


def test_all_pairs_add_up_and_with_nearest_pairing_only_the_last_spike_before_counts() -> None:
    early, late = A_PLUS * math.exp(-8 / TAU_PLUS), A_PLUS * math.exp(-3 / TAU_PLUS)
    assert change([2, 7], [10], steps=20) == pytest.approx(early + late, abs=1e-14)
    assert change([2, 7], [10], steps=20, pairing=Pairing.NEAREST) == pytest.approx(late, abs=1e-14)
    early, late = -A_MINUS * math.exp(-8 / TAU_MINUS), -A_MINUS * math.exp(-3 / TAU_MINUS)
    assert change([10], [2, 7], steps=20) == pytest.approx(early + late, abs=1e-14)
    assert change([10], [2, 7], steps=20, pairing=Pairing.NEAREST) == pytest.approx(late, abs=1e-14)


def test_a_weight_stops_at_its_bounds() -> None:
    assert change([5], [6], steps=10, start=1 - 1e-4) == pytest.approx(1e-4, abs=1e-12)
    assert change([6], [5], steps=10, start=1e-4) == pytest.approx(-1e-4, abs=1e-12)


@pytest.mark.parametrize("family", [Gamma, LogNormal, Uniform])
def test_windows_without_spread_are_the_plain_rule_bit_for_bit(family: type) -> None:
    plain = PairSTDP(A_PLUS, A_MINUS, TAU_PLUS, TAU_MINUS).draw(30, generator=torch.Generator().manual_seed(1))
    zero = PairSTDP(*(family(v, 0) for v in (A_PLUS, A_MINUS, TAU_PLUS, TAU_MINUS))).draw(30, generator=torch.Generator().manual_seed(1))
    spread = PairSTDP(family(A_PLUS, 0.3), *(family(v, 0) for v in (A_MINUS, TAU_PLUS, TAU_MINUS))).draw(
        30, generator=torch.Generator().manual_seed(1)
    )
    assert all(torch.equal(a, b) for a, b in zip(plain, zero, strict=True))
    assert len(spread.a_plus.unique()) == 30
    assert all(torch.equal(a, b) for a, b in zip(plain[1:], spread[1:], strict=True))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"tau_plus": 0.0}, r"PairSTDP\(tau_plus=0.0\): it must be a finite number above 0"),
        ({"tau_minus": -1}, "tau_minus=-1"),
        ({"a_plus": math.nan}, r"PairSTDP\(a_plus=nan\): it must be a finite number"),
        ({"w_min": 1.0, "w_max": 1.0}, "the bounds must be finite and w_min below w_max"),
    ],
)
def test_an_impossible_rule_is_refused_with_a_sentence(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        PairSTDP(**arguments)


def test_a_constant_amplitude_must_be_finite_too() -> None:
    with pytest.raises(ValueError, match="must be a finite number"):
        PairSTDP(a_minus=Constant(math.inf))


def test_a_pairing_in_words_is_refused_with_a_sentence() -> None:
    rule = PairSTDP()
    object.__setattr__(rule, "pairing", "nearest")  # the type checks of the test run would refuse it in the constructor
    with pytest.raises(ValueError, match=r"it must be Pairing\.ALL_TO_ALL or Pairing\.NEAREST"):
        rule.__post_init__()


def test_soft_bounds_slow_a_weight_down_by_its_distance_from_them() -> None:
    def moved(pre: int, post: int, start: float, mu: float) -> float:
        rule = PairSTDP(0.1, 0.1, 20.0, 20.0, mu_plus=mu, mu_minus=mu)
        weight, traces = torch.tensor([[start]]).double(), Traces(torch.zeros(1, 1).double(), torch.zeros(1, 1).double())
        window = Window(*(torch.full((1, 1), v, dtype=torch.float64) for v in (0.1, 0.1, 20.0, 20.0)))
        for t in range(10):
            fired = [torch.tensor([float(t == when)], dtype=torch.float64) for when in (pre, post)]
            weight, traces = stdp_step(weight, *fired, traces, window, rule, dt=1.0)
        return float(weight) - float(torch.tensor(start))

    size = 0.1 * math.exp(-4 / 20)
    for mu in (0.0, 0.3, 1.0):
        assert moved(2, 6, 0.25, mu) == pytest.approx(size * 0.75**mu, rel=1e-9)
        assert moved(6, 2, 0.25, mu) == pytest.approx(-size * 0.25**mu, rel=1e-9)
    assert moved(2, 6, 1.0, 1.0) == 0


def test_a_symmetric_window_strengthens_whoever_fired_first() -> None:
    for family in (0.1, Gamma(0.1, 0.0)):
        rule = PairSTDP.symmetric(family, 15.0)
        drawn = rule.draw(3, generator=torch.Generator())
        assert drawn.a_minus.tolist() == [-0.1] * 3
        assert drawn.tau_plus.tolist() == drawn.tau_minus.tolist() == [15.0] * 3
    spread = PairSTDP.symmetric(Gamma(0.1, 0.5), 15.0).draw(50, generator=torch.Generator().manual_seed(0))
    assert float(spread.a_minus.max()) < 0 < float(spread.a_plus.min())


def triplets(rule: TripletSTDP, pre: list[int], post: list[int], steps: int) -> float:
    """How much a weight moves in `steps` ms, by the steps of the rule."""
    weight, traces = torch.full((1, 1), 50.0, dtype=torch.float64), TripletTraces(*(torch.zeros(1, dtype=torch.float64) for _ in range(4)))
    for t in range(steps):
        fired = [torch.tensor([float(t in train)], dtype=torch.float64) for train in (pre, post)]
        weight, traces = triplet_step(weight, *fired, traces, rule, dt=1.0)
    return float(weight) - 50


def triplets_by_sums(rule: TripletSTDP, pre: list[int], post: list[int]) -> float:
    """The same as sums over pairs and triplets of spike times."""

    def past(train: list[int], t: int, tau: float) -> float:
        return sum(math.exp(-(t - s) / tau) for s in train if s < t)

    up = sum(past(pre, t, rule.tau_plus) * (rule.a2_plus + rule.a3_plus * past(post, t, rule.tau_y)) for t in post)
    down = sum(past(post, t, rule.tau_minus) * (rule.a2_minus + rule.a3_minus * past(pre, t, rule.tau_x)) for t in pre)
    return up - down


@pytest.mark.parametrize("rule", [TripletSTDP.visual_cortex(w_max=100), TripletSTDP.hippocampus(w_max=100)])
def test_the_triplet_rule_is_a_sum_over_pairs_and_triplets_of_spikes(rule: TripletSTDP) -> None:
    pre, post = [3, 9, 10, 40, 77], [4, 9, 30, 31, 60, 90]
    assert triplets(rule, pre, post, 100) == pytest.approx(triplets_by_sums(rule, pre, post), abs=1e-12)


def test_pairs_strengthen_at_high_rates_only_and_in_either_order_as_in_the_visual_cortex() -> None:
    rule = TripletSTDP.visual_cortex(w_max=100)

    def after_60_pairs(rate: float, lag: int) -> float:
        starts = [100 + round(k * 1000 / rate) for k in range(60)]
        return triplets_by_sums(rule, starts, [t + lag for t in starts])

    assert abs(after_60_pairs(0.1, 10)) < 0.01
    assert after_60_pairs(0.1, -10) == pytest.approx(-60 * 7e-3 * math.exp(-10 / 33.7), rel=0.01)
    assert after_60_pairs(50, 10) > 0.3
    assert after_60_pairs(50, -10) > 0.1
    assert after_60_pairs(20, 10) < after_60_pairs(40, 10) < after_60_pairs(50, 10)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: PairSTDP(mu_plus=-1.0), r"PairSTDP\(mu_plus=-1.0\): it must be a finite number at least 0"),
        (lambda: TripletSTDP(0.1, 0.1, -0.1, 0.1), r"TripletSTDP\(a3_plus=-0.1\)"),
        (lambda: TripletSTDP(0.1, 0.1, 0.1, 0.1, tau_x=0.0), r"TripletSTDP\(tau_x=0.0\): it must be a finite number above 0"),
        (lambda: TripletSTDP.hippocampus(w_min=2.0), "the bounds must be finite and w_min below w_max"),
    ],
)
def test_impossible_exponents_and_triplets_are_refused_with_a_sentence(make: Callable, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()
