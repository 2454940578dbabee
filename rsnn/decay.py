"""e^-z of many numbers at once, as vector arithmetic throughout: in float64 by squaring, in float32 by the bits of an exponent."""

from typing import Any, no_type_check

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic, overload

from rsnn.lanes import COUNT, Lanes, first, load, store, where

SINGLE = np.float32
PER_E = float(SINGLE(np.log2(np.e)))
LOWEST = -126.0  # of a power of two that float32 holds to the last bit
WHOLE = 1.5 * 2.0**23  # added, it leaves the nearest whole number, in the lowest bits
FRACTION_BITS = 23
MOST = 700.0  # e^-z of more than that is nothing in float64
# 2^f from -1/2 to 1/2, by least squares, to 1e-7 of it
P0, P1, P2, P3, P4, P5, P6 = (
    float(SINGLE(p)) for p in np.polynomial.Chebyshev.interpolate(np.exp2, 6, [-0.5, 0.5]).convert(kind=np.polynomial.Polynomial).coef
)


@intrinsic
def times_power(_context: Any, p: Any, near: Any) -> Any:
    """Lanes of float32 times 2 to the whole number in the lowest bits of others."""

    def code(_: Any, builder: Any, __: Any, given: Any) -> Any:
        bits = ir.VectorType(ir.IntType(32), COUNT)
        fraction, power = (builder.bitcast(v, bits) for v in given)
        moved = builder.add(fraction, builder.shl(power, ir.Constant(bits, [FRACTION_BITS] * COUNT)))
        return builder.bitcast(moved, p.vector)

    return p(p, near), code


@no_type_check
def decayed(z):
    """e^-z of lanes of float64 or float32, to 1e-13 or 1e-7 of 1; z is 0 or more."""
    raise TypeError(f"decayed works on lanes in compiled code, not on {z!r}.")


@overload(decayed, jit_options={"error_model": "numpy"})
@no_type_check
def _decayed(z):
    if not isinstance(z, Lanes):
        return None
    return of_single if z.dtype == types.float32 else of_double


@no_type_check
def of_single(z):
    y = z * -PER_E
    lasts = y > LOWEST
    y = where(lasts, y, LOWEST)
    near = y + WHOLE
    f = y - (near - WHOLE)
    p = P0 + f * (P1 + f * (P2 + f * (P3 + f * (P4 + f * (P5 + f * P6)))))
    return where(lasts, times_power(p, near), 0.0)


@no_type_check
def of_double(z):
    """(e^(-z / 256))^256."""
    q = where(z < MOST, z, MOST) * (-1.0 / 256.0)
    p = 1.0 + q * (1.0 + q * (1 / 2 + q * (1 / 6 + q * (1 / 24 + q * (1 / 120 + q * (1 / 720 + q * (1 / 5040)))))))
    for _ in range(8):
        p = p * p
    return p


@no_type_check
def decay_all(z, n):
    """e^-z in place of the first n numbers of `z`, float64 or float32; 0 where z is negative."""
    z[:n] = np.exp(-np.abs(z[:n])) * (z[:n] >= 0)


@overload(decay_all, jit_options={"error_model": "numpy"})
@no_type_check
def _decay_all(z, n):  # noqa: ARG001 - as many arguments as what it stands for
    return in_lanes


@no_type_check
def in_lanes(z, n):
    whole = n // COUNT * COUNT
    for k in range(0, whole, COUNT):
        of = load(z, k, None)
        store(z, k, None, where(of < 0.0, 0.0, decayed(of)))
    if whole < n:
        some = first(n - whole)
        of = load(z, whole, some)
        store(z, whole, some, where(of < 0.0, 0.0, decayed(of)))
