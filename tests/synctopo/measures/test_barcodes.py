"""Distances between barcodes, against small matchings found by hand and by trying all, and giotto-tda's."""

import itertools
import sys

import numpy as np
import pytest

from synctopo.measures import MEASURES, Cloud, Quantity
from synctopo.measures.barcodes import _costs, barcode, bottleneck, entropy, wasserstein

pytestmark = pytest.mark.smoke

RNG = np.random.default_rng(0)
ANGLE = 2 * np.pi * np.arange(12) / 12
RING = np.column_stack([np.cos(ANGLE), np.sin(ANGLE)])
X = RNG.normal(size=(50, 3))
Y = RNG.normal(size=(50, 5))


def with_bars(bars: list[tuple[float, float]]) -> Cloud:
    """A cloud whose barcode is known."""
    cloud = Cloud(X)
    cloud.held[barcode(1)] = np.array(bars, dtype=float).reshape(-1, 2)
    return cloud


def cheapest(x: list[tuple[float, float]], y: list[tuple[float, float]]) -> tuple[float, float]:
    """The bottleneck and the sum over the best of all matchings."""
    costs = _costs(np.array(x, dtype=float).reshape(-1, 2), np.array(y, dtype=float).reshape(-1, 2))
    sums = [costs[range(len(costs)), order] for order in itertools.permutations(range(len(costs)))]
    return min(s.max() for s in sums), min(s.sum() for s in sums)


def test_a_dodecagon_has_the_one_loop_of_geometry():
    (bar,) = Cloud(RING).quantity(barcode(1))
    unit = np.quantile(np.linalg.norm(RING[:, None] - RING[None], axis=-1), 0.9)
    assert bar == pytest.approx([2 * np.sin(np.pi / 12) / unit, np.sqrt(3) / unit])


def test_a_bar_against_none_is_matched_with_the_diagonal():
    one, none = with_bars([(0.25, 1.0)]), with_bars([])
    assert bottleneck(one, none) == wasserstein(none, one) == 0.375
    assert entropy(one, none) == 0
    assert bottleneck(none, none) == wasserstein(none, none) == 0


def test_matchings_are_the_best_of_all():
    for _ in range(20):
        x, y = ([(b, b + length) for b, length in RNG.random((k, 2))] for k in RNG.integers(0, 4, 2))
        longest, total = cheapest(x, y)
        assert bottleneck(with_bars(x), with_bars(y)) == pytest.approx(longest)
        assert wasserstein(with_bars(x), with_bars(y)) == pytest.approx(total)


def test_entropy_is_in_bits():
    assert entropy(with_bars([(0, 1), (2, 3), (0, 1), (4, 5)]), with_bars([(0, 7)])) == pytest.approx(2)


def test_a_barcode_is_the_same_in_any_order_and_is_computed_once():
    calls = []
    counted = Quantity(lambda cloud: calls.append(1) or cloud.quantity(barcode(1)), samples=0)
    cloud = Cloud(X)
    assert np.array_equal(cloud.quantity(counted), cloud.reordered(RNG.permutation(50)).quantity(counted))
    assert len(calls) == 1


@pytest.mark.parametrize("name", ["landscape", "betti"])
def test_without_giotto_the_sentence_says_how_to_install_it(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "gtda.diagrams", None)
    with pytest.raises(ValueError, match=rf"the measure '{name}' needs giotto-tda: pip install 'synctopo\[giotto\]'"):
        MEASURES[name].of(Cloud(X), Cloud(Y), 0)


@pytest.mark.giotto
def test_bottleneck_and_wasserstein_are_those_of_giotto():
    diagrams = pytest.importorskip("gtda.diagrams")
    bars = [Cloud(z).quantity(barcode(1)) for z in (X, Y)]
    padded = np.zeros((2, max(map(len, bars)), 3))
    padded[:, :, 2] = 1
    for diagram, found in zip(padded, bars, strict=True):
        diagram[: len(found), :2] = found
    for name, of, parameters in (("bottleneck", bottleneck, {"delta": 0.0}), ("wasserstein", wasserstein, {"p": 1.0, "delta": 1e-4})):
        theirs = diagrams.PairwiseDistance(metric=name, metric_params=parameters, order=None).fit_transform(padded)[0, 1, 0]
        assert of(Cloud(X), Cloud(Y)) == pytest.approx(theirs, rel=1e-3)


@pytest.mark.giotto
def test_the_betti_curves_of_two_known_bars_differ_by_the_length_of_one():
    pytest.importorskip("gtda")
    assert MEASURES["betti"].of(with_bars([(0.0, 1.0), (0.0, 0.5)]), with_bars([(0.0, 1.0)]), 0).value == pytest.approx(0.5, abs=0.02)
