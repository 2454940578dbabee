"""Many weights as whole numbers of grains, int32: half of the memory to wait for, and to a 2^31st of the largest there may be."""

import math
from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float
from numba import njit
from torch import Tensor

from rsnn.plasticity import LearningRule, Window
from rsnn.replay import INNER

MANY = 2**21  # weights: in float64 they no longer fit into a cache, and a row waits for memory
MOST = 2**31 - 1  # grains
COARSEST = 1e-4  # of an amplitude, how large a grain may be
AT_BOUND = 1e-3  # of a grain: what a quotient may be off by
WHOLE = 1.5 * 2.0**52  # added and taken away again, it leaves the nearest whole number


def grain_of(weight: Float[Tensor, "post pre"], rule: LearningRule, window: Window) -> float:
    """The grain that many weights are counted in while they learn, or 1 where they are not.

    They are in a network of float32 where one window holds for all, changes do not depend on weights, and a grain, the largest weight over
    2^31, is small against what a pair or a triplet of spikes moves.
    """
    if weight.dtype is not torch.float32 or len(window.a_plus) < MANY or not is_uniform(rule, window):
        return 1.0
    grain = max(abs(float(rule.w_min)), abs(float(rule.w_max))) / MOST
    amplitudes = [abs(float(a)) for a in (window.a_plus[0], window.a_minus[0], *rule.triplets[:2]) if float(a) != 0.0]
    return grain if amplitudes and grain <= COARSEST * min(amplitudes) else 1.0


def bounds_of(rule: LearningRule, grain: float) -> tuple[float, float]:
    """The least and the largest weight in grains: where these are counted, the nearest to a bound does not lie beyond it."""
    low, high = float(rule.w_min) / grain, float(rule.w_max) / grain
    return (low, high) if grain == 1.0 else (float(math.ceil(low - AT_BOUND)), float(math.floor(high + AT_BOUND)))


def is_uniform(rule: LearningRule, window: Window) -> bool:
    """Whether all synapses share one window, and changes do not depend on weights."""
    return all(values.stride(0) == 0 for values in window) and rule.mu_plus == rule.mu_minus == 0


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def nearest(value, grain):
    """The nearest whole number of grains; a bound that float32 rounded away from 0 is the bound."""
    whole = (value / grain + WHOLE) - WHOLE
    return min(max(whole, -MOST), MOST)


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def in_grains(values, grain):
    """Weights [any number] as the nearest whole numbers of grains."""
    found = np.empty(len(values), dtype=np.int32)
    for k in range(len(values)):
        found[k] = np.int32(nearest(values[k], grain))
    return found


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def put_numbers(counted, grain, out):
    """Numbers of grains [any number] in place of `out`; what is the same number of grains stays as it is, to the last bit."""
    for k in range(len(out)):
        out[k] = out[k] if nearest(out[k], grain) == counted[k] else counted[k] * grain


@njit(cache=True, nogil=True, error_model="numpy", **INNER)
@no_type_check
def in_numbers(out, grain):
    """Sums of weights, from grains to numbers."""
    if grain != 1.0:
        for i in range(len(out)):
            out[i] *= grain


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def sum_of_moves(weight, before):
    """How far all weights are from where they were before, added up."""
    total = 0.0
    for k in range(len(weight)):
        total += abs(np.float64(weight[k]) - np.float64(before[k]))
    return total
