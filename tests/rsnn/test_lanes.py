from typing import no_type_check

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from numpy.typing import DTypeLike

from rsnn.decay import decayed
from rsnn.lanes import COUNT, anywhere, bring_near, double, every, first, load, store, where
from rsnn.moves import moved
from rsnn.rows import visit


@njit
@no_type_check
def arithmetic(x, y, factor, out):
    a, b = load(x, 0, None), load(y, 0, None)
    store(out, 0, None, a + b)
    store(out, COUNT, None, a - b)
    store(out, 2 * COUNT, None, a * factor)
    store(out, 3 * COUNT, None, 1 - a)
    store(out, 4 * COUNT, None, where(a < b, a, b))
    store(out, 5 * COUNT, None, where((a > 0.0) & (a <= factor), every(7, a), -1))
    store(out, 6 * COUNT, None, where(a == b, 1, every(0, a)))
    bring_near(out, 10**6)
    return anywhere(a > b), anywhere(a < -1e30)


@njit
@no_type_check
def moved_on(x, y, start, number):
    """`number` numbers of x from `start` on, plus a half, to the same place of y, and what the lanes beyond them held."""
    lanes = load(x, start, first(number))
    store(y, start, first(number), double(lanes) + 0.5)
    beyond = np.empty(COUNT)
    store(beyond, 0, None, double(lanes))
    return beyond


@njit
@no_type_check
def chosen(holds, this, other):
    return where(holds, this, other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lanes_are_added_multiplied_compared_and_chosen_from_as_arrays_are(dtype: DTypeLike) -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2, COUNT)).astype(dtype)
    y[3] = x[3]
    out = np.zeros(7 * COUNT, dtype=dtype)
    assert arithmetic(x, y, 0.5, out) == (True, False)
    kept = np.where((x > 0) & (x <= 0.5), 7, -1)
    expected = [x + y, x - y, x * dtype(0.5), 1 - x, np.minimum(x, y), kept, x == y]  # type: ignore[operator]
    np.testing.assert_array_equal(out.reshape(7, COUNT), np.array(expected, dtype=dtype))


@settings(max_examples=40, deadline=None)
@given(
    given=st.sampled_from([np.float32, np.float64, np.int32]),
    taken=st.sampled_from([np.float64, np.float32]),
    start=st.integers(0, 9),
    number=st.integers(0, COUNT),
)
def test_of_some_lanes_only_these_are_read_and_written(given: DTypeLike, taken: DTypeLike, start: int, number: int) -> None:
    x, y = np.arange(40).astype(given), np.full(40, -1, dtype=taken)
    beyond = moved_on(x, y, start, number)
    expected = np.full(40, -1.0)
    expected[start : start + number] = np.arange(start, start + number) + 0.5
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(beyond, np.where(np.arange(COUNT) < number, np.arange(start, start + COUNT), 0))


def test_whole_numbers_stay_whole_and_lose_what_is_behind_the_point() -> None:
    x, y = np.arange(-8, 8, dtype=np.int32), np.zeros(COUNT, dtype=np.int32)
    moved_on(x, y, 0, COUNT)
    np.testing.assert_array_equal(y, np.trunc(x + 0.5))


def test_one_number_is_chosen_from_two_as_lanes_are() -> None:
    assert [chosen(holds, 1.5, 2.0) for holds in (True, False)] == [1.5, 2.0]


def test_what_only_compiled_code_can_do_says_so() -> None:
    with pytest.raises(TypeError, match="decayed works on lanes in compiled code"):
        decayed(1.0)
    with pytest.raises(TypeError, match="moved works in compiled code"):
        moved(np.zeros(3), 1.0)
    with pytest.raises(TypeError, match="visit works in compiled code"):
        visit(*(np.zeros(3),) * 9)
