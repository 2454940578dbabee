import copy
import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from rsnn import (
    ALIF,
    LIF,
    RSNN,
    AdaptiveThreshold,
    Dale,
    Dense,
    Gamma,
    Homeostasis,
    Normalisation,
    Pairing,
    PairSTDP,
    Reset,
    Sparse,
    SynapticScaling,
    encode,
    fit_readout,
    fit_stdp,
)
from rsnn.events import in_order
from rsnn.heterogeneity import spawn
from rsnn.homeostasis import adapt, normalise, scaled, threshold_constants
from rsnn.layer import arrays
from rsnn.network import step
from rsnn.plasticity import Traces, Window, stdp_step
from rsnn.reservoir import learn
from rsnn.stdp_training import adaptation_of, plastic_mask, scaling_of, settled
from rsnn.storage import plastic_synapses, rows_of

NONE = Homeostasis(None, None)
BOTH, NO_DRIVE = np.array([True, True]), np.zeros((0, 1, 20))
HETEROGENEOUS = PairSTDP(Gamma(0.02, 0.5), Gamma(0.02, 0.5), Gamma(20, 0.5), Gamma(20, 0.5))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(seed: int = 0, units: int = 20, **changes: object) -> RSNN:
    settings = {"connectivity": Sparse(0.4), "input_scale": 8.0, "recurrent_scale": 2.0, **changes}
    return RSNN(5, units, 3, generator=seeded(seed), **settings)


def stimulus(samples: int = 6, steps: int = 30, seed: int = 1, rate: float = 300.0) -> torch.Tensor:
    return encode.poisson(torch.rand(samples, 5, generator=seeded(seed)), steps, generator=seeded(seed), rate_max=rate)


@dataclasses.dataclass
class Matrix:
    """A group of plastic synapses as a matrix, with all that it remembers."""

    weight: torch.Tensor
    mask: torch.Tensor
    window: Window
    rule: PairSTDP
    dt: float
    total: torch.Tensor

    @classmethod
    def of(cls, weight: torch.Tensor, mask: torch.Tensor, rule: PairSTDP, dt: float, normalisation: Normalisation | None, generator):
        window = Window(*(torch.ones(mask.shape, dtype=torch.float64) for _ in range(4)))
        for full, drawn in zip(window, rule.draw(int(mask.sum()), generator=generator), strict=True):
            full[mask] = drawn
        weight = weight.double() * mask
        total = weight.sum(1)
        if normalisation is not None and normalisation.total is not None:
            total = torch.full_like(total, normalisation.total)
        return cls(weight, mask, window, rule, dt, total)

    def rest(self) -> None:
        self.traces = Traces(torch.zeros_like(self.weight), torch.zeros_like(self.weight))

    def learn(self, pre: torch.Tensor, post: torch.Tensor) -> None:
        weight, self.traces = stdp_step(self.weight, pre, post, self.traces, self.window, self.rule, dt=self.dt)
        self.weight = weight * self.mask

    def normalise(self) -> None:
        self.weight = normalise(self.weight, self.mask, self.total, w_min=self.rule.w_min, w_max=self.rule.w_max)


