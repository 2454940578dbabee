import numpy as np
import pytest
import torch

import rtd
from rtd.lite import tree_weight


def clouds(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random((9, 2)), rng.random((5, 2))


def shrunk(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    d = rtd.distances(np.concatenate((p, q)))
    d[len(p) :, len(p) :] = 0
    return d


@pytest.mark.parametrize("degree", [0, 1, 2])
def test_the_bars_are_those_of_the_union_with_the_second_cloud_shrunk_to_a_point(degree, rips_bars):
    found = 0
    for seed in range(4):
        p, q = clouds(seed)
        bars = rtd.cloud_barcode(p, q, degree)
        np.testing.assert_array_equal(bars, np.array(rips_bars(shrunk(p, q), degree)).reshape(-1, 2))
        found += len(bars)
    assert found > 0


def test_degree_0_is_the_forest_that_attaches_the_first_cloud_to_the_second():
    p, q = clouds()
    bars = rtd.cloud_barcode(p, q, 0)
    assert bars[0, 1] == np.inf
    assert np.diff(bars[1:]).sum() == pytest.approx(tree_weight(shrunk(p, q)))


def test_a_ring_against_one_of_its_points_is_one_long_bar_and_the_other_way_round_there_is_none():
    angle = 2 * np.pi * np.arange(12) / 12
    ring = np.column_stack((np.cos(angle), np.sin(angle)))
    bars = rtd.cloud_barcode(ring, ring[:1])
    np.testing.assert_allclose(bars, [[2 * np.sin(np.pi / 12), np.sqrt(3)]])
    d = rtd.mtopdiv(ring, ring[:1])
    assert d.forward == pytest.approx(np.sqrt(3) - 2 * np.sin(np.pi / 12))
    assert d.backward == 0
    assert (d.trials, d.stderr) == (1, 0.0)


def test_moving_both_clouds_together_changes_nothing_and_moving_one_does():
    p, q = np.random.default_rng(0).random((30, 2)), np.random.default_rng(1).random((40, 2))
    d = rtd.mtopdiv(p, q).value
    assert rtd.mtopdiv(p + 5, q + 5).value == pytest.approx(d, rel=1e-9)
    assert rtd.mtopdiv(p[:, ::-1], q[:, ::-1]).value == pytest.approx(d, rel=1e-9)
    assert rtd.mtopdiv(p + 5, q).value != pytest.approx(d, rel=0.01)


def test_batches_are_drawn_from_each_cloud_and_averaged():
    p, q = np.random.default_rng(0).random((40, 2)), np.random.default_rng(1).random((50, 2))
    d = rtd.mtopdiv(p, q, batch=10, against=20, trials=3)
    generator = torch.Generator().manual_seed(0)
    for row in d.per_trial:
        for k, (near, far) in enumerate(((p, q), (q, p))):
            i, j = torch.randperm(len(near), generator=generator)[:10], torch.randperm(len(far), generator=generator)[:20]
            assert np.diff(rtd.cloud_barcode(near[i], far[j])).sum() == pytest.approx(row[k])
    assert d.stderr > 0
    again = rtd.mtopdiv(torch.tensor(p), q.tolist(), batch=10, against=20, trials=3)
    assert np.array_equal(again.per_trial, d.per_trial)
    other = rtd.mtopdiv(p, q, batch=10, against=20, trials=3, generator=torch.Generator().manual_seed(1))
    assert not np.array_equal(other.per_trial, d.per_trial)


@pytest.mark.giotto
def test_giotto_gives_the_same_bars():
    pytest.importorskip("gph")
    p, q = clouds()
    np.testing.assert_array_equal(rtd.cloud_barcode(p, q, engine="giotto"), rtd.cloud_barcode(p, q))


@pytest.mark.parametrize("function", [rtd.cloud_barcode, rtd.mtopdiv])
@pytest.mark.parametrize(
    ("p", "q", "sentence"),
    [
        (np.zeros((3, 2)), np.zeros((3, 4)), "must lie in one space, but p has 2 features and q has 4; rtd.rtd compares across spaces"),
        (np.zeros((0, 2)), np.zeros((3, 2)), "both clouds need a point, but p has 0 and q has 3"),
        (np.zeros(3), np.zeros((3, 2)), r"p must be a point cloud of shape \[n, p\], not \(3,\)"),
        (np.zeros((3, 2)), np.full((3, 2), np.inf), "q holds NaN or infinite values"),
    ],
)
def test_bad_clouds_get_one_sentence(function, p, q, sentence):
    with pytest.raises(ValueError, match=sentence):
        function(p, q)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"batch": 0}, "batch must be a whole number of at least 1, not 0"),
        ({"against": 0}, "against must be a whole number of at least 1, not 0"),
        ({"trials": -1}, "trials must be a whole number of at least 1, not -1"),
        ({"engine": "gudhi"}, "no engine 'gudhi'; there are: ripser, giotto"),
        ({"metric": "l2"}, "no metric 'l2'"),
    ],
)
def test_bad_options_get_one_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        rtd.mtopdiv(np.zeros((3, 2)), np.zeros((3, 2)), **options)
