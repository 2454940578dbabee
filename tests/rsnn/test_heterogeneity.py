import math

import pytest
import torch

from rsnn import Constant, Gamma, LogNormal, Uniform
from rsnn.heterogeneity import Distribution, draw

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


@pytest.mark.parametrize("parameter", [1.0, Constant(1.0), Gamma(1.0, 0.7), LogNormal(1.0, 0.0), Uniform(1.0, 0.1)])
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
