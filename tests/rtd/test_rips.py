import sys

import numpy as np
import pytest

import rtd
from rtd.rips import exact_bars

pytestmark = pytest.mark.smoke

ENGINES = ["ripser", pytest.param("giotto", marks=pytest.mark.giotto)]


@pytest.fixture(params=ENGINES)
def engine(request):
    if request.param == "giotto":
        pytest.importorskip("gph")
    return request.param


def test_a_regular_12_gon_has_one_loop_from_its_side_to_the_square_root_of_three(engine):
    angle = 2 * np.pi * np.arange(12) / 12
    d = rtd.distances(np.column_stack((np.cos(angle), np.sin(angle))))
    bars = rtd.persistence(d, 1, engine)
    assert bars.shape == (1, 2)
    np.testing.assert_allclose(bars[0], [2 * np.sin(np.pi / 12), np.sqrt(3)], rtol=1e-14)


def test_every_end_is_an_entry_of_the_matrix_in_float64(engine):
    d = rtd.distances(np.random.default_rng(0).random((30, 3)))
    bars = rtd.persistence(d, 1, engine)
    assert len(bars) > 3
    assert np.isin(bars, d).all()
    assert not np.isin(bars.astype(np.float32).astype(np.float64), d).all()


@pytest.mark.parametrize("degree", [0, 1, 2])
@pytest.mark.parametrize("kind", ["cubes", "grid", "integers", "duplicates"])
def test_bars_are_those_of_the_textbook_reduction(engine, degree, kind, pair, rips_bars):
    for n in (1, 2, 5, 9):
        d = pair(kind, n, n)[0]
        np.testing.assert_array_equal(rtd.persistence(d, degree, engine), np.array(rips_bars(d, degree)).reshape(-1, 2))


def test_degree_0_keeps_the_component_that_never_dies_and_the_tree_edges(engine):
    d = rtd.distances([[0.0], [1.0], [3.0]])
    assert rtd.persistence(d, 0, engine).tolist() == [[0.0, np.inf], [0.0, 2.0], [0.0, 1.0]]


@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("degree", [0, 1, 3])
def test_few_points_have_their_right_barcode(engine, n, degree):
    d = np.ones((n, n)) - np.eye(n)
    expected = [[0.0, np.inf]] * min(n, 1) + [[0.0, 1.0]] * max(n - 1, 0) if degree == 0 else []
    assert rtd.persistence(d, degree, engine).tolist() == expected


def test_an_edge_at_infinity_is_never_there():
    d = np.full((4, 4), np.inf)
    for i in range(4):
        d[i, i] = 0
        d[i, (i + 1) % 4] = d[(i + 1) % 4, i] = 1
    assert exact_bars(d, 1).tolist() == [[1.0, np.inf]]


@pytest.mark.parametrize(
    ("degree", "engine", "sentence"),
    [
        (-1, "ripser", "the degree must be a whole number of at least 0, not -1"),
        (True, "ripser", "the degree must be a whole number"),
        (1, "gudhi", "no engine 'gudhi'; there are: ripser, giotto"),
    ],
)
def test_bad_arguments_get_one_sentence(degree, engine, sentence):
    with pytest.raises(ValueError, match=sentence):
        rtd.persistence(np.zeros((2, 2)), degree, engine)


def test_a_matrix_that_is_none_gets_one_sentence():
    with pytest.raises(ValueError, match="d must be symmetric"):
        rtd.persistence([[0, 1], [2, 0]])


def test_without_the_extra_the_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "gph", None)
    with pytest.raises(ImportError, match=r"pip install 'synctopo\[giotto\]'"):
        rtd.persistence(np.ones((3, 3)) - np.eye(3), engine="giotto")


def test_more_different_distances_than_a_float32_counts_are_refused(monkeypatch):
    monkeypatch.setattr("rtd.rips.DISTINCT", 3)
    with pytest.raises(ValueError, match=r"4 different distances are more than the engine tells apart \(3\)"):
        rtd.persistence(rtd.distances([[0.0], [1.0], [3.0]]))
