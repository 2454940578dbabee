from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from rsnn import Gamma, Normalisation, Pairing, PairSTDP, TripletSTDP
from rsnn import storage as layout
from rsnn.lanes import COUNT
from rsnn.plasticity import LearningRule, Traces, TripletTraces, Window, stdp_step, triplet_step
from rsnn.replay import BLOCK, TILE
from rsnn.replay_full import RECENT
from rsnn.rows import end_sample, learn_step, multiply, settle, sums
from rsnn.storage import matrix_of, plastic_synapses


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def trains(samples: int, steps: int, neurons: int, share: float, seed: int) -> Tensor:
    return (torch.rand(samples, steps, neurons, generator=seeded(seed)) < share).double()


@contextmanager
def kept_short(short: bool) -> Iterator[None]:
    """Few weights are counted in grains too, and few windows float32, in a network of float32; or many are not."""
    with pytest.MonkeyPatch.context() as patch:
        for place in ("rsnn.grains.MANY", "rsnn.storage.MANY_WINDOWS"):
            patch.setattr(place, 0 if short else 2**40)
        yield


def step_by_step(weight: Tensor, mask: Tensor, rule: LearningRule, pre: Tensor, post: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Weights after all samples, and what the rows sent on in each step, by the dense rules."""
    return (triplets_by_step if isinstance(rule, TripletSTDP) else pairs_by_step)(weight, mask, rule, pre, post, seed)


def triplets_by_step(weight: Tensor, mask: Tensor, rule: TripletSTDP, pre: Tensor, post: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    sent = []
    for pres, posts in zip(pre, post, strict=True):
        traces = TripletTraces(*(torch.zeros(mask.shape[side], dtype=torch.float64) for side in (1, 1, 0, 0)))
        for here, there in zip(pres, posts, strict=True):
            weight, traces = triplet_step(weight, here, there, traces, rule, dt=1.0)
            weight = weight * mask
            sent.append(weight @ here)
    return weight, torch.stack(sent)


def pairs_by_step(weight: Tensor, mask: Tensor, rule: PairSTDP, pre: Tensor, post: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    window = Window(*(torch.ones(mask.shape, dtype=torch.float64) for _ in range(4)))
    for full, drawn in zip(window, rule.draw(int(mask.sum()), generator=seeded(seed)), strict=True):
        full[mask] = drawn
    sent = []
    for pres, posts in zip(pre, post, strict=True):
        traces = Traces(torch.zeros_like(weight), torch.zeros_like(weight))
        for here, there in zip(pres, posts, strict=True):
            weight, traces = stdp_step(weight, here, there, traces, window, rule, dt=1.0)
            weight = weight * mask
            sent.append(weight @ here)
    return weight, torch.stack(sent)


def by_rows(weight: Tensor, mask: Tensor, rule: PairSTDP, pre: Tensor, post: Tensor, seed: int) -> tuple[np.ndarray, np.ndarray]:
    plastic = plastic_synapses(weight, mask, rule, None, dt=1.0, generator=seeded(seed))
    sent = []
    for pres, posts in zip(pre, post, strict=True):
        for here, there in zip(pres, posts, strict=True):
            out = np.zeros(len(weight))
            fired = [np.flatnonzero(v.numpy()) for v in (here, there)]
            learn_step(*plastic[:4], fired[0], len(fired[0]), fired[1], len(fired[1]), out)
            sent.append(out)
        end_sample(plastic.past)
    settle(*plastic[:4])
    return matrix_of(plastic.synapses, mask, weight), np.array(sent)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 12)) | st.integers(2, 35).map(lambda n: (n, n)),
    samples=st.integers(1, 3),
    steps=st.integers(1, 40),
    share=st.sampled_from([0.02, 0.2, 0.9]),
    density=st.sampled_from([0.4, 1.0]),
    amplitude=st.sampled_from([0.01, 0.4, -0.2]),
    weakening=st.sampled_from([0.2, 0.2, -0.1]),
    cv=st.sampled_from([0.0, 0.6]),
    tau=st.sampled_from([1e-3, 0.5, 17.0, 300.0]),
    pairing=st.sampled_from(Pairing),
    mu=st.sampled_from([(0.0, 0.0), (0.0, 1.0), (0.5, 0.0), (0.5, 0.3)]),
    single=st.booleans(),
)
# clocks that are set back every seven steps, and every step
@example(1, (3, 4), 3, 40, 0.2, 1.0, 0.4, 0.2, 0.0, 0.5, Pairing.ALL_TO_ALL, (0.0, 0.0), False)
@example(1, (3, 4), 2, 40, 0.2, 1.0, 0.4, 0.2, 0.0, 1e-3, Pairing.NEAREST, (0.0, 0.0), False)
def test_rows_visited_when_their_neuron_fires_learn_and_send_what_the_dense_rule_does(
    seed: int,
    shape: tuple[int, int],
    samples: int,
    steps: int,
    share: float,
    density: float,
    amplitude: float,
    weakening: float,
    cv: float,
    tau: float,
    pairing: Pairing,
    mu: tuple[float, float],
    single: bool,
) -> None:
    rule = PairSTDP(
        amplitude if amplitude < 0 else Gamma(amplitude, cv),
        weakening if weakening < 0 else Gamma(weakening, cv),
        Gamma(tau, cv),
        Gamma(11.0, cv),
        w_min=-0.1,
        pairing=pairing,
        mu_plus=mu[0],
        mu_minus=mu[1],
    )
    mask = torch.rand(shape, generator=seeded(seed)) < density
    # squares with and without what a neuron sends to itself
    if shape[0] == shape[1] and seed % 2:
        mask.fill_diagonal_(False)
    if not mask.any():
        return
    # of float32: whole grains where all share a window, else windows and traces of float32
    weight = torch.rand(shape, generator=seeded(seed), dtype=torch.float32 if single else torch.float64) * mask
    pre, post = trains(samples, steps, shape[1], share, seed), trains(samples, steps, shape[0], share, seed + 1)
    expected, expected_sent = step_by_step(weight.double(), mask, rule, pre, post, seed)
    with kept_short(single):
        found, sent = by_rows(weight, mask, rule, pre, post, seed)
    shared = cv == 0 and mu == (0.0, 0.0)
    within = (1e-7 if shared else 2e-6) if single else 1e-8
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=within)
    np.testing.assert_allclose(sent, expected_sent.numpy(), rtol=0, atol=10 * within)


@pytest.mark.parametrize("shape", [(600, 5), (700, 4)])
@pytest.mark.parametrize("density", [0.6, 1.0])
@pytest.mark.parametrize("mu", [0.0, 0.5])
@pytest.mark.parametrize("single", [False, True])
def test_long_rows_and_many_spikes_are_gone_through_in_parts(shape: tuple[int, int], density: float, mu: float, single: bool) -> None:
    rule = PairSTDP(Gamma(0.004, 0.6), Gamma(0.004, 0.6), Gamma(9.0, 0.6), Gamma(11.0, 0.6), mu_plus=mu, mu_minus=mu)
    mask = torch.rand(shape, generator=seeded()) < density
    mask[:, 1] = density == 1.0
    weight = torch.rand(shape, generator=seeded(), dtype=torch.float32 if single else torch.float64) * mask
    pre, post = trains(2, 12, shape[1], 0.2, 1), trains(2, 12, shape[0], 0.6, 2)
    expected, expected_sent = step_by_step(weight.double(), mask, rule, pre, post, 0)
    with kept_short(single):
        found, sent = by_rows(weight, mask, rule, pre, post, 0)
    # neurons far apart in a row, and more spikes between two visits than are looked at together
    assert float(post[0].sum()) > 6 * BLOCK
    assert int(mask.sum(0).max()) > TILE
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-6 if single else 1e-10)
    np.testing.assert_allclose(sent, expected_sent.numpy(), rtol=0, atol=1e-5 if single else 1e-9)


@pytest.mark.parametrize("pairing", Pairing)
@pytest.mark.parametrize("units", [COUNT - 3, 2 * COUNT, 2 * COUNT + 5])
@pytest.mark.parametrize("single", [False, True])
def test_full_rows_hear_of_more_spikes_than_are_kept_as_recent(pairing: Pairing, units: int, single: bool) -> None:
    rule = PairSTDP(Gamma(0.004, 0.6), Gamma(0.004, 0.6), Gamma(30.0, 0.6), Gamma(40.0, 0.6), pairing=pairing)
    mask = torch.ones(units, 3, dtype=torch.bool)
    weight = torch.rand(units, 3, generator=seeded(), dtype=torch.float32 if single else torch.float64)
    # rows that are visited once in thirty steps, of neurons half of which fire in most of them, and half hardly ever
    pre, post = trains(3, 90, 3, 0.03, 1), trains(3, 90, units, 0.7, 2) * (torch.arange(units) % 2 == 0)
    post += trains(3, 90, units, 0.02, 3) * (post == 0)
    assert float(pre[1].sum()) > 0
    assert float(post[1].sum(0).max()) > 3 * RECENT
    expected, expected_sent = step_by_step(weight.double(), mask, rule, pre, post, 0)
    with kept_short(single):
        found, sent = by_rows(weight, mask, rule, pre, post, 0)
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-6 if single else 1e-12)
    np.testing.assert_allclose(sent, expected_sent.numpy(), rtol=0, atol=3e-6 if single else 3e-12)


@pytest.mark.parametrize("pairing", Pairing)
@pytest.mark.parametrize("share", [0.05, 0.5])
@pytest.mark.parametrize("density", [0.5, 1.0])
@pytest.mark.parametrize("grains", [False, True])
def test_rows_learn_triplets_as_the_dense_rule_does(pairing: Pairing, share: float, density: float, grains: bool) -> None:
    rule = TripletSTDP(0.05, 0.1, 0.06, 0.02, tau_x=50.0, tau_y=70.0, pairing=pairing)
    mask = torch.rand(7, 9, generator=seeded()) < density
    weight = torch.rand(7, 9, generator=seeded(), dtype=torch.float32 if grains else torch.float64) * mask
    pre, post = trains(3, 120, 9, share, 1), trains(3, 120, 7, share, 2)
    with kept_short(grains):
        rows = by_rows(weight, mask, rule, pre, post, 0)
    for found, expected in zip(rows, step_by_step(weight.double(), mask, rule, pre, post, 0), strict=True):
        np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-6 if grains else 1e-7)


@pytest.mark.parametrize("cv", [0.0, 0.5])
def test_a_clock_that_is_set_back_often_changes_nothing(cv: float, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = PairSTDP(Gamma(0.1, cv), Gamma(0.1, cv), Gamma(20.0, cv), Gamma(20.0, cv))
    mask, weight = torch.ones(8, 8, dtype=torch.bool).fill_diagonal_(False), torch.rand(8, 8, generator=seeded(), dtype=torch.float64)
    spikes = trains(4, 50, 8, 0.1, 1)
    whole = by_rows(weight * mask, mask, rule, spikes, spikes, 2)
    monkeypatch.setattr(layout, "LONGEST_CLOCK", 7)
    monkeypatch.setattr(layout, "FEW_EVENTS", 7)
    often = by_rows(weight * mask, mask, rule, spikes, spikes, 2)
    # the longest clock weighs its first spikes a million times as much as its last
    np.testing.assert_allclose(whole[0], often[0], rtol=0, atol=2e-11)
    np.testing.assert_allclose(whole[1], often[1], rtol=0, atol=2e-11)


@pytest.mark.parametrize("grains", [False, True])
def test_scaling_gives_the_sums_that_were_asked_for_within_the_bounds(grains: bool) -> None:
    mask = torch.ones(4, 4, dtype=torch.bool).fill_diagonal_(False)
    weight = torch.rand(4, 4, generator=seeded(), dtype=torch.float32 if grains else torch.float64) * mask
    with kept_short(grains):
        plastic = plastic_synapses(weight, mask, PairSTDP(), Normalisation(0.5), dt=1.0, generator=seeded())
    grain = plastic.synapses.grain
    assert (plastic.synapses.weight.dtype == np.int32) == (grain < 1) == grains
    multiply(plastic.synapses, 0.0, 1.0 / grain, plastic.total / sums(plastic.synapses, 4))
    assert np.allclose(matrix_of(plastic.synapses, mask, weight).sum(1), 0.5)
    multiply(plastic.synapses, 0.0, 0.01 / grain, plastic.total / sums(plastic.synapses, 4))
    assert matrix_of(plastic.synapses, mask, weight).max() == pytest.approx(0.01, abs=1e-9 if grains else 0)
