"""The network of Diehl and Cook on two patterns that anyone can tell apart, and what may not leak from the test set."""

import pytest
import torch

import rsnn
from synctopo.models.diehl_cook import DiehlCook, DiehlCookRule, fit_diehl_cook


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network() -> DiehlCook:
    return DiehlCook(16, 12, 2, steps=60, dt=2.0, rate_max=150.0, efficacy=0.3, inhibition=2.0, generator=seeded())


def images(count: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    y = torch.arange(count) % 2
    left = (torch.arange(16) % 4 < 2).float()
    x = torch.where((y == 0)[:, None], left, 1 - left) * (0.5 + 0.5 * torch.rand(count, 16, generator=seeded(seed)))
    return x, y


RULE = DiehlCookRule(rise=0.1, fall=1e-3, mean=0.25, theta=0.01)


def test_two_patterns_are_told_apart_by_what_was_learned_without_labels() -> None:
    model, (x, y) = network(), images(60)
    histories = fit_diehl_cook(model, x, y, rule=RULE, epochs=2, generator=seeded())
    assert len(histories) == 2
    shown, labels = images(30, seed=2)
    with torch.no_grad():
        votes = sum(state["readout"] for state in model.states(shown))
    assert float((votes.argmax(1) == labels).float().mean()) > 0.9
    found = rsnn.Assignment(model.label, 2).predict(model.counts(shown))
    assert torch.equal(found, votes.argmax(1))
    # each neuron has come to one pattern
    weight = model.net.input_weight
    halves = torch.stack([weight[:, torch.arange(16) % 4 < 2].sum(1), weight[:, torch.arange(16) % 4 >= 2].sum(1)])
    fired = model.counts(x).sum(0) > 0
    assert float((halves.max(0).values / halves.sum(0))[fired].mean()) > 0.8


def test_labels_are_given_on_the_first_training_samples_alone() -> None:
    x, y = images(40)
    y[20:] = 1 - y[20:]
    labels = []
    for count in (20, 40):
        model = network()
        fit_diehl_cook(model, x, y, rule=RULE, assign=count, generator=seeded())
        labels.append(model.label)
        expected = rsnn.assign_labels(model.counts(x[:count]), y[:count], classes=2)
        assert torch.equal(model.label, expected.label)
    assert not torch.equal(*labels)


def test_the_same_image_is_the_same_input_and_another_network_draws_another() -> None:
    model, (x, _) = network(), images(4)
    assert torch.equal(model.encode(x)[2], model.encode(x[2:3])[0])
    assert not torch.equal(model.encode(x)[0], model.encode(x)[2])
    other = DiehlCook(16, 12, 2, steps=60, dt=2.0, generator=seeded(5))
    assert not torch.equal(other.encode(x), model.encode(x))


def test_a_spike_over_a_weight_of_one_moves_the_voltage_by_its_efficacy() -> None:
    model = DiehlCook(1, 1, 2, steps=1, dt=2.0, rate_max=500.0, efficacy=0.25, generator=seeded())
    model.net.input_weight.fill_(model.unit)
    *_, state = model.net.run(model.encode(torch.ones(1, 1)))
    assert float(state.neurons.voltage) == pytest.approx(0.25)
