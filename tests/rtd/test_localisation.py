import re
from itertools import pairwise

import numpy as np
import pytest
import torch

from rtd.barcode import Barcode
from rtd.divergence import rtd
from rtd.localisation import contributions, detour, localise
from rtd.metrics import DegenerateError


def planted() -> tuple[np.ndarray, np.ndarray]:
    """Eight clusters of 12 on a ring and one inside it that moves, too near to all others to touch the 0.9 quantile: the scale stays."""
    draw = np.random.default_rng(0)
    angle = np.arange(8) * np.pi / 4
    centres = np.concatenate([10 * np.stack([np.cos(angle), np.sin(angle)], 1), [[4.0, 0.0]]])
    x = np.repeat(centres, 12, 0) + draw.normal(size=(108, 2)) / 2
    y = x.copy()
    y[96:] += [-8.0, 1.0]
    return x, y


def noisy(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(50, 4, generator=generator), torch.randn(50, 3, generator=generator)


def test_contributions_add_up_to_rtd() -> None:
    x, y = noisy()
    found = localise(x, y)
    assert found.value == rtd(x, y).value
    assert found.contributions.sum() == pytest.approx(found.value, rel=1e-14)
    assert found.contributions.min() >= 0


def test_every_difference_has_one_end_in_the_cluster_that_moved() -> None:
    found = localise(*planted())
    share = found.contributions.reshape(9, 12).sum(1)
    assert share[8] == pytest.approx(found.value / 2, rel=1e-12)
    assert share[8] > 1.5 * share[:8].max()


def test_nothing_contributes_where_nothing_differs() -> None:
    x, _ = noisy()
    found = localise(x.double(), 3 * x.double())
    assert found.value < 1e-12
    assert found.contributions.sum() < 1e-12
    assert found.longest() == () or max(bar.death - bar.birth for bar in found.longest()) < 1e-12


def test_a_permutation_of_the_samples_permutes_the_contributions() -> None:
    x, y = noisy()
    order = torch.randperm(50, generator=torch.Generator().manual_seed(1))
    assert localise(x[order], y[order]).contributions == pytest.approx(localise(x, y).contributions[order.numpy()], rel=1e-12)


def test_the_longest_bars_tell_where_the_cluster_went() -> None:
    first, *rest = localise(*planted()).longest(5)
    assert len(rest) == 4
    assert (first.edge[0] >= 96) != (first.edge[1] >= 96)
    assert first.path[0], first.path[-1] == first.edge
    lengths = [bar.death - bar.birth for bar in (first, *rest)]
    assert lengths == sorted(lengths, reverse=True)


def test_a_difference_is_near_here_and_a_way_round_there() -> None:
    x, y = noisy()
    found = localise(x, y)
    for bar in found.longest(20):
        near, far = (found.y_distances, found.x_distances) if bar.nearer_in_y else (found.x_distances, found.y_distances)
        assert bar.birth == near[bar.edge] < far[bar.edge]
        assert bar.step == max(far[a, b] for a, b in pairwise(bar.path)) <= far[bar.edge]


def test_the_detour_has_the_shortest_longest_step() -> None:
    # Four points on a line, the ends near each other in nothing: 0 - 1 - 2 - 3.
    d = np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0)))
    assert detour(d, 0, 3).tolist() == [0, 1, 2, 3]
    assert detour(d, 2, 1).tolist() == [2, 1]
    assert detour(d, 3, 1).tolist() == [3, 2, 1]


def test_halves_of_a_bar_go_to_the_ends_of_its_birth_edge() -> None:
    barcode = Barcode.from_pairs(np.array([[1.0, 3.0], [0.0, 1.0]]), np.array([[0, 2], [2, 3]]), np.array([[0, 1], [0, 1]]))
    assert contributions(barcode, 5).tolist() == [1.0, 0.0, 1.5, 0.5, 0.0]


def test_distances_can_be_given() -> None:
    x, y = noisy()
    found = localise(x, y)
    again = localise(found.x_distances, found.y_distances, metric="precomputed")
    assert again.forward == found.forward
    assert again.value == found.value


def test_too_few_samples_for_a_barcode_are_refused() -> None:
    x, y = noisy()
    found = localise(x, y)
    with pytest.raises(ValueError, match="give the number of points it was made of, not 3"):
        contributions(found.forward, 3)


def test_no_bars_at_all_are_refused() -> None:
    x, y = noisy()
    with pytest.raises(ValueError, match="count must be a whole number of at least 1, not 0"):
        localise(x, y).longest(0)


def test_a_collapsed_cloud_is_refused() -> None:
    with pytest.raises(DegenerateError, match=re.escape("the 0.9 quantile of the distances is 0")):
        localise(np.zeros((10, 2)), noisy()[0][:10])


def test_a_localisation_says_in_one_line_what_it_found() -> None:
    x, y = noisy()
    found = localise(x, y)
    assert repr(found).startswith(f"Localisation({found.value:.6g}, 50 samples, forward=Barcode(")
    assert len(repr(found)) < 300
