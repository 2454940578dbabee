import numpy as np
import pytest
from numba import njit
from numpy.typing import DTypeLike

from rsnn.decay import decay_all


@njit
def compiled(z, n):  # type: ignore[no-untyped-def]
    decay_all(z, n)


@pytest.mark.parametrize(("dtype", "within"), [(np.float32, 2e-7), (np.float64, 1e-13)])
def test_what_is_left_is_e_to_the_minus_z(dtype: DTypeLike, within: float) -> None:
    z = np.concatenate([np.linspace(0, 100, 30_001), np.geomspace(1e-30, 1, 100)]).astype(dtype)
    expected = np.exp(-z.astype(np.float64))
    compiled(found := z.copy(), len(z))
    decay_all(plain := z.copy(), len(z))
    np.testing.assert_allclose(found, expected, rtol=0, atol=within)
    np.testing.assert_allclose(plain, expected, rtol=0, atol=within)
    # in the last bits of a number near 1 a difference would be a weight that moves where nothing is
    assert found[0] == 1.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_is_left_of_what_does_not_count_or_is_long_ago_and_the_rest_is_not_touched(dtype: DTypeLike) -> None:
    z = np.array([-1e-3, -1.0, -300.0, 1e5, 1e30, 0.5, 0.5], dtype=dtype)
    compiled(z, 6)
    assert (z[:3] == 0).all()
    assert (z[3:5] <= 1e-300).all()
    assert z[5] == pytest.approx(np.exp(-0.5), rel=1e-6)
    assert z[6] == dtype(0.5)  # type: ignore[operator]
