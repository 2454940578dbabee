import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import rtd
from rtd.reference import cone_bars

pytestmark = pytest.mark.smoke


@pytest.mark.slow
@settings(deadline=None, max_examples=100, derandomize=True)
@given(data=st.data())
def test_the_engine_gives_the_bars_of_ripser_on_the_doubled_matrix_to_the_last_digit(data, pair, kinds):
    w, v = pair(data.draw(st.sampled_from(kinds)), data.draw(st.integers(0, 24)), data.draw(st.integers(0, 10**6)))
    for a, b in ((w, v), (v, w)):
        np.testing.assert_array_equal(by_ends(rtd.cross_barcode(a, b).bars), by_ends(cone_bars(np.minimum(a, b), a)))
    np.testing.assert_array_equal(
        by_ends(rtd.cone_barcode(np.minimum(w, v), np.maximum(w, v)).bars), by_ends(cone_bars(np.minimum(w, v), np.maximum(w, v)))
    )


def by_ends(bars: np.ndarray) -> np.ndarray:
    return bars[np.lexsort(bars.T)]


def test_four_points_on_a_line_and_on_a_square_have_the_bars_that_one_counts_by_hand():
    line = rtd.distances([[0.0], [1.0], [2.0], [3.0]])
    square = rtd.distances([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    # the square joins its first and last point at 1 and fills at sqrt 2, where the line has no loop and joins them no later
    assert rtd.cross_barcode(line, square).bars.tolist() == [[1.0, np.sqrt(2)]]
    assert rtd.cross_barcode(square, line).bars.tolist() == []


def test_births_and_deaths_are_the_edges_whose_entries_the_ends_are(pair):
    for kind in ("cubes", "integers", "partly equal"):
        w, v = pair(kind, 20, 1)
        code = rtd.cross_barcode(w, v)
        least = np.minimum(w, v)
        assert len(code) > 0
        i, j = code.births.T
        np.testing.assert_array_equal(code.bars[:, 0], v[i, j])
        assert (v[i, j] < w[i, j]).all()
        k, m = code.deaths.T
        assert ((code.bars[:, 1] == w[k, m]) | (code.bars[:, 1] == least[k, m])).all()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_points_have_their_right_barcode(n):
    w, v = 2 * (1 - np.eye(n)), 1 - np.eye(n)
    assert rtd.cross_barcode(w, v).bars.tolist() == ([[1.0, 2.0]] if n == 2 else [])
    assert rtd.cross_barcode(v, w).bars.tolist() == []
    assert rtd.cross_barcode(w.tolist(), v.tolist()).bars.shape == (len(rtd.cross_barcode(w, v)), 2)


def test_lists_tensors_and_integers_give_the_barcode_of_the_array(pair):
    w, v = pair("integers", 15, 0)
    code = rtd.cross_barcode(w, v)
    for kind in (lambda d: d.tolist(), lambda d: torch.tensor(d), lambda d: torch.tensor(d).int(), lambda d: d.astype(np.int8)):
        assert rtd.cross_barcode(kind(w), kind(v)) == code
    assert rtd.cross_barcode(torch.tensor(w), v.tolist()) == code


def test_a_negative_zero_is_a_zero():
    w, v = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.0, -0.0], [-0.0, 0.0]])
    assert rtd.cross_barcode(w, v).bars.tolist() == [[0.0, 1.0]]
    assert rtd.lite_cross_barcode(w, v).bars.tolist() == [[0.0, 1.0]]


def test_threads_change_nothing(pair):
    w, v = pair("cubes", 90, 5)
    assert rtd.cross_barcode(w, v, threads=2) == rtd.cross_barcode(w, v)


@pytest.mark.parametrize("function", [rtd.cross_barcode, rtd.cone_barcode])
def test_progress_rises_to_the_end_and_what_it_raises_ends_the_work(function, pair):
    w, v = pair("cubes", 80, 5)

    first, second = (w, v) if function is rtd.cross_barcode else (np.minimum(w, v), w)
    shares: list[float] = []
    assert function(first, second, progress=shares.append) == function(first, second)
    assert shares == sorted(shares)
    assert shares
    assert 0 < shares[-1] <= 1

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        function(first, second, progress=stop)


def test_arguments_are_left_as_they_were(pair):
    w, v = pair("cubes", 12, 0)
    before = w.copy(), v.copy()
    rtd.cross_barcode(w, v)
    rtd.lite_cross_barcode(w, v)
    assert np.array_equal(w, before[0])
    assert np.array_equal(v, before[1])


@pytest.mark.parametrize("function", [rtd.cone_barcode, rtd.lite_cone_barcode])
@pytest.mark.parametrize(
    ("small", "big", "sentence"),
    [
        ([[0, 2], [2, 0]], [[0, 1], [1, 0]], r"small must be <= big in every entry, but at \(0, 1\) it is 2 > 1"),
        ([[0, 2], [1, 0]], [[0, 3], [3, 0]], "small must be symmetric"),
        ([[0, 2], [2, 0]], [[0, -1], [-1, 0]], "big holds negative distances"),
        ([[0, 2], [2, 0]], [[0]], "small and big must be on the same points, but they have 2 and 1"),
    ],
)
def test_matrices_that_are_not_in_order_get_one_sentence(function, small, big, sentence):
    with pytest.raises(ValueError, match=sentence):
        function(small, big)


def test_no_thread_at_all_gets_one_sentence():
    with pytest.raises(ValueError, match="threads must be a whole number of at least 1, not 0"):
        rtd.cross_barcode([[0]], [[0]], threads=0)
