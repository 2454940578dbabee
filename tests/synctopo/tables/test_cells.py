"""Cells: rounding, signs, marks."""

import pytest

from synctopo.tables.cells import between, chance_of, daggers, headed, most_alike, number, spread

pytestmark = pytest.mark.smoke


def test_what_rounds_to_zero_has_no_minus():
    assert number(-0.0004, 2) == "0.00"
    assert number(-0.004, 2, sign=True) == "+0.00"
    assert (number(1.256, 2), number(None, 2)) == ("1.26", "")


def test_a_mean_has_its_spread_and_number():
    assert spread([1.0, 3.0, None], 1, count=True) == "2.0 ± 1.4 (2)"
    assert spread([1.0], 1, count=True) == "1.0 (1)"
    assert spread([None], 1, count=True) == ""


def test_a_p_is_never_zero():
    assert [chance_of(p) for p in (0.00001, 0.0005, 0.0499, 1.0, None)] == ["<0.001", "0.001", "0.050", "1.000", ""]
    assert (chance_of(0.004, 2), chance_of(0.25, 2)) == ("<0.01", "0.25")


def test_an_interval_stands_in_brackets():
    assert between(1.0, 2.345, 2) == "[1.00, 2.35]" or between(1.0, 2.345, 2) == "[1.00, 2.34]"
    assert between(None, None, 2) == ""


def test_the_arrow_is_that_of_the_measure():
    assert (headed("rtd", "lower"), headed("cka", "higher")) == ("rtd ↓", "cka ↑")


def test_the_most_alike_is_the_lowest_or_the_highest():
    values = [3.0, None, 1.0, 2.0]
    assert (most_alike(values, "lower"), most_alike(values, "higher")) == (2, 0)
    assert most_alike([None, 1.0], "lower") is None


def test_what_cannot_be_told_from_chance_has_a_dagger():
    found = daggers([[0.005], [0.4], [], [0.01, 0.02]], 200)
    assert found.signs == ("", "†", "", "")
    assert found.said == "†: not to be told from chance (p, corrected over the table, above 0.05)"
    assert daggers([[], []], 0) == daggers([], 0) or daggers([[], []], 0).said == ""


def test_too_few_matchings_are_told_and_mark_nothing():
    found = daggers([[1 / 20], [1 / 20], [0.5]], 19)
    assert found.signs == ("", "", "†")
    assert found.said.endswith("19 random matchings are too few to tell a table of 3 from chance")
