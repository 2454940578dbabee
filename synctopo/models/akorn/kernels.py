"""The step on the sphere, compiled: one pass over memory there and one back, where torch takes a dozen.

Both do the arithmetic of `dynamics.kuramoto_step`, whose torch form is their definition and their test. Arrays are [outer, n, inner], the
components of an oscillator `inner` numbers apart.
"""

from typing import no_type_check

import numpy as np
from numba import njit

SUMS = {"reassoc", "contract", "arcp", "nsz"}
"""What makes loops fast without the promise that no number is infinite or NaN: a training that diverges must show it."""


@njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
@no_type_check
def step(x, y, gamma, out, along, inverse):
    """out = z / |z| with z = (1 - gamma <x, y>) x + gamma y; <x, y> and 1 / |z| are kept, [outer, inner]."""
    outer, n, inner = x.shape
    if inner == 1:
        # components side by side: sums stay in registers
        for o in range(outer):
            inside = x[o, 0, 0] * y[o, 0, 0]
            for k in range(1, n):
                inside += x[o, k, 0] * y[o, k, 0]
            share = 1 - gamma * inside
            square = share - share
            for k in range(n):
                z = share * x[o, k, 0] + gamma * y[o, k, 0]
                out[o, k, 0] = z
                square += z * z
            root = 1 / np.sqrt(square)
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
                z = (1 - gamma * along[o, i]) * x[o, k, i] + gamma * y[o, k, i]
                out[o, k, i] = z
                inverse[o, i] += z * z
        for i in range(inner):
            inverse[o, i] = 1 / np.sqrt(inverse[o, i])
        for k in range(n):
            for i in range(inner):
                out[o, k, i] *= inverse[o, i]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
@no_type_check
def step_back(x, y, gamma, out, along, inverse, grad, of_x, of_y, room):
    """The gradients with respect to x and y from `grad`, that of out; returns that of gamma. `room` [2, inner] is scratch."""
    outer, n, inner = x.shape
    total = 0.0
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
            share = 1 - gamma * inside
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
                of_x[o, k, i] = (1 - gamma * along[o, i]) * g - gamma * slope[i] * y[o, k, i]
                of_y[o, k, i] = gamma * (g - slope[i] * x[o, k, i])
        total += part
    return total
