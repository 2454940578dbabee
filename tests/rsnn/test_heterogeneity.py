import math
from collections.abc import Callable

import pytest
import torch

from rsnn import LIF, RSNN, Constant, Dense, Gamma, Given, Homeostasis, LogNormal, PairSTDP, Uniform, fit_stdp
from rsnn.heterogeneity import Distribution, draw, spawn

FAMILIES = [Gamma, LogNormal, Uniform]


def seeded(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("cv", [0.1, 0.5])
def test_a_draw_has_the_mean_and_coefficient_of_variation_that_were_asked_for(family: type, cv: float) -> None:
    values = draw(family(20.0, cv), (40_000,), generator=seeded())
    assert float(values.mean()) == pytest.approx(20, rel=0.01)
    assert float(values.std() / values.mean()) == pytest.approx(cv, rel=0.02)
    assert float(values.min()) > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_no_spread_is_the_plain_number_bit_for_bit(family: type) -> None:
    number = draw(7.3, (4, 5), generator=seeded())
    assert torch.equal(draw(family(7.3, 0), (4, 5), generator=seeded()), number)
    assert torch.equal(draw(Constant(7.3), (4, 5), generator=seeded()), number)


@pytest.mark.parametrize("parameter", [1.0, Constant(1.0), Gamma(1.0, 0.7), LogNormal(1.0, 0.0), Uniform(1.0, 0.1), Given(range(100))])
def test_every_parameter_takes_the_same_from_the_generator(parameter: float | Distribution) -> None:
    used, reference = seeded(), seeded()
    draw(parameter, (100,), generator=used)
    draw(1.0, (3,), generator=reference)
    assert torch.equal(torch.rand(5, generator=used), torch.rand(5, generator=reference))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_wider_spread_with_one_seed_moves_the_same_neurons_further_the_same_way(family: type) -> None:
    narrow = draw(family(1.0, 0.01), (200,), generator=seeded())
    wide = draw(family(1.0, 0.02), (200,), generator=seeded())
    assert torch.equal(narrow.argsort(), wide.argsort())
    assert torch.allclose((wide - wide.median()) / 2, narrow - narrow.median(), atol=2e-3)


def test_a_gamma_of_cv_one_is_the_exponential_distribution() -> None:
    u = torch.tensor([0.1, 0.5, 0.99], dtype=torch.float64)
    assert torch.allclose(Gamma(3.0, 1.0).quantile(u), -3 * torch.log1p(-u), rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Gamma(-1, 0.1), r"Gamma\(mean=-1\): the mean must be positive and finite"),
        (lambda: LogNormal(1, -0.1), r"LogNormal\(cv=-0.1\): the coefficient of variation must be 0"),
        (lambda: Uniform(1, math.nan), r"Uniform\(cv=nan\)"),
        (lambda: Uniform(1, 0.6), "would reach zero: cv must be below"),
        (lambda: Constant(math.inf), "must be a finite number"),
    ],
)
def test_an_impossible_distribution_is_refused_with_a_sentence(make: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


def test_values_that_are_given_are_taken_one_by_one_as_they_are() -> None:
    values = torch.rand(4, 5, generator=seeded())
    given = Given(values)
    assert torch.equal(draw(given, (4, 5), generator=seeded()), values.double())
    assert torch.equal(draw(-given, (20,), generator=seeded()), -values.double().flatten())
    values.zero_()
    assert draw(given, (20,), generator=seeded()).all()
    net = RSNN(3, 20, 2, neuron=LIF(Given([10.0 + k for k in range(20)]), threshold=given), generator=seeded())
    assert torch.equal(net.tau_mem.detach().double(), torch.arange(10.0, 30.0, dtype=torch.float64))
    u = torch.tensor([1e-9, 0.5, 1 - 1e-9], dtype=torch.float64)
    assert Given([3.0, 1.0, 2.0]).quantile(u).tolist() == [1, 2, 3]


def test_synapses_learn_by_the_windows_that_they_are_given_as_by_those_that_were_drawn() -> None:
    x = (torch.rand(4, 60, 5, generator=seeded()) < 0.3).float()
    drawn = PairSTDP(*(Gamma(mean, 0.5) for mean in (0.02, 0.02, 20.0, 20.0)))
    window = drawn.draw(12 * 11, generator=spawn(seeded()))
    weights = []
    for rule in (drawn, PairSTDP(*(Given(values) for values in window)), PairSTDP(0.02, 0.02, 20.0, 20.0)):
        net = RSNN(5, 12, 3, connectivity=Dense(), input_scale=8.0, generator=seeded())
        fit_stdp(net, x, rule, homeostasis=Homeostasis(None, None), generator=seeded())
        weights.append(net.recurrent_weight.detach())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    symmetric = PairSTDP.symmetric(Given(window.a_plus), 20.0).draw(12 * 11, generator=seeded())
    assert torch.equal(symmetric.a_minus, -window.a_plus)


def test_given_values_that_differ_are_told_apart_and_equal_ones_are_not() -> None:
    one, other = Given([1.0] * 5000 + [2.0]), Given([1.0] * 5000 + [2.5])
    assert (one, repr(one), hash(one)) == (Given(one.values), repr(Given(one.values)), hash(Given(one.values)))
    assert one != other
    assert repr(one) != repr(other)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Given([]), "Given\\(0 values\\): there must be one at least"),
        (lambda: Given([1.0, math.nan]), "all of them finite"),
        (lambda: Given(["a", "b"]), r"Given\(list\): it takes a tensor, an array or a list of numbers"),
        (lambda: Given(torch.ones(3, dtype=torch.complex64)), "real numbers are wanted"),
        (lambda: draw(Given([1.0, 2.0]), (3,), generator=seeded()), "Given has 2 values, but 3 are needed here; give one for each"),
        (lambda: PairSTDP(tau_plus=Given([20.0, -1.0])), "tau_plus=-1.0"),
        (lambda: RSNN(3, 20, 2, neuron=LIF(Given([10.0]))), "Given has 1 values, but 20 are needed"),
    ],
)
def test_values_that_do_not_fit_are_refused_with_a_sentence(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()
