import math
from collections.abc import Callable

import pytest
import torch
from sklearn.datasets import load_digits

from rsnn import ALIF, LIF, RSNN, BPTTHistory, Gamma, Sparse, encode, fit_bptt, fit_eprop
from rsnn.labels import named


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(seed: int = 0) -> RSNN:
    return RSNN(4, 20, 2, connectivity=Sparse(0.3), input_scale=8.0, generator=seeded(seed))


def problem() -> tuple[torch.Tensor, torch.Tensor]:
    """Which half of the inputs is the busier one."""
    y = torch.arange(40) % 2
    values = torch.where(torch.tensor([[True, True, False, False]]) == (y[:, None] == 0), 0.8, 0.2)
    return encode.poisson(values, 20, generator=seeded(), rate_max=300), y


@pytest.mark.slow
def test_training_solves_a_simple_problem_and_tells_how() -> None:
    net, (x, y) = network(), problem()
    history = fit_bptt(net, x, y, epochs=15, batch=8, learning_rate=1e-2, generator=seeded())
    assert history.loss[-1] < 0.3 * history.loss[0]
    assert history.accuracy[-1] > 0.9
    assert (net(x).argmax(1) == y).double().mean() > 0.9
    assert len(history.rate) == len(history.silent) == 15
    rate = float(net.spikes(x).detach().mean()) * 1000
    assert history.rate[-1] == pytest.approx(rate, rel=0.1)


def test_all_weights_move_and_the_mask_is_kept() -> None:
    net, start, (x, y) = network(), network(), problem()
    fit_bptt(net, x, y, epochs=1, batch=8, learning_rate=1e-2)
    assert not net.recurrent_weight[~net.recurrent_mask].any()
    for name in ("input_weight", "recurrent_weight", "readout_weight"):
        assert not torch.equal(getattr(net, name), getattr(start, name))
    for name in ("tau_mem", "threshold", "theta", "recurrent_mask"):
        assert torch.equal(getattr(net, name), getattr(start, name))


def test_the_same_seed_trains_the_same_network_on_one_thread_and_two_and_another_seed_does_not() -> None:
    (x, y), threads, trained = problem(), torch.get_num_threads(), []
    try:
        for count, seed in ((1, 0), (2, 0), (1, 1)):
            torch.set_num_threads(count)
            net = network()
            fit_bptt(net, x, y, epochs=2, batch=8, generator=seeded(seed))
            trained.append(net.recurrent_weight.detach())
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(trained[0], trained[1])
    assert not torch.equal(trained[0], trained[2])


def test_progress_counts_samples() -> None:
    calls: list[tuple[int, int]] = []
    fit_bptt(network(), *problem(), epochs=2, batch=30, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(30, 80), (40, 80), (70, 80), (80, 80)]


def test_learned_time_constants_move_stay_positive_and_want_no_gradient_afterwards() -> None:
    x, y = problem()
    net = RSNN(4, 20, 2, neuron=ALIF(), connectivity=Sparse(0.3), input_scale=8.0, tau_readout=15.0, generator=seeded())
    names = ("tau_mem", "tau_syn", "threshold", "tau_adaptation", "beta", "tau_readout")
    before = {name: getattr(net, name).clone() for name in names}
    fit_bptt(net, x, y, epochs=2, batch=8, learning_rate=0.3, learn=names, generator=seeded())
    for name in names:
        now = getattr(net, name)
        assert not now.requires_grad
        assert not torch.equal(now, before[name])
        assert float(now.min()) >= {"threshold": 0.1, "beta": 0.0}.get(name, net.dt)


def test_time_constants_that_are_learned_make_what_was_too_slow_for_the_task_fast_enough() -> None:
    x, y = problem()
    losses = {}
    for learn in ((), ("tau_mem", "tau_syn")):
        net = RSNN(4, 20, 2, neuron=LIF(200.0, 100.0), connectivity=Sparse(0.3), input_scale=8.0, generator=seeded())
        losses[learn] = fit_bptt(net, x, y, epochs=6, batch=8, learning_rate=2e-2, learn=learn, generator=seeded()).loss[-1]
    assert losses[("tau_mem", "tau_syn")] < 0.9 * losses[()]


