import numpy as np
import pytest
import torch

import rtd
from rtd.inputs import as_matrix, as_positive

pytestmark = pytest.mark.smoke

GOOD = np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0]])


@pytest.mark.parametrize(
    "same",
    [
        GOOD,
        GOOD.astype(np.float32),
        GOOD.astype(np.uint8),
        GOOD.tolist(),
        torch.tensor(GOOD),
        torch.tensor(GOOD).float(),
        np.asfortranarray(GOOD),
    ],
)
def test_a_matrix_of_any_real_dtype_or_a_list_of_rows_is_the_same_matrix(same):
    m = as_matrix(same, "w")
    assert m.dtype == np.float64
    assert m.flags.c_contiguous
    assert np.array_equal(m, GOOD)


def test_a_tensor_that_needs_a_gradient_and_a_sparse_one_are_read_too():
    assert np.array_equal(as_matrix(torch.tensor(GOOD, dtype=torch.float32, requires_grad=True), "w"), GOOD)
    assert np.array_equal(as_matrix(torch.tensor(GOOD).to_sparse(), "w"), GOOD)


def test_an_empty_list_is_the_matrix_of_no_points():
    assert as_matrix([], "w").shape == (0, 0)


def changed(i: int, j: int, value: float) -> np.ndarray:
    m = GOOD.astype(float)
    m[i, j] = value
    return m


@pytest.mark.parametrize("function", [rtd.cross_barcode, rtd.lite_cross_barcode])
@pytest.mark.parametrize(
    ("w", "v", "sentence"),
    [
        (np.zeros((2, 3)), GOOD, r"w must be a square matrix of distances, not shape \(2, 3\); rtd.distances\(x\) makes one"),
        (GOOD, np.zeros(3), r"v must be a square matrix of distances, not shape \(3,\)"),
        (GOOD, 3.0, r"v must be a square matrix of distances, not shape \(\)"),
        (changed(0, 2, np.nan), GOOD, r"w holds NaN or infinite distances, the first at \(0, 2\)"),
        (GOOD, changed(1, 0, np.inf), r"v holds NaN or infinite distances, the first at \(1, 0\)"),
        (changed(2, 1, -1.0), GOOD, r"w holds negative distances, the lowest -1 at \(2, 1\)"),
        (changed(1, 1, 1e-9), GOOD, r"the diagonal of w must be 0 but is 1e-09 at \(1, 1\)"),
        (changed(0, 1, 2.0), GOOD, r"w must be symmetric, but \(0, 1\) is 2 and \(1, 0\) is 1; give \(w \+ w.T\) / 2"),
        (GOOD, np.zeros((2, 2)), "w and v must be on the same points, but they have 3 and 2"),
        ([[0, 1], [1]], GOOD, "w must be a square matrix of distances, but its rows differ in length"),
        ("abc", GOOD, "w must be a square matrix of distances of real numbers, but has dtype <U3"),
        (None, GOOD, "w must be a square matrix of distances of real numbers, but has dtype object"),
    ],
)
def test_what_is_no_distance_matrix_gets_one_sentence(function, w, v, sentence):
    with pytest.raises(ValueError, match=sentence):
        function(w, v)


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "3"])
def test_a_count_is_a_whole_number_of_at_least_one(value):
    with pytest.raises(ValueError, match="threads must be a whole number of at least 1, not"):
        as_positive(value, "threads")
