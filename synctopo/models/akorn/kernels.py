"""The step on the sphere and the natural rotation, compiled: a pass or two over memory there and back, where torch takes a dozen.

All do the arithmetic of a torch function in `dynamics`, which is their definition and their test. Arrays of a step are [outer, n, inner],
the components of an oscillator `inner` numbers apart; those of a rotation say theirs.
"""

from typing import no_type_check

import numpy as np
from numba import njit

SUMS = {"reassoc", "contract", "arcp", "nsz"}
"""What makes loops fast without the promise that no number is infinite or NaN: a training that diverges must show it. A whole number beside
float32 would make float64 of it: `one` is of the type of the arrays."""


@njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
@no_type_check
def _step_of_four(x, y, gamma, out, along, inverse):
    # the usual n, written out: only then does the compiler take several oscillators at once
    one = x.dtype.type(1)
    for o in range(along.size):
        k = 4 * o
        x0, x1, x2, x3 = x[k], x[k + 1], x[k + 2], x[k + 3]
        y0, y1, y2, y3 = y[k], y[k + 1], y[k + 2], y[k + 3]
        inside = x0 * y0 + x1 * y1 + x2 * y2 + x3 * y3
        share = one - gamma * inside
        z0, z1, z2, z3 = share * x0 + gamma * y0, share * x1 + gamma * y1, share * x2 + gamma * y2, share * x3 + gamma * y3
        root = one / np.sqrt(z0 * z0 + z1 * z1 + z2 * z2 + z3 * z3)
        out[k], out[k + 1], out[k + 2], out[k + 3] = z0 * root, z1 * root, z2 * root, z3 * root
        along[o], inverse[o] = inside, root


@njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
@no_type_check
def _step_back_of_four(x, y, gamma, out, along, inverse, grad, of_x, of_y):
    one = x.dtype.type(1)
    # in two loops, since with more arrays in one the compiler no longer proves that they lie apart
    for o in range(along.size):
        k = 4 * o
        z0, z1, z2, z3 = out[k], out[k + 1], out[k + 2], out[k + 3]
        g0, g1, g2, g3 = grad[k], grad[k + 1], grad[k + 2], grad[k + 3]
        outward = g0 * z0 + g1 * z1 + g2 * z2 + g3 * z3
        root = inverse[o]
        of_y[k], of_y[k + 1] = (g0 - outward * z0) * root, (g1 - outward * z1) * root
        of_y[k + 2], of_y[k + 3] = (g2 - outward * z2) * root, (g3 - outward * z3) * root
    total = 0.0
    for first in range(0, along.size, 256):
        part = gamma - gamma
        for o in range(first, min(first + 256, along.size)):
            k = 4 * o
            g0, g1, g2, g3 = of_y[k], of_y[k + 1], of_y[k + 2], of_y[k + 3]
            x0, x1, x2, x3 = x[k], x[k + 1], x[k + 2], x[k + 3]
            y0, y1, y2, y3 = y[k], y[k + 1], y[k + 2], y[k + 3]
            inside = along[o]
            uphill = g0 * x0 + g1 * x1 + g2 * x2 + g3 * x3
            part += g0 * y0 + g1 * y1 + g2 * y2 + g3 * y3 - inside * uphill
            share, slope = one - gamma * inside, gamma * uphill
            of_x[k], of_x[k + 1] = share * g0 - slope * y0, share * g1 - slope * y1
            of_x[k + 2], of_x[k + 3] = share * g2 - slope * y2, share * g3 - slope * y3
            of_y[k], of_y[k + 1] = gamma * g0 - slope * x0, gamma * g1 - slope * x1
            of_y[k + 2], of_y[k + 3] = gamma * g2 - slope * x2, gamma * g3 - slope * x3
        total += part
    return total


@njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
@no_type_check
def turn(x, speeds, drive, total):
    """total = drive + Omega x for n = 4, arrays [place, oscillator, 4]; speeds [6, oscillator] in the planes 01, 02, 03, 12, 13, 23."""
    places, oscillators, _ = x.shape
    x, drive, total = x.reshape(-1), drive.reshape(-1), total.reshape(-1)
    for place in range(places):
        for o in range(oscillators):
            k = 4 * (place * oscillators + o)
            x0, x1, x2, x3 = x[k], x[k + 1], x[k + 2], x[k + 3]
            a, b, c, d, e, f = speeds[0, o], speeds[1, o], speeds[2, o], speeds[3, o], speeds[4, o], speeds[5, o]
            total[k] = drive[k] - a * x1 - b * x2 - c * x3
            total[k + 1] = drive[k + 1] + a * x0 - d * x2 - e * x3
            total[k + 2] = drive[k + 2] + b * x0 + d * x1 - f * x3
            total[k + 3] = drive[k + 3] + c * x0 + e * x1 + f * x2


@njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
@no_type_check
def turn_back(x, speeds, grad, of_x, of_speeds):
    """Of `grad`, the gradient of total: that of x by the rotation, and that of speeds, which is added to `of_speeds`."""
    places, oscillators, _ = x.shape
    x, grad, of_x = x.reshape(-1), grad.reshape(-1), of_x.reshape(-1)
    for place in range(places):
        for o in range(oscillators):
            k = 4 * (place * oscillators + o)
            x0, x1, x2, x3 = x[k], x[k + 1], x[k + 2], x[k + 3]
            g0, g1, g2, g3 = grad[k], grad[k + 1], grad[k + 2], grad[k + 3]
            a, b, c, d, e, f = speeds[0, o], speeds[1, o], speeds[2, o], speeds[3, o], speeds[4, o], speeds[5, o]
            of_x[k] = a * g1 + b * g2 + c * g3
            of_x[k + 1] = d * g2 + e * g3 - a * g0
            of_x[k + 2] = f * g3 - b * g0 - d * g1
            of_x[k + 3] = -c * g0 - e * g1 - f * g2
            of_speeds[0, o] += g1 * x0 - g0 * x1
            of_speeds[1, o] += g2 * x0 - g0 * x2
            of_speeds[2, o] += g3 * x0 - g0 * x3
            of_speeds[3, o] += g2 * x1 - g1 * x2
            of_speeds[4, o] += g3 * x1 - g1 * x3
            of_speeds[5, o] += g3 * x2 - g2 * x3


@njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
@no_type_check
def step(x, y, gamma, out, along, inverse):
    """out = z / |z| with z = (1 - gamma <x, y>) x + gamma y; <x, y> and 1 / |z| are kept, [outer, inner]."""
    outer, n, inner = x.shape
    one = x.dtype.type(1)
    if inner == 1 and n == 4:
        _step_of_four(x.reshape(-1), y.reshape(-1), gamma, out.reshape(-1), along.reshape(-1), inverse.reshape(-1))
        return
    if inner == 1:
        # components side by side: sums stay in registers
        for o in range(outer):
            inside = x[o, 0, 0] * y[o, 0, 0]
            for k in range(1, n):
                inside += x[o, k, 0] * y[o, k, 0]
            share = one - gamma * inside
            square = share - share
            for k in range(n):
                z = share * x[o, k, 0] + gamma * y[o, k, 0]
                out[o, k, 0] = z
                square += z * z
            root = one / np.sqrt(square)
            for k in range(n):
                out[o, k, 0] *= root
            along[o, 0], inverse[o, 0] = inside, root
        return
    for o in range(outer):
        for i in range(inner):
            along[o, i] = x[o, 0, i] * y[o, 0, i]
        for k in range(1, n):
            for i in range(inner):
                along[o, i] += x[o, k, i] * y[o, k, i]
        for i in range(inner):
            inverse[o, i] = 0
        for k in range(n):
            for i in range(inner):
                z = (one - gamma * along[o, i]) * x[o, k, i] + gamma * y[o, k, i]
                out[o, k, i] = z
                inverse[o, i] += z * z
        for i in range(inner):
            inverse[o, i] = one / np.sqrt(inverse[o, i])
        for k in range(n):
            for i in range(inner):
                out[o, k, i] *= inverse[o, i]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
@no_type_check
def step_back(x, y, gamma, out, along, inverse, grad, of_x, of_y, room):
    """The gradients with respect to x and y from `grad`, that of out; returns that of gamma. `room` [2, inner] is scratch."""
    outer, n, inner = x.shape
    total, one = 0.0, x.dtype.type(1)
    if inner == 1 and n == 4:
        flat = (x.reshape(-1), y.reshape(-1), gamma, out.reshape(-1), along.reshape(-1), inverse.reshape(-1))
        return _step_back_of_four(*flat, grad.reshape(-1), of_x.reshape(-1), of_y.reshape(-1))
    if inner == 1:
        for o in range(outer):
            outward = grad[o, 0, 0] * out[o, 0, 0]
            for k in range(1, n):
                outward += grad[o, k, 0] * out[o, k, 0]
            inside, root = along[o, 0], inverse[o, 0]
            uphill, part = root - root, root - root
            for k in range(n):
                g = (grad[o, k, 0] - outward * out[o, k, 0]) * root
                of_y[o, k, 0] = g
                uphill += g * x[o, k, 0]
                part += g * (y[o, k, 0] - inside * x[o, k, 0])
            share = one - gamma * inside
            for k in range(n):
                g = of_y[o, k, 0]
                of_x[o, k, 0] = share * g - gamma * uphill * y[o, k, 0]
                of_y[o, k, 0] = gamma * (g - uphill * x[o, k, 0])
            total += part
        return total
    radial, slope = room[0], room[1]
    for o in range(outer):
        for i in range(inner):
            radial[i] = grad[o, 0, i] * out[o, 0, i]
        for k in range(1, n):
            for i in range(inner):
                radial[i] += grad[o, k, i] * out[o, k, i]
        for i in range(inner):
            slope[i] = 0
        for k in range(n):
            for i in range(inner):
                g = (grad[o, k, i] - radial[i] * out[o, k, i]) * inverse[o, i]
                of_y[o, k, i] = g
                slope[i] += g * x[o, k, i]
        part = 0.0
        for k in range(n):
            for i in range(inner):
                g = of_y[o, k, i]
                part += g * (y[o, k, i] - along[o, i] * x[o, k, i])
                of_x[o, k, i] = (one - gamma * along[o, i]) * g - gamma * slope[i] * y[o, k, i]
                of_y[o, k, i] = gamma * (g - slope[i] * x[o, k, i])
        total += part
    return total
