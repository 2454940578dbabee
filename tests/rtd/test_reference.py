import numpy as np
import pytest

from rtd.reference import cone_bars, with_apex, zero_block
from rtd.rips import exact_bars

pytestmark = pytest.mark.smoke


def directions(w: np.ndarray, v: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    least, most = np.minimum(w, v), np.maximum(w, v)
    return [(least, w), (least, v), (w, most), (v, most), (least, most)]


def test_degree_1_is_the_cone_on_one_point_more_for_every_kind_of_matrix(pair, kinds, cone_cells_bars):
    for kind in kinds:
        for n in (1, 2, 3, 8):
            for small, big in directions(*pair(kind, n, n)):
                np.testing.assert_array_equal(cone_bars(small, big), np.array(cone_cells_bars(small, big, 1)).reshape(-1, 2))


@pytest.mark.parametrize("degree", [0, 2, 3])
def test_other_degrees_are_the_cone_on_one_point_more_by_the_matrix_with_apex(degree, pair, cone_cells_bars):
    found = 0
    for kind in ("cubes", "integers", "partly equal"):
        for small, big in directions(*pair(kind, 10, 3)):
            bars = cone_bars(small, big, degree)
            np.testing.assert_array_equal(bars, np.array(cone_cells_bars(small, big, degree)).reshape(-1, 2))
            found += len(bars)
    assert (found == 0) == (degree == 0)


def test_both_doubled_matrices_agree_in_degree_1_and_the_authors_is_wrong_in_degree_2(pair):
    wrong = 0
    for seed in range(10):
        small, big = directions(*pair("cubes", 12, seed))[0]
        np.testing.assert_array_equal(exact_bars(with_apex(small, big), 1), exact_bars(zero_block(small, big), 1))
        wrong += not np.array_equal(exact_bars(with_apex(small, big), 2), exact_bars(zero_block(small, big), 2))
    assert wrong > 0


def test_no_points_have_no_bars():
    none = np.zeros((0, 0))
    assert cone_bars(none, none).shape == cone_bars(none, none, 2).shape == (0, 2)
