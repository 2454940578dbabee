import inspect
import subprocess
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch

import rtd
from rtd.reference import cone_bars

pytestmark = pytest.mark.smoke

FAMILY = (rtd.rtd, rtd.max_rtd, rtd.srtd, rtd.rtd_lite, rtd.max_rtd_lite, rtd.srtd_lite, rtd.nts, rtd.nts_e, rtd.nts_m)
EXACT = FAMILY[:3]


def clouds(n: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    return x, np.column_stack((x + 0.3 * rng.normal(size=(n, 5)), rng.normal(size=(n, 2))))


def total(bars: np.ndarray) -> float:
    return float((bars[:, 1] - bars[:, 0]).sum())


@pytest.mark.parametrize("convention", [rtd.whole_matrix, rtd.positive_pairs])
def test_the_directions_are_the_totals_of_the_cones_by_ripser(convention):
    x, y = clouds(40)
    w, v = (rtd.normalise(rtd.distances(c), 0.8, convention) for c in (x, y))
    least, most = np.minimum(w, v), np.maximum(w, v)
    expected = {
        rtd.rtd: (total(cone_bars(least, w)), total(cone_bars(least, v))),
        rtd.max_rtd: (total(cone_bars(w, most)), total(cone_bars(v, most))),
        rtd.srtd: (total(cone_bars(least, most)),) * 2,
    }
    for member, pair in expected.items():
        d = member(x, y, quantile=0.8, convention=convention)
        assert (d.forward, d.backward) == pytest.approx(pair, rel=1e-12)
        assert d.value == pytest.approx(sum(pair) / 2, rel=1e-12)
    assert expected[rtd.rtd][0] > 0.1


def test_a_divergence_is_the_mean_over_batches_and_directions_with_its_standard_error():
    d = rtd.rtd(*clouds(), batch=20, trials=7)
    assert d.per_trial.shape == (7, 2)
    assert (d.trials, d.batch, d.samples) == (7, 20, 60)
    assert float(d) == d.value == pytest.approx(d.per_trial.mean())
    assert (d.forward, d.backward) == pytest.approx(tuple(d.per_trial.mean(0)))
    assert d.stderr == pytest.approx(d.per_trial.mean(1).std(ddof=1) / np.sqrt(7))
    assert d.stderr > 0
    assert repr(d).startswith(f"Divergence({d.value:.6g} ± {d.stderr:.2g}, forward ")
    with pytest.raises(FrozenInstanceError):
        d.batch = 3


@pytest.mark.parametrize("member", FAMILY)
def test_each_batch_holds_the_same_samples_of_both_drawn_without_replacement(member):
    x, y = clouds(30)
    d = member(x, y, batch=12, trials=3, generator=torch.Generator().manual_seed(5))
    generator = torch.Generator().manual_seed(5)
    for row in d.per_trial:
        index = torch.randperm(30, generator=generator)[:12].numpy()
        one = member(x[index], y[index])
        assert (one.forward, one.backward) == tuple(row)


@pytest.mark.parametrize("member", FAMILY)
def test_where_a_batch_holds_all_samples_it_is_measured_once(member):
    x, y = clouds(25)
    d = member(x, y, batch=25)
    assert (d.trials, d.batch, d.stderr) == (1, 25, 0.0)
    assert np.array_equal(d.per_trial, member(x, y, batch=None, trials=3).per_trial)
    assert np.array_equal(d.per_trial, member(x, y).per_trial)


def test_one_trial_of_more_samples_cannot_tell_its_standard_error():
    d = rtd.rtd_lite(*clouds(), batch=20, trials=1)
    assert d.stderr is None
    assert "±" not in repr(d)


def test_without_a_generator_the_same_call_gives_the_same_value_and_no_global_seed_is_touched():
    x, y = clouds()
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    a = rtd.rtd_lite(x, y, batch=20)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    torch.manual_seed(2)
    assert np.array_equal(rtd.rtd_lite(x, y, batch=20).per_trial, a.per_trial)
    other = rtd.rtd_lite(x, y, batch=20, generator=torch.Generator().manual_seed(1))
    assert not np.array_equal(other.per_trial, a.per_trial)


@pytest.mark.parametrize("member", FAMILY)
def test_given_distances_are_as_good_as_clouds(member):
    x, y = clouds(30)
    d = member(x, y, batch=15, trials=3)
    given = member(rtd.distances(x), rtd.distances(y), metric="precomputed", batch=15, trials=3)
    np.testing.assert_allclose(given.per_trial, d.per_trial, rtol=1e-12)


@pytest.mark.parametrize("member", FAMILY)
def test_arrays_tensors_and_lists_give_the_same(member):
    x, y = clouds(20)
    d = member(x, y)
    assert np.array_equal(member(torch.tensor(x), y.tolist()).per_trial, d.per_trial)
    with_gradient = member(torch.tensor(x, requires_grad=True), y, batch=10, trials=2)
    assert np.array_equal(with_gradient.per_trial, member(x, y, batch=10, trials=2).per_trial)


def test_the_metric_is_that_of_both_clouds():
    x, y = clouds(20)
    w, v = (rtd.distances(c, "cityblock") for c in (x, y))
    assert rtd.rtd(x, y, metric="cityblock").value == rtd.rtd(w, v, metric="precomputed").value
    assert rtd.rtd(x, y, metric="cityblock").value != rtd.rtd(x, y).value


@pytest.mark.parametrize("member", EXACT)
def test_threads_change_nothing(member):
    x, y = clouds(50)
    assert np.array_equal(member(x, y, threads=2).per_trial, member(x, y).per_trial)


@pytest.mark.parametrize("member", FAMILY[:6])
def test_two_samples_never_differ_after_normalisation(member):
    assert member([[0.0], [1.0]], [[5.0, 1.0], [3.0, 2.0]]).value == 0


GOOD = np.arange(8.0).reshape(4, 2) ** 2
SENTENCES = [
    ((GOOD.reshape(4, 2, 1), GOOD), {}, r"x must be a point cloud of shape \[n, p\], not \(4, 2, 1\); flatten each sample: x.reshape"),
    ((GOOD, GOOD[:, 0]), {}, r"y must be a point cloud of shape \[n, p\], not \(4,\)"),
    ((GOOD, GOOD[:3]), {}, "x and y must hold the same samples in the same order, but x has 4 and y has 3"),
    ((GOOD[:1], GOOD[:1]), {}, "a divergence needs at least two samples, not 1"),
    ((GOOD[:0], GOOD[:0]), {}, "a divergence needs at least two samples, not 0"),
    (([[0]], [[0]]), {"metric": "precomputed"}, "a divergence needs at least two samples, not 1"),
    ((GOOD, np.where(GOOD > 5, np.nan, GOOD)), {}, "y holds NaN or infinite values, the first in row 1"),
    ((GOOD, GOOD), {"metric": "precomputed"}, r"w must be a square matrix of distances, not shape \(4, 2\)"),
    ((GOOD, GOOD), {"metric": "l2"}, "no metric 'l2'; there are: euclidean"),
    ((GOOD, GOOD), {"batch": 1}, "a batch must hold at least two samples, not 1"),
    ((GOOD, GOOD), {"batch": 0}, "batch must be a whole number of at least 1, not 0"),
    ((GOOD, GOOD), {"trials": 0}, "trials must be a whole number of at least 1, not 0"),
]


@pytest.mark.parametrize("member", FAMILY)
@pytest.mark.parametrize(("arguments", "options", "sentence"), SENTENCES)
def test_bad_input_gets_one_sentence(member, arguments, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        member(*arguments, **options)


@pytest.mark.parametrize("member", FAMILY[:6])
def test_a_quantile_out_of_range_and_no_threads_get_one_sentence(member):
    with pytest.raises(ValueError, match=r"the quantile must lie in \(0, 1\], not 2"):
        member(GOOD, GOOD, quantile=2.0)
    with pytest.raises(ValueError, match="threads must be a whole number of at least 1, not 0"):
        member(GOOD, GOOD, threads=0)


@pytest.mark.parametrize("member", FAMILY)
def test_a_constant_representation_is_named_and_is_no_divergence_of_zero(member):
    with pytest.raises(rtd.DegenerateError, match="degenerate"):
        member(GOOD, np.ones((4, 3)))
    if member in FAMILY[:6]:
        with pytest.raises(rtd.DegenerateError, match=r"^y: the 0.9 quantile of the distances is 0"):
            member(GOOD, np.ones((4, 3)))


@pytest.mark.parametrize("member", FAMILY)
def test_help_tells_what_a_member_is_how_it_is_called_and_its_source(member):
    assert getattr(rtd, member.__name__) is member
    assert "arXiv" in member.__doc__
    assert "Raises" in member.__doc__ or member is rtd.nts or member is rtd.nts_m
    assert {"batch", "trials", "generator", "metric"} <= set(inspect.signature(member).parameters)


@pytest.mark.slow
def test_import_is_silent_and_brings_neither_ripser_nor_scikit_learn():
    code = "import sys, rtd; print([m for m in ('ripser', 'sklearn', 'gph', 'matplotlib', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
