import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

import rtd

pytestmark = pytest.mark.smoke

METRICS = ("euclidean", "sqeuclidean", "cityblock", "chebyshev", "cosine", "correlation")


def cloud(n: int = 40, p: int = 7, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, p))


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_agrees_with_scipy(metric):
    x = cloud()
    np.testing.assert_allclose(rtd.distances(x, metric), cdist(x, x, metric), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("metric", METRICS)
def test_distances_are_symmetric_with_a_zero_diagonal_and_zeros_between_equal_rows(metric):
    x = 100 + cloud()
    x[11] = x[3]
    d = rtd.distances(x, metric)
    assert d.dtype == np.float64
    assert np.array_equal(d, d.T)
    assert not d.diagonal().any()
    assert d[11, 3] == 0
    assert np.count_nonzero(d) == d.size - len(d) - 2


def test_a_rotation_far_from_the_origin_changes_no_distance_by_more_than_rounding_and_a_shear_does():
    x = 100 + cloud(60, 64)
    q = np.linalg.qr(cloud(64, 64, 1))[0]
    d = rtd.distances(x)
    np.testing.assert_allclose(rtd.distances(x @ q), d, rtol=1e-12)
    shear = np.eye(64)
    shear[0, 1] = 1
    assert np.abs(rtd.distances(x @ shear) / (d + np.eye(60)) - 1).max() > 0.01


@pytest.mark.parametrize("scale", [1e-200, 1e200, 1e-308])
def test_neither_huge_nor_tiny_coordinates_spoil_a_distance(scale):
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    assert rtd.distances(x * scale)[0, 1] == pytest.approx(5 * scale, rel=1e-12)
    assert rtd.distances(x * scale, "cityblock")[0, 1] == pytest.approx(7 * scale, rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.int32, torch.uint8, torch.bool])
def test_a_tensor_of_any_real_dtype_gives_a_float64_tensor_and_an_array_an_array(dtype):
    t = torch.tensor([[0, 1], [1, 1], [0, 0]], dtype=dtype)
    d = rtd.distances(t)
    assert isinstance(d, torch.Tensor)
    assert d.dtype == torch.float64
    assert isinstance(rtd.distances(t.numpy()), np.ndarray)
    assert np.array_equal(rtd.distances(t.tolist()), d.numpy())
    assert np.array_equal(rtd.distances(t.numpy()), d.numpy())


def test_gradients_flow_through_distances_and_normalise():
    x = torch.tensor(cloud(5, 2), requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: rtd.normalise(rtd.distances(a)), x)
    assert torch.autograd.gradcheck(lambda a: rtd.normalise(rtd.distances(a, "cosine"), convention=rtd.positive_pairs), x)


@pytest.mark.parametrize("metric", METRICS)
def test_a_tensor_with_a_gradient_has_the_same_distances(metric):
    x = torch.tensor(cloud(530, 5))
    np.testing.assert_allclose(rtd.distances(x.clone().requires_grad_(), metric).detach(), rtd.distances(x, metric), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_small_clouds_have_small_matrices(n):
    assert rtd.distances(cloud(n)).shape == (n, n)
    assert rtd.distances(np.zeros((n, 0))).shape == (n, n)


def test_whole_matrix_is_numpys_quantile_of_all_entries_to_the_last_digit():
    for n in (2, 3, 5, 30, 31):
        for q in (0.1, 0.5, 0.9, 1.0):
            d = rtd.distances(cloud(n))
            if (scale := np.quantile(d, q)) > 0:
                assert np.array_equal(rtd.normalise(d, q), d / scale)


def test_positive_pairs_is_the_quantile_of_the_positive_entries_above_the_diagonal():
    d = rtd.distances(np.repeat(cloud(15), 2, axis=0))
    pairs = d[np.triu_indices(30, 1)]
    assert np.array_equal(rtd.normalise(d, convention=rtd.positive_pairs), d / np.quantile(pairs[pairs > 0], 0.9))
    assert not np.array_equal(rtd.normalise(d, convention=rtd.positive_pairs), rtd.normalise(d))


@pytest.mark.slow
def test_more_points_than_torch_can_take_the_quantile_of_are_no_trouble():
    x = cloud(4100, 1)
    d = np.abs(x - x.T)
    with pytest.raises(RuntimeError, match="too large"):
        torch.quantile(torch.from_numpy(d).flatten(), 0.9)
    assert rtd.normalise(d).max() == d.max() / np.quantile(d, 0.9)


def test_a_standardised_cloud_has_unit_features_and_zeros_where_a_feature_is_constant():
    x = cloud() * np.array([1, 10, 100, 1, 1, 1, 0]) + 0.1
    z = rtd.standardise(x)
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(0), [1, 1, 1, 1, 1, 1, 0], atol=1e-12)
    assert isinstance(rtd.standardise(torch.tensor(x)), torch.Tensor)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: rtd.distances(cloud(), "euclidian"),
            "no metric 'euclidian'; the nearest is 'euclidean'; there are: euclidean, sqeuclidean",
        ),
        (lambda: rtd.distances(cloud(), "zzzz"), r"no metric 'zzzz'; there are: euclidean"),
        (lambda: rtd.distances(np.zeros((4, 2, 2))), r"of shape \[n, p\], not \(4, 2, 2\); flatten each sample"),
        (lambda: rtd.distances(np.zeros(4)), r"not \(4,\); for n samples of one feature, give x\[:, None\]"),
        (lambda: rtd.distances([[1.0, np.nan], [0.0, 1.0]]), "NaN or infinite values, the first in row 0"),
        (lambda: rtd.distances(np.array([[0.0, 1.0], [np.inf, 1.0]])), "NaN or infinite values, the first in row 1"),
        (lambda: rtd.distances([[1.0], [1.0, 2.0]]), "its rows differ in length"),
        (lambda: rtd.distances([["a", "b"]]), "of real numbers, but has dtype <U1"),
        (lambda: rtd.distances(np.ones((2, 2)) * 1j), "of real numbers, but has dtype complex128"),
        (lambda: rtd.distances(torch.ones(2, 2) * 1j), "real, but is complex"),
        (lambda: rtd.distances([[0.0, 0.0], [1.0, 2.0]], "cosine"), "row 0 of x has no direction"),
        (lambda: rtd.distances([[0.0, 1.0], [0.1, 0.1]], "correlation"), "row 1 of x is constant"),
        (lambda: rtd.normalise(rtd.distances(cloud()), 0.0), r"must lie in \(0, 1\], not 0"),
        (lambda: rtd.normalise(rtd.distances(cloud()), 1.5), r"must lie in \(0, 1\], not 1.5"),
        (lambda: rtd.normalise(cloud()), r"needs a square matrix of distances, not shape \(40, 7\)"),
        (lambda: rtd.normalise(np.zeros((0, 0))), "needs a square matrix"),
    ],
)
def test_bad_input_gets_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


@pytest.mark.parametrize("convention", [rtd.whole_matrix, rtd.positive_pairs])
def test_a_constant_representation_is_degenerate(convention):
    with pytest.raises(rtd.DegenerateError, match=r"the 0.9 quantile of the distances is 0"):
        rtd.normalise(rtd.distances(np.ones((20, 3))), convention=convention)


def test_a_representation_of_nearly_equal_points_is_degenerate_by_the_whole_matrix_only():
    x = np.zeros((100, 1))
    x[0] = 1
    with pytest.raises(rtd.DegenerateError):
        rtd.normalise(rtd.distances(x))
    assert rtd.normalise(rtd.distances(x), convention=rtd.positive_pairs).max() == 1
