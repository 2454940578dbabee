"""e^-z of many numbers at once, as vector arithmetic throughout: in float64 by squaring, in float32 by the bits of an exponent."""

from typing import Any, no_type_check

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic, overload

SINGLE = np.float32
PER_E = SINGLE(np.log2(np.e))
LOWEST = SINGLE(-126.0)  # of a power of two that float32 holds to the last bit
WHOLE = SINGLE(1.5 * 2.0**23)  # added, it leaves the nearest whole number, in the lowest bits
FRACTION_BITS = np.int32(23)
# 2^f from -1/2 to 1/2, by least squares, to 1e-7 of it
P0, P1, P2, P3, P4, P5, P6 = (
    SINGLE(p) for p in np.polynomial.Chebyshev.interpolate(np.exp2, 6, [-0.5, 0.5]).convert(kind=np.polynomial.Polynomial).coef
)
NOTHING, UNIT = SINGLE(0.0), SINGLE(1.0)


@intrinsic
def as_single(_context: Any, _bits: Any) -> Any:
    """The float32 that 32 bits are."""
    return types.float32(types.int32), lambda _, builder, __, given: builder.bitcast(given[0], ir.FloatType())


@intrinsic
def as_bits(_context: Any, _value: Any) -> Any:
    """The 32 bits of a float32."""
    return types.int32(types.float32), lambda _, builder, __, given: builder.bitcast(given[0], ir.IntType(32))


@no_type_check
def decay_all(z, n):
    """e^-z in place of the first n numbers of `z`, float64 or float32, to 1e-13 or 1e-7 of 1; 0 where z is negative."""
    z[:n] = np.exp(-np.abs(z[:n])) * (z[:n] >= 0)


@overload(decay_all, jit_options={"error_model": "numpy"})
@no_type_check
def _decay_all(z, n):  # noqa: ARG001 - as many arguments as what it stands for
    return of_single if z.dtype == types.float32 else of_double


@no_type_check
def of_single(z, n):
    for k in range(n):
        y = z[k] * -PER_E
        y = y if y > LOWEST else LOWEST
        near = y + WHOLE
        f = y - (near - WHOLE)
        p = P0 + f * (P1 + f * (P2 + f * (P3 + f * (P4 + f * (P5 + f * P6)))))
        p = as_single(as_bits(p) + (as_bits(near) << FRACTION_BITS))
        z[k] = p if NOTHING >= y > LOWEST else NOTHING


@no_type_check
def of_double(z, n):
    """(e^(-z / 256))^256, in two loops: half as long a chain of operations is half as long a wait for the one before."""
    for k in range(n):
        t = z[k] if z[k] < 700.0 else 700.0
        q = t * (-1.0 / 256.0)
        p = 1.0 + q * (1.0 + q * (1 / 2 + q * (1 / 6 + q * (1 / 24 + q * (1 / 120 + q * (1 / 720 + q * (1 / 5040)))))))
        z[k] = p if t >= 0.0 else 0.0
    for k in range(n):
        p = z[k]
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        p = p * p
        z[k] = p * p
