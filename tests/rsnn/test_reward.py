import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rsnn import LIF, RSNN, Dale, Dense, Gamma, Pairing, PairSTDP, RewardSTDP, Sparse, WinnerTakeAll, encode, fit_reward
from rsnn.plasticity import Traces, Window
from rsnn.reward import Eligible, eligibility_step

WINDOW = PairSTDP(0.01, 0.01, w_max=20.0)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    steps=st.integers(1, 40),
    share=st.sampled_from([0.02, 0.2, 0.9]),
    cv=st.sampled_from([0.0, 0.6]),
    pairing=st.sampled_from(Pairing),
)
def test_the_eligibility_from_spike_to_spike_is_that_of_the_steps(
    seed: int, shape: tuple[int, int], steps: int, share: float, cv: float, pairing: Pairing
) -> None:
    rule = RewardSTDP(PairSTDP(Gamma(0.1, cv), Gamma(0.2, cv), Gamma(17, cv), Gamma(31, cv), pairing=pairing), Gamma(40, cv))
    mask = torch.ones(shape, dtype=torch.bool)
    eligible = Eligible.of(mask, rule, dt=0.5, generator=seeded(seed))
    pre, post = ((torch.rand(steps, n, generator=seeded(seed + n)) < share).double() for n in (shape[1], shape[0]))
    a_plus, a_minus, plus, minus, fade = (torch.from_numpy(v.copy()).view(shape) for v in eligible.constants)
    window = Window(a_plus, a_minus, 0.5 / plus, 0.5 / minus)
    expected, traces = torch.zeros(shape, dtype=torch.float64), Traces(torch.zeros_like(a_plus), torch.zeros_like(a_plus))
    for a, b in zip(pre, post, strict=True):
        expected, traces = eligibility_step(expected, a, b, traces, window, pairing, 0.5 / fade, dt=0.5)
    np.testing.assert_allclose(eligible.after(pre, post), expected.flatten().numpy(), rtol=1e-9, atol=1e-12)


def choice() -> tuple[RSNN, torch.Tensor, torch.Tensor]:
    """Two groups of inputs, of which one is active, and two neurons that are alike, of which the first that fires silences the other."""
    y = torch.arange(40) % 2
    values = torch.where(torch.arange(10)[None, :] // 5 == y[:, None], 0.9, 0.0)
    net = RSNN(10, 2, 2, neuron=LIF(10.0, None), connectivity=WinnerTakeAll(20.0), excitatory_input=True)
    with torch.no_grad():
        net.input_weight.mul_(0.5).add_(4.0)
    return net, encode.poisson(values, 60, rate_max=150, generator=seeded()), y


def test_whichever_choice_is_rewarded_is_the_one_that_comes_to_be_made() -> None:
    for wanted in (0, 1):
        net, x, y = choice()

        def reward(n: int, spikes: torch.Tensor, right: torch.Tensor = (y + wanted) % 2) -> float:
            counts = spikes.sum(0)
            return float(torch.sign(counts[right[n]] - counts[1 - right[n]]))

        rule = RewardSTDP(PairSTDP(0.01, 0.002, w_max=20.0), 50.0, learning_rate=10.0)
        history = fit_reward(net, x, None, reward, input_rule=rule, epochs=3, generator=seeded())
        assert history.reward[-1] > 0.9
        weight = net.input_weight.detach()
        assert 0 <= float(weight.min()) <= float(weight.max()) <= 20
        assert history.moved[-1] > 0
        assert history.rate[-1] > 0


def test_a_reward_that_is_always_the_same_changes_nothing_once_it_is_expected_and_without_expectation_it_does() -> None:
    moved = {}
    for baseline in (1.0, None):
        net, x, _ = choice()
        rule = RewardSTDP(WINDOW, baseline=baseline)
        moved[baseline] = fit_reward(net, x[:1], None, lambda n, spikes: 0.0 * n + 1.0, input_rule=rule, epochs=3).moved
    assert moved[1.0][0] == moved[1.0][2]
    assert moved[None][0] < moved[None][2]


def test_recurrent_synapses_learn_where_there_are_some_and_those_of_inhibitory_neurons_stay() -> None:
    net = RSNN(5, 10, 2, connectivity=Dense(), dale=Dale(), input_scale=12.0, recurrent_scale=2.0, generator=seeded())
    before = net.recurrent_weight.detach().clone()
    x = encode.poisson(torch.ones(5, 5), 30, rate_max=300, generator=seeded())
    fit_reward(net, x, RewardSTDP(WINDOW, Gamma(100.0, 0.5)), lambda n, spikes: float(spikes.sum()), generator=seeded())
    moved = (net.recurrent_weight.detach() - before).abs()
    assert moved[:, :8].sum() > 0
    assert not moved[:, 8:].any()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: RewardSTDP(PairSTDP(mu_plus=1.0)), "the window must be additive"),
        (lambda: RewardSTDP(baseline=0.0), "at least 1 sample"),
        (lambda: RewardSTDP(tau_eligibility=-1.0), r"RewardSTDP\(tau_eligibility=-1.0\)"),
        (lambda: fit_reward(*choice()[:2], None, lambda n, s: 1.0), "nothing would learn"),
        (lambda: fit_reward(*choice()[:2], RewardSTDP(), lambda n, s: 1.0), "no synapses that could learn"),
        (lambda: fit_reward(*choice()[:2], None, lambda n, s: 1.0, input_rule=RewardSTDP()), "outside the bounds"),
        (lambda: fit_reward(*choice()[:2], None, lambda n, s: np.nan, input_rule=RewardSTDP(WINDOW)), "the reward of sample .* is nan"),
        (lambda: fit_reward(*choice()[:2], None, lambda n, s: 1.0, input_rule=RewardSTDP(WINDOW), epochs=0), "at least one epoch"),
    ],
)
def test_what_cannot_be_rewarded_is_refused_with_a_sentence(make: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


def test_sparse_networks_keep_their_masks() -> None:
    net = RSNN(5, 10, 2, connectivity=Sparse(0.3), input_scale=12.0, generator=seeded())
    x = encode.poisson(torch.ones(3, 5), 30, rate_max=300, generator=seeded())
    fit_reward(net, x, RewardSTDP(WINDOW), lambda n, spikes: float(n), generator=seeded())
    assert not net.recurrent_weight[~net.recurrent_mask].any()
