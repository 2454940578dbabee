"""RSA against rsatoolbox, and its ties against arithmetic."""

import numpy as np
import pytest

from rtd import DegenerateError
from synctopo.measures import MEASURES, Cloud
from synctopo.measures.rdms import rsa_spearman, rsa_tau

pytestmark = pytest.mark.smoke

RANDOM = np.random.RandomState(0)
X = RANDOM.standard_normal((20, 6))
Y = X[:, :4] + RANDOM.standard_normal((20, 4))
COUNTS = RANDOM.poisson(3.0, (20, 6))
OTHERS = COUNTS[:, :5] + RANDOM.poisson(1.0, (20, 5))
RANDOM = np.random.RandomState(0)
RANDOM.standard_normal((20, 10))
RATES = RANDOM.gamma(2.0, 2.0, (20, 6))
MORE = RATES[:, :5] + RANDOM.gamma(1.0, 1.0, (20, 5))

# rsatoolbox 0.3.2: compare(calc_rdm(x, method), calc_rdm(y, method), "spearman" or "tau-a");
# ReSi (2025-04), representational_similarity_analysis, has the value of correlation and Spearman too
PUBLISHED = {
    ("euclidean", "spearman"): (X, Y, 0.4156945592602799),
    ("euclidean", "tau"): (X, Y, 0.2837649679754943),
    ("correlation", "spearman"): (X, Y, 0.40032104694546145),
    ("correlation", "tau"): (X, Y, 0.26939571150097463),
    ("poisson", "spearman"): (RATES, MORE, 0.7354800614100697),
    ("poisson", "tau"): (RATES, MORE, 0.543859649122807),
}


@pytest.mark.parametrize(("rdm", "how"), PUBLISHED)
def test_values_are_those_of_rsatoolbox(rdm, how):
    x, y, value = PUBLISHED[rdm, how]
    function = rsa_spearman if how == "spearman" else rsa_tau
    assert function(Cloud(x), Cloud(y), rdm=rdm) == pytest.approx(value, abs=1e-12)


def test_counts_with_tied_distances_have_the_values_of_rsatoolbox():
    assert rsa_spearman(Cloud(COUNTS), Cloud(OTHERS), rdm="euclidean") == pytest.approx(0.7756514974165122, abs=1e-12)
    assert rsa_tau(Cloud(COUNTS), Cloud(OTHERS), rdm="euclidean") == pytest.approx(0.5815650236702868, abs=1e-12)


def test_tau_a_of_a_cloud_with_itself_falls_short_of_1_by_its_ties():
    # points 0, 1, 2: distances 1, 1, 2, of whose 3 pairs one is tied
    line = Cloud(np.array([[0.0], [1.0], [2.0]]))
    assert rsa_tau(line, line, rdm="euclidean") == pytest.approx(2 / 3)
    assert rsa_spearman(line, line, rdm="euclidean") == pytest.approx(1)


def test_rounding_makes_no_order_among_equal_distances():
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    turned = square @ np.array([[0.6, -0.8], [0.8, 0.6]]) * 0.1
    assert rsa_spearman(Cloud(square), Cloud(turned), rdm="euclidean") == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize(
    ("name", "points", "sentence"),
    [
        ("rsa_correlation", np.vstack([X[:19], np.zeros((1, 6))]), "x: sample 19 is the same in every unit"),
        ("rsa_poisson", X, r"x: spike counts are wanted, but it holds -2\.\d+"),
        ("rsa_spearman", np.eye(20), "x: all pairs of samples are equally far apart"),
    ],
)
def test_what_has_no_order_is_refused_with_the_reason(name, points, sentence):
    with pytest.raises(DegenerateError, match=sentence):
        MEASURES[name].of(Cloud(points), Cloud(np.abs(Y)), 0)