@torch.no_grad()
def fit_step_by_step(
    net: RSNN, x: torch.Tensor, rule: PairSTDP, homeostasis: Homeostasis, generator: torch.Generator, input_rule: PairSTDP | None = None
) -> float:
    """`fit_stdp` as its definition has it: dense matrices, one step after the other. Returns the mean rate."""
    windows, orders, input_windows, thresholds = (spawn(generator) for _ in range(4))
    theta = net.theta.clone()
    plan = homeostasis.normalisation
    recurrent = Matrix.of(net.recurrent_weight, plastic_mask(net), rule, net.dt, plan, windows)
    fixed = net.recurrent_weight.double() * ~recurrent.mask
    duration = x.shape[1] * net.dt
    average = torch.full_like(theta, 0.0 if homeostasis.scaling is None else homeostasis.scaling.target * duration / 1000)
    afferent = Matrix.of(net.input_weight, net.input_mask, input_rule or rule, net.dt, plan, input_windows)
    count = 0.0
    adaptive = threshold_constants(homeostasis.threshold, dt=net.dt, units=net.units, generator=thresholds)
    for n in torch.randperm(len(x), generator=orders):
        state = net.rest(1)
        recurrent.rest()
        afferent.rest()
        spikes = torch.zeros_like(theta)
        for arrived in x[n].double():
            k = net.constants()
            k = k._replace(recurrent=(recurrent.weight + fixed).t(), neurons=k.neurons._replace(threshold=net.threshold + theta))
            state = step(arrived[None] @ afferent.weight.t(), state, k, net.surrogate)
            fired = state.spikes[0]
            theta = adapt(theta, fired, net.threshold, adaptive)
            recurrent.learn(fired, fired)
            if input_rule is not None:
                afferent.learn(arrived, fired)
            count += float(fired.sum())
            spikes += fired
        if homeostasis.scaling is not None:
            average, factor = scaled(average, spikes, homeostasis.scaling, duration=duration)
            recurrent.weight = recurrent.mask * (recurrent.weight * factor[:, None]).clamp(rule.w_min, rule.w_max)
            if input_rule is not None:
                afferent.weight = afferent.mask * (afferent.weight * factor[:, None]).clamp(input_rule.w_min, input_rule.w_max)
        if plan is not None:
            recurrent.normalise()
            if input_rule is not None:
                afferent.normalise()
    net.recurrent_weight.copy_(recurrent.weight + fixed)
    net.input_weight.copy_(afferent.weight)
    net.theta.copy_(theta)
    return count / (len(x) * x.shape[1] * net.dt / 1000 * net.units)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    units=st.integers(2, 25),
    samples=st.integers(1, 4),
    steps=st.integers(1, 25),
    dt=st.sampled_from([0.5, 1.0]),
    cv=st.sampled_from([0.0, 0.6]),
    amplitude=st.sampled_from([0.01, 0.3]),
    pairing=st.sampled_from(Pairing),
    reset=st.sampled_from(Reset),
    tau_syn=st.sampled_from([None, 5.0]),
    refractory=st.sampled_from([0.0, 2.0]),
    connectivity=st.sampled_from([Sparse(0.3), Dense()]),
    homeostasis=st.sampled_from(
        [
            NONE,
            Homeostasis(),
            Homeostasis(Normalisation(1.5), AdaptiveThreshold(0.05, 0.0, 1e4)),
            Homeostasis(None, AdaptiveThreshold(Gamma(0.02, 0.5), Gamma(20, 0.5), 1e3), SynapticScaling(30.0, 0.5, 40.0)),
        ]
    ),
    plastic_input=st.booleans(),
    adaptive=st.booleans(),
    dale=st.sampled_from([None, Dale(0.6)]),
)
def test_the_kernel_equals_the_rule_step_by_step(
    seed: int,
    units: int,
    samples: int,
    steps: int,
    dt: float,
    cv: float,
    amplitude: float,
    pairing: Pairing,
    reset: Reset,
    tau_syn: float | None,
    refractory: float,
    connectivity: Sparse | Dense,
    homeostasis: Homeostasis,
    plastic_input: bool,
    adaptive: bool,
    dale: Dale | None,
) -> None:
    rule = PairSTDP(Gamma(amplitude, cv), Gamma(0.7 * amplitude, cv), Gamma(17, cv), Gamma(31, cv), w_max=4.0, pairing=pairing)
    neuron = LIF(Gamma(15, cv), tau_syn, refractory=refractory, reset=reset)
    if adaptive:
        neuron = ALIF(neuron.tau_mem, tau_syn, 1.0, refractory, reset, tau_adaptation=Gamma(20, cv), beta=0.2)
    scale = 8.0 if tau_syn else 60.0
    net = network(seed, units, neuron=neuron, connectivity=connectivity, dale=dale, dt=dt, input_scale=scale, recurrent_scale=1.0)
    if not plastic_mask(net).any():
        return
    other, x = copy.deepcopy(net), stimulus(samples, steps, seed)
    # the bounds hold any input weight that is drawn
    input_rule = dataclasses.replace(rule, w_min=-1000.0, w_max=1000.0, tau_plus=9.0) if plastic_input else None
    rate = fit_step_by_step(other, x, rule, homeostasis, seeded(seed), input_rule)
    if rate == 0:
        with pytest.raises(ValueError, match="no neuron fired"):
            fit_stdp(net, x, rule, input_rule=input_rule, homeostasis=homeostasis, generator=seeded(seed))
        return
    history = fit_stdp(net, x, rule, input_rule=input_rule, homeostasis=homeostasis, generator=seeded(seed))
    assert history.rate[0] == pytest.approx(rate)
    assert torch.allclose(net.recurrent_weight, other.recurrent_weight, rtol=0, atol=1e-6)
    torch.testing.assert_close(net.input_weight, other.input_weight, rtol=1e-6, atol=1e-6)
    assert torch.allclose(net.theta, other.theta, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rule", [PairSTDP(0.05, 0.04), HETEROGENEOUS])
def test_a_run_in_pieces_that_carries_its_state_is_the_run_in_one_piece_bit_for_bit(rule: PairSTDP) -> None:
    x, results = stimulus(1, 200)[0], []
    fixed = rows_of(network().recurrent_weight, torch.zeros(20, 20, dtype=torch.bool))
    for pieces in ([200], [1, 49, 150]):
        net = network()
        recurrent = plastic_synapses(net.recurrent_weight, net.recurrent_mask, rule, None, dt=1.0, generator=seeded())
        afferent = plastic_synapses(net.input_weight, net.input_mask, PairSTDP(w_min=-50, w_max=50), None, dt=1.0, generator=seeded())
        state, theta, counts = np.zeros((5, 20)), np.zeros(20), np.zeros((1, 20), dtype=np.int32)
        for piece in x.split(pieces):
            neurons, adaptation = arrays(net.constants().neurons), adaptation_of(net, Homeostasis(), seeded())
            groups, scaling = (recurrent, afferent), scaling_of(net, None, 1.0)
            given = (in_order(piece[None], np.arange(1)), NO_DRIVE, len(piece))
            learn(*given, state, theta, counts, neurons, adaptation, scaling, groups, BOTH, fixed, False)
        for plastic in (recurrent, afferent):
            settled(plastic)
        results.append([counts, recurrent.synapses.weight, afferent.synapses.weight, state, theta])
    assert results[0][0].any()
    assert all(np.array_equal(a, b) for a, b in zip(*results, strict=True))


def test_neurons_in_another_order_learn_the_same_weights_in_that_order() -> None:
    x, rule = stimulus(), PairSTDP(0.05, 0.04)
    net, other = network(), network()
    order = torch.randperm(20, generator=seeded(5))
    other.input_weight.data, other.input_mask = net.input_weight.data[order], net.input_mask[order]
    other.recurrent_weight.data = net.recurrent_weight.data[order][:, order]
    other.recurrent_mask = net.recurrent_mask[order][:, order]
    for each in (net, other):
        fit_stdp(each, x, rule, generator=seeded())
    assert not torch.allclose(net.recurrent_weight, other.recurrent_weight)
    torch.testing.assert_close(net.recurrent_weight[order][:, order], other.recurrent_weight)


@pytest.mark.parametrize("cv", [0.0, 1e-9])
def test_a_hundred_thousand_steps_move_a_weight_by_the_window_of_every_pair(cv: float) -> None:
    net = RSNN(2, 2, 2, neuron=LIF(20.0, None, reset=Reset.ZERO), connectivity=Dense(), generator=seeded())
    with torch.no_grad():
        net.input_weight.copy_(1e3 * torch.eye(2))
        net.recurrent_weight.copy_(torch.tensor([[0.0, 0.3], [0.3, 0.0]]))
    # the second neuron fires 5 ms after the first, every second
    x = torch.zeros(1, 100_000, 2)
    x[0, ::1000, 0] = x[0, 5::1000, 1] = 1
    rule = PairSTDP(*(Gamma(v, cv) for v in (1e-3, 2e-3, 20.0, 20.0)), pairing=Pairing.NEAREST)
    assert fit_stdp(net, x, rule, homeostasis=NONE).rate == (pytest.approx(1.0),)
    one = 100 * np.exp(-5 / 20)
    np.testing.assert_allclose(net.recurrent_weight[1, 0].detach(), 0.3 + 1e-3 * one, rtol=1e-6)
    np.testing.assert_allclose(net.recurrent_weight[0, 1].detach(), 0.3 - 2e-3 * one, rtol=1e-6)


def test_input_synapses_learn_with_a_rule_of_their_own_and_want_spikes() -> None:
    net, x, rule = network(), stimulus(), PairSTDP(w_min=-50, w_max=50)
    before = net.input_weight.detach().clone()
    fit_stdp(net, x, PairSTDP(), input_rule=rule)
    assert not torch.allclose(net.input_weight, before)
    with pytest.raises(ValueError, match=r"with an input_rule the input must be spikes, 0 or 1, but it goes from 0 to 0\.5"):
        fit_stdp(net, x / 2, PairSTDP(), input_rule=rule)
    with pytest.raises(ValueError, match=r"the input weights go from .* outside the bounds \[0, 1\] of the rule; lower input_scale"):
        fit_stdp(net, x, PairSTDP(), input_rule=PairSTDP())


def test_values_and_their_drive_are_the_same_input_whether_few_or_many(monkeypatch: pytest.MonkeyPatch) -> None:
    x, learnt = 0.5 * stimulus() + 0.1, []
    for few in (0.0, 2.0):
        monkeypatch.setattr("rsnn.stdp_training.FEW", few)
        net = network()
        fit_stdp(net, x, HETEROGENEOUS)
        learnt.append(net.recurrent_weight.detach())
    torch.testing.assert_close(learnt[0], learnt[1])


def test_training_moves_the_weights_and_says_by_how_much() -> None:
    net, x = network(), stimulus(20)
    before = net.recurrent_weight.detach().clone()
    history = fit_stdp(net, x, HETEROGENEOUS, epochs=2, generator=seeded())
    moved = (net.recurrent_weight.detach() - before)[net.recurrent_mask].abs().mean()
    assert history.moved[-1] == pytest.approx(float(moved), rel=1e-5)
    assert float(moved) > 0.01
    assert len(history.rate) == len(history.weights) == 2
    assert history.weights[-1][4] == pytest.approx(float(net.recurrent_weight.detach().max()), rel=1e-5)


def test_the_mask_the_input_and_the_readout_stay_as_they_are() -> None:
    net, x = network(), stimulus()
    before = copy.deepcopy(net)
    fit_stdp(net, x, HETEROGENEOUS)
    assert not net.recurrent_weight[~net.recurrent_mask].any()
    assert torch.equal(net.input_weight, before.input_weight)
    assert torch.equal(net.readout_weight, before.readout_weight)


@pytest.mark.parametrize("rule", [dataclasses.replace(HETEROGENEOUS, a_plus=3.0), dataclasses.replace(HETEROGENEOUS, a_minus=3.0)])
def test_weights_stay_in_their_bounds_whatever_the_amplitudes(rule: PairSTDP) -> None:
    net, x = network(), stimulus()
    fit_stdp(net, x, rule, homeostasis=Homeostasis(normalisation=None))
    weights = net.recurrent_weight[net.recurrent_mask].detach()
    assert 0 <= float(weights.min()) <= float(weights.max()) <= 1


def test_synapses_without_spread_learn_what_the_homogeneous_rule_learns_bit_for_bit_and_others_do_not() -> None:
    x, learnt = stimulus(), []
    for rule in (PairSTDP(0.02, 0.02, 20, 15), PairSTDP(Gamma(0.02, 0), Gamma(0.02, 0), Gamma(20, 0), Gamma(15, 0)), HETEROGENEOUS):
        net = network()
        fit_stdp(net, x, rule, generator=seeded(3))
        learnt.append(net.recurrent_weight.detach())
    assert torch.equal(learnt[0], learnt[1])
    assert not torch.equal(learnt[0], learnt[2])


def test_many_windows_are_of_float32_and_fire_the_spikes_that_those_of_float64_do(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = dataclasses.replace(HETEROGENEOUS, a_plus=Gamma(0.002, 0.5), a_minus=Gamma(0.003, 0.5))
    few = network(units=40, connectivity=Dense(), input_scale=6.0, recurrent_scale=0.5)
    many, exact, x = copy.deepcopy(few), copy.deepcopy(few).double(), stimulus(8, 100, rate=100.0)
    histories = []
    for net, most, dtype in ((few, 2**19, np.float64), (many, 0, np.float32), (exact, 0, np.float64)):
        monkeypatch.setattr("rsnn.storage.MANY_WINDOWS", most)
        plastic = plastic_synapses(net.recurrent_weight, net.recurrent_mask, rule, None, dt=1.0, generator=seeded())
        assert (plastic.rule.each.dtype, plastic.past.traces.dtype) == (dtype, dtype)
        histories.append(fit_stdp(net, x.to(net.recurrent_weight.dtype), rule, homeostasis=NONE, generator=seeded()))
    assert histories[0].rate == histories[1].rate == histories[2].rate
    assert 5 < histories[0].rate[0] < 100
    first, short, long = (net.recurrent_weight.detach() for net in (few, many, exact))
    assert histories[0].moved[0] > 1e-3
    assert float((first - long).abs().max()) < 1e-7
    assert 0 < float((short - long).abs().max()) < 1e-6


def test_the_same_seed_learns_the_same_weights_on_one_thread_and_two_and_another_seed_does_not() -> None:
    x, threads, learnt = stimulus(), torch.get_num_threads(), []
    try:
        for count, seed in ((1, 0), (2, 0), (1, 1)):
            torch.set_num_threads(count)
            net = network()
            fit_stdp(net, x, HETEROGENEOUS, generator=seeded(seed))
            learnt.append(net.recurrent_weight.detach())
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(learnt[0], learnt[1])
    assert not torch.equal(learnt[0], learnt[2])


def test_chunks_change_nothing_and_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    x, whole, chunked, calls = stimulus(7), network(), network(), []
    fit_stdp(whole, x, HETEROGENEOUS, epochs=2)
    monkeypatch.setattr("rsnn.stdp_training.CHUNK", 3 * 30 * 20)
    fit_stdp(chunked, x, HETEROGENEOUS, epochs=2, progress=lambda done, total: calls.append((done, total)))
    assert torch.equal(whole.recurrent_weight, chunked.recurrent_weight)
    assert calls == [(3, 14), (6, 14), (7, 14), (10, 14), (13, 14), (14, 14)]


@pytest.mark.parametrize(
    ("net", "x", "rule", "sentence"),
    [
        (network(), 0 * stimulus(), PairSTDP(), "no neuron fired in epoch 1"),
        (network(recurrent_scale=40.0), stimulus(), PairSTDP(), r"outside the bounds \[0, 1\] of the rule; lower recurrent_scale"),
        (network(units=1), stimulus(), PairSTDP(), "no synapses that could learn; raise the density"),
        (network(), stimulus()[0], PairSTDP(), r"wants input \[sample, time, 5\]"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_a_sentence(net: RSNN, x: torch.Tensor, rule: PairSTDP, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        fit_stdp(net, x, rule)


def test_a_network_that_explodes_is_stopped_long_before_the_end_of_its_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    net, calls = network(input_scale=2000.0), []
    with torch.no_grad():
        net.input_weight.abs_()
    monkeypatch.setattr("rsnn.stdp_training.CHUNK", 2 * 50 * 20)
    with pytest.raises(ValueError, match="in epoch 1 the neurons fired in 100% of all steps"):
        fit_stdp(net, torch.ones(200, 50, 5), PairSTDP(), homeostasis=NONE, progress=lambda done, total: calls.append(done))
    assert calls == []


def test_a_network_that_runs_away_is_refused_with_a_sentence_and_left_as_it_was() -> None:
    net = network(input_scale=2000.0)
    before = net.recurrent_weight.detach().clone()
    with torch.no_grad():
        net.input_weight.abs_()
    with pytest.raises(ValueError, match="activity ran away; lower recurrent_scale or w_max"):
        fit_stdp(net, torch.ones(3, 200, 5), PairSTDP(), homeostasis=NONE)
    assert torch.equal(net.recurrent_weight, before)


@pytest.mark.slow
@pytest.mark.parametrize("cv", [0.0, 0.5])
def test_a_reservoir_that_saw_digits_is_in_a_healthy_band_and_far_above_chance(cv: float) -> None:
    digits = load_digits()
    y = torch.tensor(digits.target)
    x = encode.poisson(torch.tensor(digits.data / 16, dtype=torch.float32), 40, generator=seeded(), rate_max=500)
    neuron = LIF(Gamma(20, cv), Gamma(10, cv), refractory=2.0)
    net = RSNN(64, 150, 10, neuron=neuron, input_scale=1.5, recurrent_scale=2.0, generator=seeded())
    rule = PairSTDP(Gamma(0.01, cv), Gamma(0.0105, cv), Gamma(20, cv), Gamma(20, cv))
    history = fit_stdp(net, x[:700], rule, epochs=2, generator=seeded())
    with torch.no_grad():
        counts = net.spikes(x).sum(0)
    rates = counts[700:].mean(0) * 1000 / 40
    assert 5 < float(rates.mean()) < 60
    assert float((rates == 0).double().mean()) < 0.05
    assert float(rates.max()) < 100
    assert history.silent[-1] < 0.05
    assert history.moved[-1] > 0.05
    assert fit_readout(counts[:700], y[:700]).accuracy(counts[700:], y[700:]) > 0.85


def test_no_epochs_are_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="at least one epoch is needed"):
        fit_stdp(network(), stimulus(), PairSTDP(), epochs=0)
