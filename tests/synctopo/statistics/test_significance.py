"""Corrected p-values and marks, against numbers worked out by hand."""

import numpy as np
import pytest

from synctopo.statistics.significance import adjusted, reach, stars, together

pytestmark = pytest.mark.smoke


def test_four_p_are_corrected_as_benjamini_and_hochberg_do():
    # p x 4 / rank, made monotone from the largest down
    assert adjusted([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.04 * 4 / 3, 0.04 * 4 / 3, 0.5])


def test_a_missing_p_stays_missing_and_does_not_count():
    assert adjusted([0.01, None, 0.5]) == [pytest.approx(0.02), None, 0.5]
    assert adjusted([]) == []
    assert adjusted([None]) == [None]
    with pytest.raises(ValueError, match=r"a p lies between 0 and 1; got 1\.5"):
        adjusted([0.5, 1.5])


def test_the_share_of_false_marks_stays_below_the_level():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(400):
        real = rng.random(40) * 1e-4
        ps = np.concatenate((real, rng.random(60)))
        marked = np.array(adjusted(list(ps))) <= 0.05
        shares.append(marked[40:].sum() / max(1, marked.sum()))
    assert np.mean(shares) < 0.05


def test_several_p_together_are_twice_their_median_and_at_most_1():
    assert together([0.01, 0.02, 0.9]) == 0.04
    assert together([0.6, 0.7]) == 1.0
    assert together([0.3]) == 0.3
    assert together([]) is None


def test_stars_stand_for_three_levels():
    assert [stars(p) for p in (0.0009, 0.01, 0.05, 0.051, None)] == ["***", "**", "*", "", ""]


def test_too_few_seeds_are_told():
    assert reach(1 / 4, 3) == "with 3 seeds p cannot fall below 0.25, so nothing can reach 0.05"
    assert reach(1 / 32, 6) == "with 6 seeds p cannot fall below 0.031"
