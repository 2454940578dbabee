"""Noise ceilings of conditions whose models can be worked out by hand."""

import numpy as np
import pytest

from synctopo.statistics.noise_ceiling import ceiling

pytestmark = pytest.mark.smoke

POSITION = np.array([0.0, 1.0, 3.0])
DISTANCE = np.abs(POSITION[:, None] - POSITION)


def test_the_lower_bound_leaves_a_model_out_and_the_upper_is_the_best_model():
    found = ceiling(DISTANCE, closer="lower", identical=0.0)
    assert found.lower == 2.0  # of the distances 1, 2, 3
    assert found.upper == 1.0  # the model in the middle: 1, 0, 2
    assert found.seeds == 3


def test_a_similarity_has_its_upper_bound_above():
    found = ceiling(1 - DISTANCE / 10, closer="higher", identical=1.0)
    assert found.lower == pytest.approx(0.8)
    assert found.upper == pytest.approx(0.9)


def test_seeds_that_agree_leave_nothing_between_the_bounds():
    found = ceiling(np.zeros((4, 4)), closer="lower", identical=0.0)
    assert found.lower == found.upper == 0


def test_another_model_of_the_condition_lies_at_the_lower_bound_on_average():
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(400):
        x = rng.normal(size=(6, 3))
        distance = np.linalg.norm(x[:, None] - x, axis=2)
        found = ceiling(distance[:5, :5], closer="lower", identical=0.0)
        assert found.upper < found.lower
        gaps.append(distance[5, :5].mean() - found.lower)
    assert abs(np.mean(gaps)) < 4 * np.std(gaps) / 20


def test_one_model_has_no_ceiling_and_a_missing_value_is_told():
    assert ceiling(np.zeros((1, 1)), closer="lower", identical=0.0) is None
    with pytest.raises(ValueError, match="between two models of the condition is missing"):
        ceiling(np.full((2, 2), np.nan), closer="lower", identical=0.0)
    with pytest.raises(ValueError, match="`closer` is lower or higher"):
        ceiling(np.zeros((2, 2)), closer="less", identical=0.0)
