import math

import pytest
import torch

from rsnn import Constant, Gamma, LogNormal, Pairing, PairSTDP, Uniform
from rsnn.plasticity import Traces, Window, stdp_step

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
