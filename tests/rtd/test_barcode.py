import numpy as np
import pytest

from rtd.barcode import Barcode

BARS = np.array([[0.0, 1.0], [0.5, 3.0], [2.0, 3.0], [0.0, 1.0]])
BIRTHS = np.array([[1, 2], [0, 4], [0, 1], [0, 3]])
DEATHS = np.array([[3, 4], [2, 3], [1, 4], [1, 5]])


def test_the_longest_bar_comes_first_and_ties_go_by_birth_then_by_birth_edge():
    b = Barcode.from_pairs(BARS, BIRTHS, DEATHS)
    assert b.bars.tolist() == [[0.5, 3.0], [0.0, 1.0], [0.0, 1.0], [2.0, 3.0]]
    assert b.births.tolist() == [[0, 4], [0, 3], [1, 2], [0, 1]]
    assert b.deaths.tolist() == [[2, 3], [1, 5], [3, 4], [1, 4]]


def test_the_order_of_the_input_does_not_matter():
    back = slice(None, None, -1)
    a, b = Barcode.from_pairs(BARS, BIRTHS, DEATHS), Barcode.from_pairs(BARS[back], BIRTHS[back], DEATHS[back])
    assert a == b
    assert hash(a) == hash(b)


def test_a_barcode_with_another_death_edge_is_not_equal():
    assert Barcode.from_pairs(BARS, BIRTHS, DEATHS) != Barcode.from_pairs(BARS, BIRTHS, DEATHS + 1)
    assert Barcode.empty() != 0


def test_total_is_the_sum_of_the_lengths():
    assert Barcode.from_pairs(BARS, BIRTHS, DEATHS).total() == 5.5


def test_a_barcode_cannot_be_changed():
    b = Barcode.from_pairs(BARS, BIRTHS, DEATHS)
    with pytest.raises(ValueError, match="read-only"):
        b.bars[0, 0] = 1.0
    with pytest.raises(AttributeError):
        b.bars = BARS  # type: ignore[misc]


def test_the_empty_barcode_has_no_bars_and_total_zero():
    b = Barcode.empty()
    assert len(b) == 0
    assert b.bars.shape == b.births.shape == b.deaths.shape == (0, 2)
    assert b.total() == 0.0
    assert repr(b) == "Barcode(0 bars, total 0)"


def test_its_text_names_the_longest_bar():
    assert repr(Barcode.from_pairs(BARS, BIRTHS, DEATHS)) == "Barcode(4 bars, total 5.5, longest [0.5, 3))"
