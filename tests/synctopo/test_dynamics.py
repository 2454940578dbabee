"""Dynamical similarity: a rotation is the same in any coordinates, and another where it turns faster."""

import sys

import numpy as np
import pytest

from rtd import DegenerateError
from synctopo.dynamics import dsa

RNG = np.random.default_rng(0)


def spirals(speed: float, units: int, samples: int = 20, steps: int = 30) -> np.ndarray:
    """Points that turn by `speed` a step and slowly fall inwards, seen through a random map, [sample, time, unit]."""
    angle = RNG.uniform(0, 2 * np.pi, (samples, 1)) + speed * np.arange(steps)
    radius = 0.98 ** np.arange(steps)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1) @ RNG.normal(size=(2, units))


def test_the_same_rotation_in_other_coordinates_is_at_distance_0_and_a_faster_one_is_not():
    pytest.importorskip("DSA")
    x, same, faster, fastest = spirals(0.3, 6), spirals(0.3, 9), spirals(0.5, 9), spirals(1.0, 9)
    assert dsa(x, same, delays=2, rank=2) == pytest.approx(0, abs=1e-3)
    # the eigenvalues are 0.98 exp(+-i speed)
    for other, speed in ((faster, 0.5), (fastest, 1.0)):
        assert dsa(x, other, delays=2, rank=2) == pytest.approx(0.98**2 * abs(np.exp(0.3j) - np.exp(1j * speed)) ** 2, rel=0.02)
    assert dsa(5 * x + 3, fastest, delays=2, rank=2) == pytest.approx(dsa(x, fastest, delays=2, rank=2), abs=1e-6)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: dsa(np.zeros((5, 4)), np.ones((5, 9, 2))), r"x holds trajectories \[sample, time, unit\]; got \[5, 4\]"),
        (lambda: dsa(spirals(1, 2), spirals(1, 2)[:, :5]), "4 delays need at least 6 steps, and there is at least one; y has 5 steps"),
        (lambda: dsa(spirals(1, 2), np.full((5, 9, 2), np.nan)), "y holds NaN or infinity"),
        (lambda: dsa(spirals(1, 2), spirals(1, 2), rank=9), "the rank lies between 1 and the 8 dimensions that x has with 4 delays; got 9"),
    ],
)
def test_what_has_no_dynamics_is_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_trajectories_that_do_not_move_are_refused():
    with pytest.raises(DegenerateError, match="y: no trajectory moves"):
        dsa(spirals(1, 2), np.zeros((5, 9, 2)))


def test_without_dsa_metric_the_sentence_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "DSA", None)
    with pytest.raises(ValueError, match=r"dsa needs dsa-metric: pip install 'synctopo\[dynamics\]'"):
        dsa(spirals(0.3, 6), spirals(0.3, 6))
