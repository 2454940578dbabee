import math

import numpy as np
import pytest
import torch

from rsnn.patterns import lorenz, moving_bars, runge_kutta


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_trajectories_stay_within_the_range_and_visit_both_wings() -> None:
    x = lorenz(4, 800, generator=seeded())
    assert x.shape == (4, 800, 3)
    assert float(x.min()) > 0
    assert float(x.max()) < 1
    assert bool(((x[..., 0] > 0.6).any(1) & (x[..., 0] < 0.4).any(1)).all())


def test_a_trajectory_rests_in_the_fixed_points_of_the_equations_and_nowhere_near() -> None:
    c = math.sqrt(8 / 3 * 27)
    rest = np.array([[c, c, 27.0], [-c, -c, 27.0], [0, 0, 0]])
    assert np.allclose(runge_kutta(rest, 0.01, 5)[:, -1], rest, atol=1e-12)
    assert not np.allclose(runge_kutta(rest + 1, 0.01, 5)[:, -1], rest + 1, atol=1e-3)


def test_half_the_step_comes_sixteen_times_closer() -> None:
    start, ends = np.array([[1.0, 2.0, 20.0]]), {}
    for n in (40, 80, 1280):
        ends[n] = runge_kutta(start, 0.8 / n, n + 1)[0, -1]
    error = {n: np.abs(ends[n] - ends[1280]).max() for n in (40, 80)}
    assert error[40] / error[80] == pytest.approx(16, rel=0.3)


def test_the_same_generator_gives_the_same_patterns() -> None:
    assert torch.equal(lorenz(2, 5, generator=seeded(3)), lorenz(2, 5, generator=seeded(3)))
    assert not torch.equal(lorenz(2, 5, generator=seeded(3)), lorenz(2, 5, generator=seeded(4)))


def test_a_bar_moves_in_the_direction_of_its_label() -> None:
    frames, label = moving_bars(60, 200, 11, generator=seeded())
    assert frames.shape == (60, 200, 11, 11)
    assert set(label.tolist()) == {0, 1, 2, 3}
    across = torch.arange(11.0)
    for movie, k in zip(frames, label.tolist(), strict=True):
        marginal = movie.sum(1) if k % 2 == 0 else movie.sum(2).flip(1)
        clear = movie.amax((1, 2)) > 0.99
        centre = (marginal * across).sum(1) / marginal.sum(1).clamp_min(1e-9)
        step = (centre[1:] - centre[:-1])[clear[1:] & clear[:-1]].median()
        assert float(step) * (1 if k < 2 else -1) > 0


def test_a_bar_is_the_same_all_along_itself() -> None:
    frames, label = moving_bars(20, 7, 9, generator=seeded(), directions=2)
    for movie, k in zip(frames, label.tolist(), strict=True):
        assert torch.allclose(movie, movie[:, :1, :].expand_as(movie), atol=1e-5), k


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: lorenz(0, 5, generator=seeded()), "all of them must be positive"),
        (lambda: lorenz(1, 5, interval=-1.0, generator=seeded()), "interval=-1.0"),
        (lambda: moving_bars(1, 5, 1, generator=seeded()), "at least 2 pixels wide"),
    ],
)
def test_impossible_patterns_are_refused_with_a_sentence(make: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()