@pytest.mark.parametrize(
    ("learn", "neuron", "sentence"),
    [
        (("tau_men",), LIF(), "there is no learnable parameter 'tau_men'; there are: tau_mem, tau_syn"),
        (("tau_syn",), LIF(tau_syn=None), "have no synapse"),
        (("tau_adaptation",), LIF(), "do not adapt"),
    ],
)
def test_what_cannot_be_learned_is_refused_with_a_sentence(learn: tuple[str, ...], neuron: LIF, sentence: str) -> None:
    net = RSNN(4, 20, 2, neuron=neuron, generator=seeded())
    with pytest.raises(ValueError, match=sentence):
        fit_bptt(net, *problem(), epochs=1, learn=learn)


def test_a_dead_network_and_an_exploding_one_are_stopped_with_a_sentence() -> None:
    x, y = problem()
    with pytest.raises(ValueError, match="no neuron fired in epoch 1"):
        fit_bptt(network(), 0 * x, y, epochs=5)
    net = network()
    with torch.no_grad():
        net.input_weight.abs_().add_(100.0)
    with pytest.raises(ValueError, match="activity ran away"):
        fit_bptt(net, torch.ones_like(x), y, epochs=5)


@pytest.mark.slow
def test_digits_are_told_apart_in_nine_of_ten_cases() -> None:
    digits = load_digits()
    values = torch.tensor(digits.data / 16, dtype=torch.float32)
    y = torch.tensor(digits.target)
    order = torch.randperm(len(y), generator=seeded())
    train, test = order[:1000], order[1000:]
    x = encode.poisson(values, 40, generator=seeded(), rate_max=500)
    net = RSNN(64, 150, 10, neuron=LIF(tau_mem=Gamma(20, 0.5)), input_scale=1.5, generator=seeded())
    fit_bptt(net, x[train], y[train], epochs=10, batch=64, learning_rate=5e-3, generator=seeded())
    with torch.no_grad():
        assert float((net(x[test]).argmax(1) == y[test]).double().mean()) > 0.9


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (torch.zeros(39).long(), "wanted are 40 labels, one per sample"),
        (torch.zeros(40), "labels are integers from 0 to 1, not torch.float32"),
        (torch.full((40,), 2), "the labels go from 2 to 2, but this network has 2 outputs"),
        (torch.full((40,), -1), "the labels go from -1 to -1"),
    ],
)
def test_labels_that_do_not_fit_are_refused_with_a_sentence(y: torch.Tensor, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        fit_bptt(network(), problem()[0], y, epochs=1)


@pytest.mark.parametrize("bad", [{"epochs": 0}, {"batch": 0}, {"learning_rate": -1.0}, {"learning_rate": math.nan}])
def test_settings_that_cannot_train_are_refused_with_a_sentence(bad: dict) -> None:
    with pytest.raises(ValueError, match="all of them must be positive"):
        fit_bptt(network(), *problem(), **{"epochs": 1, **bad})


def test_a_loss_that_is_not_finite_ends_with_a_sentence() -> None:
    net = network()
    with torch.no_grad():
        net.readout_weight.fill_(math.inf)
    with pytest.raises(ValueError, match=r"the loss was nan in epoch 1: training diverged; lower learning_rate=0.001"):
        fit_bptt(net, *problem(), epochs=1)


@pytest.mark.parametrize("fit", [fit_bptt, fit_eprop])
def test_several_classes_in_a_sample_are_learned(fit: Callable[..., BPTTHistory]) -> None:
    # each of four inputs is a class, and two of them are busy
    y = torch.zeros(60, 4).long().scatter_(1, torch.rand(60, 4, generator=seeded(1)).topk(2).indices, 1)
    x = encode.poisson(0.1 + 0.8 * y, 20, generator=seeded(), rate_max=300)
    net = RSNN(4, 30, 4, connectivity=Sparse(0.3), input_scale=8.0, generator=seeded())
    before = named(net(x).detach(), y)
    history = fit(net, x, y, epochs=15, batch=10, learning_rate=2e-2, generator=seeded())
    after = named(net(x).detach(), y)
    assert after.classes == 120
    assert after.right > before.right
    assert after.each > 0.85
    assert history.accuracy[-1] == pytest.approx(after.each, abs=0.1)
    with pytest.raises(ValueError, match="these go from 0 to 2"):
        fit(net, x, 2 * y, epochs=1)
