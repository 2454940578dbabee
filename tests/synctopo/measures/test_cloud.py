"""A cloud computes each quantity once, and reorders it instead of computing it again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtd import DegenerateError
from synctopo.measures import Cloud, Quantity, measure_from
from synctopo.measures.cloud import CENTRED, CENTRED_GRAM, DISTANCES, GRAM, PRINCIPAL

pytestmark = pytest.mark.smoke

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 4))
ORDER = RNG.permutation(20)


@pytest.mark.parametrize("what", [CENTRED, CENTRED_GRAM, DISTANCES, GRAM, PRINCIPAL])
def test_a_reordered_quantity_is_that_of_the_reordered_points_to_the_last_digit(what):
    cloud = Cloud(X)
    found = cloud.reordered(ORDER).quantity(what)
    whole = cloud.quantity(what)
    assert np.array_equal(found, whole[np.ix_(ORDER, ORDER)] if what.samples == 2 else whole[ORDER])


def test_no_quantity_is_computed_again_for_another_order():
    calls = []
    counted = Quantity(lambda cloud: calls.append(1) or cloud.points @ cloud.points.T, samples=2)
    cloud = Cloud(X)
    for _ in range(3):
        cloud.reordered(ORDER).reordered(ORDER).quantity(counted)
    assert len(calls) == 1


def test_a_sub_sample_re_indexes_distances_and_computes_what_is_not_local_anew():
    calls = []
    counted = Quantity(lambda cloud: calls.append(len(cloud)) or np.zeros((len(cloud), 1)), samples=1)
    cloud = Cloud(X)
    index = np.array([3, 3, 7, 1])
    part = cloud.taken(index)
    assert np.array_equal(part.points, X[index])
    assert np.array_equal(part.distances, cloud.distances[np.ix_(index, index)])
    part.quantity(counted)
    assert calls == [4]
    assert len(part) == 4


def test_principal_components_have_the_distances_of_the_points_in_either_shape():
    for points in (X, X.T):
        components = Cloud(points).quantity(PRINCIPAL)
        assert components.shape[1] == min(points.shape[1], len(points) - 1)
        d = Cloud(components).distances
        assert d / d.max() == pytest.approx(Cloud(points).distances / Cloud(points).distances.max(), abs=1e-9)


def _of_both(measure, a, b, seed=0):
    try:
        return measure.of(a, b, seed)
    except DegenerateError as said:
        return str(said)


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(6, 40),
    widths=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    scale=st.sampled_from([1.0, 1e-12, 1e12]),
    kind=st.sampled_from([np.float32, np.float64, np.int64, np.bool_]),
    seed=st.integers(0, 2**32 - 1),
)
def test_sub_samples_of_points_and_of_distances_have_the_same_rtd_to_the_last_digit(n, widths, scale, kind, seed):
    rng = np.random.default_rng(seed)
    drawn = [scale * rng.normal(size=(n, width)).round(2) for width in widths]
    a, b = (Cloud((x > 0 if kind is np.bool_ else x).astype(kind)) for x in drawn)
    measure = measure_from("rtd_lite", batch=5, trials=1)
    of_points = _of_both(measure, a, b)
    assert DISTANCES not in a.held
    assert a.distances.shape == b.distances.shape
    assert _of_both(measure, a, b) == of_points


def test_the_distances_of_all_samples_are_made_when_those_of_sub_samples_have_cost_as_much():
    measure = measure_from("rtd_lite", batch=5, trials=4)
    y = X[:, ::-1] ** 2
    a, b = Cloud(X), Cloud(y)
    for seed in range(6):
        assert (DISTANCES in a.held, DISTANCES in b.held) == (seed > 4, seed > 4)
        assert measure.of(a, b, seed) == measure.of(Cloud(X), Cloud(y), seed)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Cloud(X).reordered(np.array([0, 0, 1])), "an order of 20 samples names each of 0 ... 19 once"),
        (lambda: Cloud(X).taken(np.array([0, 20])), r"the indices of 20 samples lie in 0 \.\.\. 19"),
    ],
)
def test_bad_indices_are_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
