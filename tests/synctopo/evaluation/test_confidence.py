"""Calibration: known answers."""

import math

import pytest
import torch

from synctopo.evaluation.confidence import reliability


def test_who_is_right_as_often_as_sure_has_no_calibration_error():
    # sure to 3/4, and right three times in four
    scores = torch.tensor([[math.log(3.0), 0.0]] * 400)
    labels = torch.tensor([0, 0, 0, 1] * 100)
    found = reliability(scores, labels, bins=10)
    assert found.ece == pytest.approx(0, abs=1e-6)
    assert sum(found.count) == 400
    assert found.count[7] == 400
    assert found.accuracy[7] == 0.75


def test_who_is_sure_and_wrong_has_the_error_of_his_confidence():
    scores = torch.tensor([[20.0, 0.0], [0.0, 20.0]])
    assert reliability(scores, torch.tensor([1, 1])).ece == pytest.approx(0.5, abs=1e-6)


def test_bad_input_gets_a_sentence():
    with pytest.raises(ValueError, match="samples with a label each"):
        reliability(torch.zeros(0, 2), torch.zeros(0, dtype=torch.long))
